"""Files of many formats as labelled arrays, tables and mappings, and back.

:func:`open_data` and :func:`save_data` choose the format by the file's name; :func:`convert` goes from one
to another; :func:`open_batches` and :func:`save_batches` go piece by piece. What a format cannot keep is an
error, or listed in :class:`Kept`.
"""

from __future__ import annotations

from arcuate.formats.format import Format, Kept, LossyWarning
from arcuate.formats.registry import convert, open_batches, open_data, save_batches, save_data
from arcuate.formats.table import formats

__all__ = [
    "Format",
    "Kept",
    "LossyWarning",
    "convert",
    "formats",
    "open_batches",
    "open_data",
    "save_batches",
    "save_data",
]
