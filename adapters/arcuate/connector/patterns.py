"""Two small patterns for code that is no connector: a decorator that repeats, and a base class that does."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

import stamina

from arcuate.connector.authorization import Authorizer, identity
from arcuate.connector.base import Connector, secrets_of
from arcuate.connector.breaker import CircuitBreaker
from arcuate.connector.config import ConnectorConfig
from arcuate.connector.errors import IntegrationError
from arcuate.connector.policies import Retry
from arcuate.connector.resilience import patient
from arcuate.connector.secrets import cause
from arcuate.errors import InvalidArgument

__all__ = ["ResilientIntegration", "retry_on_failure"]

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
_TRANSIENT = (
    OSError,
    TimeoutError,
)  # what Python itself raises for networks; not FileNotFoundError and the like
_COMMON = frozenset(ConnectorConfig.model_fields)
_LASTING = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)


def transient(error: BaseException) -> bool:
    """Whether the same may succeed later."""
    if isinstance(error, IntegrationError):
        return error.recoverable
    return isinstance(error, _TRANSIENT) and not isinstance(error, _LASTING)


def retry_on_failure(
    max_retries: int = 3, delay: float = 1.0, *, on: Callable[[BaseException], bool] = transient
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Repeats a function, or one of asyncio's, that fails for a reason that may pass.

    It must be safe to carry out twice. An error's ``retry_after`` is waited for, unless that is more than a
    minute and more than the longest pause of its own.

    Args:
        max_retries: attempts after the first.
        delay: seconds before the second attempt; doubled for each further one, with a tenth of chance.
        on: says whether an error may pass; by default recoverable integration errors and those that Python
            raises for networks.

    Raises:
        InvalidArgument: ``max_retries`` or ``delay`` is no such number.
    """
    if callable(max_retries):
        raise InvalidArgument("write the parentheses too: @retry_on_failure()")
    if max_retries < 0 or not 0 <= delay < float("inf"):
        raise InvalidArgument(
            f"max_retries is 0 or more and delay a number of seconds; got {max_retries} and {delay}"
        )
    longest = delay * 2**max_retries

    def worth(error: Exception) -> bool | float:
        if not on(error):
            return False
        after = getattr(error, "retry_after", None)
        if not after:
            return True
        return float(after) if after <= max(longest, 60.0) else False

    def attempts() -> Any:
        return stamina.retry_context(
            on=worth,
            attempts=max_retries + 1,
            timeout=None,
            wait_initial=delay,
            wait_max=longest,
            wait_jitter=delay / 10,
        )

    def wrap(function: Callable[P, T]) -> Callable[P, T]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def later(*args: P.args, **named: P.kwargs) -> Any:
                async for attempt in attempts():
                    with attempt:
                        return await function(*args, **named)
                raise AssertionError("stamina gave no attempt")

            return cast("Callable[P, T]", later)

        @functools.wraps(function)
        def repeated(*args: P.args, **named: P.kwargs) -> T:
            for attempt in attempts():
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
            try:
                pause = float(extra.get("retry_delay", extra.get("delay", usual.initial)))
                attempts = int(extra.get("max_retries", usual.attempts - 1)) + 1
                self.resilience.retry = Retry(
                    **{**dict(usual), "attempts": attempts, "initial": pause or 1e-3}
                )
            except (TypeError, ValueError):
                raise InvalidArgument(
                    f"the configuration of {self.name}: max_retries is 0 or more, and retry_delay a number "
                    "of seconds"
                ) from None
            enough = patient(self.config.breaker, self.resilience.retry)
            self.resilience.breaker = CircuitBreaker(enough, self.name)

    def execute_with_retry(self, operation: Callable[..., T], *args: Any, **named: Any) -> T:
        """Carries an operation out, again if its error may pass; then the fallback, if one is configured.

        :meth:`handle_error` is told of each error. A ``DegradedWarning`` tells of a fallback; that of the
        kind ``cache`` knows a function by its name and plain arguments (texts, numbers, lists of them), and
        does not stand for lambdas, closures and other calls that nothing tells apart.

        Raises:
            IntegrationError: what the last attempt raised; an error of Python's own for networks becomes one.
            InvalidArgument: the operation is one of asyncio's.
        """
        if inspect.iscoroutinefunction(operation):
            raise InvalidArgument(
                f"{self.name}: execute_with_retry() carries out plain functions; for one of asyncio's use "
                "retry_on_failure(...)"
            )

        def attempt() -> T:
            try:
                return operation(*args, **named)
            except Exception as error:
                self.handle_error(error)
                if isinstance(error, IntegrationError) or not transient(error):
                    raise
                raise IntegrationError(
                    f"{self.name}: {self.conceal(error)}", service=self.name, recoverable=True
                ) from cause(error, self.conceal)

        name = getattr(operation, "__name__", "operation")
        key = _identity(self, operation, args, named)
        result = self.resilience.run(attempt, name=name, repeatable=True, key=key, fallback=True)
        return result.value

    def handle_error(self, error: Exception) -> None:
        """Is told of each error before anything else happens; a subclass may log, count or raise another."""
        log.info("attempt failed", extra={"service": self.name, "error": type(error).__name__})


def _identity(
    owner: ResilientIntegration, operation: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]
) -> str | None:
    """Which call this is, in any run of the program; ``None`` if nothing says that."""
    name = getattr(operation, "__qualname__", "<")
    known = inspect.isfunction(operation) or getattr(operation, "__self__", None) is owner
    if not known or "<" in name or not _plain([*args, *named.values()]):
        return None
    config = owner.config
    own = {one: getattr(config, one) for one in type(config).model_fields if one not in _COMMON}
    for one, value in own.items():
        if isinstance(value, Authorizer):  # whose repr is the same for all, too
            own[one] = identity(value)
            if own[one] is None:
                return None
    who = (config.url, config.extra, own, secrets_of(config))  # a secret's repr is the same for all
    return f"{who!r} {operation.__module__}.{name} {args!r} {sorted(named.items())!r}"


def _plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_plain(one) for one in value)
    if isinstance(value, dict):
        return all(isinstance(name, str) and _plain(one) for name, one in value.items())
    return value is None or type(value) in (str, bytes, int, float, bool)
