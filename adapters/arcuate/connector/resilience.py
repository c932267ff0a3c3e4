"""Retry, rate limit, circuit breaker and fallback around a request: declared by policies, alike everywhere.

In this order: fallback( other endpoints( retry( breaker( rate limit( the request ))))). Pauses and
repetition are stamina's, the rate limit is pyrate-limiter's.
"""

from __future__ import annotations

import asyncio
import logging
import time
import warnings
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import stamina
from pyrate_limiter import InMemoryBucket, Limiter, SingleBucketFactory
from pyrate_limiter import Rate as _Rate

from arcuate.connector import deadline
from arcuate.connector.breaker import CircuitBreaker
from arcuate.connector.errors import IntegrationError, RateLimitError
from arcuate.connector.keep import Keep
from arcuate.connector.policies import Breaker, Fallback, Rate, Retry
from arcuate.connector.result import DegradedWarning, Result
from arcuate.connector.telemetry import Span, Telemetry

logging.getLogger("stamina").addHandler(logging.NullHandler())  # who wants to see repetitions configures it
__all__ = ["Resilience", "patient"]

log = logging.getLogger(__name__)

T = TypeVar("T")
Endpoint = tuple[str, Callable[[], T]]
AsyncEndpoint = tuple[str, Callable[[], Awaitable[T]]]


