"""What a worker may be kept from; :mod:`arcuate.worker.confine` does it, and is imported only then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arcuate.worker.confine import Jail
    from arcuate.worker.environment import Environment, Launch

__all__ = ["Restrictions"]


@dataclass(frozen=True)
class Restrictions:
    """What a worker is kept from.

    Attributes:
        confined: no files but its own, no programs, no network.
        memory: bytes that it may take, or ``None``.
        secret: files and folders that a confined worker must not be able to read: tokens, keys, logs.
        variables: asked at each start for environment variables of this worker alone; ``None`` removes one.
        port: the one TCP port of this machine that a confined worker may connect to; 0: none.
    """

    confined: bool = False
    memory: int | None = None
    secret: Sequence[str] = ()
    variables: Callable[[], Mapping[str, str | None]] | None = None
    port: int = 0

    def with_variables(self, launch: Launch) -> Launch:
        """How a worker is started, with the environment variables that are its alone."""
        return launch if self.variables is None else replace(launch, env={**launch.env, **self.variables()})

    def jail(self, launch: Launch, environment: Environment, segments: str) -> Jail:
        """The confinement of one worker; ``segments`` is the folder of its shared memory.

        Raises:
            Unsupported: workers cannot be confined here.
            PermissionDenied: something secret lies among what it may read.
        """
        from arcuate.worker.confine import Jail

        return Jail(launch, environment, segments, self.secret, self.port)
