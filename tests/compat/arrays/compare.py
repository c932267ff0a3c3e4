"""When the outcomes of a program beside both implementations count as the same."""

from __future__ import annotations

import re

from tests.compat.arrays.differences import DIFFERENCES
from tests.compat.arrays.machine import Outcome, run
from tests.compat.arrays.oracle import Oracle

from arcuate.compat import matlab

SENSE = [
    # what the genuine classes say, and another form of the same
    (
        r"Python int too large to convert to C long( long)?",
        r"value \(.*\) cannot be stored in a variable of type \w+\.",
    ),
    (
        r"(\w+\.clone\(\)) takes no arguments \(1 given\)",
        r"Array\.clone\(\) takes 1 positional argument but 2 were given",
    ),
    (
        r"dimensions of initializer \((\d+, )*0(, \d+)*\) do not .*",
        r"dimensions of initializer \(.*\) do not .*",
    ),
    (r"memoryview: underlying buffer is not contiguous", r"ndarray is not contiguous.*"),
]


def same_sense(theirs: str, ours: str) -> bool:
    """Tell whether a message begins as the genuine one does, or is listed as another form of it."""
    theirs, ours = (
        theirs.replace("matlab.", ""),
        ours.replace("arcuate.compat.matlab.", "").replace("matlab.", ""),
    )
    if ours.startswith(theirs.rstrip(".")):
        return True
    return any(re.fullmatch(one, theirs) and re.fullmatch(another, ours) for one, another in SENSE)


def same(theirs: Outcome, ours: Outcome) -> bool:
    """Tell whether two outcomes of a step are the same."""
    if theirs[0] == ours[0] == "error":
        return bool(theirs[1] == ours[1]) and same_sense(theirs[2], ours[2])
    return theirs == ours


def check(oracle: Oracle, program: list[str]) -> None:
    """Run a program beside both and compare step by step."""
    theirs, ours = oracle.run(program), run(matlab, program)
    for step, one, another in zip(program, theirs, ours, strict=True):
        if same(one, another):
            if one[0] == "error" and "length of slice" in one[2]:
                return  # the genuine array may be half written
            continue
        text = "\n  ".join(program)
        if any(difference.excuse(text, one, another) for difference in DIFFERENCES):
            return  # from here on the arrays differ
        raise AssertionError(f"  {text}\nat {step}\ngenuine: {one}\nours:    {another}")
