"""The two exceptions that the array classes have of their own."""


class ShapeError(Exception):
    """The number of elements does not fit the dimensions."""


class SizeError(Exception):
    """A nested or multi-dimensional initializer has other dimensions than `size` says."""


SizeError.__module__ = ShapeError.__module__ = "arcuate.compat.matlab"
