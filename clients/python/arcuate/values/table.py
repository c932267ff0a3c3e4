"""The type table: what every kind of value becomes in every language, and what comes back.

It is data: the documentation prints it, the contract suite judges by it, and a change
that it does not declare is a failure, as is a declared change that does not happen. The permitted changes are
those of ``protos/SEMANTICS.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from arcuate.values.strict import check_strict

__all__ = ["ENVIRONMENTS", "EXACT", "Outcome", "Row", "check_strict", "expected", "render_markdown", "rows"]

ENVIRONMENTS = ("python", "r", "octave", "matlab")


@dataclass(frozen=True)
class Outcome:
    """What happens to a value in one direction.

    Attributes:
        kind: ``"exact"``, ``"widened"``, ``"reshaped"`` or ``"error"``.
        detail: to which type, into which shape, or what the error names.
    """

    kind: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}({self.detail})" if self.detail else self.kind


EXACT = Outcome("exact")
Example = Callable[[], Any]
Change = Callable[[Any], Any]


@dataclass(frozen=True)
class Trip:
    """One value, one environment.

    Attributes:
        to: what the environment gets.
        back: what comes back from an identity function there, compared with what was sent.
        change: the value that comes back, computed from the value sent.
    """

    to: Outcome = EXACT
    back: Outcome = EXACT
    change: Change | None = None


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        section: the kind.
        name: the condition, as the table prints it; unique.
        example: makes a value of it.
        trips: per environment; an environment that is not named gets it exactly.
    """

    section: str
    name: str
    example: Example
    trips: Mapping[str, Trip] = field(default_factory=dict)

    def trip(self, environment: str) -> Trip:
        """What happens in an environment. MATLAB is like Octave except where it has the class."""
        if environment not in ENVIRONMENTS:
            raise KeyError(f"no column {environment!r}; there are {', '.join(ENVIRONMENTS)}")
        if environment == "matlab" and "matlab" not in self.trips:
            environment = "octave"
        return self.trips.get(environment, _UNCHANGED)


_UNCHANGED = Trip()


def rows() -> tuple[Row, ...]:
    """All rows. Their examples need numpy, pandas, xarray and scipy, which are imported when one is made."""
    from arcuate.values.table_rows import ROWS

    return ROWS


def expected(row: Row, environment: str) -> Any:
    """The value that a round trip through an environment must return, with the default options of a session.

    Returns:
        the value; or the class :class:`~arcuate.errors.ConversionError` where the call must fail.
    """
    trip = row.trip(environment)
    if "error" in (trip.to.kind, trip.back.kind):
        from arcuate.errors import ConversionError

        return ConversionError
    value = row.example()
    return value if trip.change is None else trip.change(value)


def __getattr__(name: str) -> Any:
    if name == "ROWS":
        return rows()
    raise AttributeError(name)


def render_markdown() -> str:
    """The table for the documentation: one section per kind, one line per row."""
    titles = {"python": "Python", "r": "R", "octave": "Octave", "matlab": "MATLAB"}
    lines = []
    section = ""
    for row in rows():
        if row.section != section:
            section = row.section
            lines += ["", f"### {section[0].upper()}{section[1:]}", ""]
            lines.append("| value | " + " | ".join(titles[name] for name in ENVIRONMENTS) + " |")
            lines.append("|---" * (len(ENVIRONMENTS) + 1) + "|")
        lines.append(f"| {row.name} | " + " | ".join(_cell(row.trip(name)) for name in ENVIRONMENTS) + " |")
    return "\n".join(lines[1:]) + "\n"


def _cell(trip: Trip) -> str:
    if trip.to == EXACT and trip.back == EXACT:
        return "exact"
    if trip.to.kind == "error":
        return str(trip.to)
    return f"to: {trip.to}; back: {trip.back}"
