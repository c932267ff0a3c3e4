"""Where Arcuate's array classes differ from the genuine ones on purpose: all of it, each with its reason.

Mostly it is that the genuine classes lose or invent values, or end the process. The page
docs/compat/matlab-arrays.md has the same list (a test compares), and random programs may differ by these alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.compat.arrays.machine import Outcome

Excuse = Callable[[Outcome, Outcome], bool]


def never(theirs: Outcome, ours: Outcome) -> bool:
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
    """Ours is an error with one of these messages; theirs is none, or says that there is one element."""
    return lambda theirs, ours: (
        (theirs[0] != "error" or "initializer (1, 1) do not match" in theirs[2])
        and ours[0] == "error"
        and any(one in ours[2] for one in messages)
    )


def no_sign(theirs: Outcome, ours: Outcome) -> bool:
    """They differ by the signs of infinities alone."""
    one, another = (re.sub(r"[-+]inf", "inf", str(outcome)) for outcome in (theirs, ours))
    return one == another


def both_empty(theirs: Outcome, ours: Outcome) -> bool:
    """They are empty arrays of other dimensions."""
    if theirs[0] == ours[0] == "list":
        return all(map(both_empty, theirs[1:], ours[1:]))
    if not theirs[0] == ours[0] == "array":
        return False
    (*_, size, is_complex, _, _), (*_, another, also, _, _) = theirs, ours
    return 0 in size and 0 in another and theirs[1] == ours[1] and is_complex == also


DIFFERENCES = [
    Difference(
        "Copies and pickles of an empty array, and one made from it, keep its dimensions; those of the genuine"
        " classes lose some.",
        ["pickle.loads(pickle.dumps(m.double(size=(0, 3))))"],
        "('array', 'double', (0, 0)",
        "('array', 'double', (0, 3)",
        both_empty,
    ),
    Difference(
        "Only numbers get into a complex array: the genuine classes make 0 of everything else.",
        ["x = m.double([1j, 2], is_complex=True)", "x[0] = [None, object()]", "x"],
        "('array', 'double', (1, 2), True, 16, 'matlab.double([[0j,0j]], is_complex=True)')",
        "('array', 'double', (1, 2), True, 16, 'matlab.double([[1j,(2+0j)]], is_complex=True)')",
        refused(
            "type does not match",
            "value must not be 'None'",
            "not numeric",
            "sequence passed when scalar",
            "cannot be stored",
        ),
    ),
    Difference(
        "A complex array of integers refuses parts with a fraction, as a real one does; the genuine classes cut it off.",
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
        "An assignment to rows that fails changes nothing; the genuine classes have written a part by then.",
        ["x = m.double([[1, 2], [3, 4]])", "x[:] = [9, 9, 9]", "x"],
        "('array', 'double', (2, 2), False, 8, 'matlab.double([[9.0,9.0],[9.0,4.0]])')",
        "('array', 'double', (2, 2), False, 8, 'matlab.double([[1.0,2.0],[3.0,4.0]])')",
    ),
    Difference(
        "An assignment through a slice of a slice or a negative index of one reaches the element that reading gives;"
        " the genuine classes refuse some and write elsewhere with others.",
        ["x = m.int8([[[1, 2], [3, 4], [5, 6]]])", "x[0][::2][-1] = [9, 9]", "x"],
        "('array', 'int8', (1, 3, 2), False, 1, 'matlab.int8([[[1,2],[3,4],[5,6]]])')",
        "('array', 'int8', (1, 3, 2), False, 1, 'matlab.int8([[[1,2],[3,4],[9,9]]])')",
    ),
    Difference(
        "An array of numpy's of the same type is assigned as it is; the genuine classes take its elements one by one"
        " and know no type of numpy's but float64.",
        ["x = m.int8([[1, 2]])", "x[0] = np.array([3, 4], 'i1')", "x"],
        "('array', 'int8', (1, 2), False, 1, 'matlab.int8([[1,2]])')",
        "('array', 'int8', (1, 2), False, 1, 'matlab.int8([[3,4]])')",
        lambda theirs, ours: ours[0] == "done" and theirs == ("error", "TypeError", "type does not match."),
    ),
    Difference(
        "`_data`, `real()` and the like of a row or slice have the elements of that row or slice; in the genuine"
        " classes, those of the whole array.",
        ["x = m.double([[1, 2], [3, 4]])", "x[1]._data"],
        "('array', 'double', (4,), False, 8, 'matlab.double([1.0,3.0,2.0,4.0])')",
        "('array', 'double', (2,), False, 8, 'matlab.double([3.0,4.0])')",
    ),
    Difference(
        "No slice can be reshaped; the genuine classes reshape some and give elements that are not in them.",
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
        "numpy reads complex integers, as a structure of `real` and `imag`, which it has for them; of the genuine"
        " classes it reads none.",
        ["np.asarray(m.int8([1 + 2j], is_complex=True))"],
        "('error', 'RuntimeError', 'Item size 2",
        "('numpy', '|V2', (1, 1), False, '[[(1, 2)]]')",
    ),
    Difference(
        "A masked array of numpy's is refused if something is masked; the genuine classes drop the mask.",
        ["m.double(np.ma.array([1.0, 2.0], mask=[False, True]))"],
        "('array', 'double', (1, 2), False, 8, 'matlab.double([[1.0,2.0]])')",
        "('error', 'ValueError', 'ndarray has masked elements",
    ),
    Difference(
        "An array has at most as many dimensions as numpy allows, 32 before numpy 2 and 64 from then on.",
        ["len(m.double(size=(1,) * 70 + (2,)).size)"],
        "('int', 71)",
        "('error', 'ValueError', 'maximum supported dimension",
    ),
    Difference(
        "An index of any size that is not there is an IndexError; one beyond 64 bits is a SystemError in the genuine"
        " classes.",
        ["x = m.double([1])", "x[2**70]"],
        "('error', 'SystemError'",
        "('error', 'IndexError', 'index has an invalid value: 1180591620717411303424')",
    ),
]
