"""What a session knows of the names and objects of its Octave, and how values pass."""

from __future__ import annotations

import logging
import os
import re
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from arcuate import errors
from arcuate.client import Remote
from arcuate.compat.oct2py.dynamic import (
    OctaveFunctionPtr,
    OctaveUserClass,
    OctaveVariablePtr,
    make_user_class,
)
from arcuate.compat.oct2py.engine import raise_as_oct2py
from arcuate.compat.oct2py.incoming import extract
from arcuate.compat.oct2py.outgoing import Outgoing
from arcuate.compat.oct2py.output import discard
from arcuate.compat.oct2py.settings import Oct2PySettings
from arcuate.compat.oct2py.utils import Oct2PyError

__all__ = ["Objects"]

_PARAMETERS = """
Parameters
----------
Arguments are sent to Octave; keywords too, as pairs of a name and a value, except for these:
nout, quiet, store_as, verbose, stream_handler, timeout, plot_dir and the other plot_ options of feval.
"""


class Objects:
    """The part of :class:`~arcuate.compat.oct2py.Oct2Py` that the objects of Octave use too."""

    _engine: Any
    _settings: Oct2PySettings
    _logger: logging.Logger
    _classes: dict[str, type[OctaveUserClass]]
    _me: weakref.ReferenceType[Any]

    if TYPE_CHECKING:

        def feval(self, func_path: str, *func_args: Any, **kwargs: Any) -> Any: ...

        def _call_dynamic(self, name: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any: ...

    def _open(self) -> Any:
        engine = self._engine
        if engine is None:
            raise Oct2PyError("Session is not open")
        return engine

    def _guard(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except errors.ArcuateError as error:
            raise_as_oct2py(error)

    def _log(self, text: str, name: str) -> None:
        self._logger.debug(text, name)

    def _extract(self, value: Any, keep_shapes: bool | None = None) -> Any:
        if keep_shapes is None:
            keep_shapes = self._settings.keep_matlab_shapes
        return extract(value, self._object, keep_shapes)

    def _outgoing(self) -> Outgoing:
        settings = self._settings
        return Outgoing(settings.convert_to_float, settings.oned_as == "column", self._held)

    def _held(self, value: Any) -> Any:
        """What is sent for a pointer or an object of a user class; ``None`` for anything else."""
        if isinstance(value, OctaveUserClass):
            return value._remote
        if isinstance(value, (OctaveVariablePtr, OctaveFunctionPtr)):
            name = value.name
            found = self._guard(lambda: self._open().session.get(name, keep=True))
            if found is None:
                raise Oct2PyError(f'"{name}" is undefined')
            return found
        return None

    def _exist(self, name: str) -> int:
        engine = self._open()
        self._log('exist("%s")', name)
        return int(self._extract(self._guard(lambda: engine.call("exist", (name,), 1, None, discard)), False))

    def _get_doc(self, name: str) -> str:
        text = self._guard(lambda: self._open().ask("doc", name))
        return f"\n{text.strip()}\n{_PARAMETERS}"

    def _get_max_nout(self, func_path: str) -> int:
        """How many results the file of a function declares; 0 where there is none."""
        file = func_path if os.path.isabs(func_path) else str(self.feval("which", func_path) or "")
        if not file.endswith(".m"):
            return 0
        with open(file, encoding="utf-8", errors="replace") as source:
            text = re.sub(r"\.\.\.[^\n]*\n", " ", source.read())
        found = re.search(r"^\s*function\s+(?:\[([^\]]*)\]\s*=|(\w+)\s*=)?", text, re.MULTILINE)
        if found is None:
            return 0
        return len(re.findall(r"\w+", found.group(1) or found.group(2) or ""))

    def _get_function_ptr(self, name: str) -> OctaveFunctionPtr:
        return OctaveFunctionPtr.of(self._me, name)

    def _object(self, remote: Remote) -> Any:
        """An object that stays in Octave, as a value here: a function is its text, as in oct2py."""
        session = self._open().session
        name = session.call("class", remote)
        if name == "function_handle":
            return session.call("func2str", remote)
        if name not in self._classes:
            about = self._open().ask("class", remote)
            about = {key: extract(value, self._object) for key, value in about.items()}
            for key in ("fields", "methods"):
                about[key] = [str(item) for item in about[key].ravel()]
            self._classes[name] = make_user_class(self._me, about)
        return self._classes[name].of(remote)

    def _construct(self, name: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Remote:
        made = self._call_dynamic(name, inputs, kwargs)
        if not isinstance(made, OctaveUserClass):
            raise Oct2PyError(f"{name} returned no object of a class")
        return made._remote

    def _get_property(self, instance: OctaveUserClass, name: str) -> Any:
        engine, held = self._open(), instance._remote
        if instance._by_get:
            return self._extract(self._guard(lambda: engine.call("get", (held, name), 1, None, discard)))
        return self._extract(self._guard(lambda: engine.ask("property", held, name)))

    def _set_property(self, instance: OctaveUserClass, name: str, value: Any) -> None:
        engine, sent, held = self._open(), self._outgoing().encode(value), instance._remote
        if instance._by_get:
            arguments = ("set", (held, name, sent), 1, None, discard, True)
            instance._remote = self._guard(lambda: engine.call(*arguments))
        else:
            instance._remote = self._guard(lambda: engine.ask("assign", held, name, sent, keep=True))
