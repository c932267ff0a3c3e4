"""The cases that values make: decode, echo, observe, produce; and the judgement of what comes back.

A value travels through the client's language, through the environment's, and through the client's again.
What it must be afterwards is computed by :func:`arcuate.matrix.permitted.journey` from the vector's rendering
alone, never by another implementation. Where R or Octave is on the way, what has one element is compared as
the scalar that the default options of a session make of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from arcuate.errors import ArcuateError
from arcuate.matrix import answers, observe, permitted, produce, reference
from arcuate.matrix.outcome import Verdict
from arcuate.matrix.rendering import render, same
from arcuate.matrix.seat import Seat, fail, refused
from arcuate.matrix.vectors import Case
from arcuate.values import frames, protobuf
from arcuate.values.equal import equal

__all__ = ["decode", "echo", "judge", "observed", "produced", "relayed", "relayed_seen", "travels"]

_BOUND = ("function", "handle")
"""Kinds that are values within a session only."""
_UNWRITTEN = ("*/wire-higher-minor", "*/wire-unknown-*")
"""Vectors with something that every reader ignores and no writer writes: it is lost where a value is read."""
_VECTORS = ("r", "octave")
"""Languages without scalars of their own."""


@cache
def rendering(case: Case) -> dict[str, Any]:
    """The rendering of a case, made once."""
    value = case.value
    assert value is not None
    return value


@cache
def journey(case: Case, languages: tuple[str, ...]) -> list[permitted.Result]:
    """What may come back from some languages, one after the other."""
    return permitted.journey(rendering(case), languages)


def travels(case: Case, encoding: str) -> bool:
    """Whether it is a value that can be sent: no error vector, nothing that belongs to a session, and it has
    this encoding.
    """
    return not case.error and case.kind not in _BOUND and case.encoded(encoding) is not None


def judge(
    sent: dict[str, Any],
    expected: Sequence[permitted.Result],
    received: dict[str, Any],
    languages: Iterable[str],
) -> Verdict:
    """Judges a value that came back.

    Args:
        sent: the vector's rendering.
        expected: what may come back.
        received: what did.
        languages: those on the way.
    """
    vectors = [one for one in languages if one in _VECTORS]

    def short(value: dict[str, Any]) -> dict[str, Any]:
        return permitted.simplified(value, vectors) if vectors else value

    shown = short(received)
    difference = ""
    for one in expected:
        if one.value is None:
            continue
        found = same(shown, short(one.value))
        if not found:
            if not same(received, sent) or (not one.changes and not same(shown, short(sent))):
                return Verdict("exact")
            return Verdict("permitted", changes=one.changes or ("shape",), received=received)
        difference = difference or found
    values = [one.value for one in expected if one.value is not None]
    if not values:
        return fail("it was answered, where a CONVERSION error is declared", received=received)
    if not same(shown, short(sent)):
        return fail(
            f"the declared change did not happen ({', '.join(expected[0].changes)}): {difference}",
            received=received,
            expected=values[0],
        )
    return fail(f"an undeclared change: {difference}", received=received, expected=values[0])


def _declined(expected: Sequence[permitted.Result], error: answers.Refused) -> Verdict | None:
    """The verdict on an error where the journey declares one; ``None`` where it does not."""
    found = [one for one in expected if one.error == error.error.code]
    if not found:
        return None
    if not error.error.path.startswith("$"):
        return fail(f"{error.error.code} without the path of the value: {error.error.message}")
    if not any(one.path in error.error.path for one in found):
        return fail(f"the path of the error is {error.error.path!r}; it must lead through {found[0].path!r}")
    return Verdict("permitted", f"{error.error.code}: {error.error.message}"[:300], ("refused",))


def _judged(
    case: Case,
    languages: tuple[str, ...],
    seat: Seat,
    ask: Callable[[], Any],
    sent: bytes,
    expected: Sequence[permitted.Result] = (),
) -> Verdict:
    expected = expected or journey(case, languages)
    try:
        answer = ask()
    except answers.Refused as error:
        verdict = _declined(expected, error)
        if verdict is None:
            raise
        return verdict
    if answer.value is None:
        return fail(
            "the answer holds no value" + (" but a handle" if getattr(answer, "handle", None) else "")
        )
    data = answer.value.read()
    if data == sent and any(fnmatchcase(case.name, pattern) for pattern in _UNWRITTEN):
        return fail("the bytes came back with what every reader ignores: they were not decoded")
    unchanged = not any(one.changes or one.error for one in expected)
    if unchanged and (data == sent or (case.large and _equal(data, sent, seat.client.encoding))):
        return Verdict("exact")
    try:
        received = render(data, seat.client.encoding)
    except ArcuateError as error:
        return fail(f"what came back cannot be read: {error.code}: {error.message}")
    return judge(rendering(case), expected, received, languages)


def _equal(data: bytes, sent: bytes, encoding: str) -> bool:
    """Whether two encodings of a large value are equal; their renderings would take ten seconds."""
    load = protobuf.load if encoding == "protobuf" else frames.load
    try:
        return equal(load(data), load(sent)) is None
    except ArcuateError:
        return False  # what is wrong with it is found by the rendering


def decode(seat: Seat, case: Case) -> Verdict:
    """To the native value and back, without a hub; an error vector must be refused with its code."""
    data = case.encoded(seat.client.encoding)
    assert data is not None
    given = {"value": seat.given(data), **seat.out(len(data))}
    if case.error:
        return refused(lambda: _unless_unknown(seat, case, given), case.error)
    languages = (seat.client.values,)
    return _judged(case, languages, seat, lambda: seat.ask("decode", seat.patience, **given), data)


def _unless_unknown(seat: Seat, case: Case, given: dict[str, Any]) -> Any:
    """Has an error vector decoded; a client without that kind need not look into it, if it says so."""
    try:
        return seat.ask("decode", seat.patience, **given)
    except answers.Refused as error:
        if error.error.code == "UNSUPPORTED" != case.error and seat.client.reason((case.name,)):
            raise answers.Declined(error.error.message) from None
        raise


def echo(seat: Seat, case: Case) -> Verdict:
    """Through the environment's identity function."""
    data = case.encoded(seat.client.encoding)
    assert data is not None
    languages = (seat.client.values, seat.environment, seat.client.values)
    fields = {"name": "arcuate_id", "args": [seat.given(data)], **seat.out(len(data))}
    verdict = _judged(case, languages, seat, lambda: seat.ask("call", seat.patience, **fields), data)
    if verdict.outcome == "fail" and verdict.received is not None:
        form = _form(seat, case, data)
        if form is not None:
            expected = permitted.journey(form, languages[1:])
            other = judge(rendering(case), expected, verdict.received, languages)
            return verdict if other.outcome == "fail" else other
    return verdict


