"""The schemas of the OpenAPI description."""

from __future__ import annotations

from typing import Any

__all__ = ["SCHEMAS", "array", "integer", "mapping", "number", "reference", "text"]

_MOST = 1 << 53


def text(**more: Any) -> dict[str, Any]:
    """A text."""
    return {"type": "string", **more}


def integer(least: int = 0, most: int = _MOST) -> dict[str, Any]:
    """An integer."""
    return {"type": "integer", "minimum": least, "maximum": most}


def number(least: float, most: float) -> dict[str, Any]:
    """A number."""
    return {"type": "number", "minimum": least, "maximum": most}


def array(items: dict[str, Any]) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "items": items}


def mapping(properties: dict[str, Any] | None = None, *required: str) -> dict[str, Any]:
    """An object; other keys are allowed."""
    found: dict[str, Any] = {"type": "object"}
    if properties:
        found["properties"] = properties
    if required:
        found["required"] = list(required)
    return found


def reference(name: str) -> dict[str, Any]:
    """A schema by name."""
    return {"$ref": f"#/components/schemas/{name}"}


_ANY: dict[str, Any] = {"description": "a value in the JSON form of protos/http.md"}
_TEXTS = array(text())
_COMMON = {
    "deadline": {**integer(), "description": "milliseconds"},
    "parent": {**integer(), "description": "id of the callback inside which it is made"},
    "seen": {**integer(), "description": "all messages up to this seq have arrived"},
    "trace": {**text(), "description": "W3C traceparent"},
}
_RESULT = {
    "nargout": {**integer(), "description": "number of results wanted"},
    "keep": {"type": "boolean", "description": "keep the result in the interpreter, answer a handle"},
}
_CODE = {"code": text()}

SCHEMAS: dict[str, Any] = {
    "Value": mapping({"value": _ANY}, "value"),
    "Empty": mapping(),
    "Call": mapping({"args": array(_ANY), "named": mapping(), **_RESULT, **_COMMON}),
    "Eval": mapping({**_CODE, **_RESULT, **_COMMON}, "code"),
    "Run": mapping({**_CODE, **_COMMON}, "code"),
    "Message": {
        **mapping({"op": text(minLength=1), "id": integer()}, "op"),
        "description": "a message of protos/messages.md",
    },
    "Greet": mapping({"major": integer(1, 1), "minor": integer(), "token": text(), "agent": text()}, "major"),
    "Hello": mapping(
        {
            "major": integer(),
            "minor": integer(),
            "kinds": _TEXTS,
            "features": _TEXTS,
            "limits": mapping(),
            "agent": text(),
        },
        "major",
        "minor",
        "limits",
    ),
    "Open": mapping(
        {
            "environment": text(),
            "options": mapping(),
            "limits": mapping(),
            "grace": {"type": "number", "exclusiveMinimum": 0},
            "id": integer(1),
        },
        "environment",
    ),
    "Resume": mapping({"seen": integer(), "id": integer(1)}),
    "Reply": {
        **mapping({"value": _ANY, "values": array(_ANY), "events": array(reference("Event"))}),
        "anyOf": [{"required": ["value"]}, {"required": ["values"]}],
    },
    "Opened": mapping({"value": reference("Greeting")}, "value"),
    "Greeting": mapping(
        {
            "session": text(),
            "secret": text(),
            "environment": text(),
            "generation": integer(),
            "language": text(),
            "version": text(),
            "pid": integer(),
            "features": mapping(),
            "info": mapping(),
            "window": {"type": "number"},
        },
        "session",
        "secret",
        "environment",
        "window",
    ),
    "Event": mapping({"type": text(), "text": text()}, "type"),
    "Messages": mapping({"messages": array(reference("Received"))}, "messages"),
    "Received": mapping({"op": text(), "id": integer(), "seq": integer(1)}, "op", "id"),
    "Answer": {
        "oneOf": [mapping({"value": _ANY}, "value"), mapping({"error": reference("Raised")}, "error")],
        "description": "the value of a callback, or the error that it raised",
    },
    "Raised": mapping(
        {"message": text(), "code": reference("Code"), "class": _TEXTS, "stack": _TEXTS, "language": text()}
    ),
    "Environment": mapping(
        {
            "name": text(),
            "language": text(),
            "doc": text(),
            "options": _TEXTS,
            "eval": {"type": "boolean", "description": "whether code may be sent"},
        },
        "name",
        "language",
        "eval",
    ),
    "Sample": mapping(
        {
            "value": _ANY,
            "publisher": text(),
            "number": integer(),
            "deadline": {**integer(), "description": "milliseconds that it may wait"},
        },
        "value",
    ),
    "Topic": mapping(
        {"topic": text(), "next": integer(), "oldest": integer(), "subscribers": integer()}, "topic", "next"
    ),
    "Error": mapping(
        {
            "code": reference("Code"),
            "message": text(),
            "executed": text(enum=["no", "yes", "maybe"]),
            "workspace": {"type": "boolean"},
            "class": _TEXTS,
            "stack": _TEXTS,
            "language": text(),
            "identifier": text(),
            "path": text(),
            "setting": text(),
            "output": text(),
        },
        "code",
        "message",
    ),
}
