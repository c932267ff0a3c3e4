"""Answers that are kept in memory and asked for again by ``If-None-Match`` and ``If-Modified-Since``.

Each use asks the system: what is given is never older than what it says.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

__all__ = ["Validators"]

_LIMIT = 16 << 20


class Validators:
    """The last answers, by all that was asked: two users never share one.

    Args:
        size: how many; 0: none.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Any, dict[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def key(self, method: str, url: str, headers: Mapping[str, str]) -> Any:
        """Under which an answer is kept; ``None``: it is not."""
        if not self._size or method != "GET":
            return None
        names = ("if-none-match", "if-modified-since", "range")
        if any(name in headers for name in names):
            return None
        return url, tuple(sorted(headers.items()))

    def conditions(self, key: Any) -> dict[str, str]:
        """The headers with which it is asked for again."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return {}
            self._kept.move_to_end(key)
            headers = kept["headers"]
        found = {"if-none-match": headers.get("etag"), "if-modified-since": headers.get("last-modified")}
        return {name: value for name, value in found.items() if value}

    def answer(self, key: Any, answer: dict[str, Any]) -> dict[str, Any] | None:
        """What an answer means: a 304 is what was kept, ``None`` if that is gone; else it is kept itself."""
        if answer["status"] == 304:
            with self._lock:
                kept = self._kept.get(key)
            if kept is None:
                return None
            return {**kept, "headers": {**kept["headers"], **answer["headers"]}, "cached": True}
        headers = answer["headers"]
        if answer["status"] == 200 and len(answer["content"]) <= _LIMIT:
            lasting = "no-store" not in headers.get("cache-control", "").lower()
            if lasting and ("etag" in headers or "last-modified" in headers):
                with self._lock:
                    self._kept[key] = answer
                    self._kept.move_to_end(key)
                    while len(self._kept) > self._size:
                        self._kept.popitem(last=False)
        return answer
