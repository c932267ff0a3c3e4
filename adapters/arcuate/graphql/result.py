"""An answer: its data, its errors beside them, and tables of its lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from arcuate.connector import (
    AuthenticationError,
    DataError,
    IntegrationError,
    NotFoundError,
    RateLimitError,
)
from arcuate.values.record import field, record

__all__ = ["Fault", "GraphQLError", "GraphQLResult", "of_faults", "of_payload"]

T = TypeVar("T")


@record(frozen=True)
class Fault:
    """One error of an answer.

    Attributes:
        message: what the system says.
        path: of the field that failed, such as ``("stations", 3, "name")``; () for the whole.
        code: ``extensions.code``, "" without one.
        locations: (line, column) in the document.
        extensions: what the system says beside.
    """

    message: str
    path: tuple[str | int, ...] = ()
    code: str = ""
    locations: tuple[tuple[int, int], ...] = ()
    extensions: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        place = ".".join(map(str, self.path))
        return (f"{place}: " if place else "") + self.message + (f" ({self.code})" if self.code else "")


class GraphQLError(IntegrationError):
    """The answer has errors. What else it has is here too.

    Attributes:
        errors: all of them.
        data: what came beside them, ``None`` if nothing did.
        extensions: of the answer.
    """

    code = "PROTOCOL_ERROR"
    errors: tuple[Fault, ...] = ()
    data: Any = None
    extensions: Mapping[str, Any] = {}


class _Unknown(GraphQLError, AuthenticationError):
    code = AuthenticationError.code


class _TooOften(GraphQLError, RateLimitError):
    code = RateLimitError.code


class _Missing(GraphQLError, NotFoundError):
    code = NotFoundError.code


_KINDS: dict[str, type[GraphQLError]] = {
    "UNAUTHENTICATED": _Unknown,
    "UNAUTHORIZED": _Unknown,
    "FORBIDDEN": _Unknown,
    "RATE_LIMITED": _TooOften,
    "THROTTLED": _TooOften,
    "NOT_FOUND": _Missing,
}
"""``extensions.code`` is what servers agree on, not what the specification says."""


def of_faults(
    service: str, faults: tuple[Fault, ...], data: Any, extensions: Mapping[str, Any], status: Any = None
) -> GraphQLError:
    """The error of an answer with errors; its kind is that of the first whose code says one."""
    kind = next((_KINDS[one.code] for one in faults if one.code in _KINDS), GraphQLError)
    shown = "; ".join(str(one) for one in faults[:3])
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
    beside = "" if data is None else "; the rest came and is in the error's 'data'"
    error = kind(
        f"{service}: the answer has {len(faults)} error{'s' * (len(faults) > 1)}: {shown}{more}{beside}",
        service=service,
        recoverable=issubclass(kind, RateLimitError),
        status=status or next((one.code for one in faults if one.code), None),
        detail=[str(one) for one in faults],
        executed="maybe",
    )
    error.errors, error.data, error.extensions = faults, data, extensions
    return error


@record(frozen=True)
class GraphQLResult:
    """What the system answered.

    Attributes:
        data: by field; ``None`` if nothing could be given.
        errors: what failed; the fields concerned are ``None`` in ``data``.
        extensions: what the system says beside.
        degraded: whether it is a fallback: the system did not answer.
        age: seconds since the system said it; ``None`` for a default.
        service: the connector's name.
        source: ``live``, ``cache``, ``default``, or the address of another endpoint.
    """

    data: Any
    errors: tuple[Fault, ...] = ()
    extensions: Mapping[str, Any] = field(default_factory=dict)
    degraded: bool = False
    age: float | None = 0.0
    service: str = ""
    source: str = "live"

    def complete(self) -> Any:
        """The data.

        Raises:
            GraphQLError: the answer has errors; what came beside them is in it.
        """
        if self.errors:
            raise of_faults(self.service, self.errors, self.data, self.extensions)
        return self.data

    def records(self, place: str) -> list[Any]:
        """The list at a dotted place of the data; a list on the way is gone through: ``stations.edges.node``.

        Raises:
            DataError: there is none.
        """
        found: Any = self.data
        parts = place.split(".") if place else []
        for number, part in enumerate(parts):
            if isinstance(found, list):
                found = [one.get(part) if isinstance(one, Mapping) else one for one in found]
                continue
            if not isinstance(found, Mapping) or part not in found:
                there = ", ".join(found) if isinstance(found, Mapping) else type(found).__name__
                at = ".".join(parts[:number]) or "the data"
                raise self._bad(f"has no {part!r} at {at}; there is {there}")
            found = found[part]
        if not isinstance(found, list):
            raise self._bad(f"has no list at {place!r}, but a {type(found).__name__}")
        return found

    def table(self, place: str, *, schema: Any = None) -> Any:
        """The records at a place as a ``pyarrow.Table``.

        Args:
            place: where the list is, such as ``stations.nodes``.
            schema: a ``pyarrow.Schema``; without one the types are those of the values.

        Raises:
            DataError: there are none, or values of one column are of no common type.
        """
        from arcuate.connector.table import to_table

        return to_table(self.records(place), schema, self._bad)

    def frame(self, place: str, *, schema: Any = None) -> Any:
        """As :meth:`table`, as a ``pandas.DataFrame``; a missing value is NA, not NaN."""
        from arcuate.connector.table import to_frame

        return to_frame(self.table(place, schema=schema))

    def to(self, kind: type[T], place: str = "") -> T:
        """What is at a place as a value of a type that pydantic knows.

        Raises:
            DataError: it is not of that type; says where.
        """
        from pydantic import TypeAdapter, ValidationError

        from arcuate.connector.jsontext import within

        try:
            return TypeAdapter(kind).validate_python(within(self.data, place))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole"
            name = getattr(kind, "__name__", kind)
            raise self._bad(f"is no {name}: {where}: {first['msg']}") from None

    def _bad(self, what: str) -> DataError:
        return DataError(f"{self.service}: the answer {what}", service=self.service, executed="yes")


def of_payload(service: str, payload: Any, conceal: Any = str) -> GraphQLResult:
    """An answer as it came.

    Raises:
        DataError: it is none.
    """
    if not isinstance(payload, Mapping) or not ("data" in payload or payload.get("errors")):
        raise DataError(
            f"{service}: the answer is no GraphQL: it has neither 'data' nor 'errors'; look at 'url'",
            service=service,
            executed="maybe",
        )
    errors, data, extensions = payload.get("errors") or [], payload.get("data"), payload.get("extensions")
    if not isinstance(errors, list) or not isinstance(data, (Mapping, type(None))):
        raise DataError(
            f"{service}: the answer is no GraphQL: 'data' is a mapping and 'errors' a list",
            service=service,
            executed="maybe",
        )
    extensions = dict(extensions) if isinstance(extensions, Mapping) else {}
    return GraphQLResult(data, faults_of(errors, conceal), extensions, service=service)


def faults_of(errors: list[Any], conceal: Any = str) -> tuple[Fault, ...]:
    """The errors of an answer, whatever shape they have."""
    found = []
    for one in errors:
        if not isinstance(one, Mapping):
            found.append(Fault(conceal(one)))
            continue
        extensions, path, places = one.get("extensions"), one.get("path"), one.get("locations")
        extensions = dict(extensions) if isinstance(extensions, Mapping) else {}
        found.append(
            Fault(
                conceal(one.get("message", "")),
                tuple(path) if isinstance(path, list) else (),
                str(extensions.get("code") or ""),
                tuple(
                    (place.get("line", 0), place.get("column", 0))
                    for place in (places if isinstance(places, list) else ())
                    if isinstance(place, Mapping)
                ),
                extensions,
            )
        )
    return tuple(found)
