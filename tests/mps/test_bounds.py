"""What a message may hold: counted as arrays, in both forms, before they are made."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.mps.test_json import large

from arcuate.errors import LimitExceeded
from arcuate.mps import v1
from arcuate.mps.bodies import Call, read_body
from arcuate.mps.wire import PROTOBUF

JSON = "application/json"


def in_json(*rhs: Any) -> bytes:
    return json.dumps({"nargout": 1, "rhs": list(rhs)}).encode()


def in_protobuf(*arguments: v1.Array) -> bytes:
    call = v1.CallParameters(nargout=1, arguments=[one.SerializeToString() for one in arguments])
    return bytes(call.SerializeToString())


def refused(data: bytes, kind: str, nodes: int) -> None:
    """It is read where there may be one array more, and no less."""
    assert isinstance(read_body(data, kind, nodes), Call)
    with pytest.raises(LimitExceeded, match=f"more than {nodes - 1:,} arrays") as found:
        read_body(data, kind, nodes - 1)
    assert found.value.setting == "nodes"


def test_structs_without_fields_are_counted_in_protobuf() -> None:
    one = v1.Array(array_class="ARRAY_CLASS_STRUCT", size=[100, 100], struct={})
    refused(in_protobuf(one), PROTOBUF, 10_001)
    refused(in_protobuf(one, one, one), PROTOBUF, 30_003)


def test_structs_without_fields_are_counted_in_json() -> None:
    one = large("struct", {}, [100, 100])  # type: ignore[arg-type]
    refused(in_json(one), JSON, 10_001)
    refused(in_json(one, large("cell", [one])), JSON, 20_003)


@pytest.mark.parametrize(
    ("value", "nodes"),
    [
        (1, 1),
        ([1] * 500, 1),
        (large("double", [1] * 500), 1),
        (large("cell", [1] * 1000), 1001),
        (large("cell", [large("cell", [1, 2]), "x"]), 5),
        ({"a": 1, "b": {"c": 2}}, 4),
        (large("struct", {"a": [1, 2], "b": ["x", "y"]}, [1, 2]), 5),  # type: ignore[arg-type]
    ],
    ids=["number", "list", "array", "cell", "cells", "struct", "structs"],
)
def test_arrays_in_json_are_counted(value: Any, nodes: int) -> None:
    refused(in_json(value), JSON, nodes)
    refused(in_json(value, value), JSON, 2 * nodes)  # over all arguments
