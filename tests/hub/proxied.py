"""Sessions that hold objects of each other: the same code in each language, and a hub with all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from arcuate.client import Session, connect, environments
from arcuate.hub import Config
from arcuate.hub.server import Server
from arcuate.hub.session import HubSession

LANGUAGES = ("python", "r", "octave")

CODE = {
    "python": """
import time, weakref
gone = 0
def ended():
    global gone
    gone += 1
class Line:
    def __call__(self, x): return x * 2 + 1
def make():
    line = Line()
    weakref.finalize(line, ended)
    return line
def same(x): return x
def wrap(f): return {"inner": [f, 1.5]}
def use(f, x): return f(x)
def keep_other(f):
    global other
    other = f
def down(n): return 0.0 if n <= 0 else 1.0 + other(n - 1)
def nap(seconds): time.sleep(seconds); return seconds
def refuse(x): raise ValueError("not this one")
def guarded(f, x):
    try: return f(x)
    except Exception as error: return str(error)
""",
    "r": """
gone <- 0
ended <- function(home) gone <<- gone + 1
make <- function() { reg.finalizer(environment(), ended); function(x) x * 2 + 1 }
same <- function(x) x
wrap <- function(f) list(inner = list(f, 1.5))
use <- function(f, x) f(x)
other <- NULL
keep_other <- function(f) { other <<- f; invisible() }
down <- function(n) if (n <= 0) 0 else 1 + other(n - 1)
nap <- function(seconds) { Sys.sleep(seconds); seconds }
refuse <- function(x) stop("not this one")
guarded <- function(f, x) tryCatch(f(x), error = conditionMessage)
""",
    "octave": """
global gone other
gone = 0;
function ended (), global gone; gone += 1; end
function y = line_of (token, x), y = x * 2 + 1; end
function f = make (), token = onCleanup (@ended); f = @(x) line_of (token, x); end
function x = same (x), end
function s = wrap (f), s.inner = {f, 1.5}; end
function y = use (f, x), y = f (x); end
function keep_other (f), global other; other = f; end
function y = down (n), global other; if (n <= 0), y = 0; else, y = 1 + other (n - 1); end, end
function s = nap (s), end_ = now + s / 86400; while (now < end_), end, end
function y = refuse (x), error ("not this one"); end
function y = guarded (f, x), try, y = f (x); catch err, y = err.message; end, end
""",
}
SHOWN = {
    "python": "repr(held)",
    "r": "paste(capture.output(print(held)), collapse = ' ')",
    "octave": "evalc ('disp (held)')",
}
GONE = {"python": "gone", "r": "{ gc(); gone }", "octave": "gone"}
COLLECT = {"python": "None", "r": "invisible(gc())", "octave": "1"}
NAMED = {"python": "{}", "r": "{}", "octave": "@{}"}


def installed(language: str) -> bool:
    """Whether it can be used here."""
    return bool(environments()[language].load().doctor().found)


def need(*languages: str) -> None:
    """Skips a test that needs what is not here."""
    for language in languages:
        if not installed(language):
            pytest.skip(f"{language}: not installed")


def function(session: Session, name: str) -> Any:
    """A function of that name as an object."""
    return session.eval(NAMED[session.info["environment"]].format(name), keep=True)


class Sessions:
    """Sessions on one hub, or without one, that tests share.

    Attributes:
        server: the hub.
    """

    def __init__(self, server: Server | None) -> None:
        self.server = server
        self._open: dict[tuple[str, str, str], Session] = {}

    def get(self, way: str, language: str, role: str) -> Session:
        """A session; ``role`` tells those of one language apart."""
        need(language)
        found = self._open.get((way, language, role))
        if found is None or found.closed:
            found = self._open[way, language, role] = self.fresh(way, language)
        return found

    def fresh(self, way: str, language: str) -> Session:
        """A session of one's own."""
        need(language)
        if self.server is None:
            found = connect(language)
        else:
            found = connect(f"{self.server.endpoints[way]}/{language}")
        found.run(CODE[language])
        return found

    def session(self, session: Session) -> HubSession:
        """A session as the hub has it."""
        assert self.server is not None
        found = self.server.hub.find(session.info["session"])
        assert found is not None
        return found

    def held(self, session: Session) -> dict[str, int]:
        """What the hub knows of other sessions' objects in a session."""
        return {key: one.count for key, one in self.session(session).proxies.held.items()}

    def lent(self, session: Session) -> dict[str, int]:
        """What it counts itself of a session's own objects."""
        return dict(self.session(session).proxies.lent)

    def waiting(self, session: Session) -> bool:
        """Whether code of another session waits for an object of this one."""
        return bool(self.session(session).proxies._errands)

    def close(self) -> None:
        """Ends all."""
        for session in self._open.values():
            session.close()


@contextmanager
def sessions(*ways: str, **more: Any) -> Iterator[Sessions]:
    """Sessions of a hub with these bridges; of none when there are none."""
    if not ways:
        found = Sessions(None)
        try:
            yield found
        finally:
            found.close()
        return
    offered: Any = {name: {"language": name} for name in LANGUAGES if installed(name)}
    bridges: Any = {way: ["127.0.0.1:0"] for way in ways}
    server = Server(Config(environments=offered, **bridges, **more))
    server.start()
    found = Sessions(server)
    try:
        yield found
        found.close()
    finally:
        server.stop(1.0)
