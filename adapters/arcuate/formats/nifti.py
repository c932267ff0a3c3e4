"""NIfTI-1 and -2, gzipped or not: voxels with their affine, units and header, by nibabel."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from arcuate.connector import DataError
from arcuate.errors import ConversionError
from arcuate.formats.format import LIMIT, Format, Kept, Losses, check_size, library

__all__ = ["NIfTI"]

_DIMS = ("x", "y", "z", "t", "u", "v", "w")
_SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}
_KEPT = (
    "descrip", "aux_file", "intent_name", "intent_code", "intent_p1", "intent_p2", "intent_p3", "cal_min",
    "cal_max", "slice_code", "slice_start", "slice_end", "slice_duration", "toffset", "dim_info",
    "qform_code", "sform_code",
)  # fmt: skip
_ATTRS = {
    "affine", "qform", "space_units", "time_units", "slope", "inter", "stored", "header", "extensions",
    "version",
}  # fmt: skip


class NIfTI(Format):
    """One image."""

    name: ClassVar[str] = "nifti"

    def read(
        self, path: Path, *, variable: str | None = None, limit: int | None = LIMIT, scaled: bool = True
    ) -> xr.DataArray:
        """The voxels as an array with the dims x, y, z, t.

        Without a scale in the header they keep their type; with one they are ``stored * slope + inter`` in
        float64, and slope, inter and the stored type are attributes.

        Args:
            path: the file.
            variable: not used: a file holds one image.
            limit: most bytes in memory.
            scaled: ``False`` gives the stored numbers.
        """
        del variable
        nibabel = library("nibabel", "formats-neuro")
        image = nibabel.load(path)
        header = image.header
        shape = tuple(int(size) for size in image.shape)
        slope, inter = float(image.dataobj.slope), float(image.dataobj.inter)
        plain = not scaled or (slope == 1 and inter == 0)
        kind = header.get_data_dtype()
        wide = np.result_type(kind, np.float64) if kind.kind in "iufc" else kind
        width = (kind if plain else wide).itemsize
        count = 1
        for size in shape:
            count *= size
        check_size(path, count * width, limit, "its voxels")
        needed = int(image.dataobj.offset) + count * header.get_data_dtype().itemsize
        found = _whole(path, limit) if path.name.lower().endswith(".gz") else path.stat().st_size
        if found < needed:
            raise DataError(
                f"{path} is cut short or damaged: its header says {needed:,} bytes, there are {found:,}",
                service="NIfTI",
            )
        stored = np.asarray(image.dataobj.get_unscaled())
        if stored.dtype.names:
            raise ConversionError(
                f"{path.name} holds colours ({stored.dtype}), which have no value here; convert it to numbers"
            )
        stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
        data = stored if plain else stored.astype(wide) * slope + inter
        space, time = header.get_xyzt_units()
        attrs: dict[str, Any] = {
            "affine": np.array(image.affine, np.float64), "space_units": space, "time_units": time,
            "stored": stored.dtype.name, "slope": slope, "inter": inter,
            "version": 2 if int(header["sizeof_hdr"]) == 540 else 1,
            "header": {name: _plain(header[name]) for name in _KEPT},
        }  # fmt: skip
        if len(shape) > 3:  # also where there is one time alone, or none that is known
            attrs["header"]["zooms"] = [float(step) for step in header.get_zooms()[3:]]
        if int(header["qform_code"]) > 0:
            attrs["qform"] = np.array(image.get_qform(), np.float64)
        if header.extensions:
            attrs["extensions"] = [
                {"code": int(one.get_code()), "content": base64.b64encode(_content(one)).decode()}
                for one in header.extensions
            ]
        return xr.DataArray(
            np.ascontiguousarray(data), dims=_DIMS[: len(shape)], coords=_coords(image, shape), attrs=attrs
        )

    def write(self, value: Any, path: Path, *, lossy: bool = False) -> Kept:
        """Writes an array with the dims x, y, z and t.

        The affine is an attribute; else it is made of the coordinates.
        """
        nibabel = library("nibabel", "formats-neuro")
        losses = Losses("NIfTI", path, lossy)
        array = _array(value, losses)
        attrs = array.attrs
        affine = np.asarray(attrs["affine"], np.float64) if "affine" in attrs else _affine(array, losses)
        if affine.shape != (4, 4):
            raise losses.refuse(
                "$.attrs.affine", f"its shape is {affine.shape}", "give four rows of four numbers"
            )
        data, dtype, slope, inter = _stored(array, losses)
        version = 2 if attrs.get("version") == 2 or max(array.shape, default=0) > 32767 else 1
        image = (nibabel.Nifti2Image if version == 2 else nibabel.Nifti1Image)(data, affine, dtype=dtype)
        header = image.header
        _fill(image, array, attrs, nibabel, losses)
        _check_places(image, array, affine, losses)
        if slope != 1 or inter != 0:
            header.set_slope_inter(slope, inter)  # nibabel then writes the numbers as they are
        for name in attrs:
            if name not in _ATTRS:
                losses.add(
                    f"$.attrs[{name!r}]",
                    "this attribute is not kept",
                    "write a BIDS sidecar (format='bids'), or save it as .nc",
                )
        nibabel.save(image, path)
        return losses.kept()


def _whole(path: Path, limit: int | None) -> int:
    """The bytes in a compressed file, read to its checksum, which nibabel stops before."""
    size = 0
    with gzip.open(path, "rb") as file:
        while piece := file.read(1 << 20):
            size += len(piece)
            check_size(path, size, limit, "what it holds")
    return size


def _plain(field: Any) -> Any:
    found = field.item()
    return found.decode("latin-1").partition("\0")[0] if isinstance(found, bytes) else found


def _content(one: Any) -> bytes:
    raw = getattr(one, "_raw", None)
    if isinstance(raw, bytes):
        return raw
    found = one.get_content()
    return found if isinstance(found, bytes) else str(found).encode()


def _coords(image: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """Positions along axes that the affine does not turn, and times."""
    coords: dict[str, Any] = {}
    affine = image.affine
    turned = affine[:3, :3] - np.diag(np.diag(affine[:3, :3]))
    if not turned.any():
        for k in range(min(3, len(shape))):
            coords[_DIMS[k]] = affine[k, 3] + affine[k, k] * np.arange(shape[k])
    zooms = image.header.get_zooms()
    if len(shape) > 3 and len(zooms) > 3 and zooms[3] > 0:
        coords["t"] = float(image.header["toffset"]) + float(zooms[3]) * np.arange(shape[3])
    return coords


def _array(value: Any, losses: Losses) -> xr.DataArray:
    if not isinstance(value, xr.DataArray):
        raise losses.refuse(
            "$", f"a {type(value).__name__} is no image", "give a DataArray with the dims x, y, z, t"
        )
    strange = [str(dim) for dim in value.dims if dim not in _DIMS]
    if strange or not value.dims:
        raise losses.refuse("$", f"its dims are {tuple(value.dims)}", "rename them to x, y, z, t")
    order = [dim for dim in _DIMS if dim in value.dims]
    if order != list(_DIMS[: len(order)]):
        missing = next(dim for dim in _DIMS if dim not in value.dims)
        raise losses.refuse(
            "$", f"the dim {missing} is missing before {order[-1]}", f"expand_dims({missing!r})"
        )
    if order != list(value.dims):
        losses.add(
            "$", f"the order of the dims {tuple(value.dims)} is not kept", "transpose it to x, y, z, t"
        )
    for name, one in value.coords.items():
        if name not in value.dims:
            losses.add(f"$.coords[{str(name)!r}]", "this coordinate is not kept", "save it as .nc")
        elif one.attrs:
            losses.add(f"$.coords[{str(name)!r}].attrs", "these attributes are not kept", "save it as .nc")
    if value.name is not None:
        losses.add("$", f"the name {value.name!r} is not kept", "rename(None), or save it as .nc")
    return value.transpose(*order)


def _step(array: xr.DataArray, dim: str, losses: Losses) -> tuple[float, float]:
    """Start and step of a coordinate."""
    if dim not in array.coords:
        return 0.0, 1.0
    at = np.asarray(array[dim])
    if at.dtype.kind not in "iuf":
        losses.add(f"$.coords.{dim}", f"positions of the type {at.dtype} are not kept", "give numbers")
        return 0.0, 1.0
    start = float(at[0]) if len(at) else 0.0
    step = float(at[1] - at[0]) if len(at) > 1 else 1.0
    if not np.allclose(at, start + step * np.arange(len(at)), rtol=1e-6, atol=1e-9 * max(abs(step), 1e-300)):
        losses.add(f"$.coords.{dim}", "positions that are not evenly spaced are not kept", "save it as .nc")
    return start, step


def _affine(array: xr.DataArray, losses: Losses) -> Any:
    affine = np.eye(4)
    for k, dim in enumerate(("x", "y", "z")):
        if dim in array.dims:
            affine[k, 3], affine[k, k] = _step(array, dim, losses)
    return affine


def _check_places(image: Any, array: xr.DataArray, affine: Any, losses: Losses) -> None:
    """Whether readers of the image see its voxels where the affine and the coordinates have them."""
    near = 1e-4 * float(np.abs(affine[:3, :3]).max())
    if not np.allclose(image.header.get_best_affine(), affine, 1e-5, near):
        losses.add(
            "$.attrs.affine",
            "it is not kept: the codes in the attribute header say that another one counts",
            "set sform_code to 1 or 2 there, or drop the attribute header",
        )
    made = _coords(image, array.shape)
    for dim in ("x", "y", "z"):
        if "affine" not in array.attrs or dim not in array.coords:
            continue
        at = np.asarray(array[dim])
        if dim not in made or at.dtype.kind not in "iuf" or not np.allclose(at, made[dim], 1e-5, near):
            losses.add(
                f"$.coords.{dim}",
                "its positions are not those of the attribute affine, as after cutting or turning an image",
                f"drop_vars({dim!r}) where the affine is right, else drop the attributes affine and qform",
            )


def _stored(array: xr.DataArray, losses: Losses) -> tuple[Any, Any, float, float]:
    """The numbers to store, their type, and the scale, such that the values come back the same."""
    data = np.asarray(array)
    if data.dtype == bool:
        losses.add("$", "bool comes back as uint8", "convert it with astype('uint8')")
        data = data.astype(np.uint8)
    if data.dtype == np.float16:
        losses.add("$", "float16 comes back as float32", "convert it with astype('float32')")
        data = data.astype(np.float32)
    if data.dtype.kind not in "iufc":
        raise losses.refuse("$", f"voxels are numbers, not {data.dtype}", "convert them")
    slope, inter, stored = array.attrs.get("slope"), array.attrs.get("inter"), array.attrs.get("stored")
    if not isinstance(slope, (int, float)) or not isinstance(inter, (int, float)):
        slope, inter = 1.0, 0.0
    scale = slope not in (0, 1) or inter != 0
    if scale and data.dtype.kind in "iu" and data.dtype.name == stored:
        losses.add(
            "$.attrs.slope",
            f"the voxels are written as they are, without the scale {slope:g} and {inter:g} of their file",
            "read it with scaled=True, or drop the attributes slope and inter",
        )
    if (
        scale
        and slope
        and isinstance(stored, str)
        and np.dtype(stored).kind in "iu"
        and data.dtype == np.float64
    ):
        whole = np.round((data - inter) / slope)
        limits = np.iinfo(stored)
        inside = (
            np.isfinite(whole).all()
            and limits.min <= whole.min(initial=0)
            and whole.max(initial=0) <= limits.max
        )
        if inside and (whole.astype(stored).astype(np.float64) * slope + inter == data).all():
            return whole.astype(stored), np.dtype(stored), float(slope), float(inter)
    return data, data.dtype, 1.0, 0.0


def _fill(image: Any, array: xr.DataArray, attrs: dict[str, Any], nibabel: Any, losses: Losses) -> None:
    header = image.header
    kept = attrs.get("header")
    for name, found in (kept if isinstance(kept, dict) else {}).items():
        if name in _KEPT and name not in ("qform_code", "sform_code"):
            header[name] = found.encode("latin-1") if isinstance(found, str) else found
    codes = kept if isinstance(kept, dict) else {}
    image.set_sform(image.affine, int(codes.get("sform_code", 2)))
    quaternion = np.asarray(attrs["qform"], np.float64) if "qform" in attrs else image.affine
    image.set_qform(quaternion, int(codes.get("qform_code", 0)))
    space = attrs.get("space_units", array.attrs.get("units", "unknown"))
    time = attrs.get("time_units", "sec" if "t" in array.coords else "unknown")
    try:
        header.set_xyzt_units(space, time)
    except KeyError:
        losses.add(
            "$.attrs.space_units",
            f"the units {space!r} and {time!r} are not kept",
            "use mm, meter or micron, and sec, msec or usec",
        )
    if "t" in array.dims:
        start, step = _step(array, "t", losses)
        told = codes.get("zooms")
        zooms = list(header.get_zooms())
        if isinstance(told, list) and len(told) == len(zooms) - 3:
            zooms[3:] = told
        if (array.sizes["t"] > 1 and "t" in array.coords) or zooms[3:] != told:
            zooms[3] = step
        header.set_zooms(zooms)
        header["toffset"] = start
        if "t" in array.coords and not np.array_equal(
            np.asarray(array["t"], np.float64),
            float(header["toffset"]) + float(header.get_zooms()[3]) * np.arange(array.sizes["t"]),
        ):
            losses.add("$.coords.t", "times are rounded: their step is kept as float32", "save it as .nc")
    for one in attrs.get("extensions") or []:
        content = base64.b64decode(one["content"])
        header.extensions.append(nibabel.nifti1.Nifti1Extension(int(one["code"]), content))
