"""Retry, rate limit, breaker and fallback, in threads and in asyncio."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from arcuate.connector import (
    AuthenticationError,
    Breaker,
    CircuitOpenError,
    ConnectionError,  # noqa: A004
    DegradedWarning,
    Fallback,
    IntegrationError,
    Keep,
    Rate,
    RateLimitError,
    Resilience,
    Retry,
)
from arcuate.connector.breaker import CircuitBreaker
from arcuate.errors import ArcuateError, AuthenticationFailed, ConnectionLost, RateLimited
from arcuate.storage.notes import Notes

FAST = Retry(attempts=4, initial=0.001, maximum=0.002, jitter=0.0, total=5.0)


class Flaky:
    """An operation that fails so often, then answers; counts."""

    def __init__(self, *errors: BaseException, value: Any = 42) -> None:
        self.errors = list(errors)
        self.value = value
        self.calls = 0

    def __call__(self) -> Any:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.value

    async def later(self) -> Any:
        return self()


def run(one: Resilience, operation: Flaky, how: str, **options: Any) -> Any:
    if how == "threads":
        return one.run(operation, **options)
    return asyncio.run(one.arun(operation.later, **options))


@pytest.fixture(params=["threads", "asyncio"])
def how(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Resilience]]:
    made: list[Resilience] = []

    def build(**policies: Any) -> Resilience:
        made.append(Resilience("probe", keep=Keep("probe", tmp_path / "kept"), **policies))
        return made[-1]

    yield build
    for one in made:
        one.close()


def test_the_tree() -> None:
    """The errors are caught by the classes that the rest of Arcuate has, and by Python's own."""
    for error, base, builtin in [
        (AuthenticationError("x"), AuthenticationFailed, PermissionError),
        (RateLimitError("x"), RateLimited, ArcuateError),
        (ConnectionError("x"), ConnectionLost, OSError),
    ]:
        assert isinstance(error, IntegrationError)
        assert isinstance(error, base)
        assert isinstance(error, builtin)
        assert error.code == base.code


def test_what_may_be_repeated_is(make: Callable[..., Resilience], how: str) -> None:
    operation = Flaky(ConnectionError("1"), ConnectionError("2"))
    result = run(make(retry=FAST), operation, how, repeatable=True)
    assert (result.value, result.attempts, result.degraded, operation.calls) == (42, 3, False, 3)


def test_what_may_not_is_not(make: Callable[..., Resilience], how: str) -> None:
    operation = Flaky(ConnectionError("1"))
    with pytest.raises(ConnectionError):
        run(make(retry=FAST), operation, how)
    assert operation.calls == 1


@pytest.mark.parametrize(
    "error", [AuthenticationError("no"), IntegrationError("no", status=404), KeyError("a defect")]
)
def test_what_will_not_pass_is_not_repeated(
    make: Callable[..., Resilience], how: str, error: Exception
) -> None:
    operation = Flaky(error)
    with pytest.raises(type(error)):
        run(make(retry=FAST), operation, how, repeatable=True)
    assert operation.calls == 1


def test_it_gives_up(make: Callable[..., Resilience], how: str) -> None:
    operation = Flaky(*(ConnectionError(str(i)) for i in range(9)))
    with pytest.raises(ConnectionError, match="3"):
        run(make(retry=FAST), operation, how, repeatable=True)
    assert operation.calls == FAST.attempts


def test_the_system_says_when(make: Callable[..., Resilience], how: str) -> None:
    """``retry_after`` is waited for; one beyond the time that is left ends it at once."""
    begun = time.monotonic()
    assert run(make(retry=FAST), Flaky(RateLimitError("", retry_after=0.2)), how, repeatable=True).value == 42
    assert time.monotonic() - begun >= 0.2
    operation = Flaky(RateLimitError("", retry_after=3600.0))
    begun = time.monotonic()
    with pytest.raises(RateLimitError):
        run(make(retry=FAST), operation, how, repeatable=True)
    assert operation.calls == 1
    assert time.monotonic() - begun < 3


def test_at_once_is_no_time(make: Callable[..., Resilience], how: str) -> None:
    """Who says 'again in 0 s', or is tried by another call just now, is not asked without a pause."""
    one = make(retry=Retry(attempts=3, initial=0.1, maximum=0.1, jitter=0.0))
    begun = time.monotonic()
    run(one, Flaky(*(RateLimitError("x", retry_after=0.0) for _ in range(2))), how, repeatable=True)
    assert time.monotonic() - begun >= 0.2


