"""Long lists: a connection with ``pageInfo``, as Relay has it, or any list with a mark for the next page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arcuate.connector import DataError
from arcuate.connector.jsontext import within
from arcuate.errors import InvalidArgument
from arcuate.graphql.document import Operation
from arcuate.graphql.result import GraphQLResult

__all__ = ["Walk"]


_FORWARD = ("after", "pageInfo.endCursor", "pageInfo.hasNextPage")
_BACKWARD = ("before", "pageInfo.startCursor", "pageInfo.hasPreviousPage")
"""The variable, where the next page's mark is, and where it is said whether there is one."""


class Walk:
    """Goes from page to page, and never in a circle. Arguments as of :meth:`GraphQLClient.pages`."""

    def __init__(
        self,
        service: str,
        operation: Operation,
        at: str,
        backward: bool = False,
        after: str | None = None,
        items: str = "",
        next: str | None = None,  # noqa: A002
        more: str | None = None,
        limit: int | None = None,
    ) -> None:
        usual = _BACKWARD if backward else _FORWARD
        after = usual[0] if after is None else after
        next = usual[1] if next is None else next  # noqa: A001
        more = usual[2] if more is None else more
        if after not in operation.declared:
            there = ", ".join(f"${one}" for one in operation.declared) or "none"
            raise InvalidArgument(
                f"a page begins (backward: ends) at a mark, for which the query needs the variable ${after}; "
                f"it declares {there} (argument 'after')"
            )
        self._service, self.operation, self._at, self._after = service, operation, at, after
        self._items, self._next, self._more, self._left = items, next, more, limit
        self._seen: set[Any] = {operation.variables.get(after)}
        self._ended = False

    def more(self) -> bool:
        """Whether there is another page."""
        if self._ended or self._left == 0:
            return False
        if self._left is not None:
            self._left -= 1
        return True

    def page(self, result: GraphQLResult) -> list[Any]:
        """The items of an answer; then :attr:`operation` asks for the next."""
        result.complete()
        found = within(result.data, self._at)
        if not isinstance(found, Mapping):
            raise self._bad(f"has no connection at {self._at!r}, but a {type(found).__name__}")
        items = self._items or ("nodes" if "nodes" in found else "edges.node" if "edges" in found else "")
        if not items:
            raise self._bad(f"has neither 'nodes' nor 'edges' with 'node' at {self._at!r}: ask for one")
        listed = result.records(f"{self._at}.{items}")
        more = within(found, self._more) if self._more else None
        if self._more and not isinstance(more, bool):
            raise self._bad(f"does not say at '{self._at}.{self._more}' whether there is more: ask for it")
        mark = within(found, self._next)
        if more is False or (not self._more and mark in (None, "")):
            self._ended = True
            return listed
        if mark in (None, "") or not isinstance(mark, (str, int, float)):
            raise self._bad(f"has more pages and no mark at '{self._at}.{self._next}': ask for it")
        if mark in self._seen:
            raise self._bad("brings a page that was there before: the pages go in a circle")
        self._seen.add(mark)
        self.operation = self.operation.with_variables({**self.operation.variables, self._after: mark})
        return listed

    def _bad(self, what: str) -> DataError:
        return DataError(f"{self._service}: the answer {what}", service=self._service, executed="yes")
