"""What a conformance program may answer, as schemas: one that answers anything else is found out."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

__all__ = ["OPS", "Answer", "Declined", "Failure", "Given", "Malformed", "Refused", "parse"]


class Malformed(Exception):
    """The answer is none: no JSON, another id, or not what clients/CONFORMANCE.md allows."""


class Declined(Exception):
    """The program answered ``unsupported``."""


class Refused(Exception):
    """The client raised an error of Arcuate.

    Attributes:
        error: the error.
        caught: by which of its language's means the program recognised it.
        where: ``decode``, ``encode`` or ``call``.
    """

    def __init__(self, error: Failure, caught: str, where: str) -> None:
        super().__init__(f"{error.code}: {error.message}")
        self.error, self.caught, self.where = error, caught, where


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Given(_Strict):
    """A value in one of the encodings, inline or in a file."""

    content: str | None = Field(None, alias="bytes")
    file: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Given:
        if (self.content is None) == (self.file is None):
            raise ValueError("a value is either 'bytes' or 'file'")
        return self

    def read(self) -> bytes:
        """The encoded value.

        Raises:
            Malformed: it is no base64, or the file is not there.
        """
        try:
            if self.file is not None:
                return Path(self.file).read_bytes()
            return base64.b64decode(self.content or "", validate=True)
        except (OSError, binascii.Error) as error:
            raise Malformed(f"the value of the answer cannot be read: {error}") from None


class Failure(_Strict):
    """An error of the client."""

    code: str
    message: str
    classes: list[str] = Field(default_factory=list, alias="class")
    stack: list[str] = Field(default_factory=list)
    executed: str = ""
    path: str = ""
    setting: str = ""

    @field_validator("executed")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ("", "no", "maybe", "yes"):
            raise ValueError("'executed' is no, maybe or yes")
        return value


class Answer(_Strict):
    """An answer without content."""

    id: int


class _Unsupported(Answer):
    unsupported: str


class _Crashed(Answer):
    crashed: str


class _Failed(Answer):
    error: Failure
    caught: str
    where: str


class Hello(Answer):
    """The program introduces itself."""

    client: str
    version: str
    runtime: str
    protocol: int


class Connected(Answer):
    """What is at the other end."""

    language: str
    version: str


class Names(Answer):
    """Names of variables."""

    names: list[str]


class Environments(Answer):
    """Names of environments."""

    environments: list[str]


class Described(Answer):
    """What a function is."""

    signature: str
    help: str


class Result(Answer):
    """What a call gave."""

    value: Given | None = None
    values: list[Given] | None = None
    handle: int | None = None
    classes: list[str] = Field(default_factory=list, alias="class")
    summary: str = ""
    output: str = ""


class _Streams(_Strict):
    stdout: str
    stderr: str


class Ran(Answer):
    """What a run printed."""

    output: _Streams
    live: bool


class Valued(Answer):
    """A value."""

    value: Given


class Published(Answer):
    """The number of a sample."""

    sequence: int


class Sample(_Strict):
    """One sample."""

    sequence: int
    lost: int | None
    value: Given


class Sampled(Answer):
    """Samples."""

    samples: list[Sample]


class Measured(Answer):
    """Times in seconds."""

    seconds: list[float]
    own: list[float]


OPS: dict[str, type[Answer]] = {
    "hello": Hello, "decode": Valued, "connect": Connected, "environments": Environments,
    "describe": Described, "call": Result, "eval": Result, "run": Ran, "set": Answer, "get": Valued,
    "delete": Answer, "list": Names, "release": Answer, "cancel": Answer, "publish": Published,
    "subscribe": Sampled, "measure": Measured, "close": Answer,
}  # fmt: skip
"""Every request, and the schema of its answer."""


def parse(op: str, number: int, found: Any) -> Any:
    """The answer to a request.

    Raises:
        Malformed: it is not what the request is answered with.
        Declined: the program says that it cannot do that.
        Refused: the client raised an error.
        Crash: something else was raised in the client.
    """
    if not isinstance(found, dict):
        raise Malformed(f"the answer is no object but {type(found).__name__}")
    kinds: dict[str, type[Answer]] = {"unsupported": _Unsupported, "crashed": _Crashed, "error": _Failed}
    schema: type[Answer] = next((kind for key, kind in kinds.items() if key in found), OPS.get(op, Answer))
    try:
        answer: Any = schema.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "answer"
        raise Malformed(f"the answer to {op!r} is not as it must be: {where}: {first['msg']}") from None
    if answer.id != number:
        raise Malformed(f"the answer has the id {answer.id}, the request had {number}")
    if isinstance(answer, _Unsupported):
        raise Declined(answer.unsupported)
    if isinstance(answer, _Crashed):
        raise Crash(answer.crashed)
    if isinstance(answer, _Failed):
        raise Refused(answer.error, answer.caught, answer.where)
    return answer


class Crash(Exception):
    """The client raised what it does not document."""
