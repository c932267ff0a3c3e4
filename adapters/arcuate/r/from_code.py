"""What R code sends to Python while a request runs: callbacks, warnings, messages, figures."""

from __future__ import annotations

import os
import signal
import struct
from typing import Any

from arcuate.errors import ArcuateError
from arcuate.r import rapi
from arcuate.r.channel import plain
from arcuate.r.evaluation import Evaluation, clean
from arcuate.r.rapi import VECSXP, ffi, lib
from arcuate.r.to_r import SourceCursor
from arcuate.values import codes
from arcuate.values.nodes import Nodes

__all__ = ["FromCode"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGURG)
_ELSEWHERE = (
    "a function of the caller can be called only in the process that was given it, not in a child that R has "
    "forked (package parallel): call it before or after, or use sapply() instead of mclapply()"
)


class FromCode(Evaluation):
    """Answers ``.External("arcuate", ...)``."""

    _next_callback: int
    _tempdir: str
    forked = False
    """Whether this is a child that R has made: nothing of the channel is for it."""
    _flush: Any

    def _out(self, fd: int, data: bytes) -> None:
        raise NotImplementedError

    def _serve(self, op: str, nodes: Nodes) -> None:
        raise NotImplementedError

    def _aside(self, op: str, nodes: Nodes) -> None:
        raise NotImplementedError

    def end(self, status: int) -> None:
        """Ends R and this process."""
        raise NotImplementedError

    def _from_r(self, args: Any) -> Any:
        """``.External("arcuate", what, ...)``: nothing may be raised here."""
        with rapi.outside():
            return self._answer(args)

    def _answer(self, args: Any) -> Any:
        try:
            at = lib.CDR(args)
            what = lib.INTEGER(lib.CAR(at))[0]
            at = lib.CDR(at)
            if what == 8:
                return self._fork(lib.CAR(at))
            if self.forked:
                return self._in_child(what, at)
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
            elif what == 7:
                self._progress(lib.REAL(lib.CAR(at))[0], rapi.texts_of(lib.CAR(lib.CDR(at))))
            else:
                text, classes = rapi.texts_of(lib.CAR(at)), rapi.texts_of(lib.CAR(lib.CDR(at)))
                self._event("warning" if what == 2 else "message", text[0] if text else "", classes)
        except BaseException as error:
            self._out(2, f"arcuate: {type(error).__name__}: {error}\n".encode())
        return lib.R_NilValue

    def _fork(self, call: Any) -> Any:
        """Makes a child: the call is R's own function that does so."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            made, child = rapi.forked(call)
            if child:
                self._leave()
                before = set()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return lib.R_NilValue if made is None else made

    def _leave(self) -> None:
        """In the child: all that is the parent's alone is given up, and signals end it."""
        self.forked = True
        self._tempdir = ""
        signal.set_wakeup_fd(-1)  # the parent reads there; it would take the child's signals for its own
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        self._channel.leave()

    def _in_child(self, what: int, at: Any) -> Any:
        if what == 1:
            box = lib.Rf_protect(rapi.checked(lib.Rf_lang1(rapi.symbol("new.env"))))
            self._give_error(box, ["Unsupported"], _ELSEWHERE)
            lib.Rf_unprotect(1)
            return box
        if what in (2, 3):
            text = "".join(rapi.texts_of(lib.CAR(at))[:1])
            self._out(2, (f"Warning: {text}\n" if what == 2 else text).encode("utf-8", "replace"))
        return lib.R_NilValue

    def _event(self, kind: str, text: str, classes: list[str]) -> None:
        out = self._writer()
        out.open(codes.MAPPING, "", 5)
        out.text("op", "event")
        out.number("id", self._ids[-1] if self._ids else 0)
        out.text("type", kind)
        out.text("text", clean(text))
        out.texts("class", [clean(item) for item in classes])
        self._flush(None)
        self._channel.send(out.rows)

    def _progress(self, fraction: float, text: list[str]) -> None:
        out = self._writer()
        out.open(codes.MAPPING, "", 5)
        out.text("op", "event")
        out.number("id", self._ids[-1] if self._ids else 0)
        out.text("type", "progress")
        bits = int.from_bytes(struct.pack("<d", fraction), "little")
        out.rows.append((codes.FLOAT, 0, 0, 0, 0, bits, "fraction", ""))
        out.text("text", clean(text[0]) if text else "")
        self._flush(None)
        self._channel.send(out.rows)

    def _let_go(self, number: int) -> None:
        """Says which objects of other sessions R no longer has."""
        try:
            names = rapi.texts_of(self._quietly("take_dropped"))
        except ArcuateError:  # interrupted: with the next reply
            return
        if names:
            self._reader.foreign -= len(names)
            out = self._writer()
            out.open(codes.MAPPING, "", 4)
            out.text("op", "event")
            out.number("id", number)
            out.text("type", "released")
            out.texts("functions", names)
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
        """Runs a Python function for R; returns an environment with ``value`` or ``error``.

        ``NULL`` when the call is interrupted.
        """
        box = lib.Rf_protect(rapi.checked(lib.Rf_lang1(rapi.symbol("new.env")), wait=1))
        try:
            try:
                self._exchange(ident, arguments, box)
            except ArcuateError as error:
                if self._interrupted:
                    lib.R_interrupts_pending = 1  # it struck here, and is for the code that asked
                    return lib.R_NilValue
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
        lib.SET_VECTOR_ELT(pair, 0, rapi.make_texts([clean(item) for item in classes]))
        lib.SET_VECTOR_ELT(pair, 1, rapi.make_text(clean(message)))
        lib.Rf_defineVar(rapi.symbol("error"), pair, box)
        lib.Rf_unprotect(1)
