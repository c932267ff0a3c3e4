"""Where Arcuate's array classes differ from the genuine ones on purpose: all of it, each with its reason.

Mostly it is that the genuine classes lose or invent values. The page docs/compat/matlab-arrays.md has the
same list (a test compares), and random programs differ by nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.compat.arrays.machine import Outcome

Excuse = Callable[[str, Outcome, Outcome], bool]
"""Given the text of the program and the two outcomes."""


def never(text: str, theirs: Outcome, ours: Outcome) -> bool:
    """Random programs do not come here."""
    return False


@dataclass(frozen=True)
class Difference:
    """One difference.

    Args:
        reason: A sentence, as it is in the documentation.
        program: Its last step shows the difference.
        theirs: What the last step gives beside the genuine classes: the beginning of the outcome as text.
        ours: The same beside Arcuate's.
        excuse: Tells whether a mismatch of a random program is this difference.
    """

    reason: str
    program: list[str]
    theirs: str
    ours: str
    excuse: Excuse = never


def refused(*messages: str) -> Excuse:
    """Ours, complex, is an error with one of these messages; theirs is none, or says there is one element."""
    return lambda text, theirs, ours: (
        "is_complex=True" in text
        and (theirs[0] != "error" or "initializer (1, 1) do not match" in theirs[2])
        and ours[0] == "error"
        and any(one in ours[2] for one in messages)
    )


def no_sign(text: str, theirs: Outcome, ours: Outcome) -> bool:
    """They differ by the signs of infinities alone, in single precision."""
    one, another = (re.sub(r"[-+]inf", "inf", str(outcome)) for outcome in (theirs, ours))
    return "single" in text and one == another


def in_single(text: str, theirs: Outcome, ours: Outcome) -> bool:
    """Ours refuses an integer in single precision, theirs does not."""
    refusal = "cannot be stored in a variable of type single."
    return theirs[0] != "error" and ours[0] == "error" and ours[2].endswith(refusal)


def both_empty(text: str, theirs: Outcome, ours: Outcome) -> bool:
    """They are empty arrays of other dimensions."""
    if theirs[0] == ours[0] == "list":
        return all(both_empty(text, one, another) for one, another in zip(theirs[1:], ours[1:], strict=True))
    if not theirs[0] == ours[0] == "array":
        return False
    (*_, size, is_complex, _, _), (*_, another, also, _, _) = theirs, ours
    return 0 in size and 0 in another and theirs[1] == ours[1] and is_complex == also


def of_numpy(text: str, theirs: Outcome, ours: Outcome) -> bool:
    """An array of numpy's is assigned."""
    refusal = ("error", "TypeError", "type does not match.")
    return "np.arange" in text and ours[0] == "done" and theirs == refusal


