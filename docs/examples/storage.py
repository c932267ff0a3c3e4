"""Files in a storage: up, down, listed, opened; the same with s3://, az://, gs://, sftp:// and https://."""

import zipfile
from pathlib import Path

import numpy as np

from arcuate.integrations import IntegrationError, Storage

Path("lab").mkdir()
np.save("signal.npy", np.arange(1_000_000, dtype="float32"))


def progress(done, total):  # noqa: D103
    if done == total:
        print(f"{done} of {total} bytes")


with Storage("lab", part=1 << 20) as storage:
    sent = storage.upload("signal.npy", "2026/signal.npy", progress=progress)
    print(sent.size, sent.checked)
    with storage.open("2026/notes.txt", "w") as notes:
        notes.write("quiet room\n")
    for entry in storage.list(recursive=True):
        print(entry.path, entry.size)
    print(np.load(storage.open("2026/signal.npy")).max())
    try:
        storage.download("../../etc/passwd", "passwd")
    except ValueError as error:
        print(error)
    try:
        storage.download("2025/signal.npy", "old.npy")
    except IntegrationError as error:
        print(type(error).__name__, error.recoverable)
    print(storage.health().status)

with zipfile.ZipFile("zeros.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("zeros", bytes(20_000_000))
try:
    Storage("zip://zeros.zip").open()
except IntegrationError as error:
    print(type(error).__name__, "bomb" in str(error))
