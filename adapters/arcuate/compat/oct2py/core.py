""":class:`Oct2Py`: a session with Octave, in the form that oct2py has."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import sys
import tempfile
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from arcuate import errors, values
from arcuate.client import Remote
from arcuate.client.dropped import end_later
from arcuate.compat.oct2py.dynamic import (
    OctaveFunctionPtr,
    OctaveNamespaceProxy,
    OctaveUserClass,
    OctaveVariablePtr,
)
from arcuate.compat.oct2py.engine import OctaveEngine, raise_as_oct2py
from arcuate.compat.oct2py.figures import Figures
from arcuate.compat.oct2py.objects import Objects
from arcuate.compat.oct2py.output import Lines, discard
from arcuate.compat.oct2py.settings import Oct2PySettings
from arcuate.compat.oct2py.utils import Oct2PyError, Oct2PyWarning, get_log
from arcuate.compat.oct2py.workspace import OctaveWorkspaceProxy

__all__ = ["Oct2Py", "OctaveWorkspaceProxy"]

_PLOT = ("plot_dir", "plot_name", "plot_format", "plot_backend", "plot_width", "plot_height", "plot_res")
_CALL = ("nout", "quiet", "store_as", "verbose", "stream_handler", "timeout", "temp_dir", *_PLOT)
_VARIABLE, _FUNCTIONS = 1, (2, 3, 5, 103)  # what exist () says

_instances: weakref.WeakSet[Oct2Py] = weakref.WeakSet()
# In a forked child: what belongs to the parent, kept so that nothing tries to end it.
_inherited: list[Any] = []


class Oct2Py(Figures, Objects):
    """A session with Octave.

    Args:
        settings: defaults for all that is not given here; otherwise they come from ``OCT2PY_...`` variables.
        logger: receives what Octave prints (INFO) and what is asked of it (DEBUG).
        timeout: seconds that a call may take.
        oned_as: ``"row"`` or ``"column"``: what a one-dimensional array becomes.
        temp_dir: folder for files of the session.
        convert_to_float: integers are sent as double.
        backend: graphics toolkit, or ``"default"``, ``"inline"``, ``"disable"``.
        keep_matlab_shapes: numbers come back as arrays of 1 by 1.
        auto_show: figures are shown with matplotlib after each call.
        extra_cli_options: further options on Octave's command line.
        executable: the program Octave.
        load_octaverc: ``~/.octaverc`` is read.
        plot_format: format of saved figures.
        plot_name: how their files' names begin.
        plot_width: their width in pixels.
        plot_height: their height in pixels.
        plot_res: their pixels per inch.
        ramdisk_size_mb: without effect.

    Raises:
        Oct2PyError: Octave cannot be started.
    """

    def __init__(
        self,
        settings: Oct2PySettings | None = None,
        logger: logging.Logger | None = None,
        timeout: float | None = None,
        oned_as: str | None = None,
        temp_dir: str | None = None,
        convert_to_float: bool | None = None,
        backend: str | None = None,
        keep_matlab_shapes: bool | None = None,
        auto_show: bool | None = None,
        extra_cli_options: str | None = None,
        executable: str | None = None,
        load_octaverc: bool | None = None,
        plot_format: str | None = None,
        plot_name: str | None = None,
        plot_width: int | None = None,
        plot_height: int | None = None,
        plot_res: int | None = None,
        ramdisk_size_mb: int | None = None,
    ) -> None:
        self._begin(
            settings,
            logger,
            timeout=timeout,
            oned_as=oned_as,
            temp_dir=temp_dir,
            convert_to_float=convert_to_float,
            backend=backend,
            keep_matlab_shapes=keep_matlab_shapes,
            auto_show=auto_show,
            extra_cli_options=extra_cli_options,
            executable=executable,
            load_octaverc=load_octaverc,
            plot_format=plot_format,
            plot_name=plot_name,
            plot_width=plot_width,
            plot_height=plot_height,
            plot_res=plot_res,
            ramdisk_size_mb=ramdisk_size_mb,
        )
        self.restart()

    def _begin(self, settings: Oct2PySettings | None, logger: logging.Logger | None, **given: Any) -> None:
        """Everything but the start of Octave."""
        self._engine: Any = None
        self._temp_dir_owner = False
        self._logger = logger or get_log()
        self._classes: dict[str, type[OctaveUserClass]] = {}
        self._expressions = 0
        self._me: weakref.ReferenceType[Oct2Py] = weakref.ref(self)
        known = {name: value for name, value in given.items() if value is not None}
        self._settings = (settings or Oct2PySettings()).model_copy(update=known)
        if self._settings.auto_show is None:
            self._settings.auto_show = bool(os.environ.get("PYCHARM_HOSTED"))
        _instances.add(self)

    # ------------------------------------------------------------- the session

    @property
    def logger(self) -> logging.Logger:
        """The logger of the session."""
        return self._logger

    @logger.setter
    def logger(self, value: logging.Logger | None) -> None:
        self._logger = value or get_log()

    @property
    def settings(self) -> Oct2PySettings:
        """The settings of the session."""
        return self._settings

    @settings.setter
    def settings(self, value: Oct2PySettings) -> None:
        if not isinstance(value, Oct2PySettings):
            raise TypeError(f"settings must be an Oct2PySettings, not {type(value).__name__}")
        self._settings = value

    @property
    def workspace(self) -> OctaveWorkspaceProxy:
        """The variables of Octave's base workspace."""
        return OctaveWorkspaceProxy(self)

    def restart(self) -> None:
        """Starts Octave, or starts it afresh: variables are gone, and the path is as at first.

        Raises:
            Oct2PyError: it cannot be started.
        """
        self._close_engine()
        settings = self._settings
        if settings.temp_dir is None:
            settings.temp_dir = tempfile.mkdtemp(prefix="oct2py-")
            self._temp_dir_owner = True
        try:
            self._engine = OctaveEngine(
                executable=settings.executable,
                cli_options=settings.extra_cli_options,
                load_octaverc=settings.load_octaverc,
                temp_dir=settings.temp_dir,
            )
        except Exception as error:
            self._remove_temp_dir()
            raise Oct2PyError(str(error)) from error
        settings.executable = self._engine.executable
        self._toolkit(self._engine, settings.backend)

    def exit(self) -> None:
        """Ends Octave; :meth:`restart` starts it again. Idempotent."""
        self._close_engine()
        self._remove_temp_dir()

    def _close_engine(self, later: bool = False) -> None:
        engine, self._engine = self._engine, None
        self._classes.clear()
        for name in [name for name, value in vars(self).items() if isinstance(value, OctaveFunctionPtr)]:
            del self.__dict__[name]
        if engine is None:
            return
        if later:
            end_later(engine.close)
        else:
            engine.close()

    def _remove_temp_dir(self) -> None:
        if self._temp_dir_owner and self._settings.temp_dir is not None:
            shutil.rmtree(self._settings.temp_dir, ignore_errors=True)
            self._settings.temp_dir = None
        self._temp_dir_owner = False

    def __enter__(self) -> Oct2Py:
        if self._engine is None:
            self.restart()
        return self

    def __exit__(self, *_: object) -> None:
        self.exit()

    def __del__(self, _ending: Callable[[], bool] = sys.is_finalizing) -> None:
        # At the end of Python _exit_all has been here before; after an __init__ that failed there is nothing.
        if "_temp_dir_owner" in self.__dict__ and not _ending():
            self._close_engine(later=True)
            self._remove_temp_dir()

    # -------------------------------------------------------------- variables

    def push(
        self,
        name: str | Sequence[str],
        var: Any,
        timeout: float | None = None,
        verbose: bool = True,
    ) -> None:
        """Sets a variable, or several.

        Args:
            name: its name, or a list of names.
            var: its value, or a list of as many.
            timeout: accepted; a value is not waited for.
            verbose: accepted; setting prints nothing.
        """
        names, items = ([name], [var]) if isinstance(name, str) else (list(name), list(var))
        if len(names) != len(items):
            raise Oct2PyError(f"{len(names)} names were given for {len(items)} values; give one for each")
        for one, value in zip(names, items, strict=True):
            sent = self._outgoing().encode(value)
            self._log("push(%s)", one)
            self._guard(lambda one=one, sent=sent: self._open().session.__setitem__(one, sent))  # type: ignore[misc]

    def pull(self, var: str | Sequence[str], timeout: float | None = None, verbose: bool = True) -> Any:
        """The value of a variable, or a list of several.

        Raises:
            Oct2PyError: there is no such variable.
        """
        if not isinstance(var, str):
            return [self.pull(name, timeout, verbose) for name in var]
        session = self._open().session
        self._log("pull(%s)", var)
        try:
            found = session[var]
            if isinstance(found, Remote) and var not in session:
                return self._get_function_ptr(var)
        except errors.NameNotFound as error:
            raise Oct2PyError(f'"{var}" is undefined') from error
        except errors.ArcuateError as error:
            raise_as_oct2py(error)
        return self._extract(found)

    def get_pointer(self, name: str, timeout: float | None = None, expr: bool = False) -> Any:
        """A variable or function by its name, to pass as an argument without fetching it.

        Args:
            name: its name, or with ``expr`` an expression.
            timeout: seconds that the expression may take.
            expr: the expression is kept in a variable of a new name, and that is pointed at.

        Raises:
            Oct2PyError: there is no such name.
        """
        if expr:
            self._expressions += 1
            made = f"_oct2py_expr_{self._expressions}"
            self._guard(lambda: self._open().session.run(f"{made} = {name};", timeout=timeout))
            return OctaveVariablePtr(self._me, made, made)
        found = self._exist(name)
        if found == 0:
            raise Oct2PyError(f'"{name}" is undefined')
        if found == _VARIABLE:
            return OctaveVariablePtr(self._me, name, name)
        if found in _FUNCTIONS:
            return self._get_function_ptr(name)
        raise Oct2PyError(f'Unknown type for object "{name}": exist says {found}')

    # ------------------------------------------------------------------ calls

    def feval(self, func_path: str, *func_args: Any, **kwargs: Any) -> Any:
        """Calls a function.

        Args:
            func_path: its name, or the path of its ``.m`` file, whose folder is added to Octave's path.
            func_args: its arguments.
            kwargs: ``nout`` (how many results; ``"max_nout"``: as many as its file declares), ``quiet``,
                ``store_as``, ``verbose``, ``stream_handler``, ``timeout``, ``plot_dir`` and the other
                options of figures.

        Returns:
            The result, a list of results where ``nout`` is more than one, or ``None``.

        Raises:
            Oct2PyError: it raised an error, or a value cannot travel.
        """
        name = self._on_path(func_path)
        nout = kwargs.pop("nout", 1)
        nout = 1 if nout is None else nout
        if nout == "max_nout":
            nout = self._get_max_nout(func_path)
        if kwargs.pop("quiet", False):
            nout = 0
        unknown = sorted(set(kwargs) - set(_CALL))
        if unknown:
            warnings.warn(f"feval does not know the keyword {unknown[0]!r}", Oct2PyWarning, stacklevel=2)
        if any(kwargs.get(option) is not None for option in _PLOT):
            self._plot_settings(kwargs)
        try:
            return self._feval(
                name,
                func_args,
                nout=nout,
                timeout=kwargs.get("timeout"),
                stream_handler=kwargs.get("stream_handler"),
                store_as=kwargs.get("store_as") or "",
                plot_dir=kwargs.get("plot_dir"),
                verbose=kwargs.get("verbose", True),
            )
        except Oct2PyError as error:
            if "." in name and isinstance(error.__cause__, errors.NameNotFound):
                raise TypeError(f"{func_path!r} is no .m file and no function of a package") from error
            raise

    def eval(
        self,
        cmds: str | Sequence[str],
        verbose: bool = True,
        timeout: float | None = None,
        stream_handler: Callable[[str], object] | None = None,
        temp_dir: str | None = None,
        plot_dir: str | None = None,
        plot_name: str | None = None,
        plot_format: str | None = None,
        plot_backend: str | None = None,
        plot_width: int | None = None,
        plot_height: int | None = None,
        plot_res: int | None = None,
        nout: int | str | None = 0,
        quiet: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Runs code in the base workspace.

        Args:
            cmds: the code, or a list of such.
            verbose: what it prints is logged at INFO, otherwise at DEBUG.
            timeout: seconds that each may take.
            stream_handler: called with each line that it prints, instead of the logger.
            temp_dir: accepted; values do not pass through files.
            plot_dir: the figures are saved there.
            plot_name: how the names of their files begin.
            plot_format: their format.
            plot_backend: the graphics toolkit.
            plot_width: their width in pixels.
            plot_height: their height in pixels.
            plot_res: their pixels per inch.
            nout: 0: ``ans`` is returned where the code sets it; otherwise the code is one expression, and
                that many results are.
            quiet: nothing is returned.
            kwargs: ``log`` and ``return_both``, which are deprecated.

        Raises:
            Oct2PyError: it raised an error, or the value cannot travel.
        """
        deprecated = {name: kwargs.pop(name, None) for name in ("log", "return_both")}
        for name, value in deprecated.items():
            if value is not None:
                advice = {"log": "logger", "return_both": "stream_handler"}[name]
                warnings.warn(
                    f"Using deprecated `{name}` keyword; use `{advice}`", Oct2PyWarning, stacklevel=2
                )
        if kwargs:
            raise TypeError(f"eval does not know the keyword {sorted(kwargs)[0]!r}")
        lines: list[str] = []
        own = stream_handler
        if deprecated["return_both"] and own is None:
            own = lines.append
        elif deprecated["log"] is False and own is None:
            own = discard
        self._plot_settings(
            {
                "plot_name": plot_name,
                "plot_format": plot_format,
                "plot_backend": plot_backend,
                "plot_width": plot_width,
                "plot_height": plot_height,
                "plot_res": plot_res,
            }
        )
        value = None
        count = 0 if nout in (None, "max_nout") else nout
        for code in [cmds] if isinstance(cmds, str) else cmds:
            found = self._feval(
                "evalin",
                ("base", code),
                nout=count,
                timeout=timeout,
                stream_handler=own,
                plot_dir=plot_dir,
                verbose=verbose,
                logged=deprecated["log"] is not False,
                ans="dropped" if quiet else "returned" if not count else "",
            )
            value = value if found is None else found
        return ("\n".join(lines), value) if deprecated["return_both"] else value

    def run(self, script: str, **kwargs: Any) -> Any:
        """Runs a script in the base workspace, where its variables stay.

        Args:
            script: its name, or the path of its file.
            kwargs: as for :meth:`eval`.
        """
        quoted = script.replace("'", "''")
        return self.eval(f"run ('{quoted}');", **kwargs)

    def _feval(
        self,
        func_name: str,
        func_args: Sequence[Any] = (),
        *,
        nout: Any = 0,
        timeout: float | None = None,
        stream_handler: Callable[[str], object] | None = None,
        store_as: str = "",
        plot_dir: str | None = None,
        verbose: bool = True,
        logged: bool = True,
        ans: str = "",
    ) -> Any:
        """Calls a function; with ``ans`` runs statements, whose ``ans`` is ``returned`` or ``dropped``."""
        engine = self._open()
        if not isinstance(nout, int):
            raise Oct2PyError(f"nout must be 0, 1, 2, ... or 'max_nout', not {nout!r}")
        outgoing = self._outgoing()
        args = [outgoing.encode(arg) for arg in func_args]
        if logged:
            self._log('feval("%s")', func_name)
        lines = Lines.to(stream_handler, self._logger, verbose)
        limit = self._settings.timeout if timeout is None else timeout
        try:
            if ans:
                found = engine.eval(args[1], limit, lines, ans == "returned")
            elif store_as:
                engine.session[store_as] = engine.call(func_name, args, 1, limit, lines, keep=True)
                found = None
            else:
                found = self._call(engine, func_name, args, max(nout, 0), limit, lines)
        except errors.ArcuateError as error:
            if isinstance(error, errors.EnvironmentCrashed):
                engine.revive()
            raise_as_oct2py(error)
        finally:
            lines.close()
        if self._settings.backend != "disable":
            if plot_dir is not None:
                self._guard(lambda: engine.make_figures(plot_dir, close=True))
            elif self._settings.auto_show:
                self._show_figures(changed=True)
        if isinstance(found, tuple):
            return [self._extract(item) for item in found]
        return self._extract(found)

    def _call(
        self, engine: Any, name: str, args: list[Any], nout: int, timeout: float | None, lines: Any
    ) -> Any:
        try:
            return engine.call(name, args, nout, timeout, lines)
        except errors.RemoteError as error:
            if not error.message.startswith("invalid call to script") or len(error.stack) > 1:
                raise
        if args:  # what a script finds in argv
            engine.session["argv"] = values.Cell(args)
        try:
            engine.session.run(name, timeout=timeout, on_output=lines)
        finally:
            if args and not engine.session.closed:
                engine.session.run("clear -variables argv")
        return None

    def _call_dynamic(self, name: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls a function with options of the call and pairs of names and values mixed in its keywords."""
        if kwargs:
            options = {option: kwargs.pop(option) for option in _CALL if option in kwargs}
            pairs = [part for pair in kwargs.items() for part in pair]
            return self.feval(name, *inputs, *pairs, **options)
        return self._feval(name, inputs, nout=1)

    def _on_path(self, func_path: str) -> str:
        """The name of a function that may be given as the path of its file; its folder is put on the path."""
        folder, base = os.path.split(os.fspath(func_path))
        name, suffix = os.path.splitext(base)
        if name == "clear" and not folder:
            raise Oct2PyError('Cannot use `clear` command directly, use eval("clear(var1, var2)")')
        if folder:
            self._guard(lambda: self._open().call("addpath", (os.path.abspath(folder),), 0, None, discard))
        return name if suffix == ".m" else base

    # ------------------------------------------------------------------ names

    def __getattr__(self, attr: str) -> Any:
        """A function of Octave, or a package. An underscore at the end is left out: ``print_``."""
        if attr.startswith(("__", "_repr_", "_ipython_")) or "_me" not in self.__dict__:
            raise AttributeError(attr)
        name = attr.removesuffix("_")
        if self._engine is None:
            raise Oct2PyError("Session is closed")
        if name == "clear":
            raise Oct2PyError('Cannot use `clear` command directly, use `eval("clear(var1, var2)")`')
        found = self._exist(name)
        if found == _VARIABLE:
            raise Oct2PyError(f'Name "{name}" is not a valid callable, use `pull` for variables')
        if found not in _FUNCTIONS:
            return OctaveNamespaceProxy(self._me, name)
        function = self._get_function_ptr(name)
        self.__dict__[attr] = function
        return function


def _setting(name: str) -> property:
    """A setting as an attribute of the session, as oct2py's documentation and its older versions have it."""
    return property(
        lambda self: getattr(self.settings, name),
        lambda self, value: setattr(self.settings, name, value),
        doc=f"The setting ``{name}``.",
    )


for _name in ("auto_show", "convert_to_float", "keep_matlab_shapes", "oned_as", "temp_dir", "timeout"):
    setattr(Oct2Py, _name, _setting(_name))


@atexit.register
def _exit_all() -> None:
    for instance in list(_instances):
        instance.exit()


def _reset_instances_after_fork() -> None:
    """In a forked child the sessions of its parent are closed: their interpreters are the parent's."""
    for instance in list(_instances):
        _inherited.append(dict(vars(instance)))
        instance._engine = None
        instance._temp_dir_owner = False
        instance._settings.temp_dir = None


os.register_at_fork(after_in_child=_reset_instances_after_fork)
