"""``python -m arcuate.compat script.py args``: runs a script in which ``import matlab.engine`` works.

Everything else is as with ``python script.py args``: ``sys.argv``, ``sys.path``, the exit status, tracebacks.
"""

from __future__ import annotations

import builtins
import io
import os
import sys
import types
from typing import NoReturn

from arcuate.compat import install_as_matlab

__all__: list[str] = []

_USAGE = "usage: python -m arcuate.compat script.py [arguments]\n"


def main() -> None:
    """Runs the script that the command line names."""
    if len(sys.argv) < 2:
        _leave(_USAGE, 2)
    if sys.argv[1] in ("-h", "--help"):
        sys.stdout.write(f"{_USAGE}Runs a script written for matlab.engine on Octave, unchanged.\n")
        return
    script = sys.argv[1]
    if script.startswith("-"):
        _leave(f"{_USAGE}no option {script!r} is known; the first argument is the script\n", 2)
    try:
        with io.open_code(os.path.abspath(script)) as file:
            source = file.read()
    except OSError as error:
        _leave(
            f"python: can't open file {os.path.abspath(script)!r}: [Errno {error.errno}] {error.strerror}\n",
            2,
        )
    install_as_matlab()
    _run(script, source)


def _run(script: str, source: bytes) -> None:
    """Runs a script's text as ``__main__``; an error is shown without the frames of this module."""
    sys.argv = sys.argv[1:]
    if not getattr(sys.flags, "safe_path", False):  # then it holds no folder of the program
        sys.path[0] = os.path.dirname(os.path.realpath(script))
    module = types.ModuleType("__main__")
    vars(module).update(__file__=script, __builtins__=builtins, __cached__=None)
    sys.modules["__main__"] = module
    try:
        exec(compile(source, script, "exec", dont_inherit=True), vars(module))  # noqa: S102
    except SystemExit:
        raise
    except BaseException as error:
        where = error.__traceback__
        error.__traceback__ = None if where is None else where.tb_next  # this frame is not the script's
        sys.excepthook(type(error), error, error.__traceback__)
        sys.excepthook = lambda *_: None  # it has been shown; the interpreter still sets the exit status
        raise


def _leave(text: str, status: int) -> NoReturn:
    sys.stderr.write(text)
    sys.exit(status)


main()
