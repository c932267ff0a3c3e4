"""Clients: what ``clients/<language>/conformance.json`` says, whether they run here, how they are built."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from arcuate.errors import InvalidArgument, Unsupported
from arcuate.matrix import janitor

__all__ = ["FEATURES", "Client", "build", "checkout", "choose", "find"]

FEATURES = (
    "environments", "describe", "call", "named", "nargout", "eval", "run", "live", "output", "set", "get",
    "delete", "list", "keep", "callback", "publish", "subscribe", "timeout", "cancel", "large", "labelled",
    "decode", "measure",
)  # fmt: skip
"""What a client may declare that it does not have."""
_BUILD_SECONDS = 600.0


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Runtime(_Strict):
    """What the client needs, and how to get it."""

    name: str
    find: list[str] = Field(default_factory=list)
    install: str = ""


class Transport(_Strict):
    """One way to a hub."""

    name: str
    url: Literal["grpc", "zmq", "ipc", "http"]
    find: list[str] = Field(default_factory=list)
    install: str = ""


class Targets(_Strict):
    """The most time that it may take, as a multiple of the Python client's."""

    scalar: float | None = None
    array: float | None = None


class Client(_Strict):
    """A client's ``conformance.json``.

    Attributes:
        folder: where it stands.
    """

    client: str
    build: list[str] = Field(default_factory=list)
    command: list[str]
    runtime: Runtime
    encoding: Literal["frame", "protobuf"]
    values: str
    transports: list[Transport]
    secure: dict[str, str | list[str]] = Field(default_factory=dict)
    unsupported: dict[str, str] = Field(default_factory=dict)
    own: Targets = Field(default_factory=Targets)
    folder: Path = Path()

    def secured(self, transport: str) -> list[str]:
        """``tls`` and ``curve``, those that the client has on a transport."""
        found = self.secure.get(transport, [])
        return [found] if isinstance(found, str) else found

    def reason(self, names: Sequence[str], transport: str = "") -> str:
        """Why the client says that it does not have one of these features or vectors; empty if it has."""
        for key, text in self.unsupported.items():
            pattern, _, only = key.partition("@")
            if (not only or only == transport) and any(fnmatchcase(name, pattern) for name in names):
                return text or "declared"
        return ""

    def program(self) -> list[str]:
        """The command that starts its program."""
        return [sys.executable if word == "{python}" else word for word in self.command]

    def unbuilt(self) -> str:
        """What to type where the program has not been built; empty where it is there, or builds itself."""
        word = self.command[0]
        if not self.build or "/" not in word or (self.folder / word).exists():
            return ""
        return f"its program is not built; type: make -C clients/{self.folder.name} build"

    def missing(self, transport: Transport | None = None) -> str:
        """What is missing on this machine for the client, or for one of its transports; empty if nothing."""
        what: Runtime | Transport = transport or self.runtime
        if not what.find or _succeeds(what.find, self.folder):
            return ""
        return f"{what.name} is not here; to get it: {what.install or 'see the README of the client'}"


def _command(words: Sequence[str]) -> list[str]:
    return [sys.executable if word == "{python}" else word for word in words]


def _succeeds(command: Sequence[str], folder: Path) -> bool:
    try:
        done = subprocess.run(
            _command(command),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def checkout(start: Path | None = None) -> Path:
    """The root of the repository that this code or the working directory is in.

    Raises:
        Unsupported: there is none.
    """
    place = start or Path(__file__).resolve()
    for folder in (*place.parents, Path.cwd(), *Path.cwd().parents):
        if (folder / "clients" / "CONFORMANCE.md").is_file():
            return folder
    raise Unsupported(
        "arcuate matrix drives the clients of a checkout of the repository, and there is none here; "
        "clone it and run this in its folder"
    )


def find(root: Path) -> list[Client]:
    """The clients of a checkout; Python's first.

    Raises:
        InvalidArgument: a ``conformance.json`` is not as clients/CONFORMANCE.md says.
    """
    files = sorted(
        (root / "clients").glob("*/conformance.json"), key=lambda one: (one.parent.name != "python", one)
    )
    return [read(file) for file in files]


def choose(root: Path, wanted: Sequence[str]) -> tuple[list[Client], list[str]]:
    """The clients of a checkout, and those that are given by their folder.

    Args:
        root: the checkout.
        wanted: names of clients, and folders that hold a ``conformance.json``.

    Returns:
        The clients, and the names of the wanted ones. One from a folder takes the place of one of its name.

    Raises:
        InvalidArgument: what looks like a folder holds no ``conformance.json``, or a wrong one.
    """
    found, names = {one.client: one for one in find(root)}, []
    for word in wanted:
        file = Path(word).expanduser().absolute() / "conformance.json"
        if word not in found and ("/" in word or file.is_file()):
            if not file.is_file():
                raise InvalidArgument(
                    f"there is no conformance.json in the folder {word!r}; a client has one"
                )
            one = read(file)
            found[one.client], word = one, one.client
        names.append(word)
    return list(found.values()), names


def read(file: Path) -> Client:
    """One client.

    Raises:
        InvalidArgument: the file is not as clients/CONFORMANCE.md says.
    """
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
        return Client.model_validate({**found, "folder": file.parent})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidArgument(
            f"{file}: {where}: {first['msg']}; clients/CONFORMANCE.md says what is allowed"
        ) from None
    except (ValueError, TypeError) as error:
        raise InvalidArgument(f"{file} is no JSON object: {error}") from None


def build(client: Client) -> str:
    """Builds a client.

    Returns:
        What went wrong: the end of what the build printed; empty if nothing.
    """
    if not client.build:
        return ""
    try:
        done = janitor.finish(_command(client.build), client.folder, _BUILD_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{' '.join(client.build)}: {error}"
    if done.returncode == 0:
        return ""
    said = (done.stdout + done.stderr).strip()[-2000:]
    return f"{' '.join(client.build)} ended with status {done.returncode}: {said}"
