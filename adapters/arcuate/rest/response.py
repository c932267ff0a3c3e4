"""An answer: its bytes as text, as JSON, as values of a type or as a table."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any, TypeVar

from arcuate.connector import DataError, jsontext
from arcuate.connector.jsontext import within
from arcuate.values.record import field, record

__all__ = ["Response"]

T = TypeVar("T")


@record(frozen=True)
class Response:
    """An answer of a system.

    Attributes:
        status: the HTTP status.
        headers: names are in lower case; of a header that is there twice, the values are joined by a comma.
        content: the body, decompressed.
        url: what was asked, without secrets.
        links: addresses of the ``Link`` header, by relation.
        cached: whether the system said that what we have is still right (304).
        degraded: whether it is a fallback: the system did not answer.
        source: ``live``, ``cache``, ``default``, or the address of another endpoint.
        age: seconds since the system said it; ``None`` for a default.
        service: the connector's name.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    cached: bool = False
    degraded: bool = False
    source: str = "live"
    age: float | None = 0.0
    service: str = ""

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.url}, {len(self.content)} bytes>"

    @property
    def media_type(self) -> str:
        """The media type, such as ``application/json``."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str | None:
        """The character set that the system names, if it does."""
        for part in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = part.partition("=")
            if name.strip().lower() == "charset":
                return value.strip().strip("\"'").lower() or None
        return None

    @property
    def text(self) -> str:
        """The body as text, exactly: never with replacement characters.

        Raises:
            DataError: it is not in the character set that it claims.
        """
        charset = self.charset or "utf-8"
        try:
            if codecs.lookup(charset).name == "utf-8":
                charset = "utf-8-sig"
            return self.content.decode(charset)
        except UnicodeDecodeError as error:
            raise self._bad(
                f"says that it is in {self.charset or 'UTF-8'}, and byte {error.start} is not"
                + ("" if self.charset else " (it names no character set, which means UTF-8)")
            ) from None
        except (LookupError, ValueError):
            raise self._bad(f"says that it is in {charset!r}, a character set that Python has not") from None

    def json(self) -> Any:
        """The body as JSON; ``None`` for an answer without a body.

        Raises:
            DataError: it is no JSON, or a key of an object is there twice.
        """
        if not self.content:
            return None
        if (self.charset or "utf-8") not in ("utf-8", "utf8", "us-ascii") and self.media_type.endswith(
            "json"
        ):
            data: str | bytes = self.text
        else:
            data = self.content
        try:
            return jsontext.loads(data)
        except jsontext.BadJSON as error:
            more = (
                f" (it is {self.media_type or 'no type'}, {len(self.content)} bytes); for another format use "
                "request(...).content"
            )
            raise self._bad(f"{error}{more if error.syntax else ''}") from None

    def to(self, kind: type[T]) -> T:
        """The body as a value of a type that pydantic knows: a model, ``list[Model]``, a dataclass.

        Raises:
            DataError: it is not of that type; says where.
        """
        from pydantic import TypeAdapter, ValidationError

        try:
            return TypeAdapter(kind).validate_python(self.json())
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "the whole"
            raise self._bad(
                f"is no {getattr(kind, '__name__', kind)}: {place}: {first['msg']} "
                f"({error.error_count()} in all)"
            ) from None

    def table(self, items: str = "", *, schema: Any = None) -> Any:
        """The body's records as a ``pyarrow.Table``.

        Args:
            items: where the list of records is in the body, such as ``data.rows``; "" if it is the body.
            schema: a ``pyarrow.Schema``; without one the types are those of the values.

        Raises:
            DataError: it has no records, or values of one column are of no common type.
        """
        from arcuate.connector.table import to_table

        return to_table(self.records(items), schema, self._bad)

    def frame(self, items: str = "", *, schema: Any = None) -> Any:
        """As :meth:`table`, as a ``pandas.DataFrame``; a missing value is NA, not NaN."""
        from arcuate.connector.table import to_frame

        return to_frame(self.table(items, schema=schema))

    def records(self, items: str = "") -> list[Any]:
        """The list at a place of the body.

        Raises:
            DataError: there is none.
        """
        found = within(self.json(), items)
        if not isinstance(found, list):
            place = f"at {items!r}" if items else "as its body"
            raise self._bad(f"has no list {place}, but a {type(found).__name__}")
        return found

    def _bad(self, what: str) -> DataError:
        return DataError(
            f"{self.service}: the answer to {self.url} {what}",
            service=self.service,
            status=self.status,
            executed="yes",
        )
