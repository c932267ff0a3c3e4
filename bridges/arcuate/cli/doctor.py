"""``arcuate doctor``: which environments are here, whether they work, and what to type where they do not."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from arcuate.cli.failure import line
from arcuate.cli.hubcheck import check_hub, print_hub
from arcuate.client import connect, environments
from arcuate.errors import EnvironmentNotFound

if TYPE_CHECKING:
    from arcuate.worker.environment import Report

__all__ = ["Finding", "examine", "find"]


@dataclass(frozen=True)
class Finding:
    """What was found out about one environment.

    Attributes:
        name: the environment.
        status: ``"works"``, ``"broken"`` (it is here and a session fails) or ``"missing"``.
        version: of the interpreter.
        where: its path.
        start: seconds until the session was open.
        call: seconds that one small call took.
        transport: how calls travel.
        missing: what is missing or broken, one sentence each.
        install: the command that helps.
        notes: further facts.
    """

    name: str
    status: str
    version: str = ""
    where: str = ""
    start: float | None = None
    call: float | None = None
    transport: str = ""
    missing: Sequence[str] = ()
    install: str = ""
    notes: Sequence[str] = ()

    def mapping(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "missing": list(self.missing), "notes": list(self.notes)}


def examine(wanted: Sequence[str], *, as_json: bool = False, build: bool = False) -> int:
    """Examines environments and prints what was found.

    Args:
        wanted: their names; all when empty. A missing one is a failure only when it is named.
        as_json: print JSON.
        build: build optional compiled parts first.

    Returns:
        The exit status: 1 when one is broken, or missing and named.
    """
    known = environments()
    names = list(dict.fromkeys(wanted)) or sorted(known, key=lambda name: (name != "python", name))
    findings = [find(name, build=build) for name in names]
    hub = [] if wanted else check_hub()
    if as_json:
        import json

        print(
            json.dumps(
                {
                    "versions": _versions(),
                    "environments": [one.mapping() for one in findings],
                    "hub": hub,
                },
                indent=2,
            )
        )
    else:
        _print(findings, hub)
    bad = {"broken", "missing"} if wanted else {"broken"}
    return int(any(one.status in bad for one in findings))


def find(name: str, *, build: bool = False) -> Finding:
    """Examines one environment: what its adapter says, then a session and a call."""
    point = environments().get(name)
    if point is None:
        try:
            connect(name)
        except EnvironmentNotFound as error:
            return Finding(name, "missing", missing=[error.message])
        return Finding(name, "broken", missing=["it opened without being announced"])
    try:
        adapter = point.load()
        built = _build(adapter) if build else []
        report: Report = adapter.doctor()
    except Exception as error:
        return Finding(name, "broken", missing=[f"its adapter does not load: {line(error)}"])
    finding = Finding(
        name,
        "works" if report.found else "missing",
        report.version,
        report.where,
        missing=list(report.missing),
        install=report.install,
        notes=[*report.notes, *built],
    )
    return _try(finding) if report.found else finding


def _build(adapter: Any) -> list[str]:
    """Builds the optional compiled part of an environment, where it has one.

    An adapter offers it as a module ``helper`` of its package with ``build(program)``.
    """
    helper = getattr(sys.modules.get(adapter.__module__), "helper", None)
    if helper is None or not hasattr(helper, "build"):
        return []
    try:
        return [f"the compiled helper is built: {helper.build(adapter().executable())}"]
    except Exception as error:
        return [f"the compiled helper could not be built: {line(error)}"]


def _try(finding: Finding) -> Finding:
    """Opens a session and makes a call, so that "works" is true."""
    started = time.perf_counter()
    try:
        with connect(finding.name, timeout=60.0) as session:
            opened = time.perf_counter()
            answer = session.eval("1 + 1")
            done = time.perf_counter()
            if answer != 2:
                raise ArithmeticError(f"1 + 1 is {answer!r} there")
            return replace(
                finding,
                version=finding.version or str(session.info["version"]),
                start=opened - started,
                call=done - opened,
                transport=str(session.info["transport"]),
            )
    except Exception as error:
        problem = f"it is installed, but no session works: {line(error)}"
        return replace(finding, status="broken", missing=[*finding.missing, problem])


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in ("arcuate", "numpy", "pandas", "xarray", "scipy", "pyarrow", "rpy2-rinterface", "matplotlib"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def _print(findings: Sequence[Finding], hub: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    versions = _versions()
    head = " · ".join(
        f"{name} {number}" for name, number in versions.items() if number and name != "platform"
    )
    console.print(Text(head, style="dim"))
    marks = {"works": ("✓", "green"), "broken": ("✗", "bold red"), "missing": ("–", "yellow")}
    if not _utf8(console):
        marks = {"works": ("ok", "green"), "broken": ("!!", "bold red"), "missing": ("--", "yellow")}
    for one in findings:
        mark, style = marks[one.status]
        title = Text.assemble((mark, style), " ", (one.name, "bold"))
        if one.version:
            title.append(f" {one.version}")
        if one.where:
            title.append(f"  {one.where}", style="dim")
        if one.status == "missing":
            title.append("  not found", style="yellow")
        console.print(title)
        if one.start is not None and one.call is not None:
            timing = f"session in {one.start * 1000:.0f} ms, first call {one.call * 1000:.1f} ms"
            console.print(Text(f"    works: {timing}, {one.transport}", style="green"))
        for sentence in one.missing:
            console.print(Text(f"    {sentence}", style=style if one.status != "works" else "yellow"))
        if one.install:
            console.print(Text.assemble("    type: ", (one.install, "bold cyan")))
        for note in one.notes:
            console.print(Text(f"    {note}", style="dim"))
    if hub:
        print_hub(console, hub, marks)


def _utf8(console: Any) -> bool:
    return str(console.encoding).lower().replace("-", "") == "utf8"