def _form(seat: Seat, case: Case, data: bytes) -> dict[str, Any] | None:
    """The form in which the client itself writes a value, where it is a permitted one.

    A value has several: with other hints, codes of another width, a list instead of a sequence. They are
    equal, and a language may show each of them differently.
    """
    answer = seat.ask("decode", seat.patience, value=seat.given(data), **seat.out(len(data)))
    try:
        form = render(answer.value.read(), seat.client.encoding)
    except ArcuateError:
        return None
    languages = (seat.client.values,)
    verdict = judge(rendering(case), journey(case, languages), form, languages)
    return None if verdict.outcome == "fail" else form


def observed(seat: Seat, case: Case) -> Verdict:
    """What the environment itself says of the value that has arrived."""
    data = case.encoded(seat.client.encoding)
    assert data is not None
    try:
        found = seat.ask("call", seat.patience, name="arcuate_see", args=[seat.given(data)])
    except answers.Refused as error:
        verdict = _declined(journey(case, (seat.client.values, seat.environment)), error)
        if verdict is None:
            raise
        return verdict
    if found.value is None:
        return fail("the answer holds no value")
    shown = render(found.value.read(), seat.client.encoding)
    text = _text(shown)
    wanted = _to_be_seen(case, (seat.client.values,), seat.environment)
    if text in wanted:
        return Verdict("exact")
    form = _form(seat, case, data)
    if form is not None:
        wanted.append(observe.seen(form, seat.environment))
        if text == wanted[-1]:
            return Verdict("exact")
    return fail(
        f"{seat.environment} sees {text!r}, where {' or '.join(map(repr, wanted))} was to be seen",
        received={"kind": "text", "value": text},
        expected={"kind": "text", "value": wanted[0]} if wanted else None,
    )


