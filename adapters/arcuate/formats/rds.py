"""RDS and RData: what R's ``saveRDS`` and ``save`` write, without R."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from pathlib import Path
from typing import Any, ClassVar

from arcuate.connector import DataError, NotFoundError
from arcuate.errors import ConversionError, InvalidArgument, ProtocolError
from arcuate.formats import r_file, r_read, r_write
from arcuate.formats.format import LIMIT, Format, Kept, Losses, check_size
from arcuate.formats.node import Node
from arcuate.values import DecodeOptions, decode, encode
from arcuate.values.nodes import step

__all__ = ["RDS", "RData"]

_PIECE = 1 << 20
_SIMPLE = DecodeOptions(simplify=True)


class RDS(Format):
    """One object of R."""

    name: ClassVar[str] = "rds"

    def read(self, path: Path, *, variable: str | None = None, limit: int | None = LIMIT) -> Any:
        """The object; ``variable`` is one element of a named list."""
        data = _unpacked(path, limit)
        if data[:4] in (b"RDX2", b"RDX3", b"RDA2", b"RDA3", b"RDB2", b"RDB3"):
            raise DataError(
                f"{path} was written by save(), not by saveRDS(): read it with format='rdata'", service="R"
            )
        found = r_file.parse(data, path.name, lambda size: check_size(path, size, limit, "a sequence in it"))
        del data
        if variable is None:
            return _python(found, "", path)
        names = found.texts("names") or [] if found.kind == r_file.VEC else []
        if variable not in names:
            raise _unknown(path, variable, names)
        return _python(found.value[names.index(variable)], step(variable), path)

    def write(self, value: Any, path: Path, *, lossy: bool = False, compress: bool = True) -> Kept:
        """Writes a value as one object; ``compress=False`` leaves it as large as it is in memory."""
        losses = Losses("RDS", path, lossy)
        _store(path, r_file.dump(_robject(value, losses)), compress)
        return losses.kept()


class RData(Format):
    """Variables of R, by name."""

    name: ClassVar[str] = "rdata"

    def read(self, path: Path, *, variable: str | None = None, limit: int | None = LIMIT) -> Any:
        """All variables as a mapping, or one of them."""
        data = _unpacked(path, limit)
        if data[:4] not in (b"RDX2", b"RDX3", b"RDA2", b"RDA3", b"RDB2", b"RDB3"):
            raise DataError(f"{path} was not written by R's save(): it begins with {data[:5]!r}", service="R")
        found = r_file.parse(
            data[5:], path.name, lambda size: check_size(path, size, limit, "a sequence in it")
        )
        del data
        pairs = found.value if found.kind == r_file.LIST else []
        if variable is None:
            return {str(name): _python(each, step(str(name)), path) for name, each in pairs}
        for name, each in pairs:
            if name == variable:
                return _python(each, step(variable), path)
        raise _unknown(path, variable, [name for name, _ in pairs])

    def write(self, value: Any, path: Path, *, lossy: bool = False, compress: bool = True) -> Kept:
        """Writes a mapping of names to values as variables."""
        if not isinstance(value, dict) or not value or not all(isinstance(key, str) and key for key in value):
            raise ConversionError(
                f"{path.name}: an RData file holds variables by name: save a mapping such as "
                f"{{'x': value}}, or one "
                "value as .rds"
            )
        losses = Losses("RData", path, lossy)
        items = [(key, _robject(each, losses, step(key))) for key, each in value.items()]
        _store(path, b"RDX3\n" + r_file.dump_variables(items), compress)
        return losses.kept()


def _python(found: r_file.RObject, where: str, path: Path) -> Any:
    """The Python value, in the classes of numpy, pandas and xarray."""
    try:
        return decode(encode(r_read.value(found, where)), _SIMPLE)
    except ConversionError as error:
        raise ConversionError(f"{path.name}: {error.message}", path=error.path) from None
    except ProtocolError as error:
        raise DataError(f"{path} is damaged: {error.message}", service="R") from None


def _robject(value: Any, losses: Losses, path: str = "") -> r_file.RObject:
    node = Node.of(value)
    from arcuate.formats.r_losses import note

    note(node, losses, "$" + path)
    try:
        return r_write.robject(node)
    except ConversionError as error:
        raise (error.prepend(path) if path else error) from None


def _store(path: Path, data: bytes, compress: bool) -> None:
    if not isinstance(compress, bool):
        raise InvalidArgument(f"compress is True or False, not {compress!r}")
    path.write_bytes(gzip.compress(data, 6, mtime=0) if compress else data)


def _unknown(path: Path, variable: str, names: list[Any]) -> NotFoundError:
    known = ", ".join(repr(name) for name in names[:20]) or "none by name"
    return NotFoundError(f"{path.name} has no variable {variable!r}; it has {known}", service="R")


def _unpacked(path: Path, limit: int | None) -> bytes:
    """The bytes of a file, decompressed in pieces and never beyond the limit."""
    with path.open("rb") as file:
        head = file.read(6)
        file.seek(0)
        machine: Any
        if head[:2] == b"\x1f\x8b":
            machine = zlib.decompressobj(31)
        elif head[:3] == b"BZh":
            machine = bz2.BZ2Decompressor()
        elif head == b"\xfd7zXZ\x00":
            machine = lzma.LZMADecompressor()
        else:
            check_size(path, path.stat().st_size, limit)
            return file.read()
        found = bytearray()
        while not machine.eof:
            piece = file.read(_PIECE)
            if not piece:
                raise DataError(f"{path} is cut short: its compressed data ends early", service="R")
            while piece or not getattr(machine, "needs_input", True):
                found += machine.decompress(piece, _PIECE)
                check_size(path, len(found), limit, "what it holds")
                piece = machine.unconsumed_tail if hasattr(machine, "unconsumed_tail") else b""
                if machine.eof:
                    break
        return bytes(found)
