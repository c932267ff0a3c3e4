"""Pairs: code inside each environment calls each other one through the hub, by the token it was given.

The runner opens a session in the caller's environment through Python's client and defines, in the caller's
own language and with that language's own client, functions that pass a call on. What is sent is judged like
everything else: by the rules of all languages on the way, and by what the last one says that it sees.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from arcuate.matrix import features, observe, values
from arcuate.matrix.client import Client
from arcuate.matrix.languages import LANGUAGES
from arcuate.matrix.outcome import Cell, Verdict, passed
from arcuate.matrix.seat import Seat, fail
from arcuate.matrix.vectors import Case

__all__ = ["CALLERS", "INSIDE", "VECTORS", "attempt", "missing", "preludes", "rows"]

CALLERS = ("python", "r", "octave")
"""Environments whose language has a client that can be loaded inside an interpreter."""
INSIDE = "inside"
"""What stands for the transport in the cell of a pair."""
VECTORS = (
    "labelled/plain", "labelled/masked", "array/f8/nan-beside-missing", "categorical/missing",
    "categorical/ordered", "text/greek", "array/i8/least-and-missing", "table/plain",
)  # fmt: skip
"""The values that go from one to the other and back."""
_OPENING = 60.0
_BADNESS = ("exact", "permitted", "unsupported", "missing", "errored", "fail")

_PYTHON = """
import sys as _sys
from arcuate.client import connect as _connect
from arcuate.errors import RemoteError as _RemoteError
_others = {}
def arcuate_open(name, *codes):
    _others[name] = _connect("hub:///" + name)
    for code in codes: _others[name].run(code)
def arcuate_relay(name, function, *args): return _others[name].call(function, *args)
def arcuate_hand_on(name, code, to):
    return _others[to].call("arcuate_apply", _others[name].eval(code, keep=True), 2.5, 4.0)
def arcuate_caught(name):
    try: _others[name].call("arcuate_outer", "it broke")
    except _RemoteError as error: return error.message
"""
_R = """
.libPaths(c(LIBRARY, .libPaths()))
arcuate_others <- new.env()
arcuate_open <- function(name, ...) {
  con <- arcuate::arcuate_connect(paste0("hub:///", name))
  for (code in list(...)) arcuate::arcuate_run(con, code)
  assign(name, con, arcuate_others)
  invisible(NULL)
}
arcuate_relay <- function(name, f, ...) arcuate::arcuate_call(arcuate_others[[name]], f, ...)
arcuate_hand_on <- function(name, code, to)
  arcuate_relay(to, "arcuate_apply",
                arcuate::arcuate_eval(arcuate_others[[name]], code, .keep = TRUE), 2.5, 4)
arcuate_caught <- function(name)
  tryCatch(arcuate_relay(name, "arcuate_outer", "it broke"), arcuate_RemoteError = conditionMessage)
"""
_OCTAVE = """
addpath(LIBRARY);
function arcuate_open(name, varargin)
  global arcuate_others
  c = arcuate.open(["hub:///", name]);
  for j = 1:numel(varargin)
    arcuate.run(c, varargin{j});
  end
  arcuate_others.(name) = c;
end
function x = arcuate_relay(name, f, varargin)
  global arcuate_others
  x = arcuate.call(arcuate_others.(name), f, varargin{:});
end
function x = arcuate_hand_on(name, code, to)
  global arcuate_others
  h = arcuate.evaluate(arcuate_others.(name), code, arcuate.options("keep", true));
  x = arcuate_relay(to, "arcuate_apply", h, 2.5, 4);
end
function text = arcuate_caught(name)
  text = "nothing was raised";
  try
    arcuate_relay(name, "arcuate_outer", "it broke");
  catch err
    if strcmp(err.identifier, "arcuate:RemoteError")
      text = err.message;
    end
  end
end
"""
_PRELUDES = {"python": _PYTHON, "r": _R, "octave": _OCTAVE}


def _library(caller: str, root: Path) -> Path:
    """Where the caller's own client is; Python's is installed."""
    return {"r": root / "clients/r/build-library", "octave": root / "clients/octave/inst"}.get(caller, root)


def preludes(caller: str, root: Path) -> list[str]:
    """What a session of the caller runs first."""
    return [_PRELUDES[caller].replace("LIBRARY", json.dumps(str(_library(caller, root))))]


def missing(caller: str, clients: Sequence[Client], root: Path) -> str:
    """Why the language's own client cannot be loaded inside its environment; empty if it can."""
    for one in clients:
        if one.client == caller and (reason := one.missing()):
            return reason
    if not _library(caller, root).is_dir():
        return f"the client for {caller} is not built; type: make -C clients/{caller} build"
    return ""


def attempt(seat: Seat, called: str, others: Sequence[str], vectors: Sequence[Case]) -> Cell:
    """Runs the cases of one pair.

    Args:
        seat: Python's client with a session in the caller's environment.
        called: the environment that is called.
        others: those whose sessions the caller has opened before.
        vectors: what is sent.

    Returns:
        What happened.
    """
    seat.cell = Cell(seat.environment, INSIDE, called)
    seat.attempt("open", "pair", (), partial(_open, seat, called))
    if seat.cell.counts["exact"]:
        for case in vectors:
            seat.attempt(case.name, "echo", (), partial(values.relayed, seat, case, called))
            seat.attempt(case.name, "observe", (), partial(values.relayed_seen, seat, case, called))
        for other in dict.fromkeys([called, *others[:1]]):
            seat.attempt(f"handle/{other}", "pair", (), partial(_hand_on, seat, called, other))
        seat.attempt("foreign-error", "pair", (), partial(_caught, seat, called))
    return seat.cell


def _open(seat: Seat, called: str) -> Verdict:
    codes = [LANGUAGES[called].prelude, observe.prelude(called)]
    args = [features.sent(seat, text) for text in (called, *codes)]
    seat.ask("call", _OPENING, name="arcuate_open", args=args, nargout=0)
    return passed()


def _hand_on(seat: Seat, called: str, other: str) -> Verdict:
    """A function that stays in one session is given to a function of another, or of the same one."""
    args = [features.sent(seat, text) for text in (called, LANGUAGES[called].function, other)]
    found = features.got(seat, seat.ask("call", _OPENING, name="arcuate_hand_on", args=args).value)
    return passed() if found == 6.5 else fail(f"what was called through the handle gave {found!r}, not 6.5")


def _caught(seat: Seat, called: str) -> Verdict:
    """The caller's own language catches what the called one raises."""
    found = features.got(
        seat, seat.ask("call", name="arcuate_caught", args=[features.sent(seat, called)]).value
    )
    return passed() if "it broke" in str(found) else fail(f"the caller caught {found!r}")


def rows(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """The pairs for the report: a row for each, with its cases."""
    made = []
    for cell in cells:
        found = cell.mapping()
        worst = max((one.verdict.outcome for one in cell.cases), key=_BADNESS.index)
        counts = {name: count for name, count in found["counts"].items() if count}
        about = "; ".join(f"{count} {name}" for name, count in counts.items())
        made.append(
            {
                "caller": cell.client,
                "called": cell.environment,
                "outcome": worst,
                "counts": found["counts"],
                "about": about,
                "seconds": found["seconds"],
                "cases": found["cases"],
            }
        )
    return made
