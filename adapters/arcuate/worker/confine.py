"""Confined workers: which files they may read, and the command line that starts them so.

The confinement itself is :mod:`arcuate.worker.sandbox`. A confined worker reads the interpreter's files and
the toolboxes', writes to a private folder that goes with it, starts no program, has no network (but for one
port of this machine, where that is wanted) and does not see other processes. Of the caller's environment
variables it gets few, since others may hold secrets.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from arcuate.errors import PermissionDenied, Unsupported
from arcuate.worker import sandbox
from arcuate.worker.environment import Environment, Launch
from arcuate.worker.folders import PrivateFolder
from arcuate.worker.gate import Pass
from arcuate.worker.restrictions import Restrictions

__all__ = ["Jail", "Restrictions", "prefix", "python_files", "unavailable"]

_SCRIPT = str(Path(__file__).with_name("sandbox.py"))
_SYSTEM = (
    "/usr/lib", "/usr/lib32", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib",
    "/usr/share", "/usr/local/share", "/etc/alternatives",
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/timezone",
    "/etc/fonts", "/var/cache/fontconfig",
    "/sys/devices/system/cpu", "/proc/cpuinfo", "/proc/meminfo", "/dev/urandom", "/dev/random", "/dev/zero",
)  # fmt: skip
"""What any interpreter may need: libraries, fonts, time zones."""
_KEPT = frozenset(("PATH", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "PYTHONHASHSEED"))
_KEPT_PREFIXES = ("LC_", "OMP_", "OPENBLAS_", "MKL_", "BLIS_", "NUMEXPR_", "ARCUATE_TEST_", "COVERAGE_")
_PROBE = (
    "import os, socket\n"
    "def refused(what):\n"
    "    try: what()\n"
    "    except OSError: return True\n"
    "if all(map(refused, (socket.socket, lambda: open('/etc/passwd').close(), "
    "lambda: os.execv('/bin/sh', ['sh', '-c', ''])))): print('confined')\n"
)


@lru_cache(maxsize=1)
def unavailable() -> str:
    """Why workers cannot be confined on this machine, or ``""``. Tries it once."""
    if sys.platform != "linux":
        return "confinement needs Linux"
    if os.uname().machine not in sandbox._MACHINES:
        return f"confinement is not made for the processor {os.uname().machine}"
    version = sandbox.landlock_version()
    if version < sandbox.ABI:
        has = version or "none"
        return f"confinement needs Landlock {sandbox.ABI} (Linux 6.2 or later); this kernel has {has}"
    options = [part for path in (*_SYSTEM, *python_files()) for part in ("--read", path)]
    command = [sys.executable, "-I", "-S", _SCRIPT, *options, "--", sys.executable, "-I", "-S", "-c", _PROBE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return f"confinement could not be tried: {error}"
    if done.stdout.strip() == "confined":
        return ""
    return f"confinement does not work here: {done.stderr.strip()[-300:] or 'something was not refused'}"


class Jail:
    """The confinement of one worker process.

    Args:
        launch: how the worker is started without it.
        environment: whose worker it is; says what its interpreter reads.
        segments: folder of the session's shared memory.
        secret: what must not be readable.
        port: the one TCP port of this machine that it may connect to; 0: none.

    Attributes:
        launch: how it is started with it.
        folder: its private folder, its working directory too.

    Raises:
        Unsupported: workers cannot be confined here.
        PermissionDenied: something secret lies among what it may read.
    """

    def __init__(
        self,
        launch: Launch,
        environment: Environment,
        segments: str,
        secret: Iterable[str],
        port: int = 0,
    ) -> None:
        reason = unavailable()
        if reason:
            raise Unsupported(f"this session would have to run confined, but {reason}")
        folders = list(dict.fromkeys(os.path.abspath(path) for path in environment.readable() if path))
        program = shutil.which(launch.argv[0]) or launch.argv[0]
        _keep_apart((*_SYSTEM, *folders), secret)
        self._own = PrivateFolder("arcuate-private-")
        self.folder = self._own.path
        options = ["--private", self.folder, "--segments", segments, "--device", os.devnull]
        for path in (*_SYSTEM, *folders):
            options += ["--read", path]
        self._pass = Pass(port) if port else None
        fds = () if self._pass is None else (self._pass.fd,)
        for fd in fds:
            options += ["--gate", str(fd)]
        argv = [sys.executable, "-I", "-S", _SCRIPT, *options, "--", program, *launch.argv[1:]]
        env = {**_environment(launch.env, self.folder), **environment.confined()}
        self.launch = replace(launch, argv=argv, env=env, cwd=self.folder, fds=fds, dies_alone=True)

    def begun(self) -> None:
        """The worker has been started, and has what it inherits. Idempotent."""
        if self._pass is not None:
            self._pass.close()

    def close(self) -> None:
        """Removes the private folder. Idempotent."""
        self.begun()
        self._own.close()


def _environment(given: Mapping[str, str | None], folder: str) -> dict[str, str | None]:
    """The worker's variables: of the caller's own only what cannot be a secret."""
    env: dict[str, str | None] = {
        name: None for name in os.environ if name not in _KEPT and not name.startswith(_KEPT_PREFIXES)
    }
    env.update(given)
    env.update(dict.fromkeys(("HOME", "TMPDIR", "TMP", "TEMP", "XDG_CACHE_HOME", "MPLCONFIGDIR"), folder))
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    return env


def _keep_apart(readable: Iterable[str], secret: Iterable[str]) -> None:
    folders = [os.path.realpath(path) for path in readable]
    for path in secret:
        real = os.path.realpath(path)
        for folder in folders:
            if os.path.commonpath((real, folder)) == folder:
                raise PermissionDenied(
                    f"{os.path.basename(path)!r} lies in a folder that sessions without eval may read, "
                    "together with the interpreter's own files; the operator has to move it elsewhere"
                )


def prefix(path: str) -> list[str]:
    """What of an installation is the interpreter's own: all of its prefix, unless that is the system's."""
    return [] if path.rstrip("/") in ("", "/usr", "/usr/local") else [path]


def python_files(executable: str | None = None) -> list[str]:
    """The files of a Python interpreter, of the virtual environment it is in, and of Arcuate."""
    import arcuate  # type: ignore[import-untyped,unused-ignore]

    found: list[str] = []
    if executable is None:
        found += [*prefix(sys.prefix), *prefix(sys.base_prefix)]
        found += [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    else:
        for path in (executable, os.path.realpath(executable)):
            found += prefix(os.path.dirname(os.path.dirname(path)))
    roots = [os.path.abspath(path) for path in arcuate.__path__]
    # an editable installation: the folder above is a source root, which holds nothing else
    return [
        *(path for path in found if os.path.isdir(path)),
        *roots,
        *(os.path.dirname(root) for root in roots),
    ]
