"""Evaluating R code for a request, and turning what goes wrong into Arcuate's errors."""

from __future__ import annotations

import threading
from typing import Any, NoReturn

from arcuate.errors import CallCancelled, ConversionError, NameNotFound, RemoteError
from arcuate.r import rapi
from arcuate.r.channel import Channel
from arcuate.r.from_r import Writer
from arcuate.r.handles import Handles
from arcuate.r.numbers import Target
from arcuate.r.rapi import VECSXP, lib
from arcuate.r.to_r import Functions
from arcuate.r.to_r_labelled import Reader
from arcuate.values import codes

__all__ = ["Evaluation", "clean"]

_INPUT = "the code waits for a person to type, and nobody can here; pass the value as an argument instead"


class Evaluation:
    """What a session's parts share, and the ways to evaluate R code.

    Attributes:
        wake: descriptor from which the numbers of signals are read.
        wake_write: its other end.
        signal_lock: held while signals are taken.
        busy: how many requests are under way, nested ones included.
        in_system: how many commands R's ``system()`` waits for.
    """

    wake: int
    wake_write: int
    signal_lock: threading.Lock
    busy: int
    in_system: int
    _channel: Channel
    _handles: Handles
    _target: Target
    _reader: Reader
    _f: Functions
    _home: Any
    _ids: list[int]
    _evaluate: Any
    _evaluate_print: Any
    _mark: Any
    _plan: Any
    _text_out: Any
    _quote: Any
    _force: Any
    _interrupted: bool
    _stopped_system: bool
    _input_asked: bool
    _figures: bool

    def _run_call(self, evaluate: Any, call: Any, name: str | None = None) -> Any:
        """Evaluates user code; returns its value, not protected.

        Raises:
            RemoteError: and the others that :meth:`_raise` makes of a condition.
        """
        value = rapi.eval_raw(lib.Rf_lang2(evaluate, lib.Rf_lang2(self._quote, call)), lib.R_BaseEnv)
        if value is None:
            self._raise_aborted()
        if (
            value.sxpinfo.type == VECSXP
            and lib.Rf_xlength(value) >= 3
            and lib.VECTOR_ELT(value, 2) == self._mark
        ):
            self._raise(value, name)
        if self._stopped_system:
            raise CallCancelled(
                "the command that system() ran was interrupted", executed="maybe", workspace=True
            )
        return value

    def _raise_aborted(self) -> NoReturn:
        if self._input_asked:
            raise RemoteError(_INPUT, classes=["noInputError", "error", "condition"], language="R")
        if self._interrupted:
            raise CallCancelled("the call was interrupted", executed="maybe", workspace=True)
        raise RemoteError("R returned to its top level without an error (the 'abort' restart)", language="R")

    def _raise(self, value: Any, name: str | None) -> NoReturn:
        lib.Rf_protect(value)
        lib.R_interrupts_pending = 0
        try:
            found = lib.Rf_protect(
                self._quietly(
                    "failure", value, lib.R_NilValue if name is None else lib.Rf_protect(rapi.make_text(name))
                )
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
        """Calls a function of Arcuate's own R code.

        The arguments must be protected and evaluate to themselves.
        """
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
        """Calls a function of Arcuate's own R code whose errors are the user's.

        Arguments are texts or protected objects.
        """
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

    def _writer(self) -> Writer:
        return Writer(self._plan, self._text_out, self._handle, self._target)

    def _handle(self, x: Any, key: str, out: Writer) -> None:
        """The rows of a handle."""
        quoted = lib.Rf_protect(lib.Rf_lang2(self._quote, x))
        info = self._quietly("handle_info", quoted)
        lib.Rf_unprotect(1)
        lib.Rf_protect(info)
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


def clean(text: str) -> str:
    """A text that a frame takes: no NUL, no lone surrogate."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
