"""Drives a conformance program: one request, one answer, and never longer than the time that it has.

A program that does not answer in time, that ends, or that answers what is no message, is killed with its
process group; the next request starts it again, so that one crash costs one case.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from arcuate.matrix import answers, janitor

__all__ = ["Ended", "Program"]

_PATIENCE = 30.0
_START_SECONDS = 60.0
_MOST = 256 << 20
"""Bytes that an answer may have; larger values go by file."""
_TAIL = 4000
_LENGTH = struct.Struct("<I")


class Ended(Exception):
    """The program ended, was killed because it did not answer, or answered noise."""


class Program:
    """A conformance program.

    Args:
        command: what starts it.
        folder: where.
        env: variables beside those of this process.

    Attributes:
        starts: how often it was started.
    """

    def __init__(self, command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> None:
        self._command, self._folder, self._env = list(command), folder, dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: BinaryIO | None = None
        self._number = 0
        self.starts = 0

    @property
    def running(self) -> bool:
        """Whether there is a process that has been asked something and not been given up."""
        return self._process is not None

    def ask(self, op: str, fields: Mapping[str, Any] | None = None, timeout: float = _PATIENCE) -> Any:
        """Sends a request and returns the answer; starts the program if need be.

        Raises:
            Ended: there is no answer, and the program is no more.
            answers.Malformed: the answer is not what was asked for; the program was killed too.
            answers.Declined, answers.Refused, answers.Crash: what it answered.
        """
        if self._process is None:
            self._start()
            if op != "hello":  # what its start takes is not the first request's
                self._exchange("hello", {}, _START_SECONDS)
        return self._exchange(op, fields or {}, timeout)

    def _exchange(self, op: str, fields: Mapping[str, Any], timeout: float) -> Any:
        end = time.monotonic() + timeout
        self._number += 1
        message = json.dumps({"id": self._number, "op": op, **fields}).encode()
        try:
            self._write(_LENGTH.pack(len(message)) + message, end)
            length = _LENGTH.unpack(self._read(4, end))[0]
            if length > _MOST:
                raise answers.Malformed(f"an answer of {length:,} bytes is announced; {_MOST:,} are allowed")
            data = self._read(length, end)
            try:
                found = json.loads(data)
            except ValueError:
                raise answers.Malformed(f"the answer is no JSON: {data[:80]!r}") from None
            return answers.parse(op, self._number, found)
        except answers.Malformed:
            self.kill()
            raise
        except TimeoutError:
            self.kill()
            raise Ended(f"no answer to {op!r} within {timeout:g} s; it was killed" + self._said()) from None
        except (EOFError, BrokenPipeError):
            status = self._reap()
            raise Ended(f"the program ended at {op!r} with status {status}" + self._said()) from None

    def close(self) -> str:
        """Ends the program as it must end: by the end of its stdin.

        Returns:
            What was wrong with its end; empty if nothing.
        """
        process = self._process
        if process is None:
            return ""
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            status = process.wait(_PATIENCE / 3)
        except subprocess.TimeoutExpired:
            self.kill()
            return "it did not end at the end of its input and was killed" + self._said()
        self._reap()
        return f"it ended with status {status}" + self._said() if status else ""

    def kill(self) -> None:
        """Ends the process and all that it started. Idempotent."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._reap()

    # ------------------------------------------------------------------ the rest

    def _start(self) -> None:
        if self._errors is not None:
            self._errors.close()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the program)
        try:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env={**os.environ, **self._env},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError as error:
            raise Ended(f"{' '.join(self._command)} cannot be started: {error}") from None
        janitor.watch(self._process.pid)
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        self.starts += 1
        self._number = 0

    def _write(self, data: bytes, end: float) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        fd, view = self._process.stdin.fileno(), memoryview(data)
        while view:
            if not select.select([], [fd], [], max(0.0, end - time.monotonic()))[1]:
                raise TimeoutError
            view = view[os.write(fd, view) :]

    def _read(self, count: int, end: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        fd, parts = self._process.stdout.fileno(), bytearray()
        while len(parts) < count:
            if not select.select([fd], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError
            part = os.read(fd, min(count - len(parts), 1 << 20))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def _reap(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            process.wait(2.0)
        except subprocess.TimeoutExpired:
            pass
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what it started, too
        janitor.forget(process.pid)
        return process.wait()

    def _said(self) -> str:
        """The end of what it wrote to stderr."""
        if self._errors is None:
            return ""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _TAIL))
        text = self._errors.read().decode("utf-8", "replace").strip()
        return f"; its stderr: {text}" if text else ""

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        if self._errors is not None:
            self._errors.close()
