"""Golden vectors and what judges implementations by them: the machinery of ``arcuate matrix``.

:mod:`~arcuate.matrix.vectors` loads the cases of ``protos/vectors/``, :mod:`~arcuate.matrix.rendering`
shows the value in an encoding as a *rendering* (``protos/vectors/README.md``),
:mod:`~arcuate.matrix.equality` compares two of them, :mod:`~arcuate.matrix.reference` writes the encodings
of one. Loading needs a checkout of the repository.
"""

from __future__ import annotations

from arcuate.matrix.equality import same
from arcuate.matrix.reference import encode
from arcuate.matrix.rendering import render
from arcuate.matrix.vectors import Case, load, root

__all__ = ["Case", "encode", "load", "render", "root", "same"]
