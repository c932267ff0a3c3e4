"""What Octave lacks and where it can be had: Octave's own list, and the table of what its packages provide.

- ``packages.txt``: the functions of Octave packages, from the INDEX file of each (tools/octave_index.py).
- ``__unimplemented__.m``: Octave's own list of MATLAB's functions that it lacks, of the Octave at hand.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from arcuate.octave.mfiles.tokens import tokens

__all__ = ["ADVICE", "MARKS", "lacking", "providers"]

TABLE = Path(__file__).parent / "packages.txt"

MARKS = {
    "arguments": ("error", "Octave ignores a block of arguments: no defaults, no conversions, no checks"),
    "import": ("error", "Octave has no import; write the full name, as in {name}"),
    "late": ("error", "{name} is defined further down in this script; Octave needs it before its first use"),
    "option": (
        "error",
        "Octave's {name} knows neither 'all' nor 'omitnan'; use {name}(x(:)) and x(! isnan (x))",
    ),
    "round": ("error", "Octave's {name} takes no number of digits; use round(x * 10 ^ n) / 10 ^ n"),
    "shell": (
        "warning",
        "Octave does not run !{name} in a shell but takes it for 'not'; use system('{name} ...')",
    ),
    "string": (
        "warning",
        '"..." is a row of characters in Octave and no string: {name} works on its characters',
    ),
    "named": ("warning", "{name}=value in a call sets a variable in Octave; write '{name}', value"),
}
"""MATLAB's own language: how bad it is, and what to do. The marks are found by :mod:`usage`."""

ADVICE = {
    "contains": "use any(strfind(text, part)) or regexp",
    "string": "use char or a cell of texts",
    "strings": "use cell",
    "strlength": "use numel or cellfun(@numel, ...)",
    "table": "use a struct of columns; from Python: pass each column",
    "datetime": "use datenum and datestr",
    "duration": "use numbers of seconds or days",
    "categorical": "use a cell of texts and unique",
    "readtable": "use csvread, dlmread or textscan",
    "readmatrix": "use csvread or dlmread",
    "writetable": "use csvwrite or dlmwrite",
    "linprog": "use glpk",
    "quadprog": "use qp, or the package optim",
    "optimoptions": "use optimset",
    "tiledlayout": "use subplot",
    "nexttile": "use subplot",
    "histcounts": "use histc",
    "xlsread": "use the package io",
    "timeseries": "use a struct",
    "parpool": "the package parallel has parcellfun",
}
"""What serves instead, in Octave itself."""


@lru_cache(maxsize=1)
def providers() -> dict[str, tuple[str, ...]]:
    """For each function the packages that have it."""
    found: dict[str, tuple[str, ...]] = {}
    package = ""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            for name in line.split():
                found[name] = (*found.get(name, ()), package)
        elif not line.startswith("#"):
            package = line.split()[0]
    return found


def lacking(file: str) -> dict[str, str]:
    """MATLAB's functions that this Octave says it lacks, and the package that it names for each, or ``""``.

    Args:
        file: Octave's ``__unimplemented__.m``.
    """
    try:
        text = Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    found: dict[str, str] = {}
    for names, package in _cases(text):
        found.update(dict.fromkeys(names, package))
    return found


def _cases(text: str) -> list[tuple[list[str], str]]:
    """The names of each ``case``, with the package that its code names; last the plain list."""
    groups: list[tuple[list[str], str]] = []
    names: list[str] = []
    package = ""
    state = ""
    for word in tokens(text.split("\n%!", 1)[0]):
        if word.kind == "keyword" and word.text in ("case", "otherwise"):
            groups.append((names, package))
            names, package, state = [], "", "case"
        elif word.text == "txt" or word.text == "classes":
            state = "code"
        elif word.text == "check_package":
            state = "package"
        elif word.text == "list":
            groups.append((names, package))
            names, package, state = [], "", "case"
        elif word.kind == "text":
            value = word.text[1:-1]
            if state == "case" and re.fullmatch(r"[A-Za-z][\w.]*", value):
                names.append(value)
            elif state == "package":
                package, state = value, "code"
    groups.append((names, package))
    return groups
