"""Runs short programs on array classes and describes what came of each step.

The same file runs beside Arcuate's classes, imported, and beside the genuine ones, as a program in an
environment of their own: it reads pickled programs and answers with pickled lists of outcomes. It needs numpy
alone.
"""

from __future__ import annotations

import array
import contextlib
import copy
import os
import pickle
import struct
import sys
from typing import Any

import numpy as np

CODES = {"l": "q", "L": "Q"}
Outcome = tuple[Any, ...]


def names(module: Any) -> dict[str, Any]:
    """What a program may use: the module with the classes as `m`, and some libraries."""
    return {
        "m": module,
        "np": np,
        "array": array,
        "copy": copy,
        "pickle": pickle,
        "nan": float("nan"),
        "inf": float("inf"),
    }


def run(module: Any, program: list[str]) -> list[Outcome]:
    """Run the steps of a program, each in turn, also after an error."""
    space = names(module)
    outcomes: list[Outcome] = []
    for step in program:
        try:
            try:
                code = compile(step, step, "eval")
            except SyntaxError:
                exec(step, space)
                outcomes.append(("done",))
            else:
                outcomes.append(describe(module, eval(code, space)))
        except Exception as error:
            outcomes.append(("error", type(error).__name__, str(error)))
    return outcomes


def describe(module: Any, value: Any) -> Outcome:
    """Say in plain values what a value is."""
    if type(value).__name__ in vars(module) and isinstance(value, vars(module)[type(value).__name__]):
        return ("array", type(value).__name__, value.size, value._is_complex, value.itemsize, repr(value))
    if isinstance(value, memoryview):
        strides = tuple(s for s, n in zip(value.strides, value.shape, strict=True) if n > 1)
        code = value.format if value.format[0] != "T" else "Z" + value.format[2]
        code = "".join(CODES.get(letter, letter) for letter in code)
        shape = value.shape if value.nbytes else 0
        return ("memory", code, shape, strides if value.nbytes else 0, value.readonly, value.tobytes())
    if isinstance(value, np.ndarray):
        return ("numpy", value.dtype.str, value.shape, value.flags.writeable, repr(value.tolist()))
    if isinstance(value, array.array):
        return ("array.array", value.typecode, value.tolist())
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, *(describe(module, one) for one in value))
    if isinstance(value, (float, complex)):
        return (type(value).__name__, repr(value))
    if value is None or isinstance(value, (bool, int, str, bytes)):
        return (type(value).__name__, value)
    if isinstance(value, type):
        return ("class", value.__name__)
    return ("object", type(value).__name__)


def serve() -> None:
    """Answer on the standard streams until they close."""
    import matlab  # type: ignore[import-not-found]  # the genuine package

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that is printed may lie between answers
    questions = sys.stdin.buffer
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            program = pickle.load(questions)
            answer = pickle.dumps(run(matlab, program))
            answers.write(struct.pack("<I", len(answer)) + answer)
            answers.flush()


if __name__ == "__main__":
    serve()
