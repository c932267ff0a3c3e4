"""What bodies of calls say, in either form."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from arcuate.errors import ConversionError, InvalidArgument
from arcuate.http.codec import dumps
from arcuate.http.request import JSON
from arcuate.mps.failures import Refusal, identifier_of, matlab_body, stack_of
from arcuate.mps.matrix import Budget, Matrix
from arcuate.mps.notation import Format, read, write
from arcuate.mps.wire import PROTOBUF, read_call, write_error, write_result
from arcuate.values.record import record

__all__ = ["NARGOUT", "Call", "answer_body", "error_body", "read_body"]

NARGOUT = 1000
"""Outputs that a call may ask for."""


@record(frozen=True)
class Call:
    """A call.

    Attributes:
        nargout: how many outputs are wanted.
        arguments: its arguments.
        format: how they are written in JSON.
    """

    nargout: int
    arguments: list[Matrix]
    format: Format


def read_body(data: bytes | bytearray | memoryview, kind: str, nodes: int) -> Call:
    """Reads the body of a call.

    Args:
        data: the body.
        kind: its content type.
        nodes: how many arrays it may hold.

    Raises:
        Refusal: it is no call.
        ProtocolError: it is no protobuf message.
        ConversionError: an argument has no form here.
        LimitExceeded: it holds more arrays.
    """
    if kind == PROTOBUF:
        nargout, arguments = read_call(bytes(data), nodes)
        return Call(_nargout(nargout), arguments, Format())
    body = _loads(data)
    if "nargout" not in body:
        raise _invalid("NargoutMissing", "nargout is missing: how many outputs are wanted")
    if "rhs" not in body:
        raise _invalid("RhsMissing", "rhs is missing: the list of arguments")
    if not isinstance(body["rhs"], list):
        raise _invalid("InvalidRhs", "rhs must be a list of arguments")
    nargout = _nargout(body["nargout"])
    wanted = _format(body.get("outputFormat", {}))
    arguments = []
    budget = Budget(nodes)
    for at, value in enumerate(body["rhs"]):
        try:
            arguments.append(read(value, budget))
        except ConversionError as error:
            error.prepend(f"$.rhs[{at}]")
            raise
    return Call(nargout, arguments, wanted)


def _loads(data: bytes | bytearray | memoryview) -> dict[str, Any]:
    try:
        found = json.loads(bytes(data).decode(), parse_constant=_no_constant, object_pairs_hook=_pairs)
    except RecursionError:
        raise _invalid("InvalidJSON", "the body is no JSON that can be read: it nests too deep") from None
    except ValueError as error:  # no UTF-8, no JSON, a number of too many digits
        raise _invalid("InvalidJSON", f"the body is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise _invalid("InvalidInput", "the body must be an object with nargout and rhs")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f'{name} is no JSON; write {{"mwdata": "{name.replace("inity", "")}"}}')


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _nargout(value: Any) -> int:
    whole = isinstance(value, float) and value.is_integer()
    if isinstance(value, bool) or not (isinstance(value, int) or whole) or not 0 <= value <= NARGOUT:
        raise _invalid("InvalidInput", f"nargout must be a whole number from 0 to {NARGOUT}")
    return int(value)


def _format(given: Any) -> Format:
    if not isinstance(given, dict):
        raise _invalid("InvalidInput", "outputFormat must be an object with mode and nanInfFormat")
    mode, special = given.get("mode", "large"), given.get("nanInfFormat", given.get("nanType", "object"))
    if mode not in ("small", "large"):
        raise _invalid("InvalidInput", "outputFormat.mode must be 'small' or 'large'")
    if special not in ("string", "object"):
        raise _invalid("InvalidInput", "outputFormat.nanInfFormat must be 'string' or 'object'")
    return Format(mode == "small", special == "string")


def _invalid(name: str, message: str) -> Refusal:
    return Refusal(400, name, InvalidArgument(message))


def answer_body(outputs: list[Matrix], wanted: Format, kind: str) -> bytes:
    """The body with the outputs of a call, of the content type ``kind``."""
    if kind == PROTOBUF:
        return write_result(outputs)
    return dumps({"lhs": [write(one, wanted) for one in outputs]})


def error_body(error: Any, kind: str) -> tuple[str, bytes]:
    """Content type and body with what a function raised."""
    if kind == PROTOBUF:
        return PROTOBUF, write_error(error.message, identifier_of(error), stack_of(error))
    return JSON, dumps(matlab_body(error))
