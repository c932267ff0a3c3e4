"""Secrets in what libraries log: the addresses that httpx2 asks, the errors for which stamina tries again."""

from __future__ import annotations

import contextlib
import logging
import threading
import weakref
from typing import Any, Protocol

from arcuate.connector.secrets import conceal, redacted

__all__ = ["watch"]

_ERROR = "stamina.caused_by"


class _Watched(Protocol):
    def secrets(self) -> list[str]: ...


_LOCK = threading.Lock()
_CONNECTORS: weakref.WeakValueDictionary[int, _Watched] = weakref.WeakValueDictionary()


class _Concealing(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        with _LOCK:
            watched = list(_CONNECTORS.values())
        secrets: list[str] = []
        for one in watched:
            with contextlib.suppress(Exception):  # they are where nobody can read them: so they are in no log
                secrets += one.secrets()
        if isinstance(record.args, tuple):
            record.args = tuple(self._fit(value, secrets) for value in record.args)
        if _ERROR in vars(record):
            setattr(record, _ERROR, conceal(getattr(record, _ERROR), secrets))
        return True

    @staticmethod
    def _fit(value: Any, secrets: list[str]) -> Any:
        return value if isinstance(value, (int, float)) else conceal(redacted(str(value)), secrets)


def watch(connector: _Watched) -> None:
    """From now on no secret of this connector is in what they log."""
    with _LOCK:
        _CONNECTORS[id(connector)] = connector


for _name in ("httpx2", "stamina"):
    logging.getLogger(_name).addFilter(_Concealing())
