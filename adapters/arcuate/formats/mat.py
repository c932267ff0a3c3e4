"""MAT files: version 5 (``save -v6`` and ``-v7`` of MATLAB and Octave) and version 7.3, both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from arcuate.connector import DataError, NotFoundError
from arcuate.errors import ConversionError, InvalidArgument, ProtocolError
from arcuate.formats import mat_file, mat_hdf, mat_hdf_write, mat_values
from arcuate.formats.format import LIMIT, Format, Kept, Losses, check_size
from arcuate.formats.node import Node
from arcuate.values import DecodeOptions, decode, encode
from arcuate.values.nodes import step

__all__ = ["MAT", "MAT73"]

_SIMPLE = DecodeOptions(simplify=False)
_HDF5 = b"\x89HDF\r\n\x1a\n"


class MAT(Format):
    """Variables of MATLAB or Octave, by name."""

    name: ClassVar[str] = "mat"
    _version: ClassVar[str] = "7"

    def read(self, path: Path, *, variable: str | None = None, limit: int | None = LIMIT) -> Any:
        """All variables as a mapping, or one of them."""
        with path.open("rb") as file:
            head = file.read(2056)

        def check(size: int) -> None:
            check_size(path, size, limit, "what it holds")

        if any(head[at : at + 8] == _HDF5 for at in (0, 512, 1024, 2048)):
            found = mat_hdf.parse(path, check, variable)
        elif head[126:128] in (b"IM", b"MI"):
            check(path.stat().st_size)
            found = mat_file.parse(path.read_bytes(), path.name, check, variable)
        else:
            raise DataError(
                f"{path} is no MAT file of version 5 to 7.3: it begins with {head[:12]!r}; save it with -v7",
                service="MAT",
            )
        values = {name: _python(array, name, path) for name, array in found if name}
        if variable is None:
            return values
        if variable not in values:
            raise NotFoundError(
                f"{path.name} has no variable {variable!r}; open it without variable= to see all",
                service="MAT",
            )
        return values[variable]

    def write(
        self,
        value: Any,
        path: Path,
        *,
        lossy: bool = False,
        variable: str = "value",
        compress: bool = True,
        version: str | None = None,
    ) -> Kept:
        """Writes a mapping of names to values as variables, anything else as one variable.

        Args:
            value: what to write.
            path: where to.
            lossy: write what can be written of a mapping, and list the rest.
            variable: the name of the one variable, where the value is no mapping.
            compress: as ``-v7`` and ``-v7.3`` do; without it version 7 is what ``-v6`` writes.
            version: ``"7"``, or ``"7.3"``, which is HDF5 and holds variables of more than 2 GB.

        Raises:
            ConversionError: MATLAB has no form for a part of the value.
        """
        version = version or self._version
        if version not in ("7", "7.3"):
            raise InvalidArgument(f"version is '7' or '7.3', not {version!r}; -v6 is '7' with compress=False")
        losses = Losses("MAT", path, lossy)
        parts = value if isinstance(value, dict) else {variable: value}
        made: dict[str, mat_file.MArray] = {}
        for name, each in parts.items():
            if not (isinstance(name, str) and name.isascii() and name.isidentifier() and len(name) <= 63):
                raise ConversionError(f"{path.name}: {name!r} is no name for a variable of MATLAB; rename it")
            try:
                made[name] = mat_values.marray(Node.of(each))
            except ConversionError as error:
                if not lossy or len(parts) == 1:  # all of it is no loss but a failure
                    raise error.prepend(step(name)) if isinstance(value, dict) else error from None
                losses.add(f"${step(name)}", f"it is left out: {error.message}", "")
        if version == "7.3":
            mat_hdf_write.dump(made, path, compress)
        else:
            path.write_bytes(mat_file.dump(made, compress))
        return losses.kept()


class MAT73(MAT):
    """The same, written in version 7.3."""

    _version: ClassVar[str] = "7.3"


def _python(array: mat_file.MArray, name: str, path: Path) -> Any:
    try:
        return decode(encode(mat_values.value(array)), _SIMPLE)
    except ConversionError as error:
        raise ConversionError(f"{path.name}: {error.message}", path=error.prepend(step(name)).path) from None
    except ProtocolError as error:
        raise DataError(f"{path} is damaged: {error.message}", service="MAT") from None
