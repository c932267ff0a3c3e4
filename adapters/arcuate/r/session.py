"""One R session: the greeting, the request loop, callbacks and events."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import sys
import threading
import traceback
from typing import Any

from arcuate.errors import (
    ArcuateError,
    CallCancelled,
    ConversionError,
    InternalError,
    LimitExceeded,
    ProtocolError,
    RemoteError,
    Unsupported,
)
from arcuate.r import rapi
from arcuate.r.channel import Channel, alloc, plain
from arcuate.r.evaluation import clean
from arcuate.r.from_code import FromCode
from arcuate.r.from_r import Writer
from arcuate.r.handles import Handles
from arcuate.r.numbers import Target
from arcuate.r.rapi import VECSXP, ffi, lib
from arcuate.r.requests import Requests
from arcuate.r.store import SOURCES
from arcuate.r.to_r import Functions, SourceCursor
from arcuate.r.to_r_labelled import Reader
from arcuate.values import codes
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes, Row, step
from arcuate.worker.child import join_trace

__all__ = ["Session"]

_INLINE = 8
_LARGE = 8 << 20
_HERE = os.path.dirname(os.path.abspath(__file__))
_READ = "int(char *, unsigned char *, int, int)"
_OPS = (
    "call",
    "eval",
    "run",
    "get",
    "set",
    "delete",
    "exists",
    "list",
    "attr",
    "index",
    "setattr",
    "show",
    "names",
    "describe",
    "ping",
    "settle",
)


class _InputAsked(RemoteError):
    """Code waited for a person to type."""


_LISTS = ("lib", "packages", "source")
"""Options that are lists of texts."""


class Session(FromCode, Requests):
    """R in this process, and the host at the other end of the channel.

    Attributes:
        wake: descriptor from which the numbers of signals are read.
        signal_lock: held while signals are taken.
        busy: how many requests are under way, nested ones included.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.wake = -1
        self.signal_lock = threading.Lock()
        self.busy = 0
        self.wake_write = -1
        self.in_system = 0
        self._stopped_system = False
        self._ids: list[int] = []
        self._next_callback = 1
        self._next_bound = 1
        self._interrupted = False
        self._input_asked = False
        self._figures = False
        self._heads: dict[str, Any] = {}
        self._tempdir = ""
        self._live = 0.0  # what was left after the last whole collection
        self._handles = Handles(0)
        self._flush = ctypes.PyDLL(None).fflush
        self._ops = {name: getattr(self, "_" + name) for name in _OPS}

    # ------------------------------------------------------------------ start and end

    def greet(self, nodes: Nodes) -> None:
        """Starts R as the greeting says; :meth:`ready` answers it."""
        hello = plain(SourceCursor(nodes))
        if hello.get("major", 1) != 1:
            raise ProtocolError(
                f"the host speaks version {hello.get('major')} of the worker protocol, this worker 1"
            )
        options = hello.get("options") or {}
        limits = hello.get("limits") or {}
        default = Limits()
        self._channel.limits = Limits(
            message=limits.get("message") or default.message, array=limits.get("array") or default.array
        )
        self._channel.segments = hello.get("segments", "")
        self._start_r()
        threshold = hello.get("threshold", 65536)
        self._handles = Handles(options.get("generation", 0))
        target = Target(threshold, lambda size: alloc(self._channel, size, self._aside))
        self._target = target
        self._load(options.get("compiled") or "")
        self._reader = Reader(self._f, self._handles.find)
        strings = [options.get("figures") or "", *(options.get(name) or [] for name in _LISTS)]
        lists = [[item] if isinstance(item, str) else list(item) for item in strings]
        holder = lib.Rf_protect(lib.Rf_allocVector(VECSXP, len(lists)))
        for i, texts in enumerate(lists):
            lib.SET_VECTOR_ELT(holder, i, rapi.make_texts(texts))
        try:
            result = self._quietly("set_up", *(lib.VECTOR_ELT(holder, i) for i in range(len(lists))))
            self._tempdir = rapi.text_of(lib.STRING_ELT(result, 0))
            version = rapi.text_of(lib.STRING_ELT(result, 1))
        finally:
            lib.Rf_unprotect(1)
        out = self._writer()
        out.open(codes.MAPPING, "", 9)
        out.text("op", "hello")
        out.number("major", 1)
        out.number("minor", 0)
        out.text("language", "R")
        out.text("version", version)
        out.number("pid", os.getpid())
        out.texts("kinds", codes.KIND_NAMES)
        out.open(codes.MAPPING, "features", 4)
        out.text("order", "F")
        out.text("separator", "::")
        out.flag("vectors", True)
        out.flag("map", False)
        out.open(codes.MAPPING, "info", 2)
        out.text("home", os.environ["R_HOME"])
        out.text("tempdir", self._tempdir)
        self._greeting = out.rows

    def ready(self) -> None:
        """Answers the greeting; signals are handled now."""
        self._channel.send(self._greeting)

    def _start_r(self) -> None:
        no = ("void(void)", lambda: None)
        rapi.start({
            "ptr_R_WriteConsoleEx": ("_consolewrite_ex", "void(char *, int, int)", self._write_console),
            "ptr_R_ShowMessage": ("_showmessage", "void(char *)", self._show_message),
            "ptr_R_ReadConsole": ("_consoleread", _READ, self._read_console),
            "ptr_R_FlushConsole": ("_consoleflush", *no),
            "ptr_R_ResetConsole": ("_consolereset", *no),
            "ptr_R_ChooseFile": ("_choosefile", "int(int, char *, int)", lambda *_: 0),
            "ptr_R_CleanUp": ("_cleanup", "void(SA_TYPE, int, int)", self._clean_up),
            "ptr_R_Busy": ("_busy", "void(int)", lambda _: None),
        })  # fmt: skip
        rapi.register(self._from_r)
        libc = ctypes.CDLL(None)
        name = "__stdoutp" if sys.platform == "darwin" else "stdout"
        with contextlib.suppress(ValueError):  # what C code prints appears line by line, too
            libc.setvbuf(ctypes.c_void_p.in_dll(libc, name), None, 1, ctypes.c_size_t(4096))

    def _load(self, store: str) -> None:
        """Reads Arcuate's R code into an environment of its own; its compiled form is kept in ``store``."""
        home = rapi.anchor(rapi.checked(lib.Rf_lang2(rapi.symbol("new.env"), lib.Rf_ScalarLogical(1))))
        with open(os.path.join(_HERE, "load.R"), encoding="utf-8") as source:
            text = lib.Rf_protect(rapi.make_text(source.read()))
        function = lib.Rf_protect(rapi.checked(lib.Rf_lang2(rapi.symbol("str2lang"), text)))
        load = lib.Rf_protect(rapi.checked(function))
        files = lib.Rf_protect(rapi.make_texts([os.path.join(_HERE, name) for name in SOURCES]))
        rapi.checked(lib.Rf_lang4(load, home, files, lib.Rf_protect(rapi.make_text(store))))
        lib.Rf_unprotect(5)
        self._home = home

        def find(name: str) -> Any:
            found = lib.Rf_findVarInFrame(home, rapi.symbol(name))
            if found == lib.R_UnboundValue:
                raise InternalError(f"Arcuate's R code has no function {name!r}")
            return found

        self._f = Functions(find)
        self._evaluate = self._f["evaluate"]
        self._evaluate_print = self._f["evaluate_print"]
        self._mark = self._f[".mark"]
        self._plan = self._f["plan"]
        self._text_out = self._f["text_out"]
        self._quote = rapi.symbol("quote")
        self._force = rapi.symbol("forceAndCall")
        self._young = rapi.anchor(lib.Rf_lang1(self._f["collect_young"]))

    def loop(self) -> None:
        """Serves requests until the input ends or ``bye`` arrives."""
        receive = self._channel.receive
        while True:
            nodes = receive()
            if nodes is None:
                return
            op = nodes.rows[1][7]
            if op == "bye":
                return
            if op == "release":
                self._aside(op, nodes)
                continue
            large = bool(nodes.buffers) and any(buffer.nbytes > _LARGE for buffer in nodes.buffers)  # type: ignore[union-attr]
            self._serve(op, nodes)
            del nodes
            lib.R_interrupts_pending = 0
            if large:
                self._tidy()

    def _tidy(self) -> None:
        """Frees large vectors while the caller is busy.

        The next one then takes memory that is mapped already: new pages cost more than the copy into them.
        """
        # What is young costs a tenth of a whole collection. A vector that an earlier one has met in use is no
        # longer young: when memory does not come back to what it was, everything is looked at.
        if self._used() > self._live + _LARGE // 8:
            lib.R_gc()
            self._live = self._used()

    def _used(self) -> float:
        """Collects what is young; R's vectors that are left, in units of 8 bytes."""
        left: float = lib.REAL(rapi.checked(self._young))[1]
        return left

    def abandon(self) -> None:
        """Removes what was made for a session that does not begin; the host ends this process then."""
        lib.R_CleanTempDir()

    def end(self, status: int) -> None:
        """Ends R and this process."""
        if self.forked:
            os._exit(status)
        lib.R_RunExitFinalizers()
        lib.Rf_KillAllDevices()
        lib.R_CleanTempDir()
        self._flush(None)
        os._exit(status)

    def take_signals(self) -> None:
        """Acts on the signals that arrived; runs in the thread of signals, or in the main thread."""
        try:
            numbers = os.read(self.wake, 256)
        except BlockingIOError:
            return
        if signal.SIGTERM in numbers or signal.SIGHUP in numbers:
            if self._tempdir:
                shutil.rmtree(self._tempdir, ignore_errors=True)
            os._exit(128 + signal.SIGTERM)
        if signal.SIGINT in numbers:
            self.interrupt()

    def interrupt(self) -> None:
        """Lets R stop what it does, if it does anything."""
        if self.busy:
            self._interrupted = True
            if self.in_system:
                self._stopped_system = True
            lib.R_interrupts_pending = 1

    def waiting(self) -> bool:
        """Whether R has been told to stop and has not noticed yet."""
        return bool(self.busy and self._interrupted and lib.R_interrupts_pending)

    # ------------------------------------------------------------------ R's console

    def _out(self, fd: int, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(fd, data) :]
        except OSError:
            pass

    def _write_console(self, text: Any, length: int, kind: int) -> None:
        self._out(2 if kind else 1, ffi.buffer(text, length)[:])

    def _show_message(self, text: Any) -> None:
        self._out(2, ffi.string(text) + b"\n")

    def _read_console(self, prompt: Any, buffer: Any, size: int, history: int) -> int:
        self._input_asked = True
        lib.R_interrupts_pending = 1
        return 0

    def _clean_up(self, save: int, status: int, run_last: int) -> None:
        try:
            self._flush(None)
            if not self.forked:
                self._out(2, f"R was ended by quit() with status {status}\n".encode())
        finally:
            self.end(status)

    # ------------------------------------------------------------------ requests

    def _serve(self, op: str, nodes: Nodes) -> None:
        number = nodes.rows[2][5]
        self._ids.append(number)
        self.busy += 1
        depth = 0
        begun = False
        out = self._writer()
        try:
            handler = self._ops.get(op)
            if handler is None:
                raise Unsupported(f"this worker does not know the request {op!r}")
            cursor = SourceCursor(nodes)
            cursor.depth = 1
            given = nodes.rows
            fields: dict[str, Any] = {}
            at = 3
            for _ in range(given[0][4] - 2):
                row = given[at]
                kind, key = row[0], row[6]
                if kind == codes.TEXT and key != "value":
                    fields[key] = row[7]
                    at += 1
                elif (kind == codes.INT or kind == codes.BOOL) and key != "value":
                    fields[key] = row[5]
                    at += 1
                elif key == "args" or key == "named":
                    n = row[4]
                    at += 1
                    if n or key == "args":
                        holder = lib.Rf_protect(lib.Rf_allocVector(VECSXP, n))
                        depth += 1
                        cursor.at = at
                        self._arguments(cursor, row, holder, fields, key)
                        at = cursor.at
                elif key == "value":
                    holder = lib.Rf_protect(lib.Rf_allocVector(VECSXP, 1))
                    depth += 1
                    cursor.at = at
                    try:
                        self._reader.into(cursor, holder, 0)
                    except ConversionError as error:
                        raise error.prepend(".value") from None
                    fields[key] = holder
                    at = cursor.at
                else:
                    cursor.at = at
                    fields[key] = plain(cursor)
                    at = cursor.at
            if "trace" in fields:
                join_trace(fields["trace"])
            rows = out.rows
            rows.append((codes.MAPPING, 0, 0, 0, 3, 0, "", ""))
            rows.append((codes.TEXT, 0, 0, 0, 0, 0, "op", "reply"))
            rows.append((codes.INT, 0, 0, 0, 0, number, "id", ""))
            begun = True
            handler(fields, out)
            if self._figures and self.busy == 1:
                self._display()
        except ArcuateError as error:
            if self._interrupted and isinstance(error, InternalError):
                error = CallCancelled("the call was interrupted", executed="maybe", workspace=True)
            if begun and isinstance(error, (ConversionError, Unsupported)):
                error.executed = "yes"  # arguments were read before: it is the result that cannot travel
            out = self._failure(number, error)
        except RecursionError:
            out = self._failure(number, ConversionError("the value nests too deep; flatten it"))
        except Exception as error:
            out = self._failure(number, InternalError(_defect(error)))
        finally:
            if depth:
                lib.Rf_unprotect(depth)
            self.busy -= 1
            self._ids.pop()
        if not self.busy:
            self._interrupted = self._stopped_system = False
        self._input_asked = False
        self._flush(None)
        if self._reader.foreign:
            self._let_go(number)
        try:
            self._channel.send(out.rows, out.pool, out.buffers)
        except ArcuateError as error:
            error.executed = "yes"
            out = self._failure(number, error)
            self._channel.send(out.rows, out.pool, out.buffers)

    def _arguments(
        self, cursor: SourceCursor, row: Row, holder: Any, fields: dict[str, Any], key: str
    ) -> None:
        """Builds the arguments of a call into a list."""
        if row[0] == codes.ARRAY:
            raise ProtocolError(
                "malformed message: the arguments came as an array; they are sent as a forced list"
            )
        n = row[4]
        cursor.enter(n)
        into = self._reader.into
        at = 0
        name = ""
        if key == "args":
            try:
                for at in range(n):
                    into(cursor, holder, at)
            except ConversionError as error:
                raise error.prepend(f"[{at}]").prepend(".args") from None
            fields[key] = holder
        else:
            names = []
            try:
                for at in range(n):
                    name = cursor.peek()[6]
                    names.append(name)
                    into(cursor, holder, at)
            except ConversionError as error:
                raise error.prepend(step(name)).prepend(".named") from None
            fields[key] = (names, holder)
        cursor.leave()

    def _aside(self, op: str, nodes: Nodes) -> None:
        """A message that needs no answer."""
        if op == "release":
            for text in plain(SourceCursor(nodes)).get("handles", ()):
                self._handles.release(text)
        elif op == "bye":
            self.end(0)
        else:
            raise ProtocolError(f"the host sent {op!r} where an answer was expected")

    # ------------------------------------------------------------------ replies

    def _failure(self, number: int, error: ArcuateError) -> Writer:
        out = self._writer()
        rows: list[Row] = [
            (codes.TEXT, 0, 0, 0, 0, 0, "op", "error"),
            (codes.INT, 0, 0, 0, 0, number, "id", ""),
            (codes.TEXT, 0, 0, 0, 0, 0, "code", error.code),
            (codes.TEXT, 0, 0, 0, 0, 0, "message", clean(error.message)),
            (codes.TEXT, 0, 0, 0, 0, 0, "executed", error.executed),
        ]
        fields = 5
        body = out.rows
        body.extend(rows)
        if isinstance(error, RemoteError):
            out.texts("class", [clean(item) for item in error.classes])
            out.texts("stack", [clean(item) for item in error.stack])
            out.text("language", "R")
            fields += 3
        elif isinstance(error, ConversionError):
            out.text("path", error.path)
            fields += 1
        elif isinstance(error, LimitExceeded):
            out.text("setting", error.setting)
            fields += 1
        if error.workspace is not None:
            out.flag("workspace", error.workspace)
            fields += 1
        body.insert(0, (codes.MAPPING, 0, 0, 0, fields, 0, "", ""))
        return out


def _defect(error: Exception) -> str:
    """A defect of the worker, with the place where it happened."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({os.path.basename(last.filename)}:{last.lineno})"
