"""Rows to tables, series and categoricals: pandas', pyarrow's, or plain classes where there is no pandas."""

from __future__ import annotations

from typing import Any

from arcuate.errors import ConversionError, ProtocolError
from arcuate.values import codes, types
from arcuate.values.decode import KINDS, Decoder, library, parts
from arcuate.values.nodes import Row

__all__ = ["Beyond", "column_values", "one_categorical", "read_categorical", "read_table", "series"]

_UNITS = ("s", "ms", "us", "ns")


class Beyond(Exception):
    """The library at hand would change a column: the next one is tried, and a plain table in the end."""


def read_table(state: Decoder, row: Row) -> Any:
    """A table: Arrow's by hint, pandas', or a plain one where neither holds a column."""
    pandas = library("pandas")
    place, depth = state.cursor.place, state.cursor.depth
    ways = [(None, True)] if row[7] == "arrow" and library("pyarrow") is not None else []
    ways += [(pandas, False)] if pandas is not None else []
    for way in ways:
        try:
            return _read_table(state, row, *way)
        except Beyond:
            state.cursor.back(place, depth)
    return _read_table(state, row, None, False)


def _read_table(state: Decoder, row: Row, pandas: Any, arrow: bool) -> Any:
    rows, hint = row[5], row[7]
    state.enter(row, 3)
    if pandas is None and not arrow:
        columns = state.mapping_named("columns", state.array)
    else:
        columns = state.mapping_named("columns", lambda child: _column(state, child, rows, arrow))
    index_row = state.named("index")
    index: Any = None
    if index_row[0] == codes.MAPPING:
        state.enter(index_row, 2)
        names = state.texts_named("names")
        levels = _levels(state, rows, pandas is not None)
        state.cursor.leave()
        if len(levels) != len(names) or not levels:
            raise ProtocolError(f"malformed value: an index of {len(levels)} levels with {len(names)} names")
        index = {"names": list(names), "levels": levels}
    elif index_row[0] != codes.NULL:
        raise ProtocolError("malformed value: the index of a table must be null or a mapping")
    attrs = state.value_named("attrs")
    state.cursor.leave()
    for name, column in columns.items():
        if len(column) != rows:
            raise ProtocolError(
                f"malformed value: the column {name!r} has {len(column)} rows, the table {rows}"
            )
    if arrow:
        if index is not None or attrs or not columns:
            raise Beyond  # Arrow's tables have neither, and no rows without columns
        from arcuate.values.arrow import table_from_columns

        return table_from_columns(columns)
    if pandas is None:
        return types.Table(columns, rows, index, attrs, hint)
    return _frame(pandas, columns, rows, index, attrs)


def _frame(pandas: Any, columns: dict[str, Any], rows: int, index: Any, attrs: Any) -> Any:
    if index is None:
        labels = pandas.RangeIndex(rows)
    elif len(index["levels"]) == 1:
        labels = _index(pandas, index["levels"][0], index["names"][0])
    else:
        levels = [_index(pandas, level, None) for level in index["levels"]]
        labels = pandas.MultiIndex.from_arrays(levels, names=index["names"])
    if len(labels) != rows:
        raise ProtocolError(f"malformed value: an index of {len(labels)} labels for {rows} rows")
    # The labels come last: columns of objects are Series, which pandas would align with them, leaving NaN.
    frame = pandas.DataFrame(columns or None, index=pandas.RangeIndex(rows), copy=False)
    frame.index = labels
    if attrs:
        frame.attrs = attrs
    return frame


def _index(pandas: Any, values: Any, name: str | None) -> Any:
    if values.dtype == "f2":  # of which pandas has no index
        from arcuate.values.boxed import box

        values = _objects(box((codes.D_F2, 0, ""), values, None))
    if isinstance(values, pandas.Series):  # a column of objects: pandas must not guess another dtype
        return pandas.Index(values.array, dtype=object, name=name)
    return pandas.Index(values, name=name, copy=False)


def _levels(state: Decoder, rows: int, pandas: bool) -> list[Any]:
    row = state.named("levels")
    if row[0] != codes.LIST:
        raise ProtocolError("malformed value: the levels of an index must be a list")
    state.cursor.enter(row[4])
    levels: list[Any] = []
    for number in range(row[4]):
        try:
            child = state.cursor.next()
            levels.append(_column(state, child, rows, False) if pandas else state.array(child))
        except ConversionError as error:
            error.prepend(f".index.levels[{number}]")
            raise
    state.cursor.leave()
    return levels


def _column(state: Decoder, row: Row, rows: int, arrow: bool) -> Any:
    """One column as what ``DataFrame`` takes without guessing."""
    if row[0] == codes.LIST:
        items = KINDS[codes.LIST](state, row)
        if arrow:
            import pyarrow

            return pyarrow.array(list(items))
        from arcuate.values import boxed

        return _objects(boxed.fill(list(items), boxed.LIST))
    if row[0] == codes.CATEGORICAL:
        return one_categorical(state, row, arrow)
    if row[0] != codes.ARRAY:
        raise ProtocolError("malformed value: a column must be an array, a categorical or a list")
    if row[4] != 1:
        raise ProtocolError(f"malformed value: a column of {row[4]} dimensions")
    return column_values(state, row, arrow)


