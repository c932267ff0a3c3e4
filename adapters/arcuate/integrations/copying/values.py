"""Values by a key, and interfaces of REST, as ends of a copy."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from arcuate.connector import NotFoundError
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.integrations.copying.ask import Ask
from arcuate.integrations.copying.ends import End
from arcuate.integrations.copying.pieces import is_table
from arcuate.integrations.kinds import connector
from arcuate.values import encode
from arcuate.values.equal import equal

__all__ = ["RESTEnd", "RedisEnd", "one_value"]


def one_value(pieces: Iterator[Any], name: str, *, lossy: bool = False) -> tuple[Any, tuple[str, ...]]:
    """All pieces as one value: batches of a table or blocks along time together, anything else alone.

    Args:
        pieces: what comes.
        name: the target.
        lossy: attributes that differ from block to block are left out and listed.

    Returns:
        The value, and what was left out.

    Raises:
        InvalidArgument: there is nothing, or there are several that cannot be joined.
        ConversionError: blocks have attributes that differ.
    """
    import pyarrow as pa

    first = next(pieces, None)
    if first is None:
        raise InvalidArgument(f"there is nothing to be written to {name}: the source is empty")
    second = next(pieces, None)
    if second is None:
        return (pa.Table.from_batches([first]) if isinstance(first, pa.RecordBatch) else first), ()
    found = itertools.chain([first, second], pieces)
    if is_table(first):
        return pa.concat_tables(
            pa.Table.from_batches([one]) if isinstance(one, pa.RecordBatch) else one for one in found
        ), ()
    if hasattr(first, "dims") and "time" in first.dims:
        return _along_time(list(found), name, lossy)
    raise InvalidArgument(f"{name} takes one value, and the source has several that cannot be joined")


def _along_time(blocks: list[Any], name: str, lossy: bool) -> tuple[Any, tuple[str, ...]]:
    import xarray as xr

    differ = sorted(
        {
            str(key)
            for one in blocks
            for key in {**one.attrs, **blocks[0].attrs}
            if equal(encode(one.attrs.get(key)), encode(blocks[0].attrs.get(key))) is not None
        }
    )
    if differ and not lossy:
        raise ConversionError(
            f"the blocks have different values of the attribute {differ[0]!r}, and one array has but one; "
            "with lossy=True such attributes are left out and listed"
        )
    try:
        joined = xr.concat(blocks, "time", join="exact", combine_attrs="drop_conflicts")
    except ValueError as error:
        raise ConversionError(f"the blocks cannot be joined along time for {name}: {error}") from error
    return joined, tuple(f"the attribute {one!r}, which differs from block to block" for one in differ)


class RedisEnd(End):
    """A key of a Redis server; its value is kept exactly."""

    takes = "key"
    one_value = True

    def __init__(self, where: str, part: str, settings: dict[str, Any]) -> None:
        super().__init__(where, part, settings)
        self.store: Any = connector(where, **settings)

    def close(self) -> None:
        self.store.close()

    def pieces(self, ask: Ask) -> Iterator[Any]:
        ask.only("reading a key", "tidy")
        missing = object()
        value = self.store.get(self.part, missing)
        if value is missing:
            raise NotFoundError(
                f"there is no key {self.part!r} in {self.name.rpartition('#')[0]}", service="copy"
            )
        yield value

    def put(self, pieces: Iterator[Any], ask: Ask) -> tuple[Any, ...]:
        if ask.exists == "append":
            raise InvalidArgument(f"{self.name} is one value: nothing can be appended to it")
        if ask.exists == "error" and self.store.exists(self.part):
            raise InvalidArgument(f"{self.name} is there already; say exists='replace'")
        value, lost = one_value(pieces, self.name, lossy=ask.lossy)
        self.store.set(self.part, value)
        return lost


class RESTEnd(End):
    """What an interface of REST lists, page by page; it is only read."""

    takes = "endpoint"

    def __init__(self, where: str, part: str, settings: dict[str, Any]) -> None:
        super().__init__(where, part, settings)
        self.api: Any = connector(where, **settings)

    def close(self) -> None:
        self.api.close()

    def pieces(self, ask: Ask) -> Iterator[Any]:
        ask.only("reading an interface of REST")
        yield self.api.get(self.part).table()

    def put(self, pieces: Iterator[Any], ask: Ask) -> tuple[Any, ...]:
        raise InvalidArgument(f"{self.name} is read only: which request would write a row is not known")
