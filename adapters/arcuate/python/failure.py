"""Exceptions of the user's code as errors that travel."""

from __future__ import annotations

import traceback

from arcuate.errors import RemoteError

__all__ = ["clean", "failure"]


def failure(error: BaseException) -> RemoteError:
    """The error that the caller gets:

    class, message and stack as a Python user would see them, without our own frames.
    """
    names = [
        cls.__name__ if cls.__module__ in ("builtins", "__main__") else f"{cls.__module__}.{cls.__qualname__}"
        for cls in type(error).__mro__
        if issubclass(cls, BaseException)
    ]
    message = str(error)
    if isinstance(error, SyntaxError):
        where = f"line {error.lineno}" + (f", column {error.offset}" if error.offset else "")
        message = f"{error.msg} ({where}): {(error.text or '').strip()}"
    stack = []
    for frame in traceback.extract_tb(error.__traceback__):
        if "/arcuate/python/" in frame.filename.replace("\\", "/"):
            continue
        line = f": {frame.line}" if frame.line else ""
        stack.append(clean(f'File "{frame.filename}", line {frame.lineno}, in {frame.name}{line}'))
    return RemoteError(
        clean(message), classes=[clean(name) for name in names], stack=stack, language="Python"
    )


def clean(text: str) -> str:
    """A text that can travel: without NUL and lone surrogates."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