def test_our_own_limit(make: Callable[..., Resilience], how: str) -> None:
    one = make(rate=Rate(calls=3, seconds=60.0, wait=0.0))
    for _ in range(3):
        run(one, Flaky(), how)
    operation = Flaky()
    with pytest.raises(RateLimitError, match=r"more than 3 calls in 60 s.*'rate'"):
        run(one, operation, how)
    assert operation.calls == 0


def test_our_own_limit_makes_calls_wait(make: Callable[..., Resilience], how: str) -> None:
    one = make(rate=Rate(calls=2, seconds=0.3, wait=5.0))
    begun = time.monotonic()
    for _ in range(5):
        run(one, Flaky(), how)
    assert time.monotonic() - begun >= 0.5


def test_the_breaker(make: Callable[..., Resilience], how: str) -> None:
    """It opens after failures in a row, refuses at once, lets one try after a while, and closes."""
    now = [0.0]
    one = make(breaker=Breaker(failures=2, seconds=10.0))
    one.breaker = CircuitBreaker(Breaker(failures=2, seconds=10.0), "probe", lambda: now[0])
    for _ in range(2):
        with pytest.raises(ConnectionError):
            run(one, Flaky(ConnectionError("")), how)
    operation = Flaky()
    with pytest.raises(CircuitOpenError, match=r"probe failed 2 times.*10.0 s more") as caught:
        run(one, operation, how)
    assert operation.calls == 0
    assert caught.value.retry_after == 10.0
    now[0] = 10.0
    assert one.breaker.state == "half open"
    with pytest.raises(ConnectionError):  # the one that tries fails: open again
        run(one, Flaky(ConnectionError("")), how)
    with pytest.raises(CircuitOpenError):
        run(one, Flaky(), how)
    now[0] = 20.0
    assert run(one, Flaky(), how).value == 42
    assert one.breaker.state == "closed"


def test_who_is_left_alone_needs_no_turn(make: Callable[..., Resilience], how: str) -> None:
    """Nobody waits for the right to ask a system that is left alone; and that right says nothing of it."""
    one = make(retry=None, breaker=Breaker(failures=1), rate=Rate(calls=1, seconds=60, wait=0))
    with pytest.raises(IntegrationError):
        run(one, Flaky(ConnectionError("x")), how)
    for _ in range(3):
        with pytest.raises(CircuitOpenError):
            run(one, Flaky(), how)
    one.breaker._opened = -1e9
    for _ in range(2):
        with pytest.raises(RateLimitError):
            run(one, Flaky(), how)
    assert one.breaker.state == "half open"


def test_nobody_waits_for_who_is_left_alone(make: Callable[..., Resilience], how: str) -> None:
    """The fallback is given at once, and the error is the one that says why."""
    retry = FAST.model_copy(update={"total": 60.0})
    one = make(retry=retry, breaker=Breaker(failures=2, seconds=20.0), fallback=Fallback(kind="default"))
    operation = Flaky(*(ConnectionError("down") for _ in range(9)))
    with pytest.warns(DegradedWarning, match="does not answer .down."):
        run(one, operation, how, repeatable=True, fallback=True)
    with pytest.warns(DegradedWarning, match="left alone"):
        run(one, operation, how, repeatable=True, fallback=True)
    assert operation.calls == 2


def test_attempts_that_were_asked_for_are_made(make: Callable[..., Resilience], how: str) -> None:
    """The usual number of failures after which a system is left alone does not end one request."""
    many = FAST.model_copy(update={"attempts": 9})
    for breaker, calls in ((Breaker(), 9), (Breaker(seconds=9.0), 9), (Breaker(failures=5), 5)):
        one, operation = make(retry=many, breaker=breaker), Flaky(*[ConnectionError("down")] * 9)
        with pytest.raises(ConnectionError):
            run(one, operation, how, repeatable=True)
        assert operation.calls == calls
        assert one.breaker.state == "open"


def test_a_request_within_a_request_keeps_its_end(make: Callable[..., Resilience], how: str) -> None:
    """As that for a token is: its pauses are part of the time of the whole."""
    inner = make(retry=Retry(attempts=9, initial=0.2, maximum=0.2, jitter=0.0, total=5.0), breaker=None)
    outer = make(retry=Retry(attempts=2, initial=0.1, jitter=0.0, total=0.3), breaker=None)
    operation = Flaky(*(ConnectionError("down") for _ in range(9)))

    class Nested(Flaky):
        def __call__(self) -> Any:
            return inner.run(operation, repeatable=True).value

        async def later(self) -> Any:
            return (await inner.arun(operation.later, repeatable=True)).value

    with pytest.raises(ConnectionError):
        run(outer, Nested(), how, repeatable=True)
    assert operation.calls < 5


