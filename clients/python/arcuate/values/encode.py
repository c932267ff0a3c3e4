"""Python objects to rows.

Every type has one function ``put(state, value, key)`` that appends the rows of a value; a dictionary finds
it, so that a scalar costs one look-up and one row.
The functions of numpy, pandas, xarray, scipy and pyarrow are loaded when the first value of that library is
met: nothing here imports them.
"""

from __future__ import annotations

import importlib
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from arcuate.errors import ConversionError
from arcuate.values import codes
from arcuate.values.nodes import Buffer, Nodes, Row
from arcuate.values.options import EncodeOptions
from arcuate.values.types import List

__all__ = ["TABLE", "Encoder", "Put", "encode", "encode_into", "refuse"]

_DEFAULT = EncodeOptions()
_unpack = struct.Struct("<Q").unpack
_pack = struct.Struct("<d").pack


class Encoder:
    """A value under construction.

    Attributes:
        rows: rows so far.
        pool: pool so far.
        buffers: buffers so far.
        options: how to encode.
        depth: how deep we are now.
        path: ids of the containers we are in, to find reference cycles.
    """

    __slots__ = ("buffers", "depth", "options", "path", "pool", "rows")

    def __init__(self, nodes: Nodes, options: EncodeOptions) -> None:
        self.rows: list[Row] = nodes.rows
        self.pool: list[int] = nodes.pool
        self.buffers: list[Buffer] = nodes.buffers
        self.options = options
        self.depth = 0
        self.path: set[int] = set()

    def put(self, value: Any, key: str = "") -> None:
        """Appends a value."""
        kind = type(value)
        (TABLE.get(kind) or _resolve(kind))(self, value, key)

    def put_at(self, value: Any, key: str, step: str) -> None:
        """Appends a value; an error gets ``step`` before its path."""
        try:
            self.put(value, key)
        except ConversionError as error:
            error.prepend(step)
            raise

    def row(
        self,
        kind: int,
        *,
        key: str = "",
        dtype: int = 0,
        flags: int = 0,
        unit: int = 0,
        count: int = 0,
        value: int = 0,
        text: str = "",
    ) -> None:
        """Appends one row; for code where clarity counts more than speed."""
        self.rows.append((kind, dtype, flags, unit, count, value, key, text))

    def texts(self, items: Sequence[str | None], key: str) -> None:
        """Appends a list of texts (or nulls) as parts of other values have it: nodes, never an array."""
        self.rows.append((8, 0, 0, 0, len(items), 0, key, ""))
        for item in items:
            self.rows.append((0, 0, 0, 0, 0, 0, "", "") if item is None else (5, 0, 0, 0, 0, 0, "", item))

    def enter(self, container: object) -> None:
        """Goes into a container; :meth:`leave` comes back. Between them no other exit but an error."""
        self.depth += 1
        ident = id(container)
        if ident in self.path:
            raise ConversionError(
                f"reference cycle: this {type(container).__name__} contains itself; values are trees, so "
                f"send a copy without "
                f"the back reference"
            )
        self.path.add(ident)
        if self.depth > self.options.depth:
            raise ConversionError(
                f"the value nests deeper than {self.options.depth} levels; flatten it, or send the parts "
                f"one by one"
            )

    def leave(self, container: object) -> None:
        """Comes back from a container."""
        self.depth -= 1
        self.path.discard(id(container))


Put = Callable[[Encoder, Any, str], None]

TABLE: dict[type, Put] = {}
"""What is known about exact types. Filled by :mod:`arcuate.values.plain` and on demand by ``_LIBRARIES``."""

_LIBRARIES = {
    "numpy": "arcuate.values.numpy_encode",
    "pandas": "arcuate.values.pandas_encode",
    "xarray": "arcuate.values.xarray_encode",
    "scipy": "arcuate.values.sparse",
    "pyarrow": "arcuate.values.arrow",
}
_loaded: set[str] = set()
_CACHE = 2048


def encode(value: Any, options: EncodeOptions = _DEFAULT) -> Nodes:
    """The rows of a Python value.

    Args:
        value: any value of the model.
        options: how to encode it.

    Raises:
        ConversionError: it cannot travel; the path starts at the value.
    """
    kind = type(value)
    if kind is float:  # the commonest argument and result: no state is needed for it
        return Nodes([(3, 0, 0, 0, 0, _unpack(_pack(value))[0], "", "")])
    nodes = Nodes()
    (TABLE.get(kind) or _resolve(kind))(Encoder(nodes, options), value, "")
    return nodes


def encode_into(value: Any, nodes: Nodes, key: str = "", options: EncodeOptions = _DEFAULT) -> None:
    """Appends the rows of a Python value to a message under construction.

    After an error ``nodes`` is unfinished and must not be used.
    """
    kind = type(value)
    if kind is float:
        nodes.rows.append((3, 0, 0, 0, 0, _unpack(_pack(value))[0], key, ""))
    else:
        (TABLE.get(kind) or _resolve(kind))(Encoder(nodes, options), value, key)


