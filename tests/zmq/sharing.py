"""A raw client that puts large buffers into files, written from section 9 of protos/zeromq.md alone."""

from __future__ import annotations

import os
from typing import Any

from tests.zmq.raw import IN_A_FILE, Raw

__all__ = ["Sharing"]


class Sharing(Raw):
    """One connection with a folder.

    Attributes:
        folder: the folder; "" where the hub offers none.
        laid: our files, by number: their descriptors.
        got: numbers of the hub's files that were read.
    """

    def __init__(self, endpoint: str, **options: Any) -> None:
        super().__init__(endpoint, **options)
        self.folder = ""
        self.laid: dict[int, int] = {}
        self.got: list[int] = []

    def hello(self, **fields: Any) -> dict[str, Any]:
        """Says hello, asks for segments, and says that the folder is there."""
        answer = super().hello(features=["segments"], **fields)
        if "segments" in answer.get("features", ()):
            self.folder = answer["segments"]["folder"]
            assert os.stat(self.folder).st_mode & 0o777 == 0o700
            self.lay, self.found = self.put, self.take
            self.send("segments", 0)
        return answer

    def path(self, name: str | int) -> str:
        """The path of one of our files, or of a name."""
        return os.path.join(self.folder, f"c{name}" if isinstance(name, int) else name)

    def put(self, data: bytes | memoryview) -> int:
        """Writes a buffer to a file that was given back, or a new one."""
        for number in self.laid:
            if os.path.exists(self.path(f"c{number}.free")):
                os.rename(self.path(f"c{number}.free"), self.path(number))
                break
        else:
            number = len(self.laid) + 1
            self.laid[number] = os.open(self.path(number), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            os.posix_fallocate(self.laid[number], 0, len(data))
        os.pwrite(self.laid[number], data, 0)
        return IN_A_FILE + number

    def take(self, number: int, length: int) -> bytes:
        """Reads a file of the hub and gives it back."""
        name = self.path(f"h{number}")
        with open(name, "rb") as file:
            data = file.read(length)
        assert len(data) == length
        os.rename(name, name + ".free")
        self.got.append(number)
        return data

    def close(self) -> None:
        super().close()
        for fd in self.laid.values():
            os.close(fd)
        self.laid.clear()
