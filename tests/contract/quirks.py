"""What the contract suite must know of a language: the same few functions, written in it.

A new language adds one class here, or ships it itself: a module ``contract`` beside its environment class
(``arcuate.<name>.contract``) with a subclass of :class:`Quirks` called ``QUIRKS``.

``find("r+grpc")`` is R in a hub, reached by gRPC: the same suite over a transport.

Every function below is defined in the workspace by :attr:`Quirks.prelude`:

======================  ==========================================================================
``arcuate_id(x)``       returns its argument
``arcuate_apply(f,..)`` calls ``f`` with the other arguments and returns what it returns
``arcuate_guard(f)``    calls ``f()``; returns the text ``"caught: <message>"`` when it raises
``arcuate_fail(text)``  raises an error with that message
``arcuate_outer(text)`` calls ``arcuate_fail``
``arcuate_say(text)``   prints to stdout, nothing added
``arcuate_err(text)``   prints to stderr, nothing added
``arcuate_flood(n)``    prints n lines of 99 characters and a newline
``arcuate_warn(text)``  gives a warning
``arcuate_sleep(s)``    sleeps
``arcuate_linger(f)``   calls ``f()``, then sleeps for ten minutes
``arcuate_spin(f)``     calls ``f()``, then loops forever
``arcuate_add(a, b)``   a + b
======================  ==========================================================================
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Sequence
from typing import ClassVar

from arcuate.client import environments

HUB = "ARCUATE_TEST_HUB"
"""The environment variable that holds the endpoints of the suite's hub, as JSON."""
OVER = ("grpc", "zmq", "http", "ipc")


class Quirks:
    """One language.

    Attributes:
        name: the environment.
        over: the transport to a hub: ``grpc``, ``zmq``, ``http``, or ``ipc``: ZeroMQ on a socket file;
            ``""``: a worker of this process.
        prelude: statements that define the functions above.
        pid: expression: its own process id.
        error_classes: what ``RemoteError.classes`` holds for ``arcuate_fail``; ``identifier`` likewise.
        outer_frames: names that the stack of ``arcuate_outer`` shows, outermost first.
        parse_errors: (statements, line, column or None) that do not parse.
        segfault: statements that end the process by SIGSEGV or SIGABRT.
        leave: (statements, exit status) that end the process in an orderly way.
        raw_write: statements that write ``RAW`` and a newline to file descriptor 1, past the language's
            buffers.
        child: statements that start a child process that sleeps for 600 s and waits for it.
        read_input: statements that ask a person and must fail.
        hold: expression whose value has no faithful form elsewhere, with an element ``weight`` of 4.5.
        hold_attribute: whether ``.weight`` reads it.
        hold_text: a text that its print shows.
        missing_function: names that exist nowhere.
        allocate: function of one argument and its argument that ask for about 40 GB at once.
        named: (function, args, keywords, expected) of a call with named arguments.
        figure: statements that draw a figure, or None where nothing can.
        progress: statements that say that they are half done ("half"), then done, or None.
        message: statements that send a message beside output, and its text, or None.
        warning_class: what ``RemoteWarning.classes`` begins with, or ``None``.
        env_variable: expression that reads the environment variable ``ARCUATE_TEST``.
        cwd: expression: the working directory.
        document: (name, text that its help holds, a parameter of its signature or None).
        package: (package, function, args, expected): attribute form of a function in a package; or None.
        dotted: (attribute, args, expected): a name with an underscore that stands for a dot; or None.
        multiple: (function, args, how many outputs, expected).
        interrupt_unwinds_all: an interrupt ends all nested calls and not only the innermost.
    """

    name: ClassVar[str]
    over: ClassVar[str] = ""
    language: ClassVar[str]
    prelude: ClassVar[str]
    pid: ClassVar[str]
    error_classes: ClassVar[tuple[str, ...]] = ()
    identifier: ClassVar[str] = ""
    outer_frames: ClassVar[tuple[str, ...]] = ("arcuate_outer", "arcuate_fail")
    parse_errors: ClassVar[Sequence[tuple[str, int, int | None]]] = ()
    segfault: ClassVar[str]
    leave: ClassVar[Sequence[tuple[str, int]]]
    raw_write: ClassVar[str | None] = None
    child: ClassVar[str]
    read_input: ClassVar[Sequence[str]]
    hold: ClassVar[str]
    hold_attribute: ClassVar[bool] = True
    hold_text: ClassVar[str]
    function_value: ClassVar[str]
    missing_function: ClassVar[Sequence[str]] = ("no_such_function_anywhere",)
    allocate: ClassVar[str]
    named: ClassVar[tuple[str, tuple[object, ...], dict[str, object], object]]
    figure: ClassVar[str | None] = None
    progress: ClassVar[str | None] = None
    message: ClassVar[tuple[str, str] | None] = None
    warning_class: ClassVar[str | None] = None
    env_variable: ClassVar[str]
    cwd: ClassVar[str]
    document: ClassVar[tuple[str, str, str | None]]
    package: ClassVar[tuple[str, str, tuple[object, ...], object] | None] = None
    dotted: ClassVar[tuple[str, tuple[object, ...], object] | None] = None
    variable: ClassVar[str] = "{name} = 7.5"
    interrupt_unwinds_all: ClassVar[bool] = False
    multiple: ClassVar[tuple[str, tuple[object, ...], int, tuple[object, ...]]]

    @classmethod
    def id(cls) -> str:
        """What :func:`find` takes, also in a child process."""
        return f"{cls.name}+{cls.over}" if cls.over else cls.name

    @classmethod
    def target(cls) -> str:
        """What ``connect`` takes: the name, or the address in the hub that the suite has started."""
        return f"{json.loads(os.environ[HUB])[cls.over]}/{cls.name}" if cls.over else cls.name


