"""One R session: the greeting, the request loop, callbacks and events."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import threading
import traceback
from typing import Any

from arcuate.errors import (
    ArcuateError,
    CallCancelled,
    ConversionError,
    InternalError,
    InvalidArgument,
    LimitExceeded,
    NameNotFound,
    ProtocolError,
    RemoteError,
    Unsupported,
)
from arcuate.r import rapi
from arcuate.r.channel import Channel, alloc, plain
from arcuate.r.from_r import Writer
from arcuate.r.handles import Handles
from arcuate.r.numbers import Target
from arcuate.r.rapi import INTSXP, STRSXP, VECSXP, ffi, lib
from arcuate.r.to_r import Functions, Reader, SourceCursor
from arcuate.values import codes
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes, Row, step

__all__ = ["Session"]

_INLINE = 8
_HERE = os.path.dirname(os.path.abspath(__file__))
_SOURCES = ("support.R", "values.R", "inspect.R")


class _InputAsked(RemoteError):
    """Code waited for a person to type."""


class Session:
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
        self._handles = Handles(0)
        self._flush = ctypes.PyDLL(None).fflush
        self._ops = {
            "call": self._call, "eval": self._eval, "run": self._run, "get": self._get, "set": self._set, "delete": self._delete,
            "exists": self._exists, "list": self._list, "attr": self._attr, "index": self._index, "setattr": self._setattr,
            "show": self._show, "names": self._names, "describe": self._describe, "ping": self._ping, "settle": self._settle,
        }  # fmt: skip

    # ------------------------------------------------------------------ start and end

    def greet(self, nodes: Nodes) -> None:
        """Starts R as the greeting says; :meth:`ready` answers it."""
        hello = plain(SourceCursor(nodes))
        if hello.get("major", 1) != 1:
            raise ProtocolError(f"the host speaks version {hello.get('major')} of the worker protocol, this worker 1")
        options = hello.get("options") or {}
        limits = hello.get("limits") or {}
        default = Limits()
        self._channel.limits = Limits(message=limits.get("message") or default.message, array=limits.get("array") or default.array)
        self._channel.segments = hello.get("segments", "")
        self._start_r()
        threshold = hello.get("threshold", 65536)
        self._handles = Handles(options.get("generation", 0))
        target = Target(threshold, lambda size: alloc(self._channel, size, self._aside))
        self._target = target
        self._load()
        self._reader = Reader(self._f, self._handles.find)
        strings = [options.get("figures") or "", options.get("lib") or [], options.get("packages") or []]
        lists = [[item] if isinstance(item, str) else list(item) for item in strings]
        holder = lib.Rf_protect(lib.Rf_allocVector(VECSXP, 3))
        for i, texts in enumerate(lists):
            lib.SET_VECTOR_ELT(holder, i, rapi.make_texts(texts))
        try:
            result = self._quietly("set_up", lib.VECTOR_ELT(holder, 0), lib.VECTOR_ELT(holder, 1), lib.VECTOR_ELT(holder, 2))
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
            "ptr_R_ShowMessage": ("_showmessage", "void(char *)", lambda text: self._out(2, ffi.string(text) + b"\n")),
            "ptr_R_ReadConsole": ("_consoleread", "int(char *, unsigned char *, int, int)", self._read_console),
            "ptr_R_FlushConsole": ("_consoleflush", *no),
            "ptr_R_ResetConsole": ("_consolereset", *no),
            "ptr_R_ChooseFile": ("_choosefile", "int(int, char *, int)", lambda *_: 0),
            "ptr_R_CleanUp": ("_cleanup", "void(SA_TYPE, int, int)", self._clean_up),
            "ptr_R_Busy": ("_busy", "void(int)", lambda _: None),
        })  # fmt: skip
        rapi.register(self._from_r)
        libc = ctypes.CDLL(None)
        for name in ("stdout",):  # what C code prints appears line by line, too
            libc.setvbuf(ctypes.c_void_p.in_dll(libc, name), None, 1, ctypes.c_size_t(4096))

    def _load(self) -> None:
        """Reads Arcuate's R code into an environment of its own."""
        home = rapi.anchor(rapi.checked(lib.Rf_lang2(rapi.symbol("new.env"), lib.Rf_ScalarLogical(1))))
        rapi.checked(lib.Rf_lang3(rapi.symbol("assign"), lib.Rf_mkString(b".arcuate_home"), home))
        loader = (
            "local({ home <- .arcuate_home; rm(.arcuate_home, envir = globalenv()); parent.env(home) <- baseenv(); "
            + " ".join(f"sys.source({_quote(os.path.join(_HERE, name))}, home, keep.source = FALSE);" for name in _SOURCES)
            + " })"
        )
        code = lib.Rf_protect(rapi.checked(lib.Rf_lang2(rapi.symbol("str2lang"), lib.Rf_protect(rapi.make_text(loader)))))
        rapi.checked(code)
        lib.Rf_unprotect(2)
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
            self._serve(op, nodes)
            lib.R_interrupts_pending = 0

    def end(self, status: int) -> None:
        """Ends R and this process."""
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

    def _read_console(self, prompt: Any, buffer: Any, size: int, history: int) -> int:
        self._input_asked = True
        lib.R_interrupts_pending = 1
        return 0

    def _clean_up(self, save: int, status: int, run_last: int) -> None:
        try:
            self._flush(None)
            self._out(2, f"R was ended by quit() with status {status}\n".encode())
        finally:
            self.end(status)

    # ------------------------------------------------------------------ requests

    def _serve(self, op: str, nodes: Nodes) -> None:
        number = nodes.rows[2][5]
        self._ids.append(number)
        self.busy += 1
        depth = 0
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
                        cursor.place = at
                        self._arguments(cursor, row, holder, fields, key)
                        at = cursor.place
                elif key == "value":
                    holder = lib.Rf_protect(lib.Rf_allocVector(VECSXP, 1))
                    depth += 1
                    cursor.place = at
                    try:
                        self._reader.into(cursor, holder, 0)
                    except ConversionError as error:
                        raise error.prepend(".value") from None
                    fields[key] = holder
                    at = cursor.place
                else:
                    cursor.place = at
                    fields[key] = plain(cursor)
                    at = cursor.place
            rows = out.rows
            rows.append((codes.MAPPING, 0, 0, 0, 3, 0, "", ""))
            rows.append((codes.TEXT, 0, 0, 0, 0, 0, "op", "reply"))
            rows.append((codes.INT, 0, 0, 0, 0, number, "id", ""))
            handler(fields, out)
            if self._figures and self.busy == 1:
                self._display()
        except ArcuateError as error:
            if self._interrupted and isinstance(error, InternalError):
                error = CallCancelled("the call was interrupted", executed="maybe", workspace=True)
            out = self._failure(number, error)
        except RecursionError:
            out = self._failure(number, ConversionError("the value nests too deep; flatten it"))
        except Exception as error:  # noqa: BLE001 - a defect here must not cost the user's workspace
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
        try:
            self._channel.send(out.rows, out.pool, out.buffers)
        except ArcuateError as error:
            out = self._failure(number, error)
            self._channel.send(out.rows, out.pool, out.buffers)

    def _arguments(self, cursor: SourceCursor, row: Row, holder: Any, fields: dict[str, Any], key: str) -> None:
        """Builds the arguments of a call into a list."""
        if row[0] == codes.ARRAY:
            raise ProtocolError("malformed message: the arguments came as an array; they are sent as a forced list")
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

    def _call(self, fields: dict[str, Any], out: Writer) -> None:
        bound: list[str] = []
        name = fields.get("name")
        args = fields.get("args")
        n = lib.Rf_xlength(args) if args is not None else 0
        named = fields.get("named")
        total = n + (len(named[0]) if named else 0)
        if name is not None:
            head = self._heads.get(name)
            if head is None:
                head = self._head(name)
        else:
            head = self._bind(self._handles.find(_handle_id(fields["target"])), "function", bound)
        call = lib.Rf_protect(lib.Rf_allocList(1 + total))
        try:
            call.sxpinfo.type = rapi.LANGSXP
            lib.SETCAR(call, head)
            at = call
            for i in range(n):
                at = lib.CDR(at)
                x = lib.VECTOR_ELT(args, i)
                lib.SETCAR(at, x if _inlined(x) else self._bind(x, "arg", bound))
            if named:
                names, values = named
                for i, key in enumerate(names):
                    at = lib.CDR(at)
                    x = lib.VECTOR_ELT(values, i)
                    lib.SETCAR(at, x if _inlined(x) else self._bind(x, key, bound))
                    if key:
                        lib.SET_TAG(at, rapi.symbol(key))
            whole = call
            if bound:
                # forced at once: what a function keeps unevaluated would not find its name later
                whole = lib.Rf_protect(lib.Rf_allocList(3 + total))
                whole.sxpinfo.type = rapi.LANGSXP
                lib.SETCAR(whole, self._force)
                at = lib.CDR(whole)
                lib.SETCAR(at, lib.Rf_ScalarInteger(total))
                lib.SETCDR(at, call)
                lib.Rf_unprotect(1)
                call = whole
            lib.Rf_protect(call)
            try:
                self._deliver(self._run_call(self._evaluate, call, name), fields, out)
            finally:
                lib.Rf_unprotect(1)
        finally:
            lib.Rf_unprotect(1)
            if bound:
                self._quietly("unbind", lib.Rf_protect(rapi.make_texts(bound)))
                lib.Rf_unprotect(1)

    def _head(self, name: str) -> Any:
        """The head of a call: a symbol, or ``pkg::name``."""
        for operator in (":::", "::"):
            package, colons, function = name.partition(operator)
            if colons and package and function:
                head = rapi.anchor(lib.Rf_lang3(rapi.symbol(operator), rapi.symbol(package), rapi.symbol(function)))
                break
        else:
            if not name:
                raise NameNotFound("a function without a name was called")
            head = rapi.symbol(name)
        if len(self._heads) < 4096:
            self._heads[name] = head
        return head

    def _bind(self, x: Any, hint: str, bound: list[str]) -> Any:
        """A symbol that stands for a value while a call runs."""
        name = f".{hint}{self._next_bound}"
        self._next_bound += 1
        symbol = rapi.symbol(name)
        lib.Rf_defineVar(symbol, x, self._f_arguments())
        bound.append(name)
        return symbol

    def _f_arguments(self) -> Any:
        return lib.Rf_findVarInFrame(self._home, rapi.symbol(".arguments"))

    def _run_call(self, evaluate: Any, call: Any, name: str | None = None) -> Any:
        """Evaluates user code; returns its value, not protected.

        Raises:
            RemoteError: and the others that :meth:`_raise` makes of a condition.
        """
        value = rapi.eval_raw(lib.Rf_lang2(evaluate, lib.Rf_lang2(self._quote, call)), lib.R_BaseEnv)
        if value is None:
            self._raise_aborted()
        if value.sxpinfo.type == VECSXP and lib.Rf_xlength(value) >= 3 and lib.VECTOR_ELT(value, 2) == self._mark:
            self._raise(value, name)
        if self._stopped_system:
            raise CallCancelled("the command that system() ran was interrupted", executed="maybe", workspace=True)
        return value

    def _raise_aborted(self) -> None:
        if self._input_asked:
            raise RemoteError(_INPUT, classes=["noInputError", "error", "condition"], language="R")
        if self._interrupted:
            raise CallCancelled("the call was interrupted", executed="maybe", workspace=True)
        raise RemoteError("R returned to its top level without an error (the 'abort' restart)", language="R")

    def _raise(self, value: Any, name: str | None) -> None:
        lib.Rf_protect(value)
        lib.R_interrupts_pending = 0
        try:
            found = lib.Rf_protect(
                self._quietly("failure", value, lib.R_NilValue if name is None else lib.Rf_protect(rapi.make_text(name)))
            )
            lib.Rf_unprotect(1 if name is None else 2)
            lib.Rf_protect(found)
            try:
                if lib.INTEGER(lib.VECTOR_ELT(found, 0))[0] == 2:
                    self._interrupted = not self._input_asked
                    self._raise_aborted()
                code, message, classes, stack = (rapi.texts_of(lib.VECTOR_ELT(found, i)) for i in range(1, 5))
            finally:
                lib.Rf_unprotect(1)
        finally:
            lib.Rf_unprotect(1)
        text = message[0] if message else ""
        if code[0] == "NAME_NOT_FOUND":
            raise NameNotFound(text, executed="no" if name else "maybe")
        if code[0] == "CONVERSION":
            raise ConversionError(text)
        raise RemoteError(text, classes=classes, stack=stack, language="R", workspace=True)

    def _quietly(self, name: str, *args: Any) -> Any:
        """Calls a function of Arcuate's own R code; the arguments must be protected and evaluate to themselves."""
        call = lib.Rf_protect(lib.Rf_allocList(1 + len(args)))
        try:
            call.sxpinfo.type = rapi.LANGSXP
            lib.SETCAR(call, self._f[name])
            at = call
            for value in args:
                at = lib.CDR(at)
                lib.SETCAR(at, value)
            return rapi.checked(call)
        finally:
            lib.Rf_unprotect(1)

    def _ask(self, name: str, *args: Any) -> Any:
        """Calls a function of Arcuate's own R code whose errors are the user's; arguments are texts or protected objects."""
        call = lib.Rf_protect(lib.Rf_allocList(1 + len(args)))
        try:
            call.sxpinfo.type = rapi.LANGSXP
            lib.SETCAR(call, self._f[name])
            at = call
            for value in args:
                at = lib.CDR(at)
                if isinstance(value, str):
                    lib.SETCAR(at, rapi.make_text(value))
                else:
                    lib.SETCAR(at, lib.Rf_lang2(self._quote, value))
            return self._run_call(self._evaluate, call)
        finally:
            lib.Rf_unprotect(1)

    def _deliver(self, value: Any, fields: dict[str, Any], out: Writer) -> None:
        """The value of a reply."""
        nargout = fields.get("nargout", 1)
        if nargout == 0:
            out.null("value")
            return
        lib.Rf_protect(value)
        try:
            if nargout > 1:
                self._several(value, nargout, fields, out)
                return
            if fields.get("keep"):
                self._handle(value, "value", out)
            else:
                try:
                    out.value(value, "value")
                except ConversionError as error:
                    raise error.prepend(".value") from None
        finally:
            lib.Rf_unprotect(1)

    def _several(self, value: Any, nargout: int, fields: dict[str, Any], out: Writer) -> None:
        """The first elements of a list, for ``nargout``."""
        if value.sxpinfo.type != VECSXP or lib.Rf_xlength(value) < nargout:
            raise InvalidArgument(
                f"nargout={nargout} asks for {nargout} values, but this R function did not return a list of that many; leave nargout out",
                executed="yes",
            )
        out.open(codes.LIST, "values", nargout, codes.LIST_FORCED)
        for i in range(nargout):
            if fields.get("keep"):
                self._handle(lib.VECTOR_ELT(value, i), "", out)
            else:
                out.value(lib.VECTOR_ELT(value, i))

    def _eval(self, fields: dict[str, Any], out: Writer) -> None:
        self._deliver(self._run_call(self._evaluate, self._parsed(fields["code"], False)), fields, out)

    def _parsed(self, code: str, keep: bool) -> Any:
        text = lib.Rf_protect(rapi.make_text(code))
        call = lib.Rf_protect(lib.Rf_lang3(self._f["parse_code"], text, lib.Rf_ScalarLogical(int(keep))))
        try:
            return self._run_call(self._evaluate, call)
        finally:
            lib.Rf_unprotect(2)

    def _run(self, fields: dict[str, Any], out: Writer) -> None:
        parsed = lib.Rf_protect(self._parsed(fields["code"], True))
        try:
            for i in range(lib.Rf_xlength(parsed)):
                self._run_call(self._evaluate_print, lib.VECTOR_ELT(parsed, i))
        finally:
            lib.Rf_unprotect(1)
        out.null("value")

    def _get(self, fields: dict[str, Any], out: Writer) -> None:
        finder = "get_function" if fields.get("function") else "get_variable"
        self._deliver(self._ask(finder, fields["name"]), fields, out)

    def _set(self, fields: dict[str, Any], out: Writer) -> None:
        if not fields["name"]:
            raise NameNotFound("a variable needs a name")
        lib.Rf_defineVar(rapi.symbol(fields["name"]), lib.VECTOR_ELT(fields["value"], 0), lib.R_GlobalEnv)
        out.null("value")

    def _delete(self, fields: dict[str, Any], out: Writer) -> None:
        self._ask("delete_variable", fields["name"])
        out.null("value")

    def _exists(self, fields: dict[str, Any], out: Writer) -> None:
        name = fields["name"]
        found = bool(name) and lib.Rf_findVarInFrame3(lib.R_GlobalEnv, rapi.symbol(name), 0) != lib.R_UnboundValue
        out.flag("value", found)

    def _list(self, fields: dict[str, Any], out: Writer) -> None:
        out.texts("value", rapi.texts_of(self._ask("list_variables")))

    def _what(self, fields: dict[str, Any]) -> Any:
        """The target of a request: a handle's object, or a name as text."""
        if fields.get("target") is not None:
            return self._handles.find(_handle_id(fields["target"]))
        return fields.get("name", "")

    def _attr(self, fields: dict[str, Any], out: Writer) -> None:
        what = self._what(fields)
        self._deliver(self._ask("attribute_of" if isinstance(what, str) else "get_attribute", what, fields["attribute"]), fields, out)

    def _index(self, fields: dict[str, Any], out: Writer) -> None:
        self._deliver(self._ask("index_of", self._what(fields), fields["args"]), fields, out)

    def _setattr(self, fields: dict[str, Any], out: Writer) -> None:
        target = _handle_id(fields["target"])
        changed = self._ask("set_attribute", self._handles.find(target), fields["attribute"], lib.VECTOR_ELT(fields["value"], 0))
        if changed != self._handles.find(target):
            self._handles.replace(target, changed)
        out.null("value")

    def _show(self, fields: dict[str, Any], out: Writer) -> None:
        found = self._ask("shown", self._what(fields))
        out.text("value", rapi.texts_of(found)[0])

    def _names(self, fields: dict[str, Any], out: Writer) -> None:
        out.texts("value", rapi.texts_of(self._ask("names_of", self._what(fields), fields.get("prefix", ""))))

    def _describe(self, fields: dict[str, Any], out: Writer) -> None:
        found = lib.Rf_protect(self._ask("describe", self._what(fields), "brief" if fields.get("brief") else ""))
        try:
            out.open(codes.MAPPING, "value", 5)
            for i, key in enumerate(("name", "kind", "doc", "signature")):
                out.text(key, rapi.texts_of(lib.VECTOR_ELT(found, i))[0])
            parameters = lib.VECTOR_ELT(found, 4)
            out.open(codes.LIST, "parameters", lib.Rf_xlength(parameters))
            for i in range(lib.Rf_xlength(parameters)):
                one = lib.VECTOR_ELT(parameters, i)
                out.open(codes.MAPPING, "", 3)
                out.text("name", rapi.texts_of(lib.VECTOR_ELT(one, 0))[0])
                out.text("kind", rapi.texts_of(lib.VECTOR_ELT(one, 1))[0])
                default = rapi.texts_of(lib.VECTOR_ELT(one, 2)) if lib.Rf_xlength(one) > 2 else []
                if default:
                    out.text("default", default[0])
                else:
                    out.null("default")
        finally:
            lib.Rf_unprotect(1)

    def _ping(self, fields: dict[str, Any], out: Writer) -> None:
        out.null("value")

    def _settle(self, fields: dict[str, Any], out: Writer) -> None:
        with self.signal_lock:
            self.take_signals()
            self._interrupted = False
            lib.R_interrupts_pending = 0
        out.null("value")

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

    def _writer(self) -> Writer:
        return Writer(self._plan, self._text_out, self._handle, self._target)

    def _handle(self, x: Any, key: str, out: Writer) -> None:
        """The rows of a handle."""
        info = lib.Rf_protect(self._quietly("handle_info", lib.Rf_lang2(self._quote, x)))
        try:
            classes = rapi.texts_of(lib.VECTOR_ELT(info, 0))
            summary = rapi.texts_of(lib.VECTOR_ELT(info, 1))
            callable_ = bool(lib.LOGICAL(lib.VECTOR_ELT(info, 2))[0])
        finally:
            lib.Rf_unprotect(1)
        out.rows.append((codes.HANDLE, 0, 0, 0, 1, 0, key, self._handles.keep(x)))
        out.open(codes.MAPPING, "info", 4)
        out.texts("class", classes)
        out.text("summary", summary[0] if summary else "")
        out.flag("callable", callable_)
        out.text("language", "R")

    def _failure(self, number: int, error: ArcuateError) -> Writer:
        out = self._writer()
        rows: list[Row] = [
            (codes.TEXT, 0, 0, 0, 0, 0, "op", "error"),
            (codes.INT, 0, 0, 0, 0, number, "id", ""),
            (codes.TEXT, 0, 0, 0, 0, 0, "code", error.code),
            (codes.TEXT, 0, 0, 0, 0, 0, "message", _clean(error.message)),
            (codes.TEXT, 0, 0, 0, 0, 0, "executed", error.executed),
        ]
        fields = 5
        body = out.rows
        body.extend(rows)
        if isinstance(error, RemoteError):
            out.texts("class", [_clean(item) for item in error.classes])
            out.texts("stack", [_clean(item) for item in error.stack])
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

    # ------------------------------------------------------------------ from R: callbacks and events

    def _from_r(self, args: Any) -> Any:
        """``.External("arcuate", what, ...)``: nothing may be raised here."""
        try:
            at = lib.CDR(args)
            what = lib.INTEGER(lib.CAR(at))[0]
            at = lib.CDR(at)
            if what == 1:
                return self._callback(rapi.texts_of(lib.CAR(at))[0], lib.CAR(lib.CDR(at)))
            if what == 4:
                self._figures = True
            elif what == 5:
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
                self.in_system += 1
                os.write(self.wake_write, b"\0")
            elif what == 6:
                self.in_system -= 1
                if not self.in_system:
                    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
                if self._interrupted:
                    return lib.R_GlobalEnv  # R looks for interrupts at once
            else:
                text, classes = rapi.texts_of(lib.CAR(at)), rapi.texts_of(lib.CAR(lib.CDR(at)))
                self._event("warning" if what == 2 else "message", text[0] if text else "", classes)
        except BaseException as error:  # noqa: BLE001 - an exception cannot pass through R
            self._out(2, f"arcuate: {type(error).__name__}: {error}\n".encode())
        return lib.R_NilValue

    def _event(self, kind: str, text: str, classes: list[str]) -> None:
        out = self._writer()
        out.open(codes.MAPPING, "", 5)
        out.text("op", "event")
        out.number("id", self._ids[-1] if self._ids else 0)
        out.text("type", kind)
        out.text("text", _clean(text))
        out.texts("class", [_clean(item) for item in classes])
        self._flush(None)
        self._channel.send(out.rows)

    def _display(self) -> None:
        """Sends the figures that were drawn."""
        self._figures = False
        pages = lib.Rf_protect(self._quietly("take_figures"))
        try:
            mime = rapi.texts_of(self._quietly("figure_type"))[0]
            for i in range(lib.Rf_xlength(pages)):
                page = lib.VECTOR_ELT(pages, i)
                out = self._writer()
                out.open(codes.MAPPING, "", 5)
                out.text("op", "event")
                out.number("id", self._ids[-1])
                out.text("type", "display")
                out.text("mime", mime)
                out.rows.append((codes.BYTES, 0, 0, 0, 0, 0, "data", ""))
                out.buffers.append(bytes(ffi.buffer(lib.RAW(page), lib.Rf_xlength(page))[:]))
                self._channel.send(out.rows, out.pool, out.buffers)
        finally:
            lib.Rf_unprotect(1)

    def _callback(self, ident: str, arguments: Any) -> Any:
        """Runs a Python function for R; returns an environment with ``value`` or ``error``."""
        box = lib.Rf_protect(rapi.checked(lib.Rf_lang1(rapi.symbol("new.env"))))
        try:
            try:
                self._exchange(ident, arguments, box)
            except ArcuateError as error:
                self._give_error(box, [type(error).__name__], str(error))
            return box
        finally:
            lib.Rf_unprotect(1)

    def _exchange(self, ident: str, arguments: Any, box: Any) -> None:
        number = self._next_callback
        self._next_callback += 1
        out = self._writer()
        out.open(codes.MAPPING, "", 5)
        out.text("op", "callback")
        out.number("id", number)
        out.text("function", ident)
        n = lib.Rf_xlength(arguments)
        names = lib.Rf_getAttrib(arguments, lib.Rf_install(b"names"))
        keys = [""] * n if names == lib.R_NilValue else rapi.texts_of(names)
        out.open(codes.LIST, "args", keys.count(""), codes.LIST_FORCED)
        for i, key in enumerate(keys):
            if not key:
                out.value(lib.VECTOR_ELT(arguments, i))
        out.open(codes.MAPPING, "named", n - keys.count(""))
        for i, key in enumerate(keys):
            if key:
                out.value(lib.VECTOR_ELT(arguments, i), key)
        self._flush(None)
        self._channel.send(out.rows, out.pool, out.buffers)
        while True:
            answer = self._channel.receive()
            if answer is None:
                self.end(1)
                return
            op = answer.rows[1][7]
            if op == "return" and answer.rows[2][5] == number:
                break
            if op == "raise" and answer.rows[2][5] == number:
                fields = plain(SourceCursor(answer))
                self._give_error(box, fields.get("class") or [], fields.get("message", ""))
                return
            if op in ("release", "bye"):
                self._aside(op, answer)
            else:
                self._serve(op, answer)
        cursor = SourceCursor(answer)
        count = cursor.next()[4]
        cursor.enter(count)
        holder = lib.Rf_protect(lib.Rf_allocVector(VECSXP, 1))
        try:
            for _ in range(count):
                if cursor.peek()[6] == "value":
                    self._reader.into(cursor, holder, 0)
                else:
                    cursor.skip()
            lib.Rf_defineVar(rapi.symbol("value"), lib.VECTOR_ELT(holder, 0), box)
        finally:
            lib.Rf_unprotect(1)

    def _give_error(self, box: Any, classes: list[str], message: str) -> None:
        pair = lib.Rf_protect(lib.Rf_allocVector(VECSXP, 2))
        lib.SET_VECTOR_ELT(pair, 0, rapi.make_texts([_clean(item) for item in classes]))
        lib.SET_VECTOR_ELT(pair, 1, rapi.make_text(_clean(message)))
        lib.Rf_defineVar(rapi.symbol("error"), pair, box)
        lib.Rf_unprotect(1)


_INPUT = "the code waits for a person to type, and nobody can here; pass the value as an argument instead"
_SIMPLE = frozenset({rapi.LGLSXP, INTSXP, rapi.REALSXP, STRSXP, rapi.CPLXSXP})


def _inlined(x: Any) -> bool:
    """Whether a value is short enough to stand in a call as it is."""
    kind = x.sxpinfo.type
    if kind == rapi.NILSXP:
        return True
    return kind in _SIMPLE and lib.Rf_xlength(x) <= _INLINE and lib.ATTRIB(x) == lib.R_NilValue


def _handle_id(target: Any) -> str:
    """The id in a request's ``target``."""
    if isinstance(target, str):
        return target
    raise ProtocolError("malformed message: 'target' is no handle")


def _defect(error: Exception) -> str:
    """A defect of the worker, with the place where it happened."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({os.path.basename(last.filename)}:{last.lineno})"


def _clean(text: str) -> str:
    """A text that a frame takes: no NUL, no lone surrogate."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _quote(text: str) -> str:
    """An R string literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


