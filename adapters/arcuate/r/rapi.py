"""The R interpreter in this process: the thin layer over the C interface that rpy2-rinterface compiles.

Only ``_rinterface_cffi_api`` of rpy2-rinterface is used (or its ABI form where nothing was compiled):
importing the rest of rpy2 would start R twice more to ask for paths that the host has put into the
environment already.

All of R runs in the main thread. Objects are plain C pointers; whoever holds one across another allocation
keeps it reachable, mostly by having stored it in a list that is itself protected.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from arcuate.errors import EnvironmentNotFound, InternalError

__all__ = [
    "TYPES",
    "anchor",
    "eval_raw",
    "ffi",
    "forked",
    "lib",
    "make_text",
    "start",
    "symbol",
    "text_of",
    "unanchor",
]

os.environ.setdefault("R_HOME", "/usr/lib/R")


def _load() -> tuple[Any, Any, bool]:
    """The cffi interface and the library, and whether it was compiled against R's headers."""
    try:
        import _rinterface_cffi_api as compiled

        return compiled.ffi, compiled.lib, True
    except ImportError as reason:
        path = os.path.join(os.environ["R_HOME"], "lib", "libR.so")
        try:
            import _rinterface_cffi_abi as loose

            return loose.ffi, loose.ffi.dlopen(path), False
        except (ImportError, OSError) as second:
            raise EnvironmentNotFound(explain(str(reason), str(second))) from None


def explain(*reasons: str) -> str:
    """What a failed import of rpy2-rinterface means, and the command that mends it."""
    text = "; ".join(reasons)
    if "undefined symbol" in text:
        return (
            f"the installed rpy2-rinterface does not fit the installed R ({text}): versions newer than "
            "3.6.4 need R 4.5 or later; "
            "type: pip install rpy2-rinterface==3.6.4"
        )
    if "No module named" in text:
        return f"rpy2-rinterface is not installed here ({text}); type: pip install 'arcuate[r]'"
    return (
        f"R's shared library could not be loaded ({text}); R must be built with --enable-R-shlib (Debian: "
        "apt-get install r-base-core), "
        "and rpy2-rinterface installed for it: pip install --force-reinstall --no-binary :all: "
        "rpy2-rinterface"
    )


ffi, lib, COMPILED = _load()
_KEPT: list[Any] = []

NILSXP, SYMSXP, LISTSXP, CLOSXP, ENVSXP, PROMSXP, LANGSXP, SPECIALSXP, BUILTINSXP, CHARSXP, LGLSXP = range(11)
INTSXP, REALSXP, CPLXSXP, STRSXP, DOTSXP, ANYSXP, VECSXP, EXPRSXP, BCODESXP, EXTPTRSXP = range(13, 23)
RAWSXP, S4SXP = 24, 25
TYPES = {LGLSXP: 4, INTSXP: 4, REALSXP: 8, CPLXSXP: 16, RAWSXP: 1}
"""Bytes of an element of each plain vector type."""
UTF8 = 1
_ERROR = ffi.new("int *", 0)


def extern(name: str, signature: str, function: Callable[..., Any], error: Any = None) -> Any:
    """A C function pointer that runs a Python function."""
    if COMPILED:
        ffi.def_extern(name=name, error=error)(function)
        return getattr(lib, name)
    pointer = ffi.callback(signature, function, error=error)
    _KEPT.append(pointer)
    return pointer


def start(callbacks: dict[str, tuple[str, str, Callable[..., Any]]]) -> None:
    """Starts R in this thread.

    Args:
        callbacks: for each of R's ``ptr_R_*`` variables the name of the compiled entry, its C type and the
        Python function.
    """
    lib.R_SignalHandlers = 0
    arguments = [ffi.new("char[]", text) for text in (b"R", b"--quiet", b"--no-save", b"--no-restore")]
    _KEPT.extend(arguments)
    lib.Rf_initialize_R(len(arguments), arguments)
    # R takes the limit and the start of the stack from the main thread, which is the one that runs it.
    lib.R_Interactive = 0
    lib.R_Outputfile = ffi.NULL
    lib.R_Consolefile = ffi.NULL
    for variable, (name, signature, function) in callbacks.items():
        setattr(lib, variable, extern(name, signature, function, 0 if signature.startswith("int") else None))
    lib.ptr_R_WriteConsole = ffi.NULL
    lib.setup_Rmainloop()
    _interrupts_wait(1)


_LIBRARY = os.path.join(os.environ["R_HOME"], "lib", "libR.dylib" if sys.platform == "darwin" else "libR.so")


def _suspended() -> Any:
    """R's variable that has interrupts wait; no header of R declares it for others."""
    try:
        return ctypes.c_int.in_dll(ctypes.CDLL(_LIBRARY), "R_interrupts_suspended")
    except (OSError, ValueError):
        return ctypes.c_int()


_SUSPENDED = _suspended()


def _interrupts_wait(wait: int) -> int:
    """Whether an interrupt waits from now on; returns whether it did.

    R answers an interrupt by a jump to where R code was called, at the end of each collection of garbage too.
    An object that is made while no R code runs may begin one, and then there is nowhere to jump to.
    """
    before: int = _SUSPENDED.value
    _SUSPENDED.value = wait
    return before