def relayed(seat: Seat, case: Case, called: str) -> Verdict:
    """Through the environment of the cell to another one, whose identity function returns it, and back."""
    data = case.encoded(seat.client.encoding)
    assert data is not None
    languages = (seat.client.values, seat.environment, called, seat.environment, seat.client.values)
    names = [_named(seat, text) for text in (called, "arcuate_id")]
    fields = {"name": "arcuate_relay", "args": [*names, seat.given(data)], **seat.out(len(data))}
    return _judged(case, languages, seat, lambda: seat.ask("call", seat.patience, **fields), data)


def relayed_seen(seat: Seat, case: Case, called: str) -> Verdict:
    """What another environment says of the value that has arrived through that of the cell."""
    data = case.encoded(seat.client.encoding)
    assert data is not None
    languages = (seat.client.values, seat.environment)
    args = [*(_named(seat, text) for text in (called, "arcuate_see")), seat.given(data)]
    try:
        found = seat.ask("call", seat.patience, name="arcuate_relay", args=args)
    except answers.Refused as error:
        verdict = _declined(journey(case, (*languages, called)), error)
        if verdict is None:
            raise
        return verdict
    if found.value is None:
        return fail("the answer holds no value")
    text = _text(render(found.value.read(), seat.client.encoding))
    wanted = _to_be_seen(case, languages, called)
    if text in wanted:
        return Verdict("exact")
    form = _form(seat, case, data)
    if form is not None:
        journeys = permitted.journey(form, languages[1:])
        wanted += [observe.seen(one.value, called) for one in journeys if one.value is not None]
        if text in wanted:
            return Verdict("exact")
    return fail(f"{called} sees {text!r}, where {' or '.join(map(repr, wanted))} was to be seen")


def _named(seat: Seat, text: str) -> dict[str, str]:
    """A text as an argument."""
    return seat.given(reference.encode({"kind": "text", "value": text}, seat.client.encoding))


def _to_be_seen(case: Case, languages: tuple[str, ...], environment: str) -> list[str]:
    """What may be seen there: a client in R or Octave may send one element as the scalar or as an array."""
    wanted, client = [], languages[-1]
    for one in journey(case, languages):
        if one.value is not None:
            forms = [one.value]
            if client in _VECTORS:
                forms += [permitted.simplified(one.value, (client,)), _typed(one.value, client)]
            wanted += [observe.seen(form, environment) for form in forms]
    return list(dict.fromkeys(wanted))


def _typed(value: dict[str, Any], client: str) -> dict[str, Any]:
    """As the client's scalars; one that is missing keeps its type."""
    if value["kind"] == "array" and value["data"] == [None]:
        return {"kind": "missing", "dtype": value["dtype"]}
    if value["kind"] == "list":
        return {**value, "items": [_typed(item, client) for item in value["items"]]}
    if value["kind"] == "mapping":
        return {**value, "items": [[key, _typed(item, client)] for key, item in value["items"]]}
    return permitted.simplified(value, (client,))


def _text(shown: dict[str, Any]) -> str:
    """The text in an answer: a scalar, or an array of one text."""
    if shown["kind"] == "array" and shown["dtype"] == "text" and len(shown["data"]) == 1:
        return str(shown["data"][0])
    return str(shown.get("value", shown))


def produced(seat: Seat, case: Case, code: str) -> Verdict:
    """A literal of the environment's language makes the value; ``code`` is its source."""
    size = len(case.encoded(seat.client.encoding) or b"")
    ask = lambda: seat.ask("eval", seat.patience, code=code, **seat.out(size))  # noqa: E731
    made = produce.made(rendering(case), seat.environment)
    if made is None:
        return fail(f"no value is known to come back from {code}")
    expected = permitted.journey(made, (seat.client.values,))
    return _judged(case, (seat.environment, seat.client.values), seat, ask, b"", expected)


def literal(case: Case, language: str) -> str | None:
    """Source text of a language whose value the case is; ``None`` where it has none.

    Where the source cannot even be made, which is a defect of the runner, it is the text of the error: the
    case is run, and fails.
    """
    try:
        return produce.literal(rendering(case), language)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def encoded(value: dict[str, Any], encoding: str) -> bytes:
    """A rendering as bytes."""
    return reference.encode(value, encoding)
