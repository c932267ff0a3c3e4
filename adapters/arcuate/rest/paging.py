"""How systems divide long lists into pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from arcuate.connector.jsontext import within
from arcuate.rest.response import Response
from arcuate.values.record import record

__all__ = ["Cursor", "Link", "Page", "Paging", "Step"]

Step = tuple[str | None, dict[str, Any]]
"""What is asked next: an address (``None``: the same endpoint) and the query."""


class Paging(Protocol):
    """Says what the first page is, what a page holds, and what comes after it."""

    def begin(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The query of the first page."""

    def items(self, response: Response) -> list[Any]:
        """The items of a page."""

    def follow(self, response: Response, params: dict[str, Any], items: list[Any]) -> Step | None:
        """What comes after a page; ``None``: it was the last."""


@record(frozen=True)
class Link:
    """The ``Link`` header names the next page (RFC 8288), or a place in the body does.

    Attributes:
        at: where the list is in the body; "" if it is the body.
        next: where the next page's address is in the body; "" if it is in the header.
    """

    at: str = ""
    next: str = ""

    def begin(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return dict(params)

    def items(self, response: Response) -> list[Any]:
        return response.records(self.at)

    def follow(self, response: Response, params: dict[str, Any], items: list[Any]) -> Step | None:
        there = within(response.json(), self.next) if self.next else response.links.get("next")
        return (str(there), {}) if there else None


@record(frozen=True)
class Page:
    """Pages have numbers. After the last one comes an empty one: a short one may be a limit of the system's.

    Attributes:
        parameter: of the query, for the number.
        first: the first page's number.
        size: items of one page; 0: the system's own.
        size_parameter: of the query, for the size.
        at: where the list is in the body.
    """

    parameter: str = "page"
    first: int = 1
    size: int = 0
    size_parameter: str = "per_page"
    at: str = ""

    def begin(self, params: Mapping[str, Any]) -> dict[str, Any]:
        size = {self.size_parameter: self.size} if self.size else {}
        return {**params, self.parameter: self.first, **size}

    def items(self, response: Response) -> list[Any]:
        return response.records(self.at)

    def follow(self, response: Response, params: dict[str, Any], items: list[Any]) -> Step | None:
        if not items:
            return None
        return None, {**params, self.parameter: params[self.parameter] + 1}


@record(frozen=True)
class Cursor:
    """Each page brings a mark with which the next one is asked for.

    Attributes:
        parameter: of the query, for the mark.
        next: where the mark is in the body.
        at: where the list is in the body.
    """

    parameter: str = "cursor"
    next: str = "next_cursor"
    at: str = "data"

    def begin(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return dict(params)

    def items(self, response: Response) -> list[Any]:
        return response.records(self.at)

    def follow(self, response: Response, params: dict[str, Any], items: list[Any]) -> Step | None:
        mark = within(response.json(), self.next)
        return None if mark is None or mark == "" else (None, {**params, self.parameter: mark})
