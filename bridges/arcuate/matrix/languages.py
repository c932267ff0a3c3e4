"""What the runner writes in each environment's own language: the functions that its cases call.

===================  ======================================================================================
``arcuate_id(x)``    returns its argument
``arcuate_add(a,b)`` a + b; ``arcuate_less``: a - b, by names
``arcuate_two(x)``   two outputs: x and x + 1
``arcuate_fail(s)``  raises an error with that message, from a function that is called by ``arcuate_outer``
``arcuate_say(s)``   prints a text and a newline
``arcuate_apply``    calls its first argument with the others
``arcuate_guard(f)`` calls ``f(1)``; returns ``"caught: <message>"`` when it raises
``arcuate_dims(x)``  the names of the dimensions of a labelled array, with commas between them
===================  ======================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["LANGUAGES", "Language"]


@dataclass(frozen=True)
class Language:
    """One environment's language.

    Attributes:
        prelude: statements that define the functions above.
        two: expression that prints "one", waits, and prints "two" on stdout and "oops" on stderr.
        function: expression whose value is the function ``arcuate_add``.
        endless: statements that print ``begun`` and never end.
        document: a function with help, and a text that is in it.
        named: a function, its named arguments, and what it returns, as Python values.
        classes: what the class list of ``arcuate_fail``'s error holds.
        broken: an expression that does not parse.
    """

    prelude: str
    two: str
    function: str
    endless: str
    document: tuple[str, str]
    named: tuple[str, dict[str, Any], Any]
    classes: str
    broken: str


_PYTHON = Language(
    prelude="""
import sys as _sys, time as _time
def arcuate_id(x): return x
def arcuate_add(a, b): return a + b
def arcuate_two(x): return x, x + 1
def arcuate_fail(text): raise ValueError(text)
def arcuate_outer(text): return arcuate_fail(text)
def arcuate_say(text): print(text)
def arcuate_apply(f, *args): return f(*args)
def arcuate_guard(f):
    try:
        f(1.0)
    except Exception as error:
        return f"caught: {error}"
    return "nothing was raised"
def arcuate_dims(x): return ",".join(x.dims)
def arcuate_less(a, b): return a - b
""",
    two="""
print("one", flush=True)
_sys.stderr.write("oops\\n"); _sys.stderr.flush()
_time.sleep(0.4)
print("two", flush=True)
""",
    function="arcuate_add",
    endless="print('begun', flush=True)\nwhile True: _time.sleep(0.01)",
    document=("textwrap.shorten", "Collapse and truncate"),
    named=("arcuate_less", {"b": 1.5, "a": 4.0}, 2.5),
    classes="ValueError",
    broken="1 +* 2",
)

_R = Language(
    prelude="""
arcuate_id <- function(x) x
arcuate_add <- function(a, b) a + b
arcuate_less <- function(a, b) a - b
arcuate_two <- function(x) list(x, x + 1)
arcuate_fail <- function(text) stop(text)
arcuate_outer <- function(text) arcuate_fail(text)
arcuate_say <- function(text) cat(text, "\\n", sep = "")
arcuate_apply <- function(f, ...) f(...)
arcuate_guard <- function(f) tryCatch({ f(1); "nothing was raised" },
                                      error = function(e) paste0("caught: ", conditionMessage(e)))
arcuate_dims <- function(x) paste(names(dimnames(x)), collapse = ",")
""",
    two="""
cat("one\\n")
cat("oops\\n", file = stderr())
Sys.sleep(0.4)
cat("two\\n")
""",
    function="arcuate_add",
    endless="cat('begun\\n'); repeat Sys.sleep(0.01)",
    document=("stats::quantile", "Sample Quantiles"),
    named=("arcuate_less", {"b": 1.5, "a": 4.0}, 2.5),
    classes="simpleError",
    broken="1 +* 2",
)

_OCTAVE = Language(
    prelude="""
function x = arcuate_id(x)
end
function c = arcuate_add(a, b)
  c = a + b;
end
function [a, b] = arcuate_two(x)
  a = x; b = x + 1;
end
function arcuate_fail(text)
  error("Arcuate:test", "%s", text);
end
function arcuate_outer(text)
  arcuate_fail(text);
end
function arcuate_say(text)
  fprintf(stdout, "%s\\n", text);
end
function varargout = arcuate_apply(f, varargin)
  [varargout{1:nargout}] = f(varargin{:});
end
function text = arcuate_guard(f)
  text = "nothing was raised";
  try
    f(1);
  catch err
    text = ["caught: ", err.message];
  end
end
function text = arcuate_dims(x)
  text = strjoin(x.dims, ",");
end
function c = arcuate_less(varargin)
  p = struct(varargin{:});
  c = p.a - p.b;
end
""",
    two="""
fprintf(stdout, "one\\n"); fflush(stdout);
fprintf(stderr, "oops\\n"); fflush(stderr);
pause(0.4);
fprintf(stdout, "two\\n"); fflush(stdout);
""",
    function="@arcuate_add",
    endless="disp('begun'); fflush(stdout); while true, pause(0.01); end",
    document=("polyfit", "polynomial"),
    named=("arcuate_less", {"b": 1.5, "a": 4.0}, 2.5),
    classes="Arcuate:test",
    broken="1 +* 2",
)

LANGUAGES = {"python": _PYTHON, "r": _R, "octave": _OCTAVE, "matlab": _OCTAVE}
"""By the name of the environment."""
