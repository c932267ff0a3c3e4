"""The public face of Arcuate: open a session with another language and call it.

>>> from arcuate.client import connect
>>> with connect("python") as py:
...     py.call("math.hypot", 3.0, 4.0)
5.0
"""

from __future__ import annotations

from arcuate.client.connecting import connect, environments, offered
from arcuate.client.events import Display, RemoteWarning
from arcuate.client.function import Function, Namespace
from arcuate.client.pooling import Pool, pool
from arcuate.client.remote import Remote
from arcuate.client.session import Session
from arcuate.client.streams import GapWarning, publish, publisher, subscribe

__all__ = [
    "Display",
    "Function",
    "GapWarning",
    "Namespace",
    "Pool",
    "Remote",
    "RemoteWarning",
    "Session",
    "connect",
    "environments",
    "offered",
    "pool",
    "publish",
    "publisher",
    "subscribe",
]
