"""What values become, one line each: record.py runs it with oct2py itself, test_values.py with the face."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

# Octave's expressions whose values are fetched.
EXPRESSIONS = """
1 | -0 | Inf | NaN | NA | [1 NA] | [1 2 3] | [1;2] | [] | zeros(0,3) | zeros(1,0) | zeros(0,1,2)
ones(2,3,2) | ones(2,1,1,2) | single(pi) | single([1 2]) | single([]) | single(1+2i) | 1:5 | eye(3)
magic(3) | 1+2i | [1+2i 3] | complex(1,0) | int8(5) | int8([1 2]) | int8([]) | uint64(2^63)
int64(9007199254740993) | int32(1):int32(3) | true | [true false] | true(0,3) | '' | "" | 'a' | 'abc'
'  x' | 'é' | 'žluť 猫' | ['a';'b'] | ['ab';'cd'] | char(zeros(0,3)) | repmat('a',[2 2 2]) | {}
cell(0,1) | cell(2,2) | cell(1,1,2) | {1} | {1,2} | {1;2} | {1,'a';2,[1 2 3]} | {'a','b'} | {'a';'b'}
{'x'} | {''} | {[]} | {{}} | {{1,2},{3}} | {int8(1),single(2)} | {true} | {@sin} | {[1 2],[3 4]}
struct() | repmat(struct(),1,2) | struct('a',1) | struct('a',[1 2]) | struct('a','') | struct('a',{[]})
struct('a',{{1,2}}) | struct('a',{1,2}) | struct('a',{1;2}) | struct('a',{}) | repmat(struct('a',1),2,2)
repmat(struct('a',1),[2 1 2]) | struct('a',struct('b',{1,2})) | struct('a',@sin) | struct('arcuate','x')
sparse([1 0;0 2]) | sparse(1) | sparse([1i 0]) | sparse(zeros(2,2)) | sparse([true false]) | @sin
@(x) x+1 | containers.Map('a',1)
"""

RECORDS = np.array([(1, 2.5), (3, 4.5)], dtype=[("a", "i4"), ("b", "f8")])


class Plain:
    """An object of Python with attributes."""

    def __init__(self) -> None:
        self.x = 1
        self._hidden = 2


# Values of Python that are sent.
VALUES: dict[str, Any] = {
    "int": 1,
    "int beyond 2^53": 2**53 + 1,
    "float": 1.5,
    "nan": math.nan,
    "complex": 1 + 2j,
    "bool": True,
    "None": None,
    "text": "abc",
    "empty text": "",
    "text of three scripts": "žluť 猫",
    "bytes": b"ab",
    "bytearray": bytearray(b"ab"),
    "list of int": [1, 2, 3],
    "list of int and float": [1, 2.5],
    "list of bool": [True, False],
    "list of bool and int": [True, 2],
    "list of complex": [1, 2j],
    "list of text": ["a", "bc"],
    "list of one": [1],
    "empty list": [],
    "list with None": [1, None],
    "nested list": [[1, 2], [3, 4]],
    "nested list of 3": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]],
    "ragged list": [[1, 2], [3]],
    "empty nested list": [[], []],
    "mixed list": [1, "a"],
    "list of dict": [{"a": 1}, {"b": 2}],
    "list of arrays": [np.arange(2), np.arange(3)],
    "list of numpy numbers": [np.float64(1), np.int8(2)],
    "tuple": (1, 2),
    "empty tuple": (),
    "nested tuple": ((1, 2), (3, 4)),
    "set": {1, 2},
    "set of text": {"a"},
    "range": range(3),
    "dict": {"a": 1, "b": "x", "c": [1, 2], "d": {"e": np.arange(3)}},
    "empty dict": {},
    "dict with a key that is no name": {"a b": 1},
    "dict with a key of an underscore": {"_a": 1},
    "dict with an int key": {"a": 1, 2: 3},
    "int array": np.arange(3),
    "float array": np.arange(3.0),
    "matrix": np.arange(6.0).reshape(2, 3),
    "int8 array": np.array([1, 2], dtype="i1"),
    "int64 beyond 2^53": np.array([2**53 + 1]),
    "float16 array": np.array([1.5, 2], dtype="f2"),
    "float32 array": np.array([1.5, 2], dtype="f4"),
    "longdouble array": np.array([1.5, 2], dtype="g"),
    "complex64 array": np.array([1 + 2j, 2], dtype="c8"),
    "bool array": np.array([True, False]),
    "0-d array": np.array(5),
    "empty array": np.zeros(0),
    "empty matrix": np.zeros((0, 3)),
    "3-d array": np.ones((2, 3, 2)),
    "trailing dimension": np.ones((2, 2, 1)),
    "text array": np.array(["a", "bcd"]),
    "text matrix": np.array([["a", "b"], ["c", "d"]]),
    "object array": np.array([1, "a", None], dtype=object),
    "object matrix": np.array([[1, "a"], [None, 2.5]], dtype=object),
    "records": RECORDS,
    "record": RECORDS[0],
    "np.matrix": np.matrix([[1, 2]]),
    "masked array": np.ma.array([1.0, 2.0], mask=[0, 1]),
    "dates": np.array(["2020-01-01", "2020-01-02"], dtype="M8[D]"),
    "int8": np.int8(1),
    "int64": np.int64(7),
    "float32": np.float32(1.5),
    "float16": np.float16(1.5),
    "numpy bool": np.bool_(True),
    "numpy text": np.str_("ab"),
    "datetime64": np.datetime64("2020-01-01"),
    "Series": pd.Series([1, 2]),
    "Series of text": pd.Series(["a", "b"]),
    "DataFrame": pd.DataFrame({"a": [1, 2], "b": [3, 4]}),
    "mixed DataFrame": pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
    "Categorical": pd.Categorical(["a", "b"]),
    "Index": pd.Index([1, 2]),
    "csc matrix": sp.csc_matrix([[1.0, 0], [0, 2]]),
    "csr matrix of int": sp.csr_matrix([[1, 0], [0, 2]]),
    "complex sparse": sp.csc_matrix([[1j, 0]]),
    "bool sparse": sp.csc_matrix([[True, False]]),
    "object": Plain(),
    "Timestamp": pd.Timestamp("2020-01-01"),
    "lambda": lambda x: x,
    "class": Plain,
}

DESCRIBE = """function t = described (x)
  if (issparse (x))
    t = ['sparse ' class(x) ' ' mat2str(size (x)) ' ' mat2str(full (x))];
  elseif (ischar (x))
    t = ['char ' mat2str(size (x)) ' ' sprintf('%d,', double (x(:)))];
  elseif (isnumeric (x) || islogical (x))
    t = [class(x) ' ' mat2str(size (x)) ' ' mat2str(x(:).', 17)];
  elseif (iscell (x))
    t = ['cell ' mat2str(size (x)) ' {'];
    for k = 1:numel (x) t = [t described(x{k}) '; ']; end
    t = [t '}'];
  elseif (isstruct (x))
    t = ['struct ' mat2str(size (x)) ' ['];
    f = fieldnames (x);
    for j = 1:numel (x)
      for k = 1:numel (f) t = [t f{k} '=' described(x(j).(f{k})) '; ']; end
      t = [t '| '];
    end
    t = [t ']'];
  else
    t = class (x);
  end
end"""


def show(value: Any) -> str:
    """A value with the classes of everything in it."""
    name = type(value).__name__
    if isinstance(value, dict):
        return f"{name}{{{', '.join(f'{key}: {show(item)}' for key, item in value.items())}}}"
    if isinstance(value, np.ndarray):
        about = f"{name} {value.dtype} {value.shape}"
        if name == "StructArray":
            return f"{name} {value.shape} " + ", ".join(
                f"{key}: {show(value[key])}" for key in value.dtype.names
            )
        items = value.view(np.ndarray).ravel().tolist()
        return f"{about} [{', '.join(map(show if value.dtype == object else repr, items))}]"
    if sp.issparse(value):
        return f"{name} {value.dtype} {value.shape} {value.toarray().tolist()}"
    return f"{name} {value!r}"


def attempt(action: Callable[[], str]) -> str:
    """What comes out, or the class of the error."""
    try:
        return action()
    except Exception as error:
        return f"raises {type(error).__name__ if type(error).__name__ != 'Refused' else 'Oct2PyError'}"


def observe(module: Any) -> Iterator[tuple[str, str]]:
    """What the module oct2py, or one like it, makes of everything above."""
    expressions = [line.strip() for line in EXPRESSIONS.replace("\n", " | ").split(" | ") if line.strip()]
    for shapes in (False, True):
        with module.Oct2Py(keep_matlab_shapes=shapes) as session:
            for code in expressions:

                def fetch(code: str = code) -> str:
                    session.eval(f"x = {code};")
                    return show(session.pull("x"))

                yield f"{'shapes kept: ' * shapes}{code}", attempt(fetch)
    for name, options in (
        ("", {}),
        ("column: ", {"oned_as": "column"}),
        ("integers kept: ", {"convert_to_float": False}),
    ):
        with module.Oct2Py(**options) as session:
            session.eval(DESCRIBE)
            for key, value in VALUES.items():

                def send(value: Any = value) -> str:
                    session.push("x", value)
                    session.eval("t = described (x);")
                    return str(session.pull("t"))

                yield f"{name}{key}", attempt(send)
