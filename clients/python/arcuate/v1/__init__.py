"""Messages of the protocol, generated from protos/arcuate/v1 by `make generate`: do not edit."""

from arcuate.v1.value_pb2 import (
    ArrayFlag,
    CategoricalFlag,
    Dtype,
    IntFlag,
    Kind,
    LabelledFlag,
    ListFlag,
    MappingFlag,
    SparseFlag,
    SparseFormat,
    TimeFlag,
    Unit,
    Value,
)

__all__ = [
    "ArrayFlag",
    "CategoricalFlag",
    "Dtype",
    "IntFlag",
    "Kind",
    "LabelledFlag",
    "ListFlag",
    "MappingFlag",
    "SparseFlag",
    "SparseFormat",
    "TimeFlag",
    "Unit",
    "Value",
]
