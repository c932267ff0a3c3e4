"""Stores that are no SQL databases: Redis through redis-py, MongoDB's protocol through pymongo.

:class:`RedisStore` keeps values, tables and labelled arrays under keys; :class:`DocumentStore` has
collections of documents. Each is imported when it is first used: one library is enough for one of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arcuate.nosql.documents import DocumentConfig, DocumentStore
    from arcuate.nosql.store import RedisStore, StoreConfig

__all__ = ["DocumentConfig", "DocumentStore", "RedisStore", "StoreConfig"]

_PLACES = {
    "DocumentConfig": "arcuate.nosql.documents",
    "DocumentStore": "arcuate.nosql.documents",
    "RedisStore": "arcuate.nosql.store",
    "StoreConfig": "arcuate.nosql.store",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'arcuate.nosql' has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)
