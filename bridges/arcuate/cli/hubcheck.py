"""What ``arcuate doctor`` says of the hub: whether its bridges could start, and what to type if not."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from arcuate.errors import ArcuateError

__all__ = ["check_hub", "print_hub"]

_INSTALL = "pip install 'arcuate[hub]'"
_LIBRARIES = {"grpc": "grpcio", "zmq": "pyzmq", "http": "uvicorn"}


def check_hub() -> list[dict[str, Any]]:
    """What was found: ``name``, ``status``, ``version``, ``missing``, ``install`` of each part."""
    found = [_bridge(name, library) for name, library in _LIBRARIES.items()]
    return [*found, _confinement()]


def _bridge(name: str, library: str) -> dict[str, Any]:
    try:
        from arcuate.hub.server import find_bridge

        find_bridge(name)
    except (ImportError, ArcuateError) as error:
        return _one(name, "missing", "", [str(error)], _INSTALL)
    try:
        number = version(library)
    except PackageNotFoundError:
        number = ""
    return _one(name, "works", f"{library} {number}".strip())


def _confinement() -> dict[str, Any]:
    """Whether interpreters of tokens without eval can be confined here; it is tried."""
    from arcuate.worker.confine import unavailable

    reason = unavailable()
    return _one("confinement", "missing" if reason else "works", missing=[reason] if reason else [])


def _one(
    name: str, status: str, version: str = "", missing: Sequence[str] = (), install: str = ""
) -> dict[str, Any]:
    return {"name": name, "status": status, "version": version, "missing": list(missing), "install": install}


def print_hub(console: Any, found: Sequence[dict[str, Any]], marks: dict[str, tuple[str, str]]) -> None:
    """Prints the same for people."""
    from rich.text import Text

    console.print(Text("arcuate serve", style="bold"))
    for one in found:
        mark, style = marks[one["status"]]
        console.print(Text.assemble("  ", (mark, style), f" {one['name']} ", (one["version"], "dim")))
        for sentence in one["missing"]:
            console.print(Text(f"      {sentence}", style="yellow"))
    for command in sorted({one["install"] for one in found if one["install"]}):
        console.print(Text.assemble("    type: ", (command, "bold cyan")))
