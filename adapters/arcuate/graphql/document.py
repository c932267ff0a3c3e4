"""A document before it is sent: what it asks for, and whether its variables fit."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

from gql import FileVar, GraphQLRequest
from gql.transport.file_upload import extract_files
from graphql import (
    DocumentNode,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    TypeNode,
)
from graphql import GraphQLError as Refused

from arcuate.connector import jsontext
from arcuate.errors import InvalidArgument

__all__ = ["Operation"]


class Operation:
    """One operation of a document, with its variables.

    Args:
        document: the text, or a request of gql's, or a document of graphql-core's.
        variables: by name, without ``$``.
        name: which operation, if there are several.

    Attributes:
        kind: ``query``, ``mutation`` or ``subscription``.
        declared: names of its variables.
        files: those among the variables, by their place: ``variables.scan``, ``variables.scans.0``.

    Raises:
        InvalidArgument: it is no GraphQL, or its variables do not fit.
        ConversionError: a variable is no JSON.
    """

    def __init__(self, document: Any, variables: Mapping[str, Any] | None, name: str | None) -> None:
        request = _request(document)
        self.document = request.document
        name = name or request.operation_name
        found = [one for one in self.document.definitions if isinstance(one, OperationDefinitionNode)]
        names = [one.name.value if one.name else "" for one in found]
        chosen = [one for one, its in zip(found, names, strict=True) if name is None or its == name]
        if len(chosen) != 1:
            there = ", ".join(repr(one) for one in names) or "none"
            wanted = f"none is called {name!r}" if name is not None else "say which by 'operation'"
            raise InvalidArgument(f"the document has the operations {there}; {wanted}")
        self._node = chosen[0]
        self.name = self._node.name.value if self._node.name else None
        self.kind: str = self._node.operation.value
        definitions = self._node.variable_definitions or ()
        self._types = {one.variable.name.value: one.type for one in definitions}
        self._optional = {
            one.variable.name.value
            for one in definitions
            if one.default_value is not None or not isinstance(one.type, NonNullTypeNode)
        }
        self.declared = tuple(self._types)
        self.variables = self._fit({**(request.variable_values or {}), **(variables or {})})
        self._plain, self.files = _without_files(self.variables)
        self._several = len(found) > 1

    @staticmethod
    def parsed(document: Any) -> DocumentNode:
        """A document alone."""
        return _request(document).document

    def with_variables(self, variables: Mapping[str, Any]) -> Operation:
        """The same with other variables."""
        return Operation(self.document, variables, self.name)

    def _fit(self, given: Mapping[str, Any]) -> dict[str, Any]:
        wrong = [one for one in given if one not in self._types]
        declared = ", ".join(f"${one}" for one in self._types) or "none"
        if wrong:
            raise InvalidArgument(f"the operation has no variable ${wrong[0]}; it declares {declared}")
        missing = [one for one in self._types if one not in self._optional and given.get(one) is None]
        if missing:
            raise InvalidArgument(f"the variable ${missing[0]} has no value; the operation needs it")
        return {one: _identifier(self._types[one], value) for one, value in given.items()}

    def payload(self) -> str:
        """What is sent: the document as it is and the variables beside it, files as ``null``."""
        return jsontext.dumps(self.parts(), "the variables")

    def parts(self) -> dict[str, Any]:
        """The parts of the payload."""
        request = GraphQLRequest(
            self.document, variable_values=self._plain, operation_name=self.name if self._several else None
        )
        return request.payload


def _request(document: Any) -> GraphQLRequest:
    try:
        return GraphQLRequest(document)
    except Refused as error:
        place = error.locations[0] if error.locations else None
        at = f" at line {place.line}, column {place.column}" if place else ""
        raise InvalidArgument(f"the document is no GraphQL: {error.message}{at}") from None
    except TypeError:
        raise InvalidArgument(
            f"a document is a text, or a request of gql's; not a {type(document).__name__}"
        ) from None


def _without_files(variables: dict[str, Any]) -> tuple[dict[str, Any], dict[str, FileVar]]:
    found: tuple[dict[str, Any], dict[str, FileVar]] = extract_files(variables, ())
    return found


def _identifier(kind: TypeNode, value: Any) -> Any:
    """An ID that is a whole number as text, which means the same: a server may round a number of JSON."""
    if isinstance(kind, NonNullTypeNode):
        return _identifier(kind.type, value)
    if isinstance(kind, ListTypeNode):
        return [_identifier(kind.type, one) for one in value] if isinstance(value, (list, tuple)) else value
    named = isinstance(kind, NamedTypeNode) and kind.name.value == "ID"
    if named and type(value) is not bool and isinstance(value, Integral):
        return str(int(value))
    return value
