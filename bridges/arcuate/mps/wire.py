"""The protobuf form of calls and results (``protos/arcuate/mps/v1/production.proto``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from arcuate.errors import ConversionError, LimitExceeded, ProtocolError
from arcuate.mps import v1
from arcuate.mps.matrix import NUMERIC, Budget, Matrix, check_size, empty_structs, logical, numbers
from arcuate.values import codes
from arcuate.values.nodes import step

__all__ = ["PROTOBUF", "read_call", "write_array", "write_error", "write_result"]

PROTOBUF = "application/x-google-protobuf"
"""The content type that MathWorks' clients send."""
_BYTES = ("int8", "uint8")
_MOST = 2000
"""Texts of errors are cut here."""


def read_call(data: bytes | memoryview, nodes: int) -> tuple[int, list[Matrix]]:
    """How many outputs a call asks for, and its arguments.

    Args:
        data: the message.
        nodes: how many arrays it may hold, those inside of others included.

    Raises:
        ProtocolError: it is no such message.
        ConversionError: an argument has no form here; the message ends with its path.
        LimitExceeded: it holds more arrays.
    """
    call = _parse(v1.CallParameters, bytes(data))
    nargout = call.nargout if call.HasField("nargout") else 1
    return nargout, _Reader(Budget(nodes)).items(call.arguments, 0, lambda at: f"$.rhs[{at}]")


def _parse(kind: Any, data: bytes) -> Any:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise ProtocolError(f"the body is no protobuf message of a call: {error}") from None


