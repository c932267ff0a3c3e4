"""What every connector is: configured, opened, closed, asked for its health, and resilient."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, ClassVar, TypeVar

from pydantic import SecretStr, ValidationError
from typing_extensions import Self

from arcuate.connector import logs
from arcuate.connector.config import ConnectorConfig, explained, load
from arcuate.connector.errors import IntegrationError
from arcuate.connector.health import Health, Status
from arcuate.connector.resilience import Resilience
from arcuate.connector.secrets import conceal, redacted, reveal
from arcuate.errors import ArcuateError, SessionClosed

__all__ = ["Connector", "secrets_of"]

T = TypeVar("T")


class Connector:
    """One system, through one library.

    A subclass sets :attr:`Config` and :attr:`default_name` and writes :meth:`_open`, :meth:`_close` and
    :meth:`_check`; its requests go through ``self.resilience.run``.

    Args:
        config: a configuration, a mapping, or nothing.
        **arguments: settings; they win over ``config``.

    Attributes:
        config: the settings.
        resilience: what carries requests out.
    """

    Config: ClassVar[type[ConnectorConfig]] = ConnectorConfig
    default_name: ClassVar[str] = ""

    def __init__(
        self, config: ConnectorConfig | Mapping[str, Any] | None = None, /, **arguments: Any
    ) -> None:
        if isinstance(config, ConnectorConfig):
            found: Any = config
            if arguments:
                try:
                    found = type(config).model_validate({**dict(config), **arguments})
                except ValidationError as error:
                    name = str(arguments.get("name") or config.name or self.default_name)
                    raise explained(type(config), name, error) from None
        else:
            found = load(self.Config, config, arguments, name=self.default_name)
        self.config: Any = found
        self.resilience = Resilience(
            self.name,
            retry=found.retry,
            rate=found.rate,
            breaker=found.breaker,
            fallback=found.fallback,
        )
        self._lock = threading.RLock()
        self._opened = self._closed = False
        self._status: Status = "unknown"
        self._since: dt.datetime | None = None
        self._siblings: dict[str, Self] = {}

    # --- To be written by a connector

    def _open(self) -> None:
        """Connects, as far as the library does so before the first request."""

    def _close(self) -> None:
        """Gives back what :meth:`_open` took."""

    def _check(self) -> Mapping[str, Any]:
        """Asks the system for a sign of life, once, without repetition; facts such as its version."""
        return {}

    # --- Life

    @property
    def name(self) -> str:
        """How it is called in health, logs and settings."""
        return self.config.name or self.default_name or type(self).__name__

    def open(self) -> Self:
        """Connects. A second call does nothing; requests call it."""
        self._still_open()
        if not self._opened:
            with self._lock:
                self._still_open()
                if not self._opened:
                    logs.watch(self)
                    self._open()
                    self._opened = True
        return self

    def _still_open(self) -> None:
        """Takes no lock: close() has it while it waits for requests, which call this.

        Raises:
            SessionClosed: it was closed.
        """
        if self._closed:
            raise SessionClosed(f"{self.name} was closed; make a new {type(self).__name__}")

    def close(self) -> None:
        """Gives everything back. A second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            siblings = list(self._siblings.values())
            try:
                if self._opened:
                    self._close()
            finally:
                self.resilience.close()
                for one in siblings:
                    one.close()

    async def aopen(self) -> Self:
        """As :meth:`open`, for asyncio."""
        return await asyncio.to_thread(self.open)

    async def aclose(self) -> None:
        """As :meth:`close`, for asyncio."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return await self.aopen()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open" if self._opened else "not opened"
        where = f" {redacted(self.config.url)}" if self.config.url else ""
        return f"<{type(self).__name__} {self.name}{where}, {state}>"

    # --- Other addresses of the same system

    def _elsewhere(self, use: Callable[[Self], T]) -> list[tuple[str, Callable[[], T]]]:
        """The same request for each other address of the fallback, as ``others`` of ``self.resilience.run``.

        Args:
            use: makes the request, once, with a connector of that address.
        """
        policy = self.config.fallback
        if policy is None or not policy.urls:
            return []

        def at(url: str) -> Callable[[], T]:
            return lambda: use(self._sibling(url))

        return [(redacted(url), at(url)) for url in policy.urls]

    def _aelsewhere(
        self, use: Callable[[Self], Awaitable[T]]
    ) -> list[tuple[str, Callable[[], Awaitable[T]]]]:
        """As :meth:`_elsewhere`, for asyncio."""

        def later(url: str) -> Callable[[], Awaitable[T]]:
            async def ask() -> T:
                return await use(await asyncio.to_thread(self._sibling, url))

            return ask

        policy = self.config.fallback
        return [(redacted(url), later(url)) for url in policy.urls] if policy is not None else []

    def _sibling(self, url: str) -> Self:
        """The connector of another address, opened: made when it is first needed, closed with this one."""
        with self._lock:
            self._still_open()
            found = self._siblings.get(url)
            if found is None:
                own: Any = next(one for one in type(self).__mro__ if one.__module__.startswith("arcuate."))
                config = self.config.model_copy(update={"url": url, "fallback": None, "retry": None})
                found = self._siblings[url] = own(config)  # a program's subclass has arguments of its own
            self._equip(found)
        connector: Self = found.open()
        return connector

    def _equip(self, sibling: Self) -> None:
        """Gives a connector of another address what was set on this one after it was made."""

    # --- Health

    def health(self) -> Health:
        """Asks the system once and says how it is. Raises for nothing that the system or the settings do."""
        begun = time.perf_counter()
        facts: Mapping[str, Any] = {}
        try:
            self.open()
            facts = self._check()
            status, detail = ("ok", "") if self.resilience.breaker.state == "closed" else ("degraded", "")
            if status == "degraded":
                detail = "it answers again, after failures"
        except IntegrationError as error:
            status, detail = "down", self.conceal(error)
            if (instead := self._instead(error)) is not None:
                status, detail = "degraded", f"{instead} answers instead: {detail}"
        except ArcuateError as error:  # it is closed, or its settings are wrong: the system was not asked
            status, detail = "unknown", self.conceal(error)
        latency = time.perf_counter() - begun
        return self._noted(status, latency if status in ("ok", "degraded") else None, detail, facts)

    def _instead(self, error: IntegrationError) -> str | None:
        """The other address of the fallback that answers, if there is one."""
        for name, ask in self._elsewhere(lambda one: one._check()) if error.recoverable else ():
            try:
                ask()
            except ArcuateError:
                continue
            return name
        return None

    async def ahealth(self) -> Health:
        """As :meth:`health`, for asyncio."""
        return await asyncio.to_thread(self.health)

    def _noted(self, status: Any, latency: float | None, detail: str, facts: Mapping[str, Any]) -> Health:
        with self._lock:
            if status != self._status:
                self._status, self._since = status, dt.datetime.now(dt.timezone.utc)
            return Health(self.name, status, latency, self._since, detail, dict(facts))

    # --- Secrets

    def secrets(self) -> list[str]:
        """The secrets of the configuration, for :meth:`conceal`."""
        return [text for text in secrets_of(self.config) if text]

    def conceal(self, text: Any) -> str:
        """A text without any of the configuration's secrets."""
        return conceal(text, self.secrets())


def secrets_of(value: Any) -> list[str | None]:
    """The secrets in a configuration, or in a value of one; of an address, its password."""
    from urllib.parse import unquote, urlsplit

    from pydantic import BaseModel

    if isinstance(value, SecretStr):
        try:
            return [reveal(value)]
        except Exception:
            return []
    if isinstance(value, BaseModel):
        return [one for field in type(value).model_fields for one in secrets_of(getattr(value, field))]
    if isinstance(value, (tuple, list)):
        return [one for item in value for one in secrets_of(item)]
    if isinstance(value, Mapping):
        return [one for item in value.values() for one in secrets_of(item)]
    if isinstance(value, str) and "://" in value:
        try:
            password = urlsplit(value).password
        except ValueError:
            return []
        return [password, unquote(password)] if password else []
    return []
