"""Outcomes, and what the report says of a case.

==============  ==========================================================================================
``exact``       the value came back as it was sent; a feature or an error did what it must
``permitted``   the value came back changed exactly as declared (SEMANTICS.md section 5), or was refused
                with CONVERSION where that is declared
``unsupported`` the client says in ``conformance.json`` that it does not have that, and answered so
``fail``        anything else: an undeclared change, a declared change that did not happen, the wrong code,
                something that works although it is declared as unsupported
``errored``     no judgement: the program ended, hung, or answered what is no message
``missing``     the runtime is not on this machine
==============  ==========================================================================================

**As sent** means equal by SEMANTICS.md section 3, on decoded values; hints do not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["BAD", "OUTCOMES", "CaseResult", "Cell", "Verdict", "passed"]

OUTCOMES = ("exact", "permitted", "unsupported", "fail", "errored", "missing")
BAD = ("fail", "errored")
"""Outcomes that make the exit status 1."""


@dataclass(frozen=True)
class Verdict:
    """How a case ended.

    Attributes:
        outcome: one of :data:`OUTCOMES`.
        detail: why, or what was seen.
        changes: what was permitted.
        received: the rendering that came back, where it differs from what was sent.
        expected: what should have come back, where that differs from what was sent.
    """

    outcome: str
    detail: str = ""
    changes: tuple[str, ...] = ()
    received: Any = None
    expected: Any = None


def passed(detail: str = "") -> Verdict:
    """A case that did what it must."""
    return Verdict("exact", detail)


@dataclass(frozen=True)
class CaseResult:
    """A case in a cell.

    Attributes:
        case: name.
        what: ``echo``, ``observe``, ``produce``, ``decode``, ``feature``, ``error``, ``secure``, ``fault``.
        verdict: how it ended.
        seconds: how long it took.
    """

    case: str
    what: str
    verdict: Verdict
    seconds: float

    def mapping(self) -> dict[str, Any]:
        """For JSON."""
        one = self.verdict
        return {
            "case": self.case,
            "what": self.what,
            "outcome": one.outcome,
            "changes": list(one.changes),
            "received": shorten(one.received),
            "expected": shorten(one.expected),
            "detail": one.detail,
            "seconds": round(self.seconds, 4),
        }


@dataclass
class Cell:
    """One client over one transport in one environment.

    Without an environment it holds what concerns the transport alone (secure connections, bad input), without
    a transport what concerns the client alone (decoding).
    """

    client: str
    transport: str
    environment: str
    cases: list[CaseResult] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many cases had each outcome."""
        found = Counter(one.verdict.outcome for one in self.cases)
        return {name: found[name] for name in OUTCOMES}

    def mapping(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "client": self.client,
            "transport": self.transport,
            "environment": self.environment,
            "counts": self.counts,
            "seconds": round(sum(one.seconds for one in self.cases), 3),
            "cases": [one.mapping() for one in self.cases],
        }


_MANY, _LONG = 64, 1000


def shorten(rendering: Any) -> Any:
    """A rendering for people: a long list ends after 64 elements; ``shortened`` says how many there were."""
    if isinstance(rendering, Mapping):
        out = {key: shorten(value) for key, value in rendering.items()}
        long = [len(value) for value in rendering.values() if _listed(value) and len(value) > _MANY]
        if long:
            out["shortened"] = max(long)
        return out
    if _listed(rendering):
        return [shorten(one) for one in rendering[:_MANY]]
    if isinstance(rendering, str) and len(rendering) > _LONG:
        return f"{rendering[:_LONG]}… ({len(rendering):,} characters)"
    return rendering


def _listed(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
