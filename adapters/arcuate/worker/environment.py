"""What an adapter tells the host about its interpreter: the class that a new language subclasses.

An environment is found through the entry-point group ``arcuate.environments``. It says how its worker is
started and what the worker is told in the greeting;
sessions, timeouts, shared memory, output and restart are the host's (:mod:`arcuate.worker.transport`).
"""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from arcuate.errors import InvalidArgument, Unsupported

if TYPE_CHECKING:
    from arcuate.client.transport import Transport
    from arcuate.values.limits import Limits
    from arcuate.worker.restrictions import Restrictions

__all__ = ["Environment", "Launch", "Report"]


@dataclass(frozen=True)
class Launch:
    """How a worker process is started.

    Attributes:
        argv: program and arguments.
        env: variables set on top of the caller's; ``None`` removes one.
        cwd: working directory, or ``None`` for the caller's.
        start: bytes written to the worker's stdin at once; ``None`` gives it /dev/null.
        resume: bytes written to its stdin after an interrupt, to start its loop again; the loop then sends
            ``resumed``.
            ``None`` for a worker that survives an interrupt by itself.
        quiet: whole lines of stderr that are the interpreter's own noise and are kept from the user.
        fds: further descriptors that it inherits.
        dies_alone: whether the worker asks the kernel by itself to die with its parent.
    """

    argv: Sequence[str]
    env: Mapping[str, str | None] = field(default_factory=dict)
    cwd: str | None = None
    start: bytes | None = None
    resume: bytes | None = None
    quiet: Sequence[str] = ()
    fds: Sequence[int] = ()
    dies_alone: bool = False


@dataclass(frozen=True)
class Report:
    """What ``arcuate doctor`` found out about an environment.

    Attributes:
        name: the environment.
        found: whether a session can be opened.
        version: version of the interpreter, or ``""``.
        where: path of the interpreter, or ``""``.
        missing: what is missing, one sentence each.
        install: the command that installs it, or ``""``.
        notes: further facts: optional parts found or not.
    """

    name: str
    found: bool
    version: str = ""
    where: str = ""
    missing: Sequence[str] = ()
    install: str = ""
    notes: Sequence[str] = ()


class Environment(ABC):
    """A language environment that Arcuate can start on this machine.

    A subclass sets the class attributes and implements :meth:`launch`, :meth:`hello` and :meth:`doctor`.
    Instances hold the options of one session.

    Attributes:
        name: the name that :func:`arcuate.client.connect` takes.
        language: the language, as a person writes it.
        options: names of the keyword options it accepts, with one line of help each.
    """

    name: ClassVar[str]
    language: ClassVar[str]
    options: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **options: Any) -> None:
        unknown = sorted(set(options) - set(self.options))
        if unknown:
            allowed = ", ".join(sorted(self.options)) or "none"
            raise InvalidArgument(
                f"connect({self.name!r}) does not know the option {unknown[0]!r}; "
                f"its own options are: {allowed}"
            )
        self.given: dict[str, Any] = options

    @abstractmethod
    def launch(self) -> Launch:
        """How the worker is started.

        Raises:
            EnvironmentNotFound: the interpreter is not on this machine; the message says how to install it.
        """

    def hello(self) -> Mapping[str, Any]:
        """The adapter's own options for the greeting (``hello.options``)."""
        return {}

    @classmethod
    @abstractmethod
    def doctor(cls) -> Report:
        """What is found on this machine. Starts no session and never raises."""

    def readable(self) -> Sequence[str]:
        """Files and folders that a confined worker reads: the interpreter's own and its toolboxes'.

        What every program needs, such as the system's libraries, is not among them.
        """
        return ()

    def confined(self) -> Mapping[str, str]:
        """Variables that tell the interpreter that it can start no program."""
        return {}

    def open(self, limits: Limits, grace: float, restrictions: Restrictions | None = None) -> Transport:
        """Starts the interpreter and returns the transport to it.

        Args:
            limits: what the session accepts and sends.
            grace: seconds that an interrupted interpreter has to stop before it is killed.
            restrictions: what the worker is kept from; nothing when left out.
        """
        if os.name != "posix":
            raise Unsupported(
                "workers need a POSIX system (pipes that can be polled, process groups); on Windows use WSL"
            )
        from arcuate.worker.transport import WorkerTransport

        return WorkerTransport(self, limits, grace, restrictions=restrictions)

    @property
    def cwd(self) -> str | None:
        """The option ``cwd`` as an absolute path."""
        given = self.given.get("cwd")
        if given is None:
            return None
        path = str(os.path.abspath(os.fspath(given)))
        if not os.path.isdir(path):
            raise InvalidArgument(f"cwd={path!r} is no directory; create it or name another")
        return path

    @property
    def variables(self) -> dict[str, str | None]:
        """The option ``env`` as variables on top of the caller's."""
        return {
            str(key): None if value is None else str(value)
            for key, value in dict(self.given.get("env") or {}).items()
        }


def installer(packages: Mapping[str, str]) -> str:
    """The one command that installs something with the package manager of this machine.

    Args:
        packages: for each of ``apt-get``, ``dnf``, ``brew``, ``conda`` the packages' names there.
    """
    sudo = "" if not hasattr(os, "geteuid") or os.geteuid() == 0 else "sudo "
    forms = {
        "apt-get": f"{sudo}apt-get install -y {{}}",
        "dnf": f"{sudo}dnf install -y {{}}",
        "brew": "brew install {}",
        "conda": "conda install -c conda-forge {}",
    }
    for manager, form in forms.items():
        if manager in packages and shutil.which(manager):
            return form.format(packages[manager])
    manager = "conda" if "conda" in packages else next(iter(packages))
    return forms[manager].format(packages[manager])
