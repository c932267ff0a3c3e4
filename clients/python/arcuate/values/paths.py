"""The path of a row, such as ``$.args[1].weights[3]``, reconstructed only when an error needs it."""

from __future__ import annotations

from arcuate.values import codes
from arcuate.values.nodes import Row, step

__all__ = ["row_path"]

_NAMED = frozenset(
    (
        codes.MAPPING,
        codes.LABELLED,
        codes.DATASET,
        codes.TABLE,
        codes.CATEGORICAL,
        codes.FUNCTION,
        codes.HANDLE,
    )
)


def row_path(rows: list[Row], at: int) -> str:
    """The path of the row with number ``at``, from the rows before it."""
    open_nodes: list[list[int]] = []  # number of the row, children left
    for i in range(at):
        while open_nodes and not open_nodes[-1][1]:
            open_nodes.pop()
        if open_nodes:
            open_nodes[-1][1] -= 1
        if rows[i][0] != codes.ARRAY:
            open_nodes.append([i, rows[i][4]])
    while open_nodes and not open_nodes[-1][1]:
        open_nodes.pop()
    inside = [i for i, _ in open_nodes[1:]] + [at] if open_nodes else []
    path = "$"
    for (above, left), i in zip(open_nodes, inside, strict=True):
        if rows[above][0] in _NAMED:
            path += step(rows[i][6])
        else:
            path += f"[{rows[above][4] - left - (i != at)}]"
    return path
