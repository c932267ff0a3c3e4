"""What a client can do beside values, and what it must say to errors of foreign code: in each environment.

The same list for all clients. Where the name of a case has a ``/``, what stands before it is the feature that
``conformance.json`` may declare as unsupported.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import numpy as np

from arcuate.client import publish, subscribe
from arcuate.matrix import answers
from arcuate.matrix.languages import LANGUAGES
from arcuate.matrix.outcome import Verdict, passed
from arcuate.matrix.seat import Seat, fail, refused
from arcuate.values import decode, encode, frames, protobuf
from arcuate.values.options import DecodeOptions

__all__ = ["ERRORS", "FEATURES", "got", "probes", "sent"]

_SIMPLE = DecodeOptions(simplify=True)
_THING = """
import weakref as _weakref
class ArcuateThing: pass
def arcuate_thing():
    thing = ArcuateThing()
    arcuate_thing.last = _weakref.ref(thing)
    return thing
"""


def sent(seat: Seat, value: Any) -> dict[str, str]:
    """A Python value as a field of a request."""
    nodes = encode(value)
    data = protobuf.dump(nodes) if seat.client.encoding == "protobuf" else frames.to_bytes(nodes)
    return seat.given(data)


def got(seat: Seat, given: Any) -> Any:
    """The Python value of an answer; what has one element is a scalar."""
    if given is None:
        return None
    load = protobuf.load if seat.client.encoding == "protobuf" else frames.load
    return decode(load(given.read()), _SIMPLE)


def _is(found: Any, wanted: Any, what: str = "the result") -> Verdict:
    if (
        type(found) is not type(wanted)
        and isinstance(found, (int, float))
        and isinstance(wanted, (int, float))
    ):
        same = float(found) == float(
            wanted
        )  # a number of another class is the values' affair, not this one's
    else:
        same = bool(np.array_equal(found, wanted))
    return passed() if same else fail(f"{what} is {found!r}, not {wanted!r}")


def _environments(seat: Seat) -> Verdict:
    names = seat.ask("environments").environments
    return passed() if seat.environment in names else fail(f"{seat.environment!r} is not among {names}")


def _describe(seat: Seat) -> Verdict:
    name, text = LANGUAGES[seat.environment].document
    found = seat.ask("describe", name=name)
    if text not in found.help:
        return fail(f"the help of {name} does not hold {text!r} but {found.help[:200]!r}")
    return (
        passed()
        if name.rpartition(":")[2].rpartition(".")[2] in found.signature
        else fail(f"the signature of {name} is {found.signature!r}")
    )


def _call(seat: Seat) -> Verdict:
    found = seat.ask("call", name="arcuate_add", args=[sent(seat, 2.5), sent(seat, 4.0)])
    return _is(got(seat, found.value), 6.5)


def _named(seat: Seat) -> Verdict:
    name, named, wanted = LANGUAGES[seat.environment].named
    found = seat.ask("call", name=name, named={key: sent(seat, value) for key, value in named.items()})
    return _is(got(seat, found.value), wanted)


def _nargout(seat: Seat) -> Verdict:
    found = seat.ask("call", name="arcuate_two", args=[sent(seat, 2.5)], nargout=2)
    if found.values is None or len(found.values) != 2:
        return fail(f"two outputs were asked for: {str(found)[:200]}")
    verdict = _is([got(seat, one) for one in found.values], [2.5, 3.5], "the outputs")
    if verdict.outcome != "exact":
        return verdict
    none = seat.ask("call", name="arcuate_say", args=[sent(seat, "nothing")], nargout=0)
    return passed() if none.value is None else fail("a value came back with nargout = 0")


def _eval(seat: Seat) -> Verdict:
    return _is(got(seat, seat.ask("eval", code="1.5 * 2").value), 3.0)


def _run(seat: Seat) -> Verdict:
    printed = seat.ask("run", code=LANGUAGES[seat.environment].two).output
    if (printed.stdout, printed.stderr) != ("one\ntwo\n", "oops\n"):
        return fail(f"printed was {printed.stdout!r} and {printed.stderr!r}; it should be one, two and oops")
    return passed()


def _live(seat: Seat) -> Verdict:
    if seat.ask("run", code=LANGUAGES[seat.environment].two).live:
        return passed()
    raise answers.Declined("the output came after the run and not during it")


def _output(seat: Seat) -> Verdict:
    found = seat.ask("call", name="arcuate_say", args=[sent(seat, "žluť 猫 😀")], nargout=0)
    return _is(found.output, "žluť 猫 😀\n", "the output")


def _set(seat: Seat) -> Verdict:
    seat.ask("set", name="arcuate_v", value=sent(seat, 2.5))
    return _is(got(seat, seat.ask("eval", code="arcuate_add(arcuate_v, arcuate_v)").value), 5.0)


def _get(seat: Seat) -> Verdict:
    seat.ask("set", name="arcuate_v", value=sent(seat, 7.25))
    return _is(got(seat, seat.ask("get", name="arcuate_v").value), 7.25)


def _list(seat: Seat) -> Verdict:
    seat.ask("set", name="arcuate_v", value=sent(seat, 7.25))
    names = seat.ask("list").names
    return passed() if "arcuate_v" in names else fail(f"the variable is not in the list {names[:50]}")


def _delete(seat: Seat) -> Verdict:
    seat.ask("set", name="arcuate_v", value=sent(seat, 7.25))
    seat.ask("delete", name="arcuate_v")
    return refused(lambda: seat.ask("get", name="arcuate_v"), "NAME_NOT_FOUND")


def _kept(seat: Seat) -> Any:
    return seat.ask("eval", code=LANGUAGES[seat.environment].function, keep=True)


def _keep(seat: Seat) -> Verdict:
    found = _kept(seat)
    if found.handle is None:
        return fail(f"no handle came: {str(found)[:200]}")
    if not found.classes or not found.summary.strip():
        return fail(f"a handle has class and summary; these are {found.classes} and {found.summary!r}")
    return passed(f"{', '.join(found.classes)}: {found.summary}"[:200])


def _keep_call(seat: Seat) -> Verdict:
    args = [sent(seat, 2.5), sent(seat, 4.0)]
    return _is(got(seat, seat.ask("call", target=_kept(seat).handle, args=args).value), 6.5)


def _keep_pass(seat: Seat) -> Verdict:
    args = [{"handle": _kept(seat).handle}, sent(seat, 2.5), sent(seat, 4.0)]
    return _is(got(seat, seat.ask("call", name="arcuate_apply", args=args).value), 6.5)


def _keep_release(seat: Seat) -> Verdict:
    first, second = _kept(seat).handle, _kept(seat).handle
    seat.ask("release", handle=first)
    args = [sent(seat, 1.0), sent(seat, 1.0)]
    found = got(seat, seat.ask("call", target=second, args=args).value)
    verdict = _is(found, 2.0, "a call of the other handle")
    return _released(seat) if verdict.outcome == "exact" and seat.environment == "python" else verdict


def _released(seat: Seat) -> Verdict:
    """What was released is gone from the environment: Python can say so. It may go with a later request."""
    seat.ask("run", code=_THING)
    seat.ask("release", handle=seat.ask("eval", code="arcuate_thing()", keep=True).handle)
    for _ in range(3):
        if got(seat, seat.ask("eval", code="float(arcuate_thing.last() is None)").value) == 1.0:
            return passed()
    return fail("the environment still has an object whose handle was released")


def _callback(seat: Seat) -> Verdict:
    args = [{"function": "identity"}, sent(seat, 2.5)]
    return _is(got(seat, seat.ask("call", name="arcuate_apply", args=args).value), 2.5)


def _callback_error(seat: Seat) -> Verdict:
    found = got(seat, seat.ask("call", name="arcuate_guard", args=[{"function": "fail"}]).value)
    return passed() if "native failure" in str(found) else fail(f"the foreign code caught {found!r}")


def _publish(seat: Seat) -> Verdict:
    topic = f"matrix-{uuid.uuid4().hex}"
    numbers = [seat.ask("publish", topic=topic, value=sent(seat, n + 0.5)).sequence for n in range(2)]
    if numbers != [1, 2]:
        return fail(f"the numbers of the samples are {numbers}, not [1, 2]")
    with subscribe(topic, seat.servers.endpoint("plain", "zmq").url, start=1, timeout=10.0) as blocks:
        found = [np.asarray(next(blocks)).ravel().tolist() for _ in range(2)]
    return _is(found, [[0.5], [1.5]], "what was published")


def _subscribe(seat: Seat) -> Verdict:
    """A sample is published by the runner, so that a client that cannot publish is judged fairly."""
    topic = f"matrix-{uuid.uuid4().hex}"
    for number in range(3):
        publish(topic, number + 0.5, seat.servers.endpoint("plain", "zmq").url)
    samples = seat.ask("subscribe", topic=topic, count=2, **{"from": 2}).samples
    found = [(one.sequence, one.lost, got(seat, one.value)) for one in samples]
    return _is(found, [(2, 0, 1.5), (3, 0, 2.5)], "what came (number, lost, value)")


def _large(seat: Seat) -> Verdict:
    """16 MB of float64 that no compression shortens, by file."""
    array = np.asfortranarray(np.random.default_rng(20).standard_normal((1000, 2000)))
    given = sent(seat, array)
    found = seat.ask("call", 120.0, name="arcuate_id", args=[given], **seat.out(array.nbytes))
    back = got(seat, found.value)
    if getattr(back, "shape", None) != array.shape:
        return fail(f"the array came back as {type(back).__name__} of shape {getattr(back, 'shape', None)}")
    return passed() if np.array_equal(back, array) else fail("elements of the array changed")


def _labelled(seat: Seat) -> Verdict:
    import xarray

    array = xarray.DataArray(
        [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
        dims=("channel", "time"),
        coords={"channel": ["Fz", "Cz"], "time": [0.0, 0.25, 0.5]},
    )
    dims = got(seat, seat.ask("call", name="arcuate_dims", args=[sent(seat, array)]).value)
    if dims != "channel,time":
        return fail(f"the environment sees the dimensions {dims!r}, not 'channel,time'")
    back = got(seat, seat.ask("call", name="arcuate_id", args=[sent(seat, array)]).value)
    if not isinstance(back, xarray.DataArray) or not back.equals(array):
        return fail(f"it came back as {back!r}")
    return passed()


FEATURES: dict[str, Callable[[Seat], Verdict]] = {
    "environments": _environments, "describe": _describe, "call": _call, "named": _named,
    "nargout": _nargout, "eval": _eval, "run": _run, "live": _live, "output": _output, "set": _set,
    "get": _get, "list": _list, "delete": _delete, "keep": _keep, "keep/call": _keep_call,
    "keep/pass": _keep_pass, "keep/release": _keep_release, "callback": _callback,
    "callback/error": _callback_error, "publish": _publish, "subscribe": _subscribe, "large": _large,
    "labelled": _labelled,
}  # fmt: skip


def _usable(seat: Seat, verdict: Verdict) -> Verdict:
    """The session goes on after an error."""
    return (
        verdict
        if verdict.outcome != "exact" or _call(seat).outcome == "exact"
        else fail("the session is not usable afterwards")
    )


def _foreign(seat: Seat) -> Verdict:
    holds = {
        "message": "it broke: žluť",
        "class": LANGUAGES[seat.environment].classes,
        "stack": "arcuate_outer",
    }
    args = [sent(seat, "it broke: žluť")]
    return refused(lambda: seat.ask("call", name="arcuate_outer", args=args), "REMOTE_ERROR", holds=holds)


def _deadline(seat: Seat) -> Verdict:
    code = LANGUAGES[seat.environment].endless
    return _usable(seat, refused(lambda: seat.ask("run", code=code, timeout=0.5), "CALL_TIMEOUT"))


def _cancelled(seat: Seat) -> Verdict:
    code = LANGUAGES[seat.environment].endless
    return _usable(seat, refused(lambda: seat.ask("cancel", code=code), "CALL_CANCELLED"))


ERRORS: dict[str, tuple[str, Callable[[Seat], Verdict]]] = {
    "unknown-function": (
        "call",
        lambda seat: refused(
            lambda: seat.ask("call", name="no_such_function_anywhere", args=[]), "NAME_NOT_FOUND"
        ),
    ),
    "unknown-variable": (
        "get",
        lambda seat: refused(lambda: seat.ask("get", name="no_such_variable_anywhere"), "NAME_NOT_FOUND"),
    ),
    "foreign-error": ("call", _foreign),
    "syntax-error": (
        "eval",
        lambda seat: refused(
            lambda: seat.ask("eval", code=LANGUAGES[seat.environment].broken), "REMOTE_ERROR"
        ),
    ),
    "deadline": ("timeout", _deadline),
    "cancelled": ("cancel", _cancelled),
}
"""By name: the feature that it needs, and the case."""


def probes(seat: Seat) -> dict[str, Callable[[], Verdict]]:
    """Requests that no program knows: each must say so, or its other answers are worth nothing."""

    def declined(op: str, **fields: Any) -> Verdict:
        try:
            seat.ask(op, **fields)
        except answers.Declined:
            return passed()
        except answers.Refused as error:
            return fail(f"{op!r} with {fields} is nothing that a program knows; it answered {error}")
        return fail(f"{op!r} with {fields} is nothing that a program knows; it answered as if it had done it")

    return {
        "probe/op": lambda: declined("telepathy"),
        "probe/feature": lambda: declined("hello", feature="telepathy"),
    }
