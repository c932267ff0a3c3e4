"""The OpenAPI description of the routes: what tools, and people who want a client made for them, read."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from arcuate.http.request import FRAMES, JSON, NDJSON
from arcuate.http.schemas import SCHEMAS, array, integer, mapping, number, reference, text
from arcuate.http.status import STATUS

__all__ = ["description"]

_SESSION = "/v1/sessions/{session}"
_ENVIRONMENT = "/v1/environments/{environment}"


def _in_path(name: str, said: str, **more: Any) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, **more}
    return {"name": name, "in": "path", "required": True, "description": said, "schema": schema}


def _in_query(name: str, said: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": said, "schema": schema}


_PARAMETERS: dict[str, Any] = {
    "environment": _in_path("environment", "name of an environment"),
    "function": _in_path("function", "name of a function"),
    "name": _in_path("name", "a name"),
    "session": _in_path("session", "id of a session", pattern="^[0-9a-f]+$"),
    "topic": _in_path("topic", "name of a topic", maxLength=256),
    "call": {**_in_path("call", "id of a request"), "schema": integer(1)},
    "callback": {**_in_path("callback", "id of a callback"), "schema": integer(1)},
    "secret": {
        "name": "Arcuate-Secret",
        "in": "header",
        "required": True,
        "description": "the secret in the greeting of the session",
        "schema": {"type": "string"},
    },
    "request": {
        "name": "Arcuate-Request",
        "in": "header",
        "description": "id of the request; one that was used brings the answer that it had",
        "schema": integer(1),
    },
    "channel": {
        "name": "Arcuate-Channel",
        "in": "header",
        "description": "a connection of the bus outside sessions: random characters, sent with each request",
        "schema": {"type": "string", "pattern": "^[0-9A-Za-z_-]{16,128}$"},
    },
    "lease": {
        "name": "Arcuate-Lease",
        "in": "header",
        "description": "seconds that the session lives without a request or a connection on which one came",
        "schema": number(0, 86400),
    },
    "prefer": {
        "name": "Prefer",
        "in": "header",
        "description": "respond-async: 202 at once, the reply comes with the output",
        "schema": {"type": "string", "enum": ["respond-async"]},
    },
    "wait": _in_query("wait", "seconds to wait for the first message", number(0, 60)),
    "after": _in_query("after", "acknowledges all up to this seq, and begins after it", integer(0)),
    "follow": _in_query(
        "follow", "goes on until the session ends; lines or frames", text(enum=["0", "1", "true", "false"])
    ),
    "of": _in_query("of", "the object or package whose names are wanted", text()),
    "prefix": _in_query("prefix", "what the names begin with", text()),
    "from": _in_query("from", "first sequence number wanted; 0: the oldest kept", integer(0)),
    "epoch": _in_query("epoch", "the life of the topic that 'from' belongs to", integer(0)),
    "policy": _in_query("policy", "for slow readers", text(enum=["drop", "block", "disconnect"])),
    "buffer": _in_query("buffer", "samples that may wait", integer(0, 1_000_000)),
}

_BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
_REPLY = {
    "headers": {"Arcuate-Request": {"schema": integer(1), "description": "id of the request"}},
}


def _one(said: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"description": said, "content": {JSON: {"schema": schema}}, **more}


def _many(said: str, schema: dict[str, Any]) -> dict[str, Any]:
    """An answer in any of the three types."""
    kinds = {JSON: {"schema": schema}, NDJSON: {"schema": text()}, FRAMES: {"schema": _BINARY}}
    return {"description": said, "content": kinds}


_NOTHING = {"description": "done"}
_FAILED = {
    "4XX": {"$ref": "#/components/responses/Refused"},
    "5XX": {"$ref": "#/components/responses/Failed"},
}


def _operation(
    name: str,
    summary: str,
    answers: dict[str, Any],
    *parameters: str,
    body: dict[str, Any] | None = None,
    frames: bool = False,
    tag: str = "hub",
    open_: bool = False,
) -> dict[str, Any]:
    found: dict[str, Any] = {"operationId": name, "summary": summary, "tags": [tag]}
    if parameters:
        found["parameters"] = [{"$ref": f"#/components/parameters/{one}"} for one in parameters]
    if body is not None:
        content: dict[str, Any] = {JSON: {"schema": body}}
        if frames:
            content[FRAMES] = {"schema": _BINARY}
        found["requestBody"] = {"required": True, "content": content}
    found["responses"] = {**answers, **_FAILED}
    if open_:
        found["security"] = []
    return found


def _hub() -> dict[str, Any]:
    status = mapping({"status": text()}, "status")
    ready = {"200": _one("it takes calls", status), "503": _one("it drains", status)}
    hello = {"200": _many("what the hub speaks", reference("Hello"))}
    messages = {"200": _many("what the request brings, up to its reply", mapping()), "204": _NOTHING}
    return {
        "/healthz": {
            "get": _operation("health", "Alive", {"200": _one("alive", status)}, open_=True),
        },
        "/readyz": {"get": _operation("ready", "Takes calls", ready, open_=True)},
        "/metrics": {
            "get": _operation(
                "metrics",
                "Figures for Prometheus, where the operator wants them",
                {"200": {"description": "figures", "content": {"text/plain": {"schema": text()}}}},
            )
        },
        "/openapi.json": {
            "get": _operation("description", "This", {"200": _one("this", mapping())}, open_=True)
        },
        "/v1/hello": {
            "get": _operation("hello", "What the hub speaks", hello),
            "post": _operation(
                "greet", "Greets, as every connection begins", hello, body=reference("Greet"), frames=True
            ),
        },
        "/v1/messages": {
            "post": _operation(
                "message",
                "Any message outside sessions",
                {**messages, "202": {"description": "its reply comes with the output"}},
                "channel",
                "prefer",
                body=reference("Message"),
                frames=True,
            ),
            "get": _operation(
                "output",
                "What no other request of the channel waits for",
                {"200": _many("messages", reference("Messages")), "204": _NOTHING},
                "channel",
                "wait",
            ),
        },
    }


def _code(where: str, tag: str, *parameters: str) -> dict[str, Any]:
    """The routes of calls and code, without or with a session."""
    value = {"200": _one("the value", reference("Reply"), **_REPLY)}
    found = {
        "/call/{function}": _operation(
            f"{where}call",
            "Calls a function",
            value,
            *parameters,
            "function",
            body=reference("Call"),
            tag=tag,
        ),
        "/eval": _operation(
            f"{where}eval",
            "Evaluates an expression",
            value,
            *parameters,
            body=reference("Eval"),
            tag=tag,
        ),
        "/run": _operation(f"{where}run", "Runs code", value, *parameters, body=reference("Run"), tag=tag),
    }
    return {path: {"post": one} for path, one in found.items()}


def _environments() -> dict[str, Any]:
    listed = mapping({"environments": array(reference("Environment"))}, "environments")
    value = {"200": _one("the value", reference("Reply"), **_REPLY)}
    own = ("environment", "request", "channel")
    tag = "environments"
    return {
        "/v1/environments": {
            "get": _operation("environments", "What is offered", {"200": _one("a list", listed)}, tag=tag)
        },
        **{_ENVIRONMENT + path: item for path, item in _code("", tag, *own).items()},
        _ENVIRONMENT + "/names": {
            "get": _operation("names", "Names there are", value, *own, "of", "prefix", tag=tag)
        },
        _ENVIRONMENT + "/describe/{name}": {
            "get": _operation("describe", "Describes a function or object", value, *own, "name", tag=tag)
        },
    }


def _sessions() -> dict[str, Any]:
    tag = "sessions"
    own = ("session", "secret")
    value = {"200": _one("the value", reference("Reply"), **_REPLY)}
    greeting = _many("a greeting", reference("Opened"))
    location = {"Location": {"schema": text(), "description": "path of the session"}}
    messages = {"200": _many("what the request brings, up to its reply", mapping()), "204": _NOTHING}
    output = {"200": _many("messages", reference("Messages")), "204": _NOTHING}
    some = _operation
    asked = {**messages, "202": {"description": "its reply comes with the output"}}
    return {
        "/v1/sessions": {
            "post": some(
                "open",
                "Opens a session",
                {"201": {**greeting, "headers": location}},
                "lease",
                body=reference("Open"),
                frames=True,
                tag=tag,
            )
        },
        _SESSION: {"delete": some("close", "Closes a session", value, *own, tag=tag)},
        **{_SESSION + path: item for path, item in _code("session_", tag, *own, "request").items()},
        _SESSION + "/resume": {
            "post": some(
                "resume",
                "Takes a session over",
                {"200": greeting},
                *own,
                "lease",
                body=reference("Resume"),
                frames=True,
                tag=tag,
            )
        },
        _SESSION + "/messages": {
            "post": some(
                "session_message",
                "Any message of a session",
                asked,
                *own,
                "prefer",
                body=reference("Message"),
                frames=True,
                tag=tag,
            )
        },
        _SESSION + "/output": {
            "get": some(
                "session_output", "What it has sent", output, *own, "wait", "after", "follow", tag=tag
            )
        },
        _SESSION + "/restart": {
            "post": some(
                "restart", "A fresh interpreter", value, *own, "request", body=reference("Empty"), tag=tag
            )
        },
        _SESSION + "/variables": {
            "get": some("variables", "Names of variables", value, *own, "request", tag=tag)
        },
        _SESSION + "/variables/{name}": {
            "get": some("get", "The value of a variable", value, *own, "request", "name", tag=tag),
            "put": some(
                "set",
                "Sets a variable",
                value,
                *own,
                "request",
                "name",
                body=reference("Value"),
                tag=tag,
            ),
            "delete": some("delete", "Deletes a variable", value, *own, "request", "name", tag=tag),
        },
        _SESSION + "/calls/{call}/cancel": {
            "post": some(
                "cancel", "Cancels a call", {"204": _NOTHING}, *own, "call", body=reference("Empty"), tag=tag
            )
        },
        _SESSION + "/callbacks/{callback}": {
            "post": some(
                "callback",
                "Answers a callback",
                {"204": _NOTHING},
                *own,
                "callback",
                body=reference("Answer"),
                tag=tag,
            )
        },
    }


def _topics() -> dict[str, Any]:
    listed = mapping({"topics": array(reference("Topic"))}, "topics")
    sequence = mapping({"sequence": integer(1)}, "sequence")
    samples = {
        "200": _many("the reply of the subscription, and samples", reference("Messages")),
        "204": _NOTHING,
    }
    asked = ("from", "epoch", "policy", "buffer", "wait")
    return {
        "/v1/topics": {
            "get": _operation("topics", "Topics there are", {"200": _many("a list", listed)}, tag="streams")
        },
        "/v1/topics/{topic}": {
            "post": _operation(
                "publish",
                "Publishes a sample",
                {"200": _many("its number", sequence)},
                "topic",
                body=reference("Sample"),
                frames=True,
                tag="streams",
            )
        },
        "/v1/topics/{topic}/samples": {
            "get": _operation(
                "samples",
                "Follows a topic; with 'wait', what there is",
                samples,
                "topic",
                *asked,
                tag="streams",
            )
        },
    }


@lru_cache
def description() -> dict[str, Any]:
    """The description."""
    try:
        release = version("arcuate")
    except PackageNotFoundError:
        release = "0"
    error = mapping({"error": reference("Error")}, "error")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Arcuate",
            "version": release,
            "description": "R, Octave, Python and others, called over HTTP. protos/http.md says more.",
        },
        "security": [{}, {"token": []}],
        "tags": [
            {"name": "hub", "description": "the hub itself, and messages of the bus"},
            {"name": "environments", "description": "calls without a session"},
            {"name": "sessions", "description": "interpreters of one's own"},
            {"name": "streams", "description": "topics of samples"},
        ],
        "paths": {**_hub(), **_environments(), **_sessions(), **_topics()},
        "components": {
            "schemas": {**SCHEMAS, "Code": {"type": "string", "enum": sorted(STATUS)}},
            "parameters": _PARAMETERS,
            "responses": {
                "Refused": _many("an error; protos/http.md has the status of each code", error),
                "Failed": _many("an error; 501: not supported, 502: the interpreter ended, 504: time", error),
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
