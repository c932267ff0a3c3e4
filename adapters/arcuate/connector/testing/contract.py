"""What every connector promises, wherever its system is."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from arcuate.connector import Connector, IntegrationError
from arcuate.connector.testing.held import Held
from arcuate.errors import ArcuateError, SessionClosed

__all__ = ["ConnectorContract"]

_OPTIONAL: dict[str, tuple[str, ...]] = {
    "begin": ("test_closing_ends_what_was_begun",),
    "stranger": ("test_a_stranger_is_refused",),
}
"""What a contract may leave out, and the checks that go with it."""


class ConnectorContract:
    """Checks of one connector. Subclass it in a test module as ``class Test...``.

    A subclass has, itself or in its conftest.py, the fixtures ``address``, the url of a system that runs, and
    ``nowhere``, that of one that is not there, and writes :meth:`connector` and :meth:`use`; :meth:`begin`
    and :meth:`stranger` where its system has such.

    Attributes:
        secret: a text that :meth:`connector` gives to the connector and that nobody may see; ``""``: none.
        patience: seconds after which a wait is taken for one without end.
        times: ``timeouts`` of connectors that meet a fault.
    """

    secret: ClassVar[str] = ""
    patience: ClassVar[float] = 15.0
    times: ClassVar[dict[str, float]] = {"connect": 0.5, "read": 0.5, "call": 0.5}

    # --- To be written for a connector

    def connector(self, url: str, **settings: Any) -> Connector:
        """A connector of the system at this url, with these settings beside its own."""
        raise NotImplementedError("write connector(self, url, **settings)")

    def use(self, connector: Any) -> object:
        """One request that the system answers, and that may be repeated."""
        raise NotImplementedError("write use(self, connector)")

    def begin(self, connector: Any) -> Iterator[object]:
        """A long answer, of which the first piece has come: a stream, a cursor."""
        raise NotImplementedError

    def stranger(self, url: str) -> Connector:
        """A connector with credentials that the system does not accept."""
        raise NotImplementedError

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for hook, names in _OPTIONAL.items():
            written = getattr(cls, hook) is not getattr(ConnectorContract, hook)
            for name in names:
                setattr(cls, name, getattr(ConnectorContract, name) if written else None)

    # --- Help

    def in_time(self, work: Callable[[], object]) -> object:
        """What work gives or raises, in a thread, so that a wait without end is a failure and no stop."""
        found: list[object] = []

        def run() -> None:
            try:
                found.append(work())
            except BaseException as error:
                found.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(self.patience)
        assert found, f"it still waits after {self.patience:g} s: some wait of it has no bound"
        return found[0]

    def refused(self, work: Callable[[], object]) -> IntegrationError:
        """The error that work raises, which is one of connectors' and says what it should."""
        error = self.in_time(work)
        assert isinstance(error, BaseException), f"it gave {error!r} instead of an error"
        self.hidden("".join(traceback.format_exception(type(error), error, error.__traceback__)))
        assert isinstance(error, IntegrationError), (
            f"{type(error).__module__}.{type(error).__name__} left the connector: {error}; raise an "
            "IntegrationError from it"
        )
        assert str(error).strip(), "the error says nothing"
        assert error.service, "the error's 'service' is not set"
        assert error.service in str(error), f"the message does not say which connector it is of: {error}"
        self.hidden(f"{error!r} {error.detail!r} {vars(error)}")
        return error

    def hidden(self, text: str) -> None:
        """No secret is in a text."""
        assert not self.secret or self.secret not in text, f"the secret can be read: {text}"

    def impatient(self, url: str, **settings: Any) -> Connector:
        """A connector that does not wait long and tries nothing twice."""
        return self.connector(url, **{"timeouts": self.times, "retry": None, "breaker": None, **settings})

    @contextlib.contextmanager
    def lent(self, connector: Connector) -> Iterator[Any]:
        """A connector that nobody opened, and that is closed in the end, in time."""
        try:
            yield connector
        finally:
            error = self.in_time(connector.close)
            assert error is None, f"close() raised {error!r}"

    def held_after(self, work: Callable[[], object]) -> list[str]:
        """What is still held after work; the first time it may keep what a library needs but once."""
        work()
        before = Held()
        work()
        return before.left(self.patience)

    # --- Life

    def test_it_opens_and_closes_twice(self, address: str) -> None:
        connector = self.connector(address)
        assert "not opened" in repr(connector)
        assert connector.open() is connector.open()
        assert repr(connector).endswith(", open>")
        self.use(connector)
        connector.close()
        connector.close()
        assert repr(connector).endswith(", closed>")

    def test_a_request_opens_it(self, address: str) -> None:
        with self.lent(self.connector(address)) as connector:
            self.use(connector)
            assert ", open" in repr(connector)

    def test_what_was_never_opened_is_closed(self, address: str) -> None:
        connector = self.connector(address)
        connector.close()
        assert "closed" in repr(connector)

    def test_after_the_end_nothing_goes(self, address: str) -> None:
        connector = self.connector(address)
        self.use(connector)
        connector.close()
        for work in (connector.open, lambda: self.use(connector)):
            error = self.in_time(work)
            assert isinstance(error, SessionClosed), f"after close() it gave {error!r}, and no SessionClosed"
        assert connector.health().status == "unknown"

    def test_a_with_block_closes(self, address: str) -> None:
        connector = self.connector(address)
        with contextlib.suppress(KeyError), connector as same:
            assert same is connector
            self.use(same)
            raise KeyError("of the program")
        assert "closed" in repr(connector)

    def test_asyncio(self, address: str) -> None:
        async def main() -> Connector:
            async with self.connector(address) as connector:
                assert (await connector.ahealth()).status == "ok"
                await asyncio.gather(*(asyncio.to_thread(self.use, connector) for _ in range(3)))
                assert await connector.aopen() is connector
            await connector.aclose()
            return connector

        assert "closed" in repr(asyncio.run(main()))

    def test_settings_are_shared(self, address: str) -> None:
        with self.connector(address, name="one-of-two") as one:
            assert one.name == one.config.name == "one-of-two"
            with type(one)(one.config) as two:
                assert two.config.model_dump() == one.config.model_dump()

    def test_threads_share_it(self, address: str) -> None:
        with self.lent(self.connector(address)) as connector:
            found: list[object] = []

            def work() -> None:
                try:
                    self.use(connector)
                    found.append(None)
                except BaseException as error:
                    found.append(error)

            self.in_time(lambda: _in_threads(work, 6))
            assert found == [None] * 6

    # --- Health

    def test_health_of_what_is_well(self, address: str) -> None:
        with self.lent(self.connector(address)) as connector:
            health = connector.health()
            assert (health.name, health.status, bool(health)) == (connector.name, "ok", True), health
            assert health.latency is not None
            assert 0 < health.latency < self.patience
            assert health.since is not None
            assert health.since.tzinfo is not None
            assert health.since <= dt.datetime.now(dt.timezone.utc)
            again = connector.health()
            assert again.since == health.since, "'since' moved although nothing changed"
            self.hidden(json.dumps(health.to_dict()))

    def test_health_of_what_is_not_there(self, nowhere: str) -> None:
        with self.lent(self.impatient(nowhere)) as connector:
            health = self.in_time(connector.health)
            assert not isinstance(health, BaseException), f"health() raised {health!r}"
            assert getattr(health, "status", None) == "down", health
            assert getattr(health, "latency", 0.0) is None
            assert getattr(health, "detail", ""), "health() does not say what is wrong"
            self.hidden(repr(health))

    # --- Errors and secrets

    def test_an_error_of_what_is_not_there(self, nowhere: str) -> None:
        with self.lent(self.impatient(nowhere)) as connector:
            error = self.refused(lambda: self.use(connector))
            assert isinstance(error, ArcuateError)
            assert error.__cause__ is not None, "the library's own error is lost: raise ... from it"

    def test_a_stranger_is_refused(self, address: str) -> None:
        from arcuate.connector import AuthenticationError

        with self.lent(self.stranger(address)) as connector:
            error = self.refused(lambda: self.use(connector))
            assert isinstance(error, AuthenticationError), repr(error)
            assert not error.recoverable, "the same credentials will not do later either"
            assert connector.health().status == "down"

    def test_secrets_are_not_shown(self, address: str, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG")
        with self.connector(address) as connector:
            self.use(connector)
            self.hidden(repr(connector.health()))
            shown = [repr(connector), str(connector), repr(connector.config), str(connector.config)]
            self.hidden("\n".join([*shown, str(vars(connector))]))
            if self.secret:
                assert self.secret in connector.secrets(), "secrets() does not name it: errors may show it"
                assert self.secret not in connector.conceal(f"said: {self.secret}")
        self.hidden(caplog.text)

    # --- Nothing is left

    def test_nothing_is_left(self, address: str, nowhere: str) -> None:
        def life() -> None:
            with self.connector(address) as connector:
                self.use(connector)
                connector.health()

        def without_an_end() -> None:
            connector = self.connector(address)
            self.use(connector)
            connector.close()

        def in_vain() -> None:
            with self.lent(self.impatient(nowhere)) as connector, pytest.raises(IntegrationError):
                self.use(connector)

        for work in (life, without_an_end, in_vain):
            assert self.held_after(work) == [], work.__name__

    def test_closing_during_use(self, address: str) -> None:
        def life() -> None:
            connector = self.connector(address)
            started, found = threading.Semaphore(0), list[BaseException]()

            def work() -> None:
                try:
                    for _ in range(100_000):
                        self.use(connector)
                        started.release()
                except BaseException as error:
                    found.append(error)
                finally:
                    started.release(6)

            def both() -> list[BaseException]:
                threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
                for thread in threads:
                    thread.start()
                for _ in range(6):
                    started.acquire()
                early = list(found)
                connector.close()
                for thread in () if early else threads:
                    thread.join()
                return early

            outcome = self.in_time(both)
            assert not isinstance(outcome, BaseException), f"close() raised {outcome!r}"
            assert not outcome, f"before it was closed, use() raised {outcome}"
            bare = [error for error in found if not isinstance(error, ArcuateError)]
            assert not bare, f"{bare} left the connector when it was closed in another thread"

        assert self.held_after(life) == []

    def test_closing_ends_what_was_begun(self, address: str) -> None:
        def life() -> None:
            connector = self.connector(address)
            stream = self.begin(connector)
            connector.close()
            outcome = self.in_time(lambda: list(stream))
            if isinstance(outcome, BaseException):
                assert isinstance(outcome, ArcuateError), f"{outcome!r} left the connector"
            getattr(stream, "close", lambda: None)()

        assert self.held_after(life) == []


def _in_threads(work: Callable[[], object], number: int) -> None:
    threads = [threading.Thread(target=work, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
