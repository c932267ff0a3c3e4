"""Objects that stay in R: numbered, counted, and found again by their number.

The same object has the same number: R never changes an object that somebody else holds, so its address says
what it is.
"""

from __future__ import annotations

from typing import Any

from arcuate.errors import StaleHandle
from arcuate.r.rapi import ffi, lib

__all__ = ["Handles"]


class Handles:
    """The table of a session's handles.

    Args:
        generation: the number of this interpreter among those that the session had.
    """

    def __init__(self, generation: int) -> None:
        self._prefix = f"{generation}:"
        self._next = 1
        self._objects: dict[int, Any] = {}
        self._counts: dict[int, int] = {}
        self._addresses: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def keep(self, x: Any) -> str:
        """The id of an object, which counts as sent once more."""
        address = int(ffi.cast("uintptr_t", x))
        number = self._addresses.get(address)
        if number is None:
            number = self._next
            self._next += 1
            lib.R_PreserveObject(x)
            self._objects[number] = x
            self._addresses[address] = number
            self._counts[number] = 0
        self._counts[number] += 1
        return self._prefix + str(number)

    def find(self, text: str) -> Any:
        """The object of an id.

        Raises:
            StaleHandle: it belongs to an interpreter that is gone, or was released.
        """
        if text.startswith(self._prefix):
            found = self._objects.get(int(text[len(self._prefix) :]))
            if found is not None:
                return found
            raise StaleHandle(f"the object {text} was released; ask for it again")
        raise StaleHandle(f"the object {text} lived in an R process that has been restarted; make it again")

    def replace(self, text: str, x: Any) -> None:
        """Lets an id stand for a changed copy of its object."""
        old = self.find(text)
        number = int(text[len(self._prefix) :])
        lib.R_PreserveObject(x)
        self._objects[number] = x
        self._addresses.pop(int(ffi.cast("uintptr_t", old)), None)
        self._addresses[int(ffi.cast("uintptr_t", x))] = number
        lib.R_ReleaseObject(old)

    def release(self, text: str) -> None:
        """Takes one count back; unknown ids are no error."""
        if not text.startswith(self._prefix):
            return
        number = int(text[len(self._prefix) :])
        left = self._counts.get(number, 0) - 1
        if left > 0:
            self._counts[number] = left
            return
        found = self._objects.pop(number, None)
        if found is not None:
            del self._counts[number]
            self._addresses.pop(int(ffi.cast("uintptr_t", found)), None)
            lib.R_ReleaseObject(found)
