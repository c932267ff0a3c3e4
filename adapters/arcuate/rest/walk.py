"""From page to page of a long list, and never in a circle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import httpx2

from arcuate.connector import DataError
from arcuate.errors import InvalidArgument
from arcuate.rest import exchange
from arcuate.rest.paging import Cursor, Link, Paging
from arcuate.rest.response import Response

if TYPE_CHECKING:
    from arcuate.rest.client import RESTAPIClient

__all__ = ["Walk"]

_BARREN = 1000


class Walk:
    """Goes from page to page, and never in a circle."""

    def __init__(
        self,
        client: RESTAPIClient,
        paging: Paging,
        endpoint: str,
        params: Mapping[str, Any] | None,
        limit: int | None,
    ) -> None:
        self._client, self._paging, self._first, self._left = client, paging, endpoint, limit
        self.endpoint, self.params = endpoint, paging.begin(params or {})
        self._seen: set[str] = set()
        self._last: list[Any] = []
        self._barren = 0
        self._ended = False

    def more(self) -> bool:
        if self._ended or self._left == 0:
            return False
        place = f"{self.endpoint}?{httpx2.QueryParams(self.params)}"
        if place in self._seen:
            raise self._circle()
        self._seen.add(place)
        if self._left is not None:
            self._left -= 1
        return True

    def page(self, response: Response) -> list[Any]:
        items = self._paging.items(response)
        numbered = not isinstance(self._paging, (Link, Cursor))  # those say where they go: two may be alike
        if numbered and items and items == self._last:
            raise self._circle()
        self._last = items
        self._barren = 0 if items else self._barren + 1
        if self._barren >= _BARREN and self._left is None:
            raise DataError(
                f"{self._client.name}: {_BARREN} pages of {self._first!r} in a row have no items, and there "
                "is always one more; ask with 'limit' if that is so",
                service=self._client.name,
                executed="yes",
            )
        step = self._paging.follow(response, self.params, items)
        if step is None:
            self._ended = True
        else:
            there, self.params = step
            self.endpoint = self._first if there is None else self._absolute(response, there)
        return items

    def _absolute(self, response: Response, there: str) -> str:
        client = self._client
        try:
            found = str(httpx2.URL(client.base_url).join(response.url).join(there))
            if not found.startswith(("http://", "https://")):
                raise ValueError(f"{found.partition('?')[0]!r} is not http")
            return (
                found if exchange.origin(found) == exchange.origin(client.base_url) else client._here(found)
            )
        except (httpx2.InvalidURL, InvalidArgument, ValueError) as error:
            raise DataError(
                f"{client.name}: the next page of {self._first!r} is at no address: {client.conceal(error)}",
                service=client.name,
                executed="yes",
            ) from None

    def _circle(self) -> DataError:
        return DataError(
            f"{self._client.name}: the pages of {self._first!r} go in a circle; does the system divide "
            f"them as {self._paging!r} says?",
            service=self._client.name,
        )
