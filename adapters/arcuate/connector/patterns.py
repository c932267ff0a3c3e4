"""Two small patterns for code that is no connector: a decorator that repeats, and a base class that does."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import stamina

from arcuate.connector.base import Connector
from arcuate.connector.config import ConnectorConfig
from arcuate.connector.errors import IntegrationError
from arcuate.connector.policies import Retry

__all__ = ["ResilientIntegration", "retry_on_failure"]

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
_TRANSIENT = (
    OSError,
    TimeoutError,
)  # what Python itself raises for networks; not FileNotFoundError and the like
_LASTING = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)


def transient(error: BaseException) -> bool:
    """Whether the same may succeed later."""
    if isinstance(error, IntegrationError):
        return error.recoverable
    return isinstance(error, _TRANSIENT) and not isinstance(error, _LASTING)


def retry_on_failure(
    max_retries: int = 3, delay: float = 1.0, *, on: Callable[[BaseException], bool] = transient
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Repeats a function that fails for a reason that may pass. It must be safe to carry out twice.

    Args:
        max_retries: attempts after the first.
        delay: seconds before the second attempt; doubled for each further one, with a tenth of chance.
        on: says whether an error may pass; by default recoverable integration errors and those that Python
            raises for networks.
    """

    def worth(error: Exception) -> bool | float:
        if not on(error):
            return False
        after = getattr(error, "retry_after", None)
        return float(after) if after is not None else True

    def wrap(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def repeated(*args: P.args, **named: P.kwargs) -> T:
            for attempt in stamina.retry_context(
                on=worth,
                attempts=max_retries + 1,
                timeout=None,
                wait_initial=delay,
                wait_max=max(delay * 2**max_retries, delay),
                wait_jitter=delay / 10,
            ):
                with attempt:
                    return function(*args, **named)
            raise AssertionError("stamina gave no attempt")

        return repeated

    return wrap


class ResilientIntegration(Connector):
    """Runs operations of a program's own with the resilience of a connector.

    A mapping may say ``max_retries`` and ``retry_delay`` (or ``delay``) instead of a retry policy.
    """

    default_name = "integration"

    def __init__(
        self, config: ConnectorConfig | Mapping[str, Any] | None = None, /, **arguments: Any
    ) -> None:
        super().__init__(config, **arguments)
        extra = self.config.extra
        if "max_retries" in extra or "retry_delay" in extra or "delay" in extra:
            usual = self.config.retry or Retry()
            pause = float(extra.get("retry_delay", extra.get("delay", usual.initial)))
            self.resilience.retry = usual.model_copy(
                update={"attempts": int(extra.get("max_retries", usual.attempts - 1)) + 1, "initial": pause}
            )

    def execute_with_retry(self, operation: Callable[..., T], *args: Any, **named: Any) -> T:
        """Carries an operation out, again if its error may pass; then the fallback, if one is configured.

        :meth:`handle_error` is told of each error.

        Raises:
            IntegrationError: what the last attempt raised; an error of Python's own for networks becomes one.
        """

        def attempt() -> T:
            try:
                return operation(*args, **named)
            except Exception as error:
                self.handle_error(error)
                if isinstance(error, IntegrationError) or not transient(error):
                    raise
                raise IntegrationError(
                    f"{self.name}: {self.conceal(error)}", service=self.name, recoverable=True
                ) from error

        name = getattr(operation, "__name__", "operation")
        result = self.resilience.run(attempt, name=name, repeatable=True, key=name)
        return result.value

    def handle_error(self, error: Exception) -> None:
        """Is told of each error before anything else happens; a subclass may log, count or raise another."""
        log.info("attempt failed", extra={"service": self.name, "error": type(error).__name__})
