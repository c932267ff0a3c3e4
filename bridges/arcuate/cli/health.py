"""``arcuate health``: every configured connector and every environment, asked at the same time."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arcuate.cli.failure import line
from arcuate.cli.missing import integrations
from arcuate.client import environments
from arcuate.errors import ArcuateError, InvalidArgument

if TYPE_CHECKING:
    from arcuate.connector import Health

__all__ = ["Check", "examine"]

Asked = Callable[[], "Health"]


@dataclass
class Check:
    """One system that is asked.

    Attributes:
        name: the connector or the environment; an address without its password.
        kind: ``environment``, or the type of the connector.
        health: what was found.
        named: whether it was asked for by name: then a missing one is a failure.
    """

    name: str
    kind: str
    ask: Asked
    named: bool
    health: Health | None = None

    def mapping(self) -> dict[str, Any]:
        """For JSON."""
        assert self.health is not None
        return {**self.health.to_dict(), "name": self.name, "kind": self.kind}

    @property
    def bad(self) -> bool:
        """Whether it makes the exit status 1."""
        assert self.health is not None
        return self.health.status == "down" or (self.named and self.health.status == "unknown")


def examine(wanted: Sequence[str], *, config: Path | None, timeout: float, as_json: bool) -> int:
    """Asks and prints.

    Args:
        wanted: names of connectors and environments, and addresses; all that is configured when empty.
        config: a file with tables ``[connector.NAME]`` instead of the usual one.
        timeout: seconds after which one that has not answered is down.
        as_json: print JSON.

    Returns:
        The exit status: 1 when one is down, or named and missing.

    Raises:
        InvalidArgument: there is no such name, or the configuration cannot be read.
    """
    if config is not None:
        os.environ["ARCUATE_CONNECTORS"] = str(config)
    checks, before = _checks(wanted), _children()
    hang = _ask(checks, timeout)
    if as_json:
        ok = not any(one.bad for one in checks)
        print(json.dumps({"ok": ok, "checks": [one.mapping() for one in checks]}, indent=2, default=str))
    else:
        _print(checks)
    if hang:  # an interpreter that was asked for its version and never ends would outlive this command
        for child in _children() - before:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
    return int(any(one.bad for one in checks))


def _checks(wanted: Sequence[str]) -> list[Check]:
    with integrations("arcuate health"):
        from arcuate.connector.secrets import redacted
        from arcuate.integrations import kinds
    tables, known = kinds.configured(), environments()
    names = list(dict.fromkeys(wanted)) or [
        *tables,
        *sorted(known, key=lambda name: (name != "python", name)),
    ]
    found: list[Check] = []
    for name in names:
        if "://" in name:
            kind = kinds.kind_of(name)
            found.append(Check(redacted(name), kind, _connector(name, kind), True))
            continue
        if name in tables:
            kind = str(tables[name].get("type") or "") or _kind(name, tables[name])
            found.append(Check(name, kind, _connector(name, kind), bool(wanted)))
        if name in known:
            ask: Asked = lambda name=name: _environment(name)  # type: ignore[misc]  # noqa: E731
            found.append(Check(name, "environment", ask, bool(wanted)))
        if name not in tables and name not in known:
            raise InvalidArgument(
                f"there is no connector and no environment {name!r}; connectors: "
                f"{', '.join(tables) or 'none is configured'}; environments: {', '.join(sorted(known))}"
            )
    hub = os.environ.get("ARCUATE_HUB")
    if hub and not wanted:
        found.insert(len(tables), Check(redacted(hub), "hub", _connector(hub, "topic", type="topic"), False))
    return found


def _kind(name: str, table: dict[str, Any]) -> str:
    from arcuate.integrations import kinds

    try:
        return kinds.kind_of(name, table)
    except InvalidArgument:
        return ""  # said when it is asked


def _connector(where: str, kind: str, **settings: Any) -> Asked:
    """Loads its library here, so that this is no part of the time that the system has."""
    from arcuate.integrations import kinds

    with contextlib.suppress(Exception):  # said when it is asked
        kinds.load(kinds.kinds()[kind], kind)

    def ask() -> Health:
        made = kinds.connector(where, **settings)
        try:
            absent = _absent(made)
            return absent if absent is not None else made.health()
        finally:
            made.close()

    return ask


def _absent(made: Any) -> Health | None:
    """A database whose file is not there is not asked: opening it would make an empty one."""
    from arcuate.connector import Health

    kind, _, path = str(getattr(made.config, "url", "")).partition(":///")
    path = path.partition("?")[0]
    if kind.partition("+")[0] not in ("sqlite", "duckdb") or not path or Path(path).exists():
        return None
    if path.startswith((":memory:", "file:", "md:")):  # no files, or none whose name this is
        return None
    detail = f"there is no file {path!r} in {str(Path.cwd())!r}; the first statement makes it"
    return Health(made.name, "unknown", detail=detail)


def _environment(name: str) -> Health:
    from arcuate.cli.doctor import find
    from arcuate.connector import Health

    found = find(name)
    if found.status == "works":
        facts = {"version": found.version, "transport": found.transport}
        return Health(name, "ok", found.call, facts=facts)
    help_text = f"; type: {found.install}" if found.install else ""
    detail = "; ".join(found.missing) + help_text
    return Health(name, "unknown" if found.status == "missing" else "down", detail=detail)


def _children() -> set[int]:
    """The processes that this one has started, where the system tells."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            found.update(map(int, Path(task, "children").read_text().split()))
    return found


def _ask(checks: Sequence[Check], timeout: float) -> bool:
    """Asks all at once; daemon threads, so that one that hangs does not keep the command.

    Returns:
        Whether one hangs.
    """
    from arcuate.connector import Health

    answers: queue.SimpleQueue[tuple[Check, Health]] = queue.SimpleQueue()

    def ask(check: Check) -> None:
        try:
            health = check.ask()
        except ArcuateError as error:
            health = Health(check.name, "down", detail=line(error))
        except Exception as error:  # a connector of others
            health = Health(check.name, "down", detail=f"its connector failed: {line(error)}")
        answers.put((check, health))

    for check in checks:
        threading.Thread(target=ask, args=(check,), name=f"health {check.name}", daemon=True).start()
    end = time.monotonic() + timeout
    for _ in checks:
        try:
            check, health = answers.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            break
        check.health = health
    silent = [check for check in checks if check.health is None]
    for check in silent:
        check.health = Health(check.name, "down", detail=f"no answer within {timeout:g} s (--timeout)")
    return bool(silent)


def _print(checks: Sequence[Check]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    styles = {"ok": "green", "degraded": "yellow", "down": "bold red", "unknown": "dim"}
    table = Table("system", "kind", "status", "latency", "detail", box=None, pad_edge=False)
    for one in checks:
        assert one.health is not None
        latency = "" if one.health.latency is None else f"{one.health.latency * 1000:.1f} ms"
        facts = " ".join(str(value) for value in one.health.facts.values() if value)
        absent = one.kind == "environment" and one.health.status == "unknown"
        table.add_row(
            Text(one.name, "bold"),
            one.kind,
            Text("missing" if absent else one.health.status, styles[one.health.status]),
            latency,
            Text(one.health.detail or facts),
        )
    if not checks:
        print("no connector is configured, and no environment is installed")
    elif sys.stdout.isatty():
        Console(highlight=False).print(table)
    else:  # a line for each, as long as it is
        console = Console(highlight=False, width=10_000)
        with console.capture() as shown:
            console.print(table)
        print("\n".join(line.rstrip() for line in shown.get().splitlines()))
