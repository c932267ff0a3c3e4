"""Engines that other processes of the same user can use, found by their names.

Each is a socket in a private folder; the kernel says who is at the other end. Nothing listens on a network.
"""

from __future__ import annotations

from arcuate.compat.matlab.engine.sharing.registry import names, taken
from arcuate.compat.matlab.engine.sharing.remote import attach
from arcuate.compat.matlab.engine.sharing.server import Server

__all__ = ["Server", "attach", "names", "taken"]