def column_values(state: Decoder, row: Row, arrow: bool = False) -> Any:
    """The array of a row with one dimension, in pandas' own class for columns, or objects if it has none.

    Raises:
        Beyond: Arrow has no such arrays.
    """
    dtype, flags, unit, zone, shape, data, mask = parts(state, row)
    strange = bool(unit) and codes.UNIT_NAMES[unit] not in _UNITS
    if arrow:
        if strange or dtype in (codes.D_C8, codes.D_C16):
            raise Beyond
        from arcuate.values.arrow import read_array

        return read_array(dtype, unit, zone, shape[0], data, mask)
    from arcuate.values import numpy_decode, pandas_decode

    if dtype == codes.D_TEXT:
        if not flags & codes.ARRAY_BOXED:
            own = bool(flags & codes.ARRAY_PANDAS)
            return pandas_decode.string_array(data, shape[0], mask, own=own)
        return _objects(numpy_decode.build(dtype, flags, 0, "", shape, data, mask))
    if dtype == codes.D_DATE:
        if library("pyarrow") is not None and not pandas_decode.present(data, mask).size:
            return pandas_decode.arrow_dates(shape[0])  # objects would not say what they are
        return _objects(numpy_decode.build(dtype, flags | codes.ARRAY_BOXED, 0, "", shape, data, mask))
    if strange or (mask is not None and dtype in (codes.D_F2, codes.D_C8, codes.D_C16)):
        from arcuate.values.boxed import box

        gone = None if mask is None else numpy_decode.fixed(codes.D_BOOL, shape, "C", mask)
        return _objects(box((dtype, unit, zone), numpy_decode.fixed(dtype, shape, "C", data), gone))
    return numpy_decode.build(dtype, flags & ~codes.ARRAY_NUMPY, unit, zone, shape, data, mask)


def _objects(items: Any) -> Any:
    """A column of objects, in which pandas must not look for another dtype."""
    import pandas

    return pandas.Series(items, dtype=object)


def one_categorical(state: Decoder, row: Row, arrow: bool = False) -> Any:
    """The categorical of one dimension of a row: pandas', or Arrow's if categories repeat or are missing.

    Raises:
        Beyond: neither of them holds it.
    """
    place, depth = state.cursor.place, state.cursor.depth
    found = read_categorical(state, row)
    pyarrow = library("pyarrow")
    if not isinstance(found, types.Factor):
        return pyarrow.array(found) if arrow else found
    if pyarrow is None:
        raise Beyond
    state.cursor.back(place, depth)
    state.enter(row, 2)
    children = [state.named("codes")]
    numbers = column_values(state, children[0], True)
    children.append(state.named("categories"))
    categories = column_values(state, children[1], True)
    state.cursor.leave()
    if any(child[4] != 1 for child in children):
        raise ProtocolError("malformed value: a column is a categorical of several dimensions")
    ordered = bool(row[2] & codes.CATEGORICAL_ORDERED)
    made = pyarrow.DictionaryArray.from_arrays(numbers, categories, ordered=ordered)
    if arrow:
        return made
    import pandas

    return pandas.arrays.ArrowExtensionArray(made)


def read_categorical(state: Decoder, row: Row) -> Any:
    """A categorical: pandas' where it can hold it."""
    state.enter(row, 2)
    pandas = library("pandas")
    if pandas is None:
        found = types.Factor(
            state.array_named("codes"),
            state.array_named("categories"),
            bool(row[2] & codes.CATEGORICAL_ORDERED),
        )
        state.cursor.leave()
        return found
    import numpy

    code_row = state.named("codes")
    if code_row[0] != codes.ARRAY:
        raise ProtocolError("malformed value: the codes of a categorical must be an array")
    if code_row[4] != 1:  # pandas has one dimension
        spread = types.Factor(
            state.array(code_row), state.array_named("categories"), bool(row[2] & codes.CATEGORICAL_ORDERED)
        )
        state.cursor.leave()
        return spread
    dtype, _, _, _, shape, data, mask = parts(state, code_row)
    if not codes.D_I1 <= dtype <= codes.D_I8:
        raise ProtocolError("malformed value: the codes of a categorical must be signed integers")
    from arcuate.values.numpy_decode import fixed

    numbers = fixed(dtype, shape, "C", data)
    category_row = state.named("categories")
    if category_row[0] != codes.ARRAY or category_row[4] != 1:
        raise ProtocolError("malformed value: the categories must be an array of one dimension")
    masked = bool(category_row[2] & codes.ARRAY_MASK)
    categories: Any = state.array(category_row) if masked else column_values(state, category_row)
    state.cursor.leave()
    ordered = bool(row[2] & codes.CATEGORICAL_ORDERED)
    gone = None if mask is None else numpy.frombuffer(mask, dtype=bool)
    present = numbers if gone is None else numbers[~gone]
    if present.size and not 0 <= present.min() <= present.max() < len(categories):
        raise ProtocolError(
            f"malformed value: a categorical has codes from {present.min()} to {present.max()} for "
            f"{len(categories)} categories"
        )
    if not masked:
        labels = _index(pandas, categories, None)
        if labels.is_unique and not labels.hasnans:
            if gone is not None and gone.any():
                numbers = numpy.where(gone, numpy.array(-1, numbers.dtype), numbers)
            kind = pandas.CategoricalDtype(labels, ordered)
            return pandas.Categorical.from_codes(numbers, dtype=kind)
        categories = labels.array
    from arcuate.values.pandas_decode import nullable

    return types.Factor(numbers if gone is None else nullable(numbers, gone), categories, ordered)


def series(pandas: Any, name: Any, data: Any, index: Any, flags: int, dim: str, attrs: dict[str, Any]) -> Any:
    """A Series from the parts of a labelled array."""
    if index is None:
        labels = pandas.RangeIndex(len(data), name=None if flags & codes.LABELLED_UNNAMED else dim)
    else:
        labels = _index(pandas, index, None if flags & codes.LABELLED_UNNAMED else dim)
    if isinstance(data, pandas.Series):
        found = pandas.Series(data.array, index=labels, name=name, dtype=object)
    else:
        found = pandas.Series(data, index=labels, name=name, copy=False)
    if attrs:
        found.attrs = attrs
    return found
