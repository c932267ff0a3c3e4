"""What a hub says of itself: the standard ``logging``, as lines of text or of JSON.

A record of an event carries its name as ``event`` and its figures as ``data``; nothing ever carries values.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arcuate.hub.config import LogConfig

__all__ = ["JsonFormatter", "TextFormatter", "configure", "event"]

_ROOT = "arcuate"


def event(log: logging.Logger, level: int, name: str, **data: Any) -> None:
    """Logs an event with its figures, if anybody listens."""
    if log.isEnabledFor(level):
        log.log(level, name, extra={"event": name, "data": data})


def _when(record: logging.LogRecord) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{whole}.{int(record.msecs):03d}Z"


class JsonFormatter(logging.Formatter):
    """One JSON object per line: ``time``, ``level``, ``logger``, ``message``, and the figures of an event."""

    def format(self, record: logging.LogRecord) -> str:
        found: dict[str, Any] = {
            "time": _when(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for key, value in getattr(record, "data", {}).items():
            found.setdefault(key, value)
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)
        return json.dumps(found, default=str)


class TextFormatter(logging.Formatter):
    """One line each, but for the traceback of a defect."""

    def format(self, record: logging.LogRecord) -> str:
        figures = "".join(f" {key}={_plain(value)}" for key, value in getattr(record, "data", {}).items())
        message = record.getMessage().replace("\n", "\\n")
        text = f"{_when(record)} {record.levelname.lower():7} {message}{figures}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _plain(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return (
        json.dumps(text)
        if any(one.isspace() or one in '"\\' or not one.isprintable() for one in text)
        else text
    )


def configure(config: LogConfig) -> None:
    """Sets the loggers of Arcuate up as the configuration says. Can be called again."""
    log = logging.getLogger(_ROOT)
    for old in [one for one in log.handlers if getattr(one, "of_hub", False)]:
        log.removeHandler(old)
        old.close()
    if config.level == "off":
        log.setLevel(logging.CRITICAL + 1)
        return
    handler: logging.Handler
    if config.file is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        handler = logging.FileHandler(config.file.expanduser(), encoding="utf-8")
    vars(handler)["of_hub"] = True
    handler.setFormatter(JsonFormatter() if config.format == "json" else TextFormatter())
    log.addHandler(handler)
    log.setLevel(config.level.upper())
    log.propagate = False
