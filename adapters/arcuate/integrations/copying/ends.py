"""The two ends of a copy: what is written before and after ``#`` chooses them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from arcuate.connector.secrets import redacted
from arcuate.errors import InvalidArgument
from arcuate.integrations import kinds
from arcuate.integrations.copying.ask import Ask

__all__ = ["End", "end_of"]

HERE = "arcuate.integrations.copying"
ENDS = {
    "file": f"{HERE}.files:FileEnd",
    "storage": f"{HERE}.files:FileEnd",
    "sql": f"{HERE}.databases:SQLEnd",
    "documents": f"{HERE}.databases:DocumentsEnd",
    "redis": f"{HERE}.values:RedisEnd",
    "rest": f"{HERE}.values:RESTEnd",
    "stream": f"{HERE}.flows:StreamEnd",
}


class End(ABC):
    """One end of a copy.

    Args:
        where: a connector's name, an address or a path, without the part.
        part: what stands after ``#``: a table, a collection, a key, a topic, a path.
        settings: of the connector.

    Attributes:
        written: rows that :meth:`put` wrote, where it counts them itself.
        whole: the target takes one value: what is read is not cut into pieces.
    """

    one_value: ClassVar[bool] = False
    """Whether :meth:`put` takes one value only."""

    takes: ClassVar[str] = ""
    """What the part is."""

    def __init__(self, where: str, part: str, settings: dict[str, Any]) -> None:
        self.where, self.part, self.settings = where, part, settings
        self.written: int | None = None
        self.whole = False
        if not part and self.takes:
            raise InvalidArgument(f"{self.name}: which {self.takes}? Write {self.name}#{self.takes.upper()}")

    @property
    def name(self) -> str:
        """As it is shown: without a password."""
        shown = redacted(self.where) if "://" in self.where else self.where
        return f"{shown}#{self.part}" if self.part else shown

    @abstractmethod
    def pieces(self, ask: Ask) -> Iterator[Any]:
        """Reads it piece by piece."""

    @abstractmethod
    def put(self, pieces: Iterator[Any], ask: Ask) -> tuple[Any, ...]:
        """Writes all pieces; what was lost."""

    def last(self, ask: Ask) -> Any:
        """The largest value of ``ask.key`` that is there; ``None``: there is nothing yet."""
        raise InvalidArgument(f"{self.name} cannot go on where a copy ended: it has no largest {ask.key!r}")

    def meets(self, other: End) -> None:  # noqa: B027
        """Told before anything is read: the end to which it goes."""

    def done(self) -> None:  # noqa: B027  (most have nothing to do)
        """The target has everything that was read."""

    def close(self) -> None:  # noqa: B027
        """Gives back what it holds."""


def end_of(text: str, settings: Mapping[str, Any] | None = None) -> End:
    """The end that a text names.

    Args:
        text: ``PATH``, ``URL``, ``URL#PART`` or ``NAME#PART`` of a configured connector.
        settings: of its connector.

    Raises:
        InvalidArgument: it names none.
    """
    text = str(text)
    if "://" not in text:
        name, mark, part = text.partition("#")
        table = kinds.configured().get(name) if mark or not Path(text).exists() else None
        if table is None:
            if mark and not Path(text).exists() and not Path(name).suffix:
                raise InvalidArgument(
                    f"no connector {name!r} is configured, and there is no file {text!r}; write "
                    f"[connector.{name}] in arcuate.toml, or a path, or an address"
                )
            return _made("file", text, "", settings)
        return _made(_group(name, {**table, **(settings or {})}, part), name, part, settings)
    where, _, part = text.partition("#")
    return _made(_group(where, {**(settings or {}), "url": where}, part), where, part, settings)


def _group(where: str, table: dict[str, Any], part: str) -> str:
    kind = table.get("type")
    url = str(table.get("url", ""))
    scheme = urlsplit(url.partition(",")[0]).scheme.partition("+")[0] if url else ""
    if kind is None and scheme in ("http", "https") and not part:
        return "storage"  # a file of the web; with a part it is an interface of REST
    if kind is None and scheme in ("ws", "wss"):
        return "stream"  # a WebSocket has messages, one after the other
    if kind is None and scheme == "file":
        return "file"
    kind = kind or kinds.kind_of(where, table)
    group = "stream" if kind in kinds.STREAMS else kind
    if group not in ENDS:
        raise InvalidArgument(
            f"a connector of the type {kind!r} is no end of a copy; there are {', '.join(ENDS)}"
        )
    return group


def _made(group: str, where: str, part: str, settings: Mapping[str, Any] | None) -> End:
    found: End = kinds.load(ENDS[group], group)(where, part, dict(settings or {}))
    return found
