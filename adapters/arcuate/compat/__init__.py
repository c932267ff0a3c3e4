"""Faces of other bridges on Arcuate's environments, so that existing scripts keep working.

`arcuate.compat.matlab` has the array classes of MATLAB's package for Python.
"""

__all__: list[str] = []
