"""The cases of a result as compact rows: what ``web/page.js`` draws from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from arcuate.matrix.notation import notation

__all__ = ["OUTCOMES", "Cases", "Outcome", "Spot", "severity", "spots"]


@dataclass(frozen=True)
class Outcome:
    """How one outcome is shown.

    Attributes:
        word: what it is called beside a case.
        shape: which of the shapes stands for it.
        meaning: the line of the legend.
    """

    word: str
    shape: str
    meaning: str


OUTCOMES = {  # the worst first
    "fail": Outcome("failed", "cross", "against the rules"),
    "silent": Outcome("changed silently", "cross", "another value, and no error"),
    "errored": Outcome("errored", "bang", "something broke, not judged"),
    "crashed": Outcome("crashed", "bang", "the process ended"),
    "missing": Outcome("missing", "gap", "not on this machine"),
    "unsupported": Outcome("unsupported", "dash", "declared, and refused so"),
    "refused": Outcome("refused", "dash", "an honest error"),
    "permitted": Outcome("permitted", "wave", "changed as declared"),
    "changed": Outcome("reshaped, widened", "wave", "same elements"),
    "none": Outcome("no such value", "gap", "in the language that sends"),
    "exact": Outcome("exact", "check", "equal"),
}
_ORDER = {name: number for number, name in enumerate(OUTCOMES)}
_VALUES = ("decode", "echo", "observe", "produce")
"""Kinds of cases in which a value travels, so that what was sent is worth a look."""
_WHATS = (*_VALUES, "feature", "error", "secure", "fault")
"""All kinds of cases, in the order in which the page offers them."""


def severity(outcome: str) -> int:
    """Return a number that is smaller for worse outcomes; one that nobody knows is the worst."""
    return _ORDER.get(outcome, -1)


@dataclass(frozen=True)
class Spot:
    """One cell of the map that can be opened.

    Attributes:
        number: its place in the data.
        key: its address in the page: ``go/grpc/r``, ``peer/rpy2``.
        title: its heading when open.
        about: a sentence below that.
        cell: what the result holds for it.
    """

    number: int
    key: str
    title: str
    about: str
    cell: Mapping[str, Any]


def spots(result: Mapping[str, Any]) -> Iterator[Spot]:
    """Yield the cells of the matrix and then those of the peers, in a fixed order."""
    number = 0
    for cell in result.get("cells") or []:
        key = f"{cell['client']}/{cell['transport']}/{cell['environment']}"
        title = f"{cell['client']} over {cell['transport']} to {cell['environment']} and back"
        if not cell["environment"]:
            title = f"{cell['client']} over {cell['transport']}: the connection itself"
        if not cell["transport"]:
            title = f"{cell['client']}: decoding and encoding without a hub"
        seconds = cell.get("seconds")
        about = f"Took {seconds:.1f} s." if isinstance(seconds, int | float) else ""
        yield Spot(number, key, title, about, cell)
        number += 1
    for peer in result.get("peers") or []:
        versions = ", ".join(f"{name} {value}" for name, value in (peer.get("versions") or {}).items())
        basis = "From its documentation, not run" if peer.get("documented") else "Measured"
        about = f"{basis}, {peer.get('date', '')}: {versions}. {peer.get('how', '')}"
        yield Spot(number, f"peer/{peer['peer']}", f"What you use today: {peer['peer']}", about, peer)
        number += 1


class Cases:
    """Every text once, every case as a row of numbers."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        self._result = result
        self._texts: dict[str, int] = {}
        self._names: dict[str, int] = {}
        self._whats = {name: number for number, name in enumerate(_WHATS)}
        self._outcomes: dict[str, int] = {name: number for number, name in enumerate(OUTCOMES)}
        self._shown: dict[str, str] = {}

    def data(self) -> dict[str, Any]:
        """Return what the page embeds."""
        cells = [
            {
                "key": spot.key,
                "title": spot.title,
                "about": spot.about,
                "values": list(_VALUES),
                "rows": self._rows(spot.cell.get("cases") or []),
            }
            for spot in spots(self._result)
        ]
        vectors = self._result.get("vectors") or {}
        sent = {number: self._value(vectors[name]) for name, number in self._names.items() if name in vectors}
        known = {name: OUTCOMES.get(name) for name in self._outcomes}
        return {
            "cells": cells,
            "names": list(self._names),
            "whats": list(self._whats),
            "outcomes": list(self._outcomes),
            "words": {name: one.word if one else name for name, one in known.items()},
            "shapes": {name: one.shape if one else "bang" for name, one in known.items()},
            "vectors": sent,
            "texts": list(self._texts),
        }

    def _rows(self, cases: Iterable[Mapping[str, Any]]) -> list[list[int]]:
        """The worst cases first; within an outcome as the runner gave them."""
        return [self._row(case) for case in sorted(cases, key=lambda case: severity(str(case["outcome"])))]

    def _row(self, case: Mapping[str, Any]) -> list[int]:
        seconds = case.get("seconds")
        return [
            _number(self._names, str(case["case"])),
            _number(self._whats, str(case.get("what", ""))),
            _number(self._outcomes, str(case["outcome"])),
            self._value(case.get("expected")),
            self._value(case.get("received")),
            self._text(str(case.get("detail") or "")),
            self._text("\n".join(map(str, case.get("changes") or []))),
            round(1000 * seconds) if isinstance(seconds, int | float) else -1,
        ]

    def _value(self, rendering: object) -> int:
        """The number of a rendering's text, -1 for none."""
        if rendering is None:
            return -1
        if isinstance(rendering, str):
            return self._text(rendering)
        key = json.dumps(rendering, sort_keys=True, default=repr)
        if key not in self._shown:
            self._shown[key] = notation(rendering)
        return self._text(self._shown[key])

    def _text(self, text: str) -> int:
        return _number(self._texts, text) if text else -1


def _number(table: dict[str, int], text: str) -> int:
    return table.setdefault(text, len(table))