class Python(Quirks):
    name = "python"
    language = "Python"
    prelude = """
import os as _os, sys as _sys, time as _time, warnings as _warnings, signal as _signal
def arcuate_id(x): return x
def arcuate_apply(f, *args): return f(*args)
def arcuate_guard(f):
    try:
        f()
    except Exception as error:
        return f"caught: {error}"
    return "nothing was raised"
def arcuate_fail(text): raise ValueError(text)
def arcuate_outer(text): return arcuate_fail(text)
def arcuate_say(text): _sys.stdout.write(text)
def arcuate_err(text): _sys.stderr.write(text)
def arcuate_flood(n):
    for i in range(int(n)): _sys.stdout.write("x" * 99 + "\\n")
def arcuate_warn(text): _warnings.warn(text)
def arcuate_sleep(seconds): _time.sleep(seconds)
def arcuate_linger(f): f(); _time.sleep(600)
def arcuate_spin(f):
    f()
    while True: pass
def arcuate_add(a, b): return a + b
class Hold:
    weight = 4.5
    def __repr__(self): return "Hold of 4.5"
"""
    pid = "_os.getpid()"
    error_classes = ("ValueError", "Exception")
    parse_errors = (("x = 1\ny = (2 +\nz = 3", 2, 5), ("for", 1, 4))
    segfault = "import ctypes; ctypes.string_at(1)"
    leave = (("raise SystemExit(3)", 3), ("_os._exit(5)", 5), ("_sys.exit(0)", 0))
    raw_write = "_os.write(1, b'RAW\\n')"
    child = "import subprocess; subprocess.run(['sleep', '600'])"
    read_input = ("input('who? ')", "breakpoint()", "_sys.stdin.readline() or arcuate_fail('end of input')")
    hold = "Hold()"
    hold_text = "Hold of 4.5"
    function_value = "arcuate_add"
    allocate = "bytearray(40_000_000_000)"
    named = ("int", ("ff",), {"base": 16}, 255)
    progress = "from arcuate.python import progress\nprogress(0.5, 'half')\nprogress(1)"
    figure = "import matplotlib.pyplot as plt\nplt.figure(figsize=(4, 3)); plt.plot([1, 3, 2])"
    warning_class = "UserWarning"
    env_variable = "_os.environ.get('ARCUATE_TEST')"
    cwd = "_os.getcwd()"
    document = ("textwrap.shorten", "Collapse and truncate the given text", "width")
    package = ("math", "hypot", (3.0, 4.0), 5.0)
    multiple = ("divmod", (17, 5), 2, (3, 2))