def test_only_one_tries(make: Callable[..., Resilience]) -> None:
    now = [0.0]
    breaker = CircuitBreaker(Breaker(failures=1, seconds=1.0), clock=lambda: now[0])
    breaker.failed()
    now[0] = 1.0
    admitted = []

    def enter() -> None:
        try:
            breaker.enter()
        except CircuitOpenError:
            return
        admitted.append(1)

    threads = [threading.Thread(target=enter) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 1
    breaker.abandoned()  # it was cancelled: another may try
    breaker.enter()


def test_a_refusal_is_a_sign_of_life(make: Callable[..., Resilience], how: str) -> None:
    one = make(breaker=Breaker(failures=2, seconds=10.0))
    for _ in range(5):
        with pytest.raises(AuthenticationError):
            run(one, Flaky(AuthenticationError("")), how)
    assert one.breaker.state == "closed"


def test_the_last_good_value(make: Callable[..., Resilience], how: str) -> None:
    """With its age and the reason, as a value of the same types: labels and missing values included."""
    table = pd.DataFrame({"n": pd.array([1, None], "Int64"), "t": ["é", None]})
    one = make(fallback=Fallback())
    assert not run(one, Flaky(value=table), how, key="k").degraded
    with pytest.warns(DegradedWarning, match="probe does not answer .down.; the value is from cache"):
        result = run(one, Flaky(ConnectionError("down")), how, key="k")
    assert result.degraded
    assert result.source == "cache"
    assert 0 <= result.age < 30
    assert str(result.reason) == "down"
    pd.testing.assert_frame_equal(result.value, table)


@pytest.mark.parametrize("error", [AuthenticationError("no"), IntegrationError("404")])
def test_a_refusal_has_no_fallback(make: Callable[..., Resilience], how: str, error: Exception) -> None:
    """An old value would hide that the question is wrong."""
    one = make(fallback=Fallback())
    run(one, Flaky(), how, key="k")
    with pytest.raises(type(error)):
        run(one, Flaky(error), how, key="k")


def test_what_is_too_old_is_not_given(make: Callable[..., Resilience], how: str) -> None:
    one = make(fallback=Fallback(max_age=1e-9))
    run(one, Flaky(), how, key="k")
    with pytest.raises(ConnectionError):
        run(one, Flaky(ConnectionError("")), how, key="k")
    with pytest.raises(ConnectionError):
        run(one, Flaky(ConnectionError("")), how, key="another")


def test_a_fixed_value(make: Callable[..., Resilience], how: str) -> None:
    one = make(fallback=Fallback(kind="default", default=[]))
    with pytest.warns(DegradedWarning):
        result = run(one, Flaky(ConnectionError("")), how, fallback=True)
    assert (result.value, result.source, result.age) == ([], "default", None)


def test_what_changes_something_has_no_fallback(make: Callable[..., Resilience], how: str) -> None:
    """Unless a request says that it only reads: by a key, or outright."""
    one = make(fallback=Fallback(kind="default", default=[]), retry=FAST)
    for repeatable in (False, True):
        with pytest.raises(ConnectionError):
            run(one, Flaky(*[ConnectionError("")] * 9), how, repeatable=repeatable)


def test_another_endpoint(make: Callable[..., Resilience], how: str) -> None:
    one = make()
    second, third = Flaky(ConnectionError("also down")), Flaky(value=7)
    places = [("mirror1", second), ("mirror2", third)]
    others = [(name, it if how == "threads" else it.later) for name, it in places]
    with pytest.warns(DegradedWarning, match="from mirror2$"):
        result = run(one, Flaky(ConnectionError("")), how, others=others)
    assert (result.value, result.source, result.degraded) == (7, "mirror2", True)
    assert second.calls == 1
    second.errors.append(ConnectionError("also down"))
    third.errors.append(ConnectionError("so is this"))
    with pytest.raises(ConnectionError, match=r"down; and mirror1 .*also down; and mirror2 .*so is this"):
        run(one, Flaky(ConnectionError("down")), how, others=others)
    with pytest.raises(AuthenticationError):  # a refusal is an answer: nobody else is asked
        run(one, Flaky(AuthenticationError("no")), how, others=others)
    assert third.calls == 2


def test_kept_values_are_private(tmp_path: Path) -> None:
    keep = Keep("s", tmp_path / "kept")
    assert keep.put("k", np.arange(3.0))
    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0
    assert all(one.stat().st_mode & 0o077 == 0 for one in (tmp_path / "kept").iterdir())
    value, _ = keep.get("k") or (None, 0)
    np.testing.assert_array_equal(value, np.arange(3.0))
    (tmp_path / "kept").chmod(0o755)
    assert keep.get("k") is None
    assert not keep.put("k", 1)


def test_what_cannot_be_kept_is_not(tmp_path: Path) -> None:
    keep = Keep("s", tmp_path / "kept", limit=1000)
    assert not keep.put("k", object())
    assert not keep.put("k", b"x" * 1000)
    assert keep.put("k", 1)
    path = next((tmp_path / "kept").iterdir())
    path.write_bytes(path.read_bytes()[:-64])
    assert keep.get("k") is None


def test_the_oldest_kept_values_make_room(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    for number in range(9):
        assert Keep("s", folder).put(str(number), bytes(1000))
        for one in folder.iterdir():  # an hour goes by
            os.utime(one, (one.stat().st_atime, one.stat().st_mtime - 3600))
    (folder / "mine.txt").write_bytes(bytes(10_000))
    (folder / "begun.new").write_bytes(bytes(10))
    os.utime(folder / "begun.new", (0, 0))
    keep = Keep("s", folder, room=4 * 4096)  # a file takes a block at least
    assert keep.put("9", bytes(1000))
    assert [number for number in range(10) if keep.get(str(number))] == [6, 7, 8, 9]
    assert len(list(folder.iterdir())) == 5, "four values, and what is not Arcuate's"
    assert all(keep.put(str(number), bytes(1000)) for number in range(10, 20))
    assert len(list(folder.iterdir())) == 5, "later, too"


def test_without_a_home_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 999_999_999)  # whom the system does not know
    assert not Keep("s").put("k", 1)
    Notes("").put({"upload": "1"}, "k")
    assert Notes("").get("k") is None
    assert not list(tmp_path.iterdir()), "a folder of that name, where the program happened to be"


def test_nothing_is_left(make: Callable[..., Resilience]) -> None:
    """The limiter has no thread, and remembers no more calls than it has to."""
    before = set(threading.enumerate())
    one = make(rate=Rate(calls=5, seconds=0.001))
    for _ in range(50):
        one.run(Flaky())
    assert one._bucket.count() <= 11
    assert set(threading.enumerate()) <= before
    one.close()


def test_spans_and_metrics() -> None:
    """As OpenTelemetry's own SDK records them."""
    code = """
import asyncio
import os
from opentelemetry import trace, metrics
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider([reader]))
from tests.connector.test_resilience import FAST, Flaky, run
from arcuate.connector import ConnectionError, Fallback, Resilience
from arcuate.errors import LimitExceeded
import warnings
warnings.simplefilter("ignore")
for how in ("threads", "asyncio"):
    one = Resilience(how, retry=FAST)
    run(one, Flaky(ConnectionError("password")), how, name="read", repeatable=True)
    for error in (ConnectionError("password"), LimitExceeded("password"), KeyError("password")):
        try: run(one, Flaky(error), how, name="write")
        except type(error): pass
    old = Resilience(how, fallback=Fallback(kind="default"))
    run(old, Flaky(ConnectionError("password")), how, name="old", fallback=True)
for span in spans.get_finished_spans():
    print(span.name, span.status.status_code.name, sorted(span.attributes.items()))
    assert "password" not in span.to_json()
for metric in reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics:
    points = metric.data.data_points
    print(metric.name, sorted(tuple(sorted(p.attributes.items())) for p in points))
"""
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    spans = []
    for how in ("threads", "asyncio"):
        usual = [("arcuate.attempts", 1), ("arcuate.service", how)]
        written = [[*usual, ("error.type", why)] for why in ("CONNECTION_LOST", "LIMIT_EXCEEDED", "KeyError")]
        old = [usual[0], ("arcuate.fallback", "default"), usual[1], ("error.type", "CONNECTION_LOST")]
        spans += [
            f"{how} read UNSET {[('arcuate.attempts', 2), usual[1]]}",
            *(f"{how} write ERROR {one}" for one in written),
            f"{how} old ERROR {old}",
        ]
    outcomes = [
        (("outcome", outcome), ("request", request), ("service", how))
        for outcome, request in (
            ("CONNECTION_LOST", "old"),
            ("CONNECTION_LOST", "write"),
            ("KeyError", "write"),
            ("LIMIT_EXCEEDED", "write"),
            ("ok", "read"),
        )
        for how in ("asyncio", "threads")
    ]
    assert done.stdout.splitlines() == [
        *spans,
        f"arcuate.integration.duration {outcomes}",
        f"arcuate.integration.attempts {outcomes}",
    ]


def test_no_warning_where_all_is_well(make: Callable[..., Resilience], how: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(make(fallback=Fallback(), retry=FAST, breaker=Breaker()), Flaky(), how, key="k")