DIFFERENCES = [
    Difference(
        "Copies and pickles of an empty array keep its dimensions; those of the genuine classes lose some.",
        ["pickle.loads(pickle.dumps(m.double(size=(0, 3))))"],
        "('array', 'double', (0, 0)",
        "('array', 'double', (0, 3)",
        both_empty,
    ),
    Difference(
        "Only numbers get into a complex array; the genuine classes make 0 of everything else.",
        ["x = m.double([1j, 2], is_complex=True)", "x[0] = [None, object()]", "x"],
        "('array', 'double', (1, 2), True, 16, 'matlab.double([[0j,0j]], is_complex=True)')",
        "('array', 'double', (1, 2), True, 16, 'matlab.double([[1j,(2+0j)]], is_complex=True)')",
        refused(
            "type does not match", "must not be 'None'", "not numeric", "passed when scalar", "be stored"
        ),
    ),
    Difference(
        "Complex integers refuse a part with a fraction, as real ones do; the genuine classes cut it off.",
        ["m.int8([1.5 + 2j], is_complex=True)"],
        "('array', 'int8', (1, 1), True, 2, 'matlab.int8([[(1+2j)]], is_complex=True)')",
        "('error', 'TypeError', 'matlab.int8 does not accept floating-point values: 1.5 is part",
        refused("is part of a complex number"),
    ),
    Difference(
        "-inf stays -inf in `single`; in the genuine class it becomes inf.",
        ["m.single([float('-inf')])"],
        "('array', 'single', (1, 1), False, 4, 'matlab.single([[inf]])')",
        "('array', 'single', (1, 1), False, 4, 'matlab.single([[-inf]])')",
        no_sign,
    ),
    Difference(
        "An integer of 2**63 and more is an OverflowError in `single` as in `double`; the genuine class makes"
        " inf of it.",
        ["m.single([2**63])"],
        "('array', 'single', (1, 1), False, 4, 'matlab.single([[inf]])')",
        "('error', 'OverflowError', 'value (9223372036854775808) cannot be stored in a variable of type",
        in_single,
    ),
    Difference(
        "An assignment that fails changes nothing; the genuine classes may have written a part by then.",
        ["x = m.double([[1, 2], [3, 4]])", "x[:] = [9, 9, 9]", "x"],
        "('array', 'double', (2, 2), False, 8, 'matlab.double([[9.0,9.0],[9.0,4.0]])')",
        "('array', 'double', (2, 2), False, 8, 'matlab.double([[1.0,2.0],[3.0,4.0]])')",
    ),
    Difference(
        "An assignment into a slice of a row, or by a negative index of a slice, reaches what reading"
        " gives; in the genuine classes some are refused and some write elsewhere.",
        ["x = m.int8([[1, 2], [3, 4], [5, 6]])", "x[1:3][-2] = [9, 9]", "x"],
        "('array', 'int8', (3, 2), False, 1, 'matlab.int8([[1,2],[3,4],[9,9]])')",
        "('array', 'int8', (3, 2), False, 1, 'matlab.int8([[1,2],[9,9],[5,6]])')",
    ),
    Difference(
        "A numpy array of the class's type can be assigned; the genuine classes take its elements one by"
        " one, and of numpy's they know float64 and complex128.",
        ["x = m.int8([[1, 2]])", "x[0] = np.array([3, 4], 'i1')", "x"],
        "('array', 'int8', (1, 2), False, 1, 'matlab.int8([[1,2]])')",
        "('array', 'int8', (1, 2), False, 1, 'matlab.int8([[3,4]])')",
        of_numpy,
    ),
    Difference(
        "`_data`, `real()` and the like of a row or slice have its elements; in the genuine classes,"
        " those of the whole array.",
        ["x = m.double([[1, 2], [3, 4]])", "x[1]._data"],
        "('array', 'double', (4,), False, 8, 'matlab.double([1.0,3.0,2.0,4.0])')",
        "('array', 'double', (2,), False, 8, 'matlab.double([3.0,4.0])')",
    ),
    Difference(
        "`get_bytewise_strides()` of a row or slice is about the memory that it lends; in the genuine"
        " classes, about the whole array.",
        ["x = m.double([[1, 2], [3, 4]])", "x[0:1].get_bytewise_strides()"],
        "('tuple', ('int', 8), ('int', 16))",
        "('tuple', ('int', 8), ('int', 8))",
    ),
    Difference(
        "No slice can be reshaped; the genuine classes reshape some and show elements that are not in them.",
        ["x = m.double([[1, 2], [3, 4]])", "x[::-1].reshape(4, 1)"],
        "('array', 'double', (2, 1), False, 8, 'matlab.double([[3.0],",
        "('error', 'RuntimeError', 'reshape() not supported for a partial array.')",
    ),
    Difference(
        "A row keeps its elements when its array is reshaped; in the genuine classes it becomes another row.",
        ["x = m.double([[1, 2, 3], [4, 5, 6]])", "y = x[0]", "x.reshape(3, 2)", "y"],
        "('array', 'double', (2,), False, 8, 'matlab.double([1.0,5.0])')",
        "('array', 'double', (3,), False, 8, 'matlab.double([1.0,2.0,3.0])')",
    ),
    Difference(
        "`copy.copy` of a slice keeps its order; that of the genuine classes forgets a negative step.",
        ["x = m.double([[1], [2]])", "copy.copy(x[::-1])"],
        "('array', 'double', (2, 1), False, 8, 'matlab.double([[1.0],[2.0]])')",
        "('array', 'double', (2, 1), False, 8, 'matlab.double([[2.0],[1.0]])')",
    ),
    Difference(
        "A pickle of complex 64-bit integers keeps them; the genuine one rounds them to 53 bits.",
        ["x = m.int64([2**53 + 1], is_complex=True)", "pickle.loads(pickle.dumps(x)).real()"],
        "('array', 'int64', (1,), False, 8, 'matlab.int64([9007199254740992])')",
        "('array', 'int64', (1,), False, 8, 'matlab.int64([9007199254740993])')",
    ),
    Difference(
        "numpy reads complex integers as a structure of `real` and `imag`; those of the genuine classes"
        " it does not read.",
        ["np.asarray(m.int8([1 + 2j], is_complex=True))"],
        "('error', 'RuntimeError', 'Item size 2",
        "('numpy', '|V2', (1, 1), False, '[[(1, 2)]]')",
    ),
    Difference(
        "A masked array is refused if something in it is masked; the genuine classes drop the mask.",
        ["m.double(np.ma.array([1.0, 2.0], mask=[False, True]))"],
        "('array', 'double', (1, 2), False, 8, 'matlab.double([[1.0,2.0]])')",
        "('error', 'ValueError', 'ndarray has masked elements",
    ),
    Difference(
        "An array has as many dimensions as numpy allows, 32 before numpy 2 and 64 from then on.",
        ["len(m.double(size=(1,) * 70 + (2,)).size)"],
        "('int', 71)",
        "('error', 'ValueError', 'maximum supported dimension",
    ),
    Difference(
        "An index beyond 64 bits is an IndexError like others that are not there; in the genuine classes"
        " it is a SystemError.",
        ["x = m.double([1])", "x[2**70]"],
        "('error', 'SystemError'",
        "('error', 'IndexError', 'index has an invalid value: 1180591620717411303424')",
    ),
]
