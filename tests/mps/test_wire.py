"""Our definitions beside those that MathWorks' package carries: numbers, labels and types are the same."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor as Field

from arcuate.mps import v1
from arcuate.mps.v1.production_pb2 import DESCRIPTOR

SCRIPT = """
import json, pkgutil, importlib
import matlab
import matlab.production_server._proto_generated as package
messages, enums = {}, {}
def walk(message):
    messages[message.full_name] = {f.number: [f.type, f.label == f.LABEL_REPEATED] for f in message.fields}
    for one in message.nested_types: walk(one)
    for one in message.enum_types: enums[one.full_name] = {v.number: v.name for v in one.values}
for one in pkgutil.iter_modules(package.__path__):
    found = importlib.import_module(package.__name__ + "." + one.name).DESCRIPTOR
    for message in found.message_types_by_name.values(): walk(message)
print(json.dumps([messages, enums]))
"""
NAMES = {
    "ByteElements": ["MATLAB_Array.Uint8", "MATLAB_Array.Int8"],
    "UnsignedElements": ["MATLAB_Array.Uint16", "MATLAB_Array.Uint64"],
    "SignedElements": ["MATLAB_Array.Int16", "MATLAB_Array.Int64"],
    "Unsigned32Elements": ["MATLAB_Array.Uint32"],
    "Signed32Elements": ["MATLAB_Array.Int32"],
    "SingleElements": ["MATLAB_Array.Single"],
    "DoubleElements": ["MATLAB_Array.Double"],
    "LogicalElements": ["MATLAB_Array.Logical"],
    "CellElements": ["MATLAB_Array.Cell"],
    "StructElements": ["MATLAB_Array.Struct"],
    "StringElements": ["MATLAB_Array.String"],
    "Array": ["MATLAB_Array"],
    "CallParameters": ["MATLAB_Params"],
    "StackFrame": ["MATLAB_Error.Stack_Frame"],
    "FunctionError": ["MATLAB_Error"],
    "CallResult": ["MATLAB_Result"],
    "HttpErrorInfo": ["HTTP_Error_Info"],
    "RequestInfo": ["MATLAB_Request_Info"],
    "RequestCreated": ["MATLAB_Request_Created"],
}
ENUMS = {
    "ArrayClass": ("MATLAB_Array.MWType", "ARRAY_CLASS_", ""),
    "MemoryLayout": ("MATLAB_Array.MWMemoryLayout", "MEMORY_LAYOUT_", ""),
    "RequestState": ("MATLAB_Request_Info.State", "REQUEST_STATE_", "_STATE"),
}
SAME = [
    {Field.TYPE_UINT32, Field.TYPE_UINT64},
    {Field.TYPE_INT32, Field.TYPE_INT64},
    {Field.TYPE_MESSAGE, Field.TYPE_BYTES},
]
"""Types that are written in the same way."""


@pytest.fixture(scope="module")
def theirs(oracle: Path) -> Any:
    done = subprocess.run([str(oracle), "-c", SCRIPT], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("ours", sorted(NAMES))
def test_a_message_has_their_numbers_and_types(ours: str, theirs: Any) -> None:
    assert sorted(NAMES) == sorted(DESCRIPTOR.message_types_by_name)
    message = DESCRIPTOR.message_types_by_name[ours]
    for name in NAMES[ours]:
        fields = theirs[0][name]
        for one in message.fields:
            kind, repeated = fields[str(one.number)]
            assert repeated == one.is_repeated, one.full_name
            assert kind == one.type or any({kind, one.type} <= alike for alike in SAME), one.full_name


@pytest.mark.parametrize("ours", sorted(ENUMS))
def test_an_enum_has_their_values(ours: str, theirs: Any) -> None:
    name, prefix, suffix = ENUMS[ours]
    found = {str(number): label for label, number in getattr(v1, ours).items()}
    other = theirs[1][name]
    assert found.keys() <= other.keys()
    renamed = {"HANDLE_OBJECT_REF": "HANDLE", "ARRAYREF": "REFERENCE", "UNKNOWN_STATE": "UNSPECIFIED_STATE"}
    for number, label in found.items():
        label = label.removeprefix(prefix) + suffix
        assert label == renamed.get(other[number], other[number])