@contextlib.contextmanager
def outside() -> Iterator[None]:
    """For Python code that R called: no interrupt of R jumps over it."""
    before = _interrupts_wait(1)
    try:
        yield
    finally:
        _interrupts_wait(before)


def register(function: Callable[[Any], Any]) -> None:
    """Makes ``.External("arcuate", ...)`` call a Python function, which must not raise."""
    pointer = ffi.cast("DL_FUNC", extern("_evaluate_in_r", "SEXP(SEXP)", function, lib.R_NilValue))
    name = ffi.new("char[]", b"arcuate")
    table = ffi.new("R_ExternalMethodDef[]", [[name, pointer, -1], [ffi.NULL, ffi.NULL, 0]])
    _KEPT.extend((name, pointer, table))
    lib.R_registerRoutines(lib.R_getEmbeddingDllInfo(), ffi.NULL, ffi.NULL, ffi.NULL, table)


def eval_raw(call: Any, environment: Any = None) -> Any:
    """Evaluates a call; ``None`` when R jumped to its top level instead of returning."""
    lib.Rf_protect(call)  # eval() itself protects a call only from the moment on that a closure runs
    before = _interrupts_wait(0)
    result = lib.R_tryEval(call, lib.R_GlobalEnv if environment is None else environment, _ERROR)
    _interrupts_wait(before)
    lib.Rf_unprotect(1)
    return None if _ERROR[0] else result


def checked(call: Any, wait: int = 0) -> Any:
    """Evaluates a call of Arcuate's own R code, in which names are those of R, whatever users define.

    Args:
        call: a call of a function of its own, or of R's package base.
        wait: whether an interrupt waits until it has ended.
    """
    lib.Rf_protect(call)
    before = _interrupts_wait(wait)
    result = lib.R_tryEval(call, lib.R_BaseEnv, _ERROR)
    _interrupts_wait(before)
    lib.Rf_unprotect(1)
    if _ERROR[0]:
        _ERROR[0] = 0
        message = lib.R_tryEval(lib.Rf_protect(lib.Rf_lang1(symbol("geterrmessage"))), lib.R_BaseEnv, _ERROR)
        lib.Rf_unprotect(1)
        raise InternalError(
            "R: " + (text_of(lib.STRING_ELT(message, 0)) if not _ERROR[0] else "unknown error").strip()
        )
    return result


def forked(call: Any) -> tuple[Any, bool]:
    """Evaluates a call that makes a child of this process, as :func:`os.fork` would; no interrupt strikes.

    Python's lock is kept meanwhile: a child for which another thread has it just then would wait for ever.

    Returns:
        The value, or ``None`` after an error; and whether this is the child.
    """
    python, evaluate = ctypes.pythonapi, ctypes.PyDLL(_LIBRARY).R_tryEval
    evaluate.restype, evaluate.argtypes = ctypes.c_void_p, [ctypes.c_void_p] * 3
    given = [int(ffi.cast("uintptr_t", one)) for one in (call, lib.R_BaseEnv, _ERROR)]
    parent = os.getpid()
    python.PyOS_BeforeFork()
    value = evaluate(*given)
    child = os.getpid() != parent
    (python.PyOS_AfterFork_Child if child else python.PyOS_AfterFork_Parent)()
    failed, _ERROR[0] = _ERROR[0], 0
    return None if failed else ffi.cast("SEXP", value), child


def symbol(name: str) -> Any:
    """R's symbol of a name. Symbols are never collected."""
    if not name:
        raise InternalError("R has no symbol without a name")
    data = name.encode()
    return (
        lib.Rf_install(data)
        if data.isascii()
        else lib.Rf_installChar(lib.Rf_mkCharLenCE(data, len(data), UTF8))
    )


def make_char(text: str) -> Any:
    """One CHARSXP, marked UTF-8."""
    data = text.encode()
    return lib.Rf_mkCharLenCE(data, len(data), UTF8)


def make_text(text: str) -> Any:
    """A character vector of one element."""
    data = text.encode()
    return lib.Rf_ScalarString(lib.Rf_mkCharLenCE(data, len(data), UTF8))


def make_texts(texts: list[str]) -> Any:
    """A short character vector."""
    vector = lib.Rf_protect(lib.Rf_allocVector(STRSXP, len(texts)))
    for i, text in enumerate(texts):
        data = text.encode()
        lib.SET_STRING_ELT(vector, i, lib.Rf_mkCharLenCE(data, len(data), UTF8))
    lib.Rf_unprotect(1)
    return vector


def text_of(char: Any) -> str:
    """The text of a CHARSXP."""
    data: bytes = ffi.string(lib.R_CHAR(char))
    if lib.Rf_getCharCE(char) == 2:
        return data.decode("latin-1")
    return data.decode("utf-8", "surrogateescape")


def texts_of(vector: Any) -> list[str]:
    """The texts of a short character vector without NA."""
    if vector.sxpinfo.type != STRSXP:
        return []
    return [text_of(lib.STRING_ELT(vector, i)) for i in range(lib.Rf_xlength(vector))]


def anchor(value: Any) -> Any:
    """Keeps an object from collection until :func:`unanchor`."""
    lib.R_PreserveObject(value)
    return value


def unanchor(value: Any) -> None:
    """Gives up an object that :func:`anchor` kept."""
    lib.R_ReleaseObject(value)
