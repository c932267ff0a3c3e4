"""Bad input and secure connections: one list for all clients and transports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from arcuate.matrix import answers, faulty
from arcuate.matrix.features import got, sent
from arcuate.matrix.outcome import Verdict, passed
from arcuate.matrix.seat import Seat, fail, refused
from arcuate.matrix.servers import SMALL

__all__ = ["FAULTS", "secure"]

_CONNECT = 3.0
"""Seconds that a connection may take that cannot come about."""
_SLACK = 17.0
"""Seconds beyond the program's own limit after which the runner gives it up."""
_SCHEMES = {"grpc": "grpc", "zmq": "zmq", "ipc": "zmq+ipc", "http": "http"}
_OTHER_KEY = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
"""A CURVE key of nobody here."""
_SECURE = {"grpc": "tls", "http": "tls", "zmq": "curve", "ipc": ""}
"""What the hub has by kind of endpoint."""
_ENVIRONMENT = "python"
"""Every hub has it."""


def _scheme(seat: Seat) -> str:
    assert seat.transport is not None
    return _SCHEMES[seat.transport.url]


def _to(seat: Seat, url: str, **more: Any) -> Callable[[], Any]:
    """A request to connect to something that is no good hub."""
    fields = {"transport": seat.name, "url": f"{url}/{_ENVIRONMENT}", "timeout": _CONNECT, **more}
    return lambda: seat.raw("connect", _CONNECT + _SLACK, **fields)


def _in_time(judge: Callable[[], Verdict], seconds: float) -> Verdict:
    import time

    began = time.monotonic()
    verdict = judge()
    took = time.monotonic() - began
    if verdict.outcome == "exact" and took > seconds:
        return fail(f"it took {took:.1f} s; {seconds:.1f} s are allowed")
    return verdict


def _down(seat: Seat) -> Verdict:
    scheme = _scheme(seat)
    with faulty.closed_port() as port:
        url = f"{scheme}://127.0.0.1:{port}"
        if scheme == "zmq+ipc":
            url = f"zmq+ipc://{seat.servers.folder / 'nobody.sock'}"
        return _in_time(lambda: refused(_to(seat, url), "CONNECTION_LOST"), _CONNECT + 2)


def _wrong_token(seat: Seat) -> Verdict:
    url = seat.endpoint("token").url
    return refused(_to(seat, url, token="arcuate_wrong", timeout=20.0), "AUTHENTICATION_FAILED")  # noqa: S106


def _no_token(seat: Seat) -> Verdict:
    return refused(_to(seat, seat.endpoint("token").url, timeout=20.0), "AUTHENTICATION_FAILED")


def _wrong_environment(seat: Seat) -> Verdict:
    fields = {"transport": seat.name, "timeout": 20.0, **seat.endpoint("plain").connect("nowhere")}
    return refused(lambda: seat.raw("connect", 40.0, **fields), "ENVIRONMENT_NOT_FOUND")


def _oversized(seat: Seat) -> Verdict:
    seat.connect("small", _ENVIRONMENT)
    value = sent(seat, np.zeros(SMALL // 2))
    return refused(lambda: seat.raw("set", 60.0, name="x", value=value), "LIMIT_EXCEEDED")


def _lost(seat: Seat) -> Verdict:
    """40 MB, of which 8 pass; on a socket file, where arrays may go by shared memory, hardly any."""
    path = seat.path()
    with faulty.Cutting(_scheme(seat), seat.endpoint("plain").address, path) as proxy:
        fields = {"transport": seat.name, "url": f"{proxy.url}/{_ENVIRONMENT}", "timeout": 20.0}
        seat.raw("connect", 40.0, **fields)
        value = sent(seat, np.random.default_rng(20).standard_normal(5_000_000))
        proxy.cut_after(100 if _scheme(seat) == "zmq+ipc" else 8_000_000)
        ask = lambda: seat.raw("set", 90.0, name="x", value=value)  # noqa: E731
        verdict = refused(ask, "CONNECTION_LOST")
        if verdict.outcome == "exact" and not proxy.cut:
            return Verdict("errored", "the proxy did not come to cut the connection")
        return verdict


def _garbage(seat: Seat) -> Verdict:
    with faulty.garbage(_scheme(seat), seat.path()) as server:
        return refused(_to(seat, server.url), "CONNECTION_LOST", "PROTOCOL_ERROR")


def _garbage_inside(seat: Seat) -> Verdict:
    with faulty.garbage_inside(_scheme(seat), seat.path()) as url:
        return refused(_to(seat, url), "CONNECTION_LOST", "PROTOCOL_ERROR")


def _silent(seat: Seat) -> Verdict:
    with faulty.silent(_scheme(seat), seat.path()) as server:
        judge = lambda: refused(_to(seat, server.url), "CONNECTION_LOST", "CALL_TIMEOUT")  # noqa: E731
        return _in_time(judge, _CONNECT + 2)


FAULTS: dict[str, Callable[[Seat], Verdict]] = {
    "hub-down": _down, "wrong-token": _wrong_token, "no-token": _no_token,
    "wrong-environment": _wrong_environment, "oversized": _oversized, "lost": _lost, "garbage": _garbage,
    "garbage-inside": _garbage_inside, "silent": _silent,
}  # fmt: skip


def secure(seat: Seat) -> dict[str, Callable[[], Verdict]]:
    """The secure connections of a transport: each lets in and keeps out, or is counted as unsupported."""
    assert seat.transport is not None

    def open_(kind: str) -> Verdict:
        seat.connect(kind, _ENVIRONMENT)
        found = got(seat, seat.raw("call", name="abs", args=[sent(seat, -2.5)]).value)
        return passed() if np.array_equal(found, 2.5) else fail(f"abs(-2.5) over the connection is {found!r}")

    def undeclared(kind: str) -> Verdict:
        """What is not declared is counted as unsupported, and must not work."""
        try:
            verdict = open_(kind)
        except answers.Declined as error:
            return Verdict("unsupported", str(error))
        except answers.Refused as error:
            return Verdict("unsupported", str(error)[:300])
        works = f"{kind} works, although conformance.json does not name it under 'secure'"
        return fail(works) if verdict.outcome == "exact" else verdict

    def refuse(kind: str, **wrong: str) -> Verdict:
        fields = {**seat.endpoint(kind).connect(_ENVIRONMENT), **wrong}
        known = {key: value for key, value in fields.items() if value}
        ask = lambda: seat.raw("connect", 30.0, transport=seat.name, timeout=_CONNECT, **known)  # noqa: E731
        return refused(ask, "CONNECTION_LOST", "AUTHENTICATION_FAILED")

    cases: dict[str, Callable[[], Verdict]] = {"token": lambda: open_("token")}
    have = seat.client.secured(seat.name)
    kind = _SECURE[seat.transport.url]
    if kind and kind not in have:
        cases[kind] = lambda: undeclared(kind)
    elif kind:
        cases[kind] = lambda: open_(kind)
        wrong = {"tls": ("untrusted", {"ca": ""}), "curve": ("wrong-key", {"server_key": _OTHER_KEY})}[kind]
        cases[f"{kind}/{wrong[0]}"] = lambda: refuse(kind, **wrong[1])
    return cases
