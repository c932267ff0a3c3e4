"""What a connector promises about servers and networks that fail."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from arcuate.connector import (
    ConnectionError,  # noqa: A004
    Connector,
    IntegrationError,
    IntegrationTimeout,
)
from arcuate.connector.testing.contract import ConnectorContract
from arcuate.connector.testing.proxy import Fault, FaultProxy
from arcuate.errors import ArcuateError

__all__ = ["NetworkContract"]

CUT = Fault(cut=1)
RESET = Fault(cut=1, reset=True)
SILENT = Fault(silent=True)


class NetworkContract(ConnectorContract):
    """Checks of a connector whose system is a server at a host and port.

    Between the two is a :class:`FaultProxy`; :meth:`through` says how its address is written.
    """

    def through(self, url: str, port: int) -> str:
        """The same address, with this port of this machine."""
        parts = urlsplit(url)
        user, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{port}"))

    def between(self, url: str) -> FaultProxy:
        """A proxy in front of the system."""
        parts = urlsplit(url)
        assert parts.port is not None, "the fixture 'address' gives a url with a port"
        return FaultProxy(parts.port, parts.hostname or "127.0.0.1")

    @pytest.fixture
    def proxy(self, address: str) -> Iterator[FaultProxy]:
        """The proxy of one check."""
        with self.between(address) as proxy:
            yield proxy

    def fragile(self, address: str, proxy: FaultProxy, **settings: Any) -> Connector:
        """An impatient connector behind the proxy."""
        return self.impatient(self.through(address, proxy.port), **settings)

    @pytest.fixture
    def nowhere(self, address: str) -> Iterator[str]:
        """The address of a port where nobody listens, and nobody will during a test."""
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
            yield self.through(address, int(holder.getsockname()[1]))

    # --- It is away

    def test_nobody_listens(self, nowhere: str) -> None:
        with self.lent(self.impatient(nowhere)) as connector:
            error = self.refused(lambda: self.use(connector))
            assert isinstance(error, ConnectionError), repr(error)
            assert error.recoverable, "a server that is down may be up later"
            assert error.executed == "no", "nothing was sent"

    @pytest.mark.parametrize("fault", [CUT, RESET], ids=["cut", "reset"])
    def test_it_ends_the_connection(self, address: str, proxy: FaultProxy, fault: Fault) -> None:
        proxy.fault = fault
        with self.lent(self.fragile(address, proxy)) as connector:
            error = self.refused(lambda: self.use(connector))
            assert isinstance(error, (ConnectionError, IntegrationTimeout)), repr(error)
            assert error.recoverable
            assert error.__cause__ is not None
            down = connector.health()
            assert down.status == "down", down
            self.hidden(repr(down))
            proxy.fault = Fault()
            self.in_time(lambda: self.use(connector))
            up = connector.health()
            assert up.status == "ok", up
            assert up.since is not None
            assert down.since is not None
            assert up.since > down.since

    def test_what_may_be_repeated_is(self, address: str, proxy: FaultProxy) -> None:
        retry = {"attempts": 50, "initial": 0.01, "maximum": 0.02, "jitter": 0.0, "total": self.patience}
        proxy.fault = CUT
        with self.lent(self.fragile(address, proxy, retry=retry)) as connector:
            tried = threading.Event()

            def mend() -> None:
                while proxy.connections < 2 and not tried.wait(0.005):
                    pass
                proxy.fault = Fault()

            mender = threading.Thread(target=mend)
            mender.start()
            found = self.in_time(lambda: self.use(connector))
            tried.set()
            mender.join()
            assert not isinstance(found, BaseException), f"it was not tried again: {found!r}"
            assert proxy.connections > 1

    def test_it_is_started_again(self, address: str, proxy: FaultProxy) -> None:
        """A connection that broke while nobody used it is replaced."""
        retry = {"attempts": 3, "initial": 0.01, "maximum": 0.02, "jitter": 0.0}
        with self.lent(self.fragile(address, proxy, retry=retry)) as connector:
            self.use(connector)
            proxy.drop()
            found = self.in_time(lambda: self.use(connector))
            assert not isinstance(found, BaseException), f"it did not connect again: {found!r}"

    # --- It says nothing

    def test_it_takes_the_connection_and_says_nothing(self, address: str, proxy: FaultProxy) -> None:
        proxy.fault = SILENT
        with self.lent(self.fragile(address, proxy)) as connector:
            self._late(self.refused(lambda: self.use(connector)))
            health = self.in_time(connector.health)
            assert getattr(health, "status", None) == "down", health

    def test_it_falls_silent(self, address: str, proxy: FaultProxy) -> None:
        """Half-open: the connection is there, and nobody is at its other end."""
        with self.lent(self.fragile(address, proxy)) as connector:
            self.use(connector)
            proxy.hush()
            self._late(self.refused(lambda: self.use(connector)))
            assert self.in_time(connector.close) is None

    def _late(self, error: IntegrationError) -> None:
        assert isinstance(error, (IntegrationTimeout, ConnectionError)), repr(error)
        assert error.recoverable

    def test_closing_while_it_says_nothing(self, address: str, proxy: FaultProxy) -> None:
        proxy.fault = SILENT
        connector = self.fragile(address, proxy)
        found: list[object] = []
        thread = threading.Thread(
            target=lambda: found.append(self.in_time(lambda: self.use(connector))), daemon=True
        )
        thread.start()
        for _ in range(1000):
            if proxy.connections:
                break
            thread.join(0.01)
        assert self.in_time(connector.close) is None
        thread.join(self.patience)
        assert len(found) == 1
        assert isinstance(found[0], ArcuateError), f"{found[0]!r} left the connector"

    def test_nothing_is_left_of_what_failed(self, address: str) -> None:
        def life() -> None:
            with self.between(address) as proxy, self.lent(self.fragile(address, proxy)) as connector:
                for fault in (CUT, RESET, Fault()):
                    proxy.fault = fault
                    self.in_time(lambda: self.use(connector))
                proxy.drop()

        assert self.held_after(life) == []