class R(Quirks):
    name = "r"
    language = "R"
    prelude = """
arcuate_id <- function(x) x
arcuate_apply <- function(f, ...) f(...)
arcuate_guard <- function(f) tryCatch({ f(); "nothing was raised" },
                                      error = function(e) paste0("caught: ", conditionMessage(e)))
arcuate_fail <- function(text) stop(text)
arcuate_outer <- function(text) arcuate_fail(text)
arcuate_say <- function(text) cat(text)
arcuate_err <- function(text) cat(text, file = stderr())
arcuate_flood <- function(n) {
  line <- paste0(strrep("x", 99), "\\n")
  for (i in seq_len(n)) cat(line)
}
arcuate_warn <- function(text) warning(text)
arcuate_sleep <- function(seconds) Sys.sleep(seconds)
arcuate_linger <- function(f) { f(); Sys.sleep(600) }
arcuate_spin <- function(f) { f(); repeat {} }
arcuate_add <- function(a, b) a + b
"""
    pid = "Sys.getpid()"
    error_classes = ("simpleError", "error", "condition")
    parse_errors = (("x <- 1\ny <- (2 +\n)", 3, 1), ("x <- 1 2", 1, 8))
    segfault = "tools::pskill(Sys.getpid(), 11L); Sys.sleep(30)"
    leave = (("quit(status = 3)", 3), ("q('no')", 0))
    raw_write = "system('echo RAW')"
    child = "system('sleep 600')"
    read_input = (
        "readline('who? ')",
        "browser()",
        "readLines(stdin(), 1)",
        "scan(n = 1)",
        "menu(c('a', 'b'))",
        "(function() { browser(); 1 })()",
    )
    hold = "local({ e <- new.env(); e$weight <- 4.5; e })"
    hold_text = "environment"
    function_value = "arcuate_add"
    missing_function = ("no_such_function_anywhere", "stats::no_such_function", "nosuchpackage::f")
    allocate = "numeric(5e9)"
    named = ("seq", (), {"from": 1, "to": 2, "length.out": 2}, [1.0, 2.0])
    progress = """
p <- txtProgressBar(2, 6, style = 3)
setTxtProgressBar(p, 4, label = "half")
setTxtProgressBar(p, 6)
close(p)
"""
    figure = "plot(c(1, 3, 2))"
    message = ("message('attend')", "attend")
    warning_class = "simpleWarning"
    env_variable = "Sys.getenv('ARCUATE_TEST', NA)"
    cwd = "getwd()"
    document = ("stats::quantile", "Sample Quantiles", "x")
    package = ("stats", "median", ([1.0, 5.0, 3.0],), 3.0)
    dotted = ("is_na", ([1.0, 2.0],), [False, False])
    variable = "{name} <- 7.5"
    multiple = ("list", (1.5, 2.5), 2, (1.5, 2.5))


class Octave(Quirks):
    name = "octave"
    language = "Octave"
    prelude = """
function x = arcuate_id(x)
end
function varargout = arcuate_apply(f, varargin)
  [varargout{1:nargout}] = f(varargin{:});
end
function text = arcuate_guard(f)
  text = "nothing was raised";
  try
    f();
  catch err
    text = ["caught: ", err.message];
  end
end
function arcuate_fail(text)
  error("Arcuate:test", "%s", text);
end
function arcuate_outer(text)
  arcuate_fail(text);
end
function arcuate_say(text)
  fputs(stdout, text);
end
function arcuate_err(text)
  fputs(stderr, text);
end
function arcuate_flood(n)
  line = [repmat("x", 1, 99), "\\n"];
  for i = 1:n
    fputs(stdout, line);
  end
end
function arcuate_warn(text)
  warning("Arcuate:warned", "%s", text);
end
function arcuate_sleep(seconds)
  pause(seconds);
end
function arcuate_linger(f)
  f();
  pause(600);
end
function arcuate_spin(f)
  f();
  while true
  end
end
function c = arcuate_add(a, b)
  c = a + b;
end
"""
    pid = "getpid()"
    error_classes = ("Arcuate:test",)
    identifier = "Arcuate:test"
    parse_errors = (("x = 1;\ny = (2 + ;\n", 2, 10), ("x = 1 2", 1, 7))
    segfault = "kill(getpid(), 11); pause(30)"
    leave = (("exit(3)", 3), ("quit(0)", 0))
    raw_write = "system('echo RAW', false)"
    child = "system('sleep 600')"
    read_input = (
        "input('who? ')",
        "input('who? ', 's')",
        "keyboard",
        "keyboard('K> ')",
        "pause()",
        "kbhit()",
    )
    hold = "inputParser()"
    hold_attribute = False
    hold_text = "inputParser"
    function_value = "@arcuate_add"
    allocate = "zeros(1, 5e9) + 1"
    named = ("struct", (), {"weight": 2.5}, {"weight": 2.5})
    progress = "h = waitbar (0.5, 'half'); waitbar (0.505, h, 'half'); waitbar (1, h); close (h);"
    figure = "plot([1 3 2])"
    warning_class = "Arcuate:warned"
    env_variable = "getenv('ARCUATE_TEST')"
    cwd = "pwd()"
    document = ("polyfit", "polynomial", "x")
    variable = "{name} = 7.5;"
    multiple = ("size", ([1.0, 2.0, 3.0],), 2, (1.0, 3.0))
    interrupt_unwinds_all = True


def find(name: str, module: str = "") -> type[Quirks] | None:
    """The quirks of an environment: from here, or shipped beside it (``module``: its environment class's)."""
    name, _, over = name.partition("+")
    if over:
        local = find(name, module)
        return None if local is None else type(f"{local.__name__}Over", (local,), {"over": over})
    for quirks in Quirks.__subclasses__():
        if quirks.name == name:
            return quirks
    if not module:
        module = environments()[name].module
    try:
        return importlib.import_module(f"{module}.contract").QUIRKS
    except ImportError:
        return None