class Resilience:
    """Carries requests of one connector out.

    Args:
        service: the connector's name.
        retry: how what may be repeated is repeated; ``None``: never.
        rate: the limit on our side.
        breaker: when the system is left alone.
        fallback: what is given instead of an error, if anything.
        keep: where last good values are.
        telemetry: spans and counts.
    """

    def __init__(
        self,
        service: str,
        *,
        retry: Retry | None = None,
        rate: Rate | None = None,
        breaker: Breaker | None = None,
        fallback: Fallback | None = None,
        keep: Keep | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.service = service
        self.retry = retry
        self.rate = rate
        self.fallback = fallback
        self.breaker = CircuitBreaker(patient(breaker, retry), service)
        self.keep = keep if keep is not None else Keep(service)
        self.telemetry = telemetry if telemetry is not None else Telemetry(service)
        self._limiter: Limiter | None = None
        if rate is not None:
            self._bucket: Any = InMemoryBucket([_Rate(rate.calls, max(1, round(rate.seconds * 1000)))])
            # old calls are forgotten here: the library's thread for it outlives its limiter by ten seconds
            self._limiter = Limiter(SingleBucketFactory(self._bucket, schedule_leak=False))

    def close(self) -> None:
        """Ends what the limiter needs."""
        if self._limiter is not None:
            self._limiter.close()

    # --- One request

    def run(
        self,
        operation: Callable[[], T],
        *,
        name: str = "request",
        repeatable: bool = False,
        key: str | None = None,
        others: Sequence[Endpoint[T]] = (),
        fallback: bool | None = None,
        good: Callable[[T], bool] = lambda _: True,
    ) -> Result[T]:
        """Carries one request out.

        Args:
            operation: makes one attempt; raises :class:`IntegrationError`.
            name: what it is, for spans and logs.
            repeatable: whether it may be carried out twice without harm.
            key: under which its last good value is kept; ``None``: it is not.
            others: other endpoints, tried one after the other before the fallback: (name, operation).
            fallback: whether the fallback may answer: it cannot for what changes something. By default if
                there is a ``key``.
            good: whether a value is worth keeping.

        Raises:
            IntegrationError: what the last attempt raised, when there is no fallback.
        """
        attempts = 0

        def attempt() -> T:
            nonlocal attempts
            attempts += 1
            return self._judged(operation)

        with self.telemetry.span(name) as span:
            try:
                value = self._repeated(attempt) if repeatable else attempt()
            except IntegrationError as error:
                span.failed(error, attempts)
                for other, operate in others if error.recoverable else ():
                    try:
                        found = Result(operate(), True, other, 0.0, error, attempts)
                    except IntegrationError as also:
                        _too(error, other, also)
                    else:
                        return self._degraded(found, span)
                return self._degraded(self._fallen(error, key, fallback, attempts), span)
            span.done(attempts)
        if key is not None and self.fallback is not None and self.fallback.kind == "cache" and good(value):
            self.keep.put(key, value)
        return Result(value, attempts=attempts)

    async def arun(
        self,
        operation: Callable[[], Awaitable[T]],
        *,
        name: str = "request",
        repeatable: bool = False,
        key: str | None = None,
        others: Sequence[AsyncEndpoint[T]] = (),
        fallback: bool | None = None,
        good: Callable[[T], bool] = lambda _: True,
    ) -> Result[T]:
        """As :meth:`run`, for asyncio."""
        attempts = 0

        async def attempt() -> T:
            nonlocal attempts
            attempts += 1
            return await self._ajudged(operation)

        with self.telemetry.span(name) as span:
            try:
                value = await (self._arepeated(attempt) if repeatable else attempt())
            except IntegrationError as error:
                span.failed(error, attempts)
                for other, operate in others if error.recoverable else ():
                    try:
                        found = Result(await operate(), True, other, 0.0, error, attempts)
                    except IntegrationError as also:
                        _too(error, other, also)
                    else:
                        return self._degraded(found, span)
                fallen = await asyncio.to_thread(self._fallen, error, key, fallback, attempts)
                return self._degraded(fallen, span)
            span.done(attempts)
        if key is not None and self.fallback is not None and self.fallback.kind == "cache" and good(value):
            await asyncio.to_thread(self.keep.put, key, value)
        return Result(value, attempts=attempts)

    # --- Its parts

    def _judged(self, operation: Callable[[], T]) -> T:
        """One attempt, of which the breaker learns."""
        self.breaker.enter()
        asked = False
        try:
            self._admit()
            asked = True
            value = operation()
        except BaseException as error:
            self._learn(error if asked else None)
            raise
        self.breaker.succeeded()
        return value

    async def _ajudged(self, operation: Callable[[], Awaitable[T]]) -> T:
        self.breaker.enter()
        asked = False
        try:
            await self._aadmit()
            asked = True
            value = await operation()
        except BaseException as error:
            self._learn(error if asked else None)
            raise
        self.breaker.succeeded()
        return value

    def _learn(self, error: BaseException | None) -> None:
        """A refusal (401, 404, a wrong query) is an answer: it is well. ``None``: it was not asked."""
        if not isinstance(error, IntegrationError):
            self.breaker.abandoned()
        elif error.recoverable and not isinstance(error, RateLimitError):
            self.breaker.failed()
        else:
            self.breaker.succeeded()

    def _admit(self) -> None:
        if self._limiter is None or self.rate is None:
            return
        wait = {"timeout": self.rate.wait} if self.rate.wait else {"blocking": False}
        if not self._limiter.try_acquire(self.service, **wait):
            raise self._refused(self.rate)
        self._tidy(self.rate)

    async def _aadmit(self) -> None:
        if self._limiter is None or self.rate is None:
            return
        end = time.monotonic() + self.rate.wait
        while not self._limiter.try_acquire(self.service, blocking=False):
            if time.monotonic() >= end:
                raise self._refused(self.rate)
            await asyncio.sleep(min(0.01, self.rate.seconds / self.rate.calls))
        self._tidy(self.rate)

    def _tidy(self, rate: Rate) -> None:
        """Forgets calls that count no longer, now and then."""
        if self._bucket.count() > 2 * rate.calls:
            self._bucket.leak(self._bucket.now())

    def _refused(self, rate: Rate) -> RateLimitError:
        return RateLimitError(
            f"{self.service}: more than {rate.calls} calls in {rate.seconds:g} s; waited {rate.wait:g} s for "
            "a turn (setting 'rate')",
            service=self.service,
            recoverable=False,
        )

    def _hook(self, end: float) -> Callable[[Exception], bool | float]:
        """Whether, and after which pause, an error is worth another attempt within the time that is left."""

        def worth(error: Exception) -> bool | float:
            if not isinstance(error, IntegrationError) or not error.recoverable:
                return False
            if self.breaker.state == "open":  # who waits for it would wait for the fallback too
                return False
            if not error.retry_after:
                return time.monotonic() < end
            return error.retry_after if time.monotonic() + error.retry_after < end else False

        return worth

    def _context(self, retry: Retry, end: float) -> Any:
        return stamina.retry_context(
            on=self._hook(end),
            attempts=retry.attempts,
            timeout=retry.total,
            wait_initial=retry.initial,
            wait_max=retry.maximum,
            wait_jitter=retry.jitter,
        )

    def _repeated(self, attempt: Callable[[], T]) -> T:
        if self.retry is None:
            return attempt()
        end = deadline.end_within(self.retry.total)
        for one in self._context(self.retry, end):
            with one, deadline.until(end):
                return attempt()
        raise AssertionError("stamina gave no attempt")

    async def _arepeated(self, attempt: Callable[[], Awaitable[T]]) -> T:
        if self.retry is None:
            return await attempt()
        end = deadline.end_within(self.retry.total)
        async for one in self._context(self.retry, end):
            with one, deadline.until(end):
                return await attempt()
        raise AssertionError("stamina gave no attempt")

    def _fallen(
        self, error: IntegrationError, key: str | None, allowed: bool | None, attempts: int
    ) -> Result[Any]:
        """The fallback, or the error."""
        policy = self.fallback
        allowed = key is not None if allowed is None else allowed
        if policy is None or not allowed or not error.recoverable or policy.kind == "endpoint":
            raise error
        if policy.kind == "default":
            return Result(policy.default, True, "default", None, error, attempts)
        kept = self.keep.get(key) if key is not None else None
        if kept is None or kept[1] > policy.max_age:
            raise error
        return Result(kept[0], True, "cache", kept[1], error, attempts)

    def _degraded(self, result: Result[T], span: Span) -> Result[T]:
        span.degraded(result.source)
        age = f", {result.age:.0f} s old" if result.source == "cache" else ""
        warnings.warn(
            f"{self.service} does not answer ({result.reason}); the value is from {result.source}{age}",
            DegradedWarning,
            stacklevel=3,
        )
        log.warning(
            "fallback",
            extra={"service": self.service, "source": result.source, "age": result.age},
        )
        return result


def patient(breaker: Breaker | None, retry: Retry | None) -> Breaker | None:
    """A breaker that does not open in the midst of the attempts of one request, unless it was told when."""
    if breaker is None or retry is None or "failures" in breaker.model_fields_set:
        return breaker
    return breaker.model_copy(update={"failures": max(breaker.failures, retry.attempts)})


def _too(error: IntegrationError, other: str, also: IntegrationError) -> None:
    """The other endpoint failed too: whoever reads the error must not look for it at one place only."""
    error.message += f"; and {other} does not stand in for it: {also}"
    error.args = (error.message, *error.args[1:])
