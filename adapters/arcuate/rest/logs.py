"""httpx2 logs the address of each request, and a key may be in its query: here it is taken out."""

from __future__ import annotations

import logging
import weakref
from typing import Any

from arcuate.connector import Connector, conceal, redacted

__all__ = ["watch"]

_CONNECTORS: weakref.WeakSet[Connector] = weakref.WeakSet()


class _Concealing(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            secrets = [text for one in list(_CONNECTORS) for text in one.secrets()]
            record.args = tuple(self._fit(value, secrets) for value in record.args)
        return True

    @staticmethod
    def _fit(value: Any, secrets: list[str]) -> Any:
        return value if isinstance(value, (int, float)) else conceal(redacted(str(value)), secrets)


_FILTER = _Concealing()


def watch(connector: Connector) -> None:
    """From now on no secret of this connector is in what httpx2 logs."""
    _CONNECTORS.add(connector)
    logging.getLogger("httpx2").addFilter(_FILTER)  # which it has but once
