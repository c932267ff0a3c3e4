"""A circuit breaker whose one state is shared by threads and by asyncio, which no library at hand offers.

closed: calls pass, failures in a row are counted. open: calls are refused at once. half open, after a
while: one call passes and decides.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from arcuate.connector.errors import CircuitOpenError
from arcuate.connector.policies import Breaker

__all__ = ["CircuitBreaker"]


class CircuitBreaker:
    """Lets calls pass, or not.

    Args:
        policy: when it opens and closes; ``None``: never.
        service: the connector's name, for errors.
        clock: seconds, steadily.
    """

    def __init__(
        self, policy: Breaker | None, service: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._policy = policy
        self._service = service
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._opened: float | None = None
        self._trying = False

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half open``."""
        with self._lock:
            if self._opened is None or self._policy is None:
                return "closed"
            return "half open" if self._clock() - self._opened >= self._policy.seconds else "open"

    def enter(self) -> None:
        """Before a call.

        Raises:
            CircuitOpenError: the system is left alone for now.
        """
        if self._policy is None:
            return
        with self._lock:
            if self._opened is None:
                return
            left = self._policy.seconds - (self._clock() - self._opened)
            if left <= 0 and not self._trying:
                self._trying = True
                return
        raise CircuitOpenError(
            f"{self._service or 'the system'} failed {self._failures} times in a row and is left alone "
            f"for {max(left, 0.0):.1f} s more (setting 'breaker')",
            service=self._service,
            retry_after=max(left, 0.0),
        )

    def succeeded(self) -> None:
        """After a call that the system answered, be it by a refusal."""
        with self._lock:
            self._failures, self._opened, self._trying = 0, None, False

    def failed(self) -> None:
        """After a call that the system did not answer as it should."""
        if self._policy is None:
            return
        with self._lock:
            self._failures += 1
            if self._trying or self._failures >= self._policy.failures:
                self._opened, self._trying = self._clock(), False

    def abandoned(self) -> None:
        """After a call that ended without saying anything about the system: it was cancelled here."""
        with self._lock:
            self._trying = False