class _Reader:
    """Reads arrays, and counts them.

    Args:
        budget: how many there may be.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def items(self, values: Sequence[bytes], depth: int, path: Callable[[int], str]) -> list[Matrix]:
        """Arrays that stand side by side."""
        self._budget.take(len(values))
        found = []
        for at, data in enumerate(values):
            try:
                found.append(self._array(_parse(v1.Array, data), depth))
            except ConversionError as error:
                error.prepend(path(at))
                raise
        return found

    def _array(self, one: Any, depth: int) -> Matrix:
        if depth > codes.MAX_DEPTH:
            raise LimitExceeded(
                f"a value nests deeper than {codes.MAX_DEPTH} levels; flatten it", setting="depth"
            )
        name = _NAMES.get(one.array_class, str(one.array_class))
        if name == "cell":
            size = check_size(one.size, len(one.cell.values))
            return Matrix("cell", size, self.items(one.cell.values, depth + 1, lambda at: f"[{at}]"))
        if name == "struct":
            return self._struct(one, depth)
        reader = _READERS.get(name)
        if reader is None:
            raise ConversionError(
                f"an array of the class {name!r} cannot be read; send numbers, logicals, texts, cells or "
                "structs"
            )
        if one.layout == v1.MemoryLayout.MEMORY_LAYOUT_ROW_MAJOR and name not in NUMERIC:
            raise ConversionError(f"a row-major {name} array cannot be read; send it column-major")
        return reader(one, name)

    def _struct(self, one: Any, depth: int) -> Matrix:
        fields, values = tuple(one.struct.names), one.struct.values
        width = len(fields)
        if width:
            count, rest = divmod(len(values), width)
        else:
            count, rest = empty_structs(one.size, self._budget), len(values)
        if rest:
            raise ConversionError(f"{len(values)} values do not fill structs of {width} fields")
        size = check_size(one.size, count)

        def path(at: int) -> str:
            return f"[{at // width}]{step(fields[at % width])}"

        items = self.items(values, depth + 1, path)
        return Matrix("struct", size, [items[at * width : (at + 1) * width] for at in range(count)], fields)


def _read_numbers(one: Any, name: str) -> Matrix:
    elements = getattr(one, name)
    dtype = NUMERIC[name]
    parts = []
    for part in (elements.real, elements.imaginary):
        if name in _BYTES:
            parts.append(np.frombuffer(part, dtype) if part else np.empty(0, dtype))
        else:
            parts.append(_narrow(part, name, dtype))
    real, imaginary = parts
    major = one.layout == v1.MemoryLayout.MEMORY_LAYOUT_ROW_MAJOR
    return numbers(name, one.size, real, imaginary if len(imaginary) else None, row_major=major)


def _narrow(part: Any, name: str, dtype: Any) -> Any:
    """Varints of 16-bit classes may hold more than the class does."""
    wide = {"int16": np.dtype("i8"), "uint16": np.dtype("u8")}.get(name, dtype)
    found = np.fromiter(part, wide, len(part))
    if wide is not dtype and len(found):
        limits = np.iinfo(dtype)
        if found.min() < limits.min or found.max() > limits.max:
            raise ConversionError(f"a number does not fit the class {name}")
    return found


def _read_logical(one: Any, name: str) -> Matrix:
    values = one.logical.values
    return logical(one.size, np.fromiter(values, np.bool_, len(values)))


def _read_char(one: Any, name: str) -> Matrix:
    points = one.char.real
    size = check_size(one.size, len(points))
    try:
        text = "".join(map(chr, points))
    except (ValueError, OverflowError):
        raise ConversionError("an element of a char is no character") from None
    if not text.isascii() and any(0xD800 <= ord(one) < 0xE000 for one in text):
        # UTF-16 halves: clients that have 16-bit characters send a pair for one character
        try:
            joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            raise ConversionError("a char holds half a character (a lone surrogate)") from None
        if len(size) != 2 or size[0] != 1:
            raise ConversionError("a char of several rows holds characters beyond 16 bits; send a cell")
        return Matrix("char", (1, len(joined)), joined)
    return Matrix("char", size, text)


def _read_string(one: Any, name: str) -> Matrix:
    units, texts, at = one.string.units, [], 0
    size = check_size(one.size, len(one.string.sizes))
    for count in one.string.sizes:
        piece = units[at : at + count]
        at += count
        try:
            if len(piece) != count:
                raise ValueError
            texts.append(np.array(piece, "<u2").tobytes().decode("utf-16-le"))
        except (ValueError, OverflowError):
            raise ConversionError("an element of a string array is no UTF-16 text") from None
    if at != len(units):
        raise ConversionError(
            f"a string array has {len(units)} UTF-16 units, and {at} by the sizes of its elements"
        )
    return Matrix("string", size, texts)


_NAMES = {number: name.removeprefix("ARRAY_CLASS_").lower() for name, number in v1.ArrayClass.items()}
_READERS: dict[str, Callable[[Any, str], Matrix]] = {
    **dict.fromkeys(NUMERIC, _read_numbers),
    "logical": _read_logical,
    "char": _read_char,
    "string": _read_string,
}


# ----------------------------------------------------------------------- writing


def write_result(outputs: Iterable[Matrix]) -> bytes:
    """The message of a result."""
    result = v1.CallResult(outputs=map(write_array, outputs))
    return bytes(result.SerializeToString())


def write_error(message: str, identifier: str, stack: Sequence[Mapping[str, Any]]) -> bytes:
    """The message of an error that the function raised."""
    result = v1.CallResult()
    # a client takes an empty message for no error
    result.error.message = message or identifier or "error"
    result.error.identifier = identifier
    for one in stack:
        line = min(int(one["line"]), (1 << 31) - 1)
        result.error.stack.add(file=str(one["file"]), name=str(one["name"])[:_MOST], line=line)
    return bytes(result.SerializeToString())


def write_array(one: Matrix) -> bytes:
    """The message of an array.

    Raises:
        ConversionError: it cannot be written.
    """
    target: Any = v1.Array(array_class=f"ARRAY_CLASS_{one.kind.upper()}", size=one.size)
    data = one.data
    if one.kind in NUMERIC:
        elements = getattr(target, one.kind)
        elements.SetInParent()
        if one.kind in _BYTES:
            elements.real = data.tobytes()
        elif one.is_complex:
            elements.real.extend(data.real.tolist())
            elements.imaginary.extend(data.imag.tolist())
        else:
            elements.real.extend(data.tolist())
    elif one.kind == "logical":
        target.logical.SetInParent()
        target.logical.values.extend(data.tolist())
    elif one.kind == "char":
        target.char.SetInParent()
        target.char.real.extend(map(ord, data))
    elif one.kind == "cell":
        target.cell.SetInParent()
        target.cell.values.extend(map(write_array, data))
    elif one.kind == "struct":
        target.struct.SetInParent()
        target.struct.names.extend(one.fields)
        target.struct.values.extend(write_array(item) for items in data for item in items)
    else:
        raise ConversionError(f"an array of class {one.kind} cannot be written")
    return bytes(target.SerializeToString())
