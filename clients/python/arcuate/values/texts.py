"""Arrays of text as one blob of NUL-terminated UTF-8, and back."""

from __future__ import annotations

from collections.abc import Sequence

from arcuate.errors import ConversionError, ProtocolError

__all__ = ["check_text", "join", "split"]

NUL = "a text holds a NUL character, which R, Octave and C end a text with; remove it, or send bytes"
SURROGATE = (
    "a text holds a lone surrogate, which is no character and has no UTF-8 form; "
    "replace it, or send the bytes (text.encode(..., 'surrogateescape'))"
)


def check_text(text: str) -> None:
    """Raises unless a text can travel. Call it for texts that are not ASCII or hold a NUL."""
    if "\0" in text:
        raise ConversionError(NUL)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConversionError(SURROGATE) from None


def join(texts: Sequence[str]) -> bytes:
    """The blob of a sequence of texts.

    Raises:
        ConversionError: one holds a NUL or a lone surrogate; the path is its position.
    """
    if not texts:
        return b""
    blob = "\0".join(texts)
    try:
        data = blob.encode() + b"\0"
    except UnicodeEncodeError:
        data = b""
    if not data or blob.count("\0") != len(texts) - 1:
        for number, text in enumerate(texts):
            try:
                check_text(text)
            except ConversionError as error:
                raise error.prepend(f"[{number}]") from None
    return data


def split(data: bytes | memoryview, count: int) -> list[str]:
    """The texts of a blob.

    Raises:
        ProtocolError: it does not hold exactly ``count`` texts, or no UTF-8.
    """
    try:
        texts = str(data, "utf-8").split("\0")
    except UnicodeDecodeError as error:
        raise ProtocolError(f"malformed value: a text array is not UTF-8 ({error.reason})") from None
    if texts.pop() or len(texts) != count:
        raise ProtocolError(
            f"malformed value: a text array of {count} elements holds {len(texts)} terminated texts"
        )
    return texts
