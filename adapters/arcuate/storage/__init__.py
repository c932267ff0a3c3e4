"""Files and objects wherever they are: local, SFTP, HTTP, memory, zip, S3, Azure Blob, Google Cloud Storage.

fsspec is the one interface; :class:`Storage` adds transfers that go on where they stopped and are checked,
listing in pages, paths that stay inside their folder, and the life and errors of all connectors.
"""

from __future__ import annotations

from arcuate.storage.records import Entry, Transfer
from arcuate.storage.settings import StorageConfig
from arcuate.storage.storage import Storage

__all__ = ["Entry", "Storage", "StorageConfig", "Transfer"]
