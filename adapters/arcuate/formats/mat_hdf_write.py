"""MAT files of version 7.3: arrays of MATLAB into HDF5, with the attributes that MATLAB looks for."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from arcuate.errors import ConversionError
from arcuate.formats.blocks import chunks
from arcuate.formats.format import library
from arcuate.formats.hdf5_disk import created
from arcuate.formats.mat_file import MArray

__all__ = ["COMPLEX", "ORDER", "dump"]

ORDER = "arcuate_order"
"""Attribute of the file: the names of its variables in their order, which HDF5 does not keep."""
COMPLEX = "arcuate_complex"
"""Attribute of an array of complex numbers without elements, of which MATLAB says nothing."""
_HEAD = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, written by Arcuate HDF5 schema 1.00 ."
_REFS = "#refs#"
_CHUNK = 1 << 20
_SMALL = 1024
_ATTRIBUTE = 60_000


def dump(variables: dict[str, MArray], path: Path, compress: bool) -> None:
    """Writes a file.

    Args:
        variables: by name.
        path: where.
        compress: by gzip, as MATLAB does.

    Raises:
        ConversionError: an array that version 7.3 has no form for.
    """
    h5py = library("h5py", "formats-neuro")
    with created(path, userblock_size=512) as (file, check):
        writer = _Writer(h5py, file, compress)
        for name, array in variables.items():
            writer.put(file, name, array)
            check()
        if sum(len(name) + 1 for name in variables) < _ATTRIBUTE:
            file.attrs[ORDER] = np.bytes_(" ".join(variables).encode())
    with path.open("r+b") as raw:
        raw.write(_HEAD.ljust(116) + bytes(8) + b"\0\2IM")


class _Writer:
    def __init__(self, h5py: Any, file: Any, compress: bool) -> None:
        self.h5py, self.file, self.compress = h5py, file, compress
        self.count = 0

    def put(self, place: Any, name: str, array: MArray) -> Any:
        """Puts an array under a name of a group; what was made."""
        if array.kind == "struct" and prod(array.shape) > 0:
            return self._struct(place, name, array)
        if array.kind == "sparse":
            return self._sparse(place, name, array)
        if not prod(array.shape):
            made = place.create_dataset(name, data=np.array(array.shape, "<u8"))
            made.attrs["MATLAB_empty"] = np.uint8(1)
            if array.fields:
                self._fields(made, array.fields)
            if isinstance(array.data, np.ndarray) and array.data.dtype.kind == "c":
                made.attrs[COMPLEX] = np.uint8(1)
        elif array.kind == "cell":
            made = place.create_dataset(name, data=self._references(array.items, array.shape))
        elif array.kind == "char":
            made = self._numbers(place, name, np.frombuffer(_units(array.data), "<u2"), array.shape)
        else:
            made = self._numbers(place, name, array.data, array.shape)
        made.attrs["MATLAB_class"] = np.bytes_(array.kind.encode())
        if array.kind in ("char", "logical"):
            made.attrs["MATLAB_int_decode"] = np.int32(2 if array.kind == "char" else 1)
        return made

    def _numbers(self, place: Any, name: str, data: Any, shape: tuple[int, ...]) -> Any:
        if data.dtype == bool:
            data = data.view(np.uint8)
        if data.dtype.kind == "c":
            part = "<f4" if data.dtype == np.complex64 else "<f8"
            data = np.ascontiguousarray(data).view([("real", part), ("imag", part)])
        turned = tuple(reversed(shape))
        how: dict[str, Any] = {}
        if data.nbytes >= _SMALL:
            how = {"chunks": chunks(turned, data.dtype.itemsize, _CHUNK), "fletcher32": True}
            if self.compress:
                how |= {"compression": "gzip", "compression_opts": 3}
        return place.create_dataset(name, data=data.reshape(turned), **how)

    def _references(self, items: list[MArray], shape: tuple[int, ...]) -> Any:
        refs = self.file.require_group(_REFS)
        found = np.empty(len(items), self.h5py.ref_dtype)
        for at, item in enumerate(items):
            self.count += 1
            found[at] = self.put(refs, f"r{self.count}", item).ref
        return found.reshape(tuple(reversed(shape)))

    def _struct(self, place: Any, name: str, array: MArray) -> Any:
        made = place.create_group(name)
        made.attrs["MATLAB_class"] = np.bytes_(b"struct")
        if array.fields:
            self._fields(made, array.fields)
        elif array.shape != (1, 1):
            raise ConversionError("several structs without fields have no form in version 7.3; use cells")
        width = len(array.fields)
        for at, field in enumerate(array.fields):
            if array.shape == (1, 1):
                self.put(made, field, array.items[at])
            else:
                made.create_dataset(field, data=self._references(array.items[at::width], array.shape))
        return made

    def _fields(self, made: Any, fields: tuple[str, ...]) -> None:
        if sum(16 + len(one) for one in fields) > _ATTRIBUTE:
            return  # an attribute has no room for them: they stand in their alphabetical order
        letters = np.empty(len(fields), object)
        letters[:] = [np.array([bytes([one]) for one in field.encode()], "S1") for field in fields]
        made.attrs.create("MATLAB_fields", letters, dtype=self.h5py.vlen_dtype(np.dtype("S1")))

    def _sparse(self, place: Any, name: str, array: MArray) -> Any:
        made = place.create_group(name)
        kind = "logical" if array.data.dtype == bool else "double"
        made.attrs["MATLAB_class"] = np.bytes_(kind.encode())
        made.attrs["MATLAB_sparse"] = np.uint64(array.shape[0])
        if kind == "logical":
            made.attrs["MATLAB_int_decode"] = np.int32(1)
        if len(array.data):
            self._numbers(made, "data", array.data, (len(array.data),))
            self._numbers(made, "ir", array.first.astype("<u8"), (len(array.first),))
        self._numbers(made, "jc", array.second.astype("<u8"), (len(array.second),))
        return made


def _units(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")