def _resolve(kind: type) -> Put:
    """Finds the function of a type that was not met before."""
    bases = kind.__mro__
    for base in bases:
        library = base.__module__.partition(".")[0]
        if library in _LIBRARIES and library not in _loaded:
            importlib.import_module(_LIBRARIES[library])
            _loaded.add(library)
    put = next((TABLE[base] for base in bases if base in TABLE), _put_other)
    if len(TABLE) < _CACHE:
        TABLE[kind] = put
    return put


def _put_other(state: Encoder, value: Any, key: str) -> None:
    """A value of no known type: a handle, something the hook knows, a mapping, a callable, or an error."""
    options = state.options
    if options.handle is not None:
        found = options.handle(value)
        if found is not None:
            _put_reference(state, codes.HANDLE, found[0], found[1], key)
            return
    if options.hook is not None:
        for base in type(value).__mro__:
            change = options.hook.get(base)
            if change is not None:
                state.enter(value)
                state.put(change(value), key)
                state.leave(value)
                return
    if isinstance(value, Mapping):
        TABLE[dict](state, value, key)
        return
    if callable(value) and not isinstance(value, type):
        put_function(state, value, key)
        return
    refuse(value)


def put_function(state: Encoder, value: Callable[..., Any], key: str) -> None:
    """A Python callable, which the other side may call back."""
    found = None if state.options.handle is None else state.options.handle(value)
    if found is not None:
        _put_reference(state, codes.HANDLE, found[0], found[1], key)
        return
    if state.options.function is None:
        raise ConversionError(
            f"the function {getattr(value, '__qualname__', value)!r} cannot travel here: only the arguments "
            f"of a call and "
            f"variables of a session can be functions; send what it returns"
        )
    ident, info = state.options.function(value)
    _put_reference(state, codes.FUNCTION, ident, info, key)


def _put_reference(state: Encoder, kind: int, ident: str, info: Mapping[str, Any] | None, key: str) -> None:
    state.rows.append((kind, 0, 0, 0, int(info is not None), 0, key, ident))
    if info is not None:
        known = dict(info)
        if "class" in known:
            known["class"] = List(known["class"])
        state.put(known, "info")


def refuse(value: Any) -> None:
    """Raises the error for a value that cannot travel."""
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    for base in kind.__mro__:
        what = f"{base.__module__}.{base.__qualname__}".removeprefix("builtins.")
        if what in _REMEDIES:
            raise ConversionError(f"a {name} cannot travel; {_REMEDIES[what]}")
    if isinstance(value, type):
        raise ConversionError(
            f"the class {value.__qualname__} cannot travel; to let the other side call it, wrap it: "
            f"lambda *args: {value.__qualname__}(*args)"
        )
    if hasattr(value, "__dataclass_fields__"):
        raise ConversionError(f"a {name} cannot travel; send dataclasses.asdict(value), or its fields")
    if hasattr(value, "__next__"):
        raise ConversionError(f"a {name} cannot travel, since it can be read only once; send list(value)")
    raise ConversionError(
        f"a {name} cannot travel; allowed are None, bool, int, float, complex, str, bytes, dates and times, "
        f"lists, tuples, "
        f"dicts with text keys, numpy, pandas, xarray and scipy.sparse values and functions. Send its "
        f"parts, or name a "
        f"conversion for its type in the option 'hook'"
    )


_REMEDIES = {
    "set": "it has no order: send sorted(value) or list(value)",
    "frozenset": "it has no order: send sorted(value) or list(value)",
    "range": "send list(value), or numpy.arange(...)",
    "generator": "it can be read only once: send list(value)",
    "dict_keys": "send list(value)",
    "dict_values": "send list(value)",
    "dict_items": "send dict(value)",
    "collections.deque": "send list(value)",
    "slice": "send its start, stop and step",
    "ellipsis": "leave it out",
    "module": "send the function or the value that you need from it",
    "decimal.Decimal": "no other language has it: send float(value), or str(value) to keep every digit",
    "fractions.Fraction": "send float(value), or its numerator and denominator",
    "datetime.time": "no other language has a time without a date: send a datetime, a timedelta since "
    "midnight, or "
    "value.isoformat()",
    "datetime.tzinfo": "send its name, str(value)",
    "uuid.UUID": "send str(value)",
    "pathlib.PurePath": "send str(value)",
    "_io._IOBase": "send its name, or what it holds: file.read()",
    "enum.Enum": "send value.value or value.name",
    "re.Pattern": "send value.pattern",
    "_thread.lock": "it exists in this process only",
    "coroutine": "await it and send the result",
    "BaseException": "send str(value)",
}

from arcuate.values import native as _native  # noqa: E402, F401
from arcuate.values import plain as _plain  # noqa: E402, F401  (fills TABLE)
