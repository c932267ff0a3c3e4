"""A client's program at work in one cell: connected when that is needed, and again after a crash."""

from __future__ import annotations

import base64
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from arcuate.matrix import answers
from arcuate.matrix.client import Client, Transport
from arcuate.matrix.outcome import CaseResult, Cell, Verdict
from arcuate.matrix.program import Ended, Program
from arcuate.matrix.servers import Endpoint, Servers

__all__ = ["LARGE", "Seat", "fail", "refused"]

LARGE = 1 << 16
"""Bytes from which on a value goes by file."""
_CONNECT_SECONDS = 60.0


def fail(detail: str, **more: Any) -> Verdict:
    """A failure."""
    return Verdict("fail", detail, **more)


class Seat:
    """One client, one transport, one environment.

    Args:
        client: whose program.
        transport: the way to the hub; ``None`` where there is no hub.
        environment: the environment in the hub; empty: a connection is each case's own affair.
        servers: the hubs.
        preludes: statements that a fresh session runs, one after the other.
        program: the program, where it is not the client's own.
        patience: seconds that the program may take for a value.

    Attributes:
        cell: what happened.
    """

    def __init__(
        self,
        client: Client,
        transport: Transport | None,
        environment: str,
        servers: Servers,
        preludes: Sequence[str] = (),
        program: Program | None = None,
        patience: float = 60.0,
    ) -> None:
        self.client, self.transport, self.environment = client, transport, environment
        self.servers = servers
        self.cell = Cell(client.client, transport.name if transport else "", environment)
        self.program = program or Program(client.program(), client.folder)
        self.patience = patience
        self.info: Any = None
        self._preludes = preludes
        self._connected = -1
        self._numbers = itertools.count(1)
        self._files: list[Path] = []

    # ---------------------------------------------------------------- asking

    def ask(self, op: str, patience: float = 30.0, /, **fields: Any) -> Any:
        """Asks the program, waits ``patience`` seconds; connects first where the cell has an environment."""
        if self.environment and (not self.program.running or self._connected != self.program.starts):
            self.connect()
        return self.program.ask(op, fields, patience)

    def raw(self, op: str, patience: float = 30.0, /, **fields: Any) -> Any:
        """Asks without connecting."""
        return self.program.ask(op, fields, patience)

    def connect(self, kind: str = "plain", environment: str | None = None, **more: Any) -> Any:
        """Opens the session of this cell."""
        where = self.endpoint(kind).connect(environment or self.environment)
        fields = {"transport": self.name, "timeout": _CONNECT_SECONDS, **where, **more}
        found = self.raw("connect", _CONNECT_SECONDS + 10, **fields)
        self.info = found
        for code in self._preludes:
            self.raw("run", _CONNECT_SECONDS, code=code)
        self._connected = self.program.starts
        return found

    def endpoint(self, kind: str) -> Endpoint:
        """Where a hub is for this transport."""
        assert self.transport is not None
        return self.servers.endpoint(kind, self.transport.url)

    @property
    def name(self) -> str:
        """The transport's name in the report."""
        return self.transport.name if self.transport else ""

    # ---------------------------------------------------------------- values

    def given(self, data: bytes) -> dict[str, str]:
        """An encoded value as a field of a request; a large one by file."""
        if len(data) < LARGE:
            return {"bytes": base64.b64encode(data).decode()}
        path = self.path()
        path.write_bytes(data)
        return {"file": str(path)}

    def out(self, size: int) -> dict[str, str]:
        """The field ``out`` where the answer will be large."""
        return {"out": str(self.path())} if size >= LARGE else {}

    def path(self) -> Path:
        """A file that is not there yet, for the time of one case."""
        who = f"{self.client.client}-{self.name}-{self.environment}".replace("/", "-")
        path = self.servers.folder / f"{who}-{next(self._numbers)}.value"
        self._files.append(path)
        return path

    # ----------------------------------------------------------------- cases

    def attempt(self, case: str, what: str, names: tuple[str, ...], judge: Callable[[], Verdict]) -> None:
        """Runs a case and writes down how it ended.

        Args:
            case: its name.
            what: its kind.
            names: under which ``conformance.json`` may declare it unsupported.
            judge: does it.
        """
        reason = self.client.reason(names, self.name)
        began = time.perf_counter()
        try:
            verdict = judge()
            if reason and what != "produce" and verdict.outcome in ("exact", "permitted"):
                verdict = fail(f"it works, although conformance.json declares it as unsupported: {reason}")
        except answers.Declined as declined:
            if reason:
                verdict = Verdict("unsupported", reason)
            else:
                verdict = fail(
                    f"answered 'unsupported' ({declined}), which conformance.json does not declare"
                )
        except answers.Refused as refused:
            if reason and refused.error.code in ("UNSUPPORTED", "CONVERSION"):
                verdict = Verdict("unsupported", reason)
            else:
                verdict = fail(f"an error where none belongs, in {refused.where}: {refused}")
        except answers.Crash as crash:
            verdict = fail(f"crashed in the client: {crash}")
        except (Ended, answers.Malformed) as error:
            verdict = Verdict("errored", str(error))
        except Exception as error:  # a defect of the runner, which must not end the run
            verdict = Verdict("errored", f"the runner itself: {type(error).__name__}: {error}")
        while self._files:
            self._files.pop().unlink(missing_ok=True)
        self.cell.cases.append(CaseResult(case, what, verdict, time.perf_counter() - began))

    def end(self) -> None:
        """Ends the program; how it ends is a case of its own where a program ran."""
        if self.program.running:
            began = time.perf_counter()
            wrong = self.program.close()
            verdict = fail(wrong) if wrong else Verdict("exact")
            self.cell.cases.append(
                CaseResult("end-of-input", "feature", verdict, time.perf_counter() - began)
            )
        self.program.__exit__()


def refused(ask: Callable[[], Any], *codes: str, holds: Mapping[str, str] | None = None) -> Verdict:
    """Judges a request that must be refused with one of some codes.

    Args:
        ask: makes the request.
        codes: the codes that are allowed.
        holds: texts that must stand in ``message``, ``class`` or ``stack`` of the error.
    """
    allowed = " or ".join(codes)
    try:
        found = ask()
    except answers.Refused as error:
        if error.error.code not in codes:
            return fail(f"the code is {error.error.code}, not {allowed}: {error.error.message}")
        if not error.caught:
            return fail("'caught' is empty: the program did not recognise the error by its language's means")
        if not error.error.message.strip():
            return fail("the error has no message")
        for name, text in (holds or {}).items():
            shown = {
                "message": error.error.message,
                "class": " ".join(error.error.classes),
                "stack": "\n".join(error.error.stack),
            }[name]
            if text not in shown:
                return fail(f"{text!r} is not in the {name} of the error: {shown!r}")
        return Verdict("exact", f"{error.error.code} by {error.caught}: {error.error.message}"[:300])
    return fail(f"it was answered, where {allowed} belongs: {str(found)[:200]}")
