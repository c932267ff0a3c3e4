"""Files among the variables: sent beside the document, as GraphQL's multipart request specification says."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from gql import FileVar

from arcuate.connector import jsontext
from arcuate.errors import InvalidArgument

__all__ = ["FileVar", "form"]


@contextmanager
def form(payload: str, files: Mapping[str, FileVar]) -> Iterator[dict[str, Any]]:
    """What httpx2 sends as a form: the payload, where each file belongs in it, and the files.

    A file is opened anew for each attempt, and read while it is sent.

    Args:
        payload: the operation, with ``null`` in the place of each file.
        files: place in the payload, such as ``variables.scan``: the file.

    Raises:
        InvalidArgument: one cannot be read.
    """
    with ExitStack() as stack:
        parts = {str(number): _part(stack, place, one) for number, (place, one) in enumerate(files.items())}
        places = {str(number): [place] for number, place in enumerate(files)}
        yield {"data": {"operations": payload, "map": jsontext.dumps(places)}, "files": parts}


def _part(stack: ExitStack, place: str, one: FileVar) -> tuple[str, Any, str | None]:
    """Name, content and type of a file."""
    found, name = one.f, one.filename
    if isinstance(found, (str, os.PathLike)):
        path = Path(found)
        try:
            if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would be waited for
                raise InvalidArgument(f"the file for {place} is a device or a pipe; write it to a file first")
            content: Any = stack.enter_context(path.open("rb"))
        except OSError as error:
            raise InvalidArgument(f"the file for {place} cannot be read: {error}") from None
        return name or path.name, content, one.content_type
    if isinstance(found, (bytes, bytearray, memoryview)):
        return name or "upload", bytes(found), one.content_type
    if not (isinstance(found, io.IOBase) and not isinstance(found, io.TextIOBase) and found.seekable()):
        raise InvalidArgument(
            f"the file for {place} is a path, bytes, or a file that is open in binary mode and can be read "
            f"from its beginning; got {type(found).__name__}"
        )
    own = getattr(found, "name", None)
    return name or (Path(own).name if isinstance(own, str) else "upload"), found, one.content_type
