"""MAT files of version 7.3, which are HDF5 with MATLAB's own attributes: to a tree of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from arcuate.connector import DataError
from arcuate.errors import ConversionError
from arcuate.formats.format import library
from arcuate.formats.hdf5 import check_dataset
from arcuate.formats.mat_file import DTYPES, MArray, joined
from arcuate.formats.mat_hdf_write import COMPLEX, ORDER

__all__ = ["parse"]

_DEPTH = 100
_EACH = 200
"""Bytes that an array takes beside its elements."""


def parse(
    path: Path, check: Callable[[int], None], wanted: str | None = None
) -> Iterator[tuple[str, MArray]]:
    """The variables of a file, one after the other.

    Raises:
        DataError: the file is damaged, or HDF5 that MATLAB did not write.
    """
    h5py = library("h5py", "formats-neuro")
    with h5py.File(path, "r") as file:
        reader = _Reader(h5py, file, path, check)
        told = _text(file.attrs.get(ORDER)).split()
        for name in sorted(file, key=lambda one: told.index(one) if one in told else len(told)):
            if name.startswith("#") or (wanted is not None and name != wanted):
                continue
            yield name, reader.array(reader.member(file, name), 0)


class _Reader:
    def __init__(self, h5py: Any, file: Any, path: Path, check: Callable[[int], None]) -> None:
        self.h5py, self.file, self.path, self.check = h5py, file, path, check
        self.taken = 0
        self.seen: set[int] = set()

    def fail(self, at: Any, what: str) -> DataError:
        return DataError(f"{self.path.name}: {at.name} {what}", service="MAT")

    def member(self, group: Any, name: str) -> Any:
        """What is under a name: a group or dataset of this file, with chunks that fit their array."""
        if isinstance(group.get(name, getlink=True), self.h5py.ExternalLink):
            raise self.fail(group, f"has a link to another file under {name!r}, which is not followed")
        found = group.get(name)
        if found is None:
            raise self.fail(group, f"has no part {name!r}, or a link that leads nowhere")
        return self.checked(found)

    def checked(self, found: Any) -> Any:
        """A group or dataset whose data is in this file, and unpacks to what it should be."""
        if isinstance(found, self.h5py.Dataset):
            check_dataset(found, self.path, str(found.name))
            if found.shape is None:
                raise self.fail(found, "has no elements and no dimensions")
        return found

    def numbers(self, found: Any) -> Any:
        """The elements of a dataset as a vector in MATLAB's order; HDF5 has the dimensions turned."""
        self.taken += int(found.size) * found.dtype.itemsize + _EACH
        self.check(self.taken)
        return np.asarray(found[()]).reshape(-1)

    def array(self, found: Any, depth: int) -> MArray:
        if depth > _DEPTH:
            raise self.fail(found, f"nests deeper than {_DEPTH} levels")
        attributes = found.attrs
        kind = _text(attributes.get("MATLAB_class"))
        if kind == "cell" or isinstance(found, self.h5py.Group):  # MATLAB has each in one place
            address = int(self.h5py.h5o.get_info(found.id).addr)
            if address in self.seen:
                raise self.fail(found, "is a part of itself, or of two others")
            self.seen.add(address)
        if "MATLAB_object_decode" in attributes and int(attributes["MATLAB_object_decode"]) not in (0, 1, 2):
            return MArray("opaque", (1, 1), name=kind)
        if isinstance(found, self.h5py.Group):
            if "MATLAB_sparse" in attributes:
                return self._sparse(found, kind, int(attributes["MATLAB_sparse"]))
            if kind not in ("struct", ""):
                return MArray("function" if kind == "function_handle" else "opaque", (1, 1), name=kind)
            return self._struct(found, depth)
        if not kind:
            raise self.fail(
                found, "has no MATLAB_class: this is HDF5 that MATLAB did not write; use format='hdf5'"
            )
        shape = tuple(int(size) for size in reversed(found.shape))
        if "MATLAB_empty" in attributes and int(attributes["MATLAB_empty"]):
            shape = tuple(int(size) for size in self.numbers(found))
            if prod(shape) != 0:
                raise self.fail(found, f"is marked as empty and has the dimensions {shape}")
            made = _empty(kind, shape)
            made.fields = tuple(_field(each) for each in attributes.get("MATLAB_fields", ()))
            if COMPLEX in attributes:
                made.data = made.data.astype(np.result_type(made.data, np.complex64))
            return made
        if kind == "cell":
            items = [self.array(self._follow(found, each), depth + 1) for each in self.numbers(found)]
            return MArray("cell", shape, items=items)
        if kind == "char":
            data = self.numbers(found).astype("<u2").tobytes().decode("utf-16-le", "surrogatepass")
            return MArray("char", shape, data)
        if kind not in DTYPES:
            return MArray("opaque", (1, 1), name=kind)
        data = self.numbers(found)
        if data.dtype.names:
            if kind not in ("double", "single"):
                raise ConversionError(
                    f"{self.path.name}: complex integers have no value elsewhere; save them as double"
                )
            return MArray(kind, shape, joined(data["real"].astype(DTYPES[kind]), data["imag"]))
        if data.dtype.kind not in "iufb":
            raise self.fail(found, f"holds {data.dtype}, not {kind}")
        return MArray(kind, shape, data.astype(DTYPES[kind]))

    def _follow(self, at: Any, reference: Any) -> Any:
        if not isinstance(reference, self.h5py.Reference) or not reference:
            raise self.fail(at, "has elements that lead nowhere")
        return self.checked(self.file[reference])

    def _struct(self, found: Any, depth: int) -> MArray:
        order = found.attrs.get("MATLAB_fields")
        fields = tuple(found) if order is None else tuple(_field(each) for each in order)
        parts = []
        shape: tuple[int, ...] | None = None
        for name in fields:
            if name not in found:
                raise self.fail(found, f"has no field {name!r}")
            each = self.member(found, name)
            # the elements of a struct array are references, and such a dataset has no class
            if (
                not isinstance(each, self.h5py.Group)
                and "MATLAB_class" not in each.attrs
                and each.dtype.kind == "O"
            ):
                shape = tuple(int(size) for size in reversed(each.shape))
                parts.append([self.array(self._follow(each, one), depth + 1) for one in self.numbers(each)])
            else:
                parts.append([self.array(each, depth + 1)])
        count = len(parts[0]) if parts else 1
        if any(len(part) != count for part in parts):
            raise self.fail(found, "has fields of different lengths")
        items = [part[k] for k in range(count) for part in parts]
        return MArray("struct", shape or (1, 1), items=items, fields=fields)

    def _sparse(self, found: Any, kind: str, rows: int) -> MArray:
        pointers = self.numbers(self.member(found, "jc")).astype(np.int64)
        first = np.zeros(0, np.int64)
        if "ir" in found:
            first = self.numbers(self.member(found, "ir")).astype(np.int64)
        data: Any = self.numbers(self.member(found, "data")) if "data" in found else np.zeros(0)
        if data.dtype.names:
            data = joined(data["real"], data["imag"])
        elif kind == "logical":
            data = data.astype(bool)
        stored = int(pointers[-1]) if len(pointers) else -1
        right = len(pointers) and (np.diff(pointers) >= 0).all() and stored == len(first) == len(data)
        if not right or (stored and not 0 <= int(first.min()) <= int(first.max()) < rows):
            raise self.fail(found, "is a sparse matrix whose parts do not fit")
        return MArray("sparse", (rows, len(pointers) - 1), data, first=first, second=pointers)


def _empty(kind: str, shape: tuple[int, ...]) -> MArray:
    if kind == "char":
        return MArray("char", shape, "")
    if kind in ("cell", "struct"):
        return MArray(kind, shape)
    if kind == "canonical empty":
        return MArray("double", (0, 0), np.zeros(0))
    if kind not in DTYPES:
        return MArray("opaque", (1, 1), name=kind)
    return MArray(kind, shape, np.zeros(0, DTYPES[kind]))


def _text(found: Any) -> str:
    return found.decode("ascii", "replace") if isinstance(found, bytes) else str(found or "")


def _field(letters: Any) -> str:
    return b"".join(bytes(each) for each in letters).decode("utf-8", "replace")
