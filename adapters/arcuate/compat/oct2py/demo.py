"""``demo``: the face shown in a minute."""

from __future__ import annotations

import time

import numpy as np

from arcuate.compat.oct2py.core import Oct2Py

__all__ = ["demo"]

_STEPS = (
    "octave.zeros(3, 3)",
    "octave.svd(np.array([[1, 2], [1, 3]]), nout=3)",
    "octave.push(['a', 'b'], [1, 'text'])",
    "octave.pull(['a', 'b'])",
    "octave.eval('a + 1')",
    "octave.feval('max', np.array([3, 1, 2]), nout=2)",
    "octave.struct('name', 'Ada', 'age', 36)",
    "octave.get_pointer('sin').address",
    "octave.sin.__doc__.splitlines()[0]",
)


def demo(delay: float = 1, interactive: bool = True) -> None:
    """Runs some statements and prints what each returns.

    Args:
        delay: seconds between them.
        interactive: waits for the return key at the end.
    """
    with Oct2Py() as octave:
        for step in _STEPS:
            print(f">>> {step}")  # noqa: T201
            found = eval(step, {"octave": octave, "np": np})  # noqa: S307  (the fixed texts above)
            if found is not None:
                print(found)  # noqa: T201
            time.sleep(delay)
    if interactive:
        input("That was all. Press return. ")
