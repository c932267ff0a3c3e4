"""A hub with its bridges: what ``arcuate serve`` runs, for Python programs and tests as well.

::

    with Server(Config(grpc=["127.0.0.1:0"])) as server:
        connect(server.endpoints["grpc"] + "/python")
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from arcuate.errors import ArcuateError, EnvironmentNotFound, InvalidArgument, Unavailable
from arcuate.hub import exposure
from arcuate.hub.config import Config
from arcuate.hub.core import Hub

__all__ = ["Bridge", "Server", "find_bridge"]

log = logging.getLogger(__name__)

BRIDGES = {"grpc": "GrpcBridge", "zmq": "ZmqBridge", "http": "HttpBridge", "mps": "MpsBridge"}
_STOP_SECONDS = 2.0
"""What a bridge has to send its last messages and end its connections."""


class Bridge(Protocol):
    """What a server needs of a bridge."""

    endpoints: list[str]

    def start(self) -> None:
        """Listens; calls are answered from then on."""

    def stop(self, grace: float) -> None:
        """Ends all connections within so many seconds."""


class Server:
    """A hub and the bridges in front of it.

    Args:
        config: what the operator wants.
        reread: gives the configuration anew, for :meth:`reload`.

    Attributes:
        hub: the hub.
        bridges: the bridges that run, by protocol.
        skipped: protocols that nobody asked for by name and whose library is missing, with the reason.
    """

    def __init__(self, config: Config | None = None, *, reread: Callable[[], Config] | None = None) -> None:
        self.config = config or Config()
        self.hub = Hub(self.config)
        self.bridges: dict[str, Bridge] = {}
        self.skipped: dict[str, str] = {}
        self._reread = reread
        self._inside: Bridge | None = None
        self._lock = threading.Lock()
        self._stopped = False

    # -------------------------------------------------------------------- life

    def start(self) -> Server:
        """Starts the bridges. When one cannot start, none runs.

        Raises:
            EnvironmentNotFound: the library of a protocol is missing; the message says what to type.
            Unavailable: an address cannot be listened on.
            PermissionDenied: an address would be open to others without authentication or encryption.
        """
        asked = any(getattr(self.config, name) for name in BRIDGES)
        try:
            if self.config.delegation:
                self._open_inside()
            for name, addresses in self.config.addresses().items():
                try:
                    cls = find_bridge(name)
                except EnvironmentNotFound as error:
                    if asked:
                        raise
                    self.skipped[name] = error.message
                    continue
                self._start(name, cls, addresses)
            if not self.bridges:
                raise EnvironmentNotFound("; ".join(self.skipped.values()))
            self._tell_inside()
        except BaseException:
            self.stop(0.0)
            raise
        return self

    def _start(self, name: str, cls: Callable[..., Bridge], addresses: list[str]) -> None:
        config = self.config
        security: dict[str, Any] = {}
        if name == "zmq":
            security["curve"] = config.curve if config.curve.enabled else None
            security["samples"] = config.zmq_samples
        else:
            security["tls"] = config.tls if config.tls.enabled else None
        if name in ("http", "mps"):
            security |= {"hosts": config.http_hosts, "origins": config.http_origins}
        for address in addresses:
            exposure.check(address, insecure=config.insecure, **exposure.measures(config, name))
        try:
            bridge = cls(self.hub, addresses=addresses, **security)
            bridge.start()
        except Unavailable as error:
            if "port 0" not in error.message:
                error.message += f"; choose another with --{name} (port 0 lets the system choose)"
            raise
        except (OSError, RuntimeError) as error:
            if isinstance(error, ArcuateError):
                raise
            raise Unavailable(
                f"the {name} bridge cannot listen on {', '.join(addresses)}: {error}; choose another with "
                f"--{name} (port 0 lets the system choose)"
            ) from error
        self.bridges[name] = bridge

    def _open_inside(self) -> None:
        """Opens the way for code in interpreters: a port on this machine that takes delegated tokens only.

        The other protocols may be encrypted, on other addresses, or not there at all.
        """
        try:
            cls = find_bridge("http")
        except EnvironmentNotFound as error:
            log.warning("code in interpreters cannot call the hub: %s", error.message)
            return
        bridge = cls(self.hub, addresses=["127.0.0.1:0"], inside=True)
        bridge.start()
        self._inside = bridge
        delegations = self.hub.delegations
        delegations.endpoints = {"http": bridge.endpoints[0]}
        delegations.port = int(bridge.endpoints[0].rpartition(":")[2])

    def _tell_inside(self) -> None:
        """Adds the other endpoints that code in interpreters can use as they are."""
        if self._inside is None:
            return
        plain = {"grpc": not self.config.tls.enabled, "zmq": not self.config.curve.enabled}
        for name, usable in plain.items():
            for url in self.bridges[name].endpoints if name in self.bridges and usable else ():
                if exposure.own(url):
                    self.hub.delegations.endpoints = {**self.hub.delegations.endpoints, name: url}
                    break

    @property
    def endpoints(self) -> dict[str, str]:
        """The first address of each protocol, as a client writes it."""
        return {name: bridge.endpoints[0] for name, bridge in self.bridges.items()}

    @property
    def all_endpoints(self) -> list[str]:
        """Every address of every protocol."""
        return [one for bridge in self.bridges.values() for one in bridge.endpoints]

    @property
    def ready(self) -> dict[str, Any]:
        """What the ready file says: the endpoints, and the key of a ZeroMQ server with CURVE."""
        found: dict[str, Any] = dict(self.endpoints)
        key = getattr(self.bridges.get("zmq"), "server_key", None)
        if key:
            found["zmq_server_key"] = key if isinstance(key, str) else key.decode("ascii")
        return found

    def drain(self, seconds: float | None = None) -> bool:
        """Takes no new sessions and waits for running calls; says whether all ended in time."""
        return self.hub.drain(seconds)

    def hurry(self) -> None:
        """Ends a drain that is under way: running calls are interrupted now."""
        self.hub.hurry()

    def stop(self, seconds: float | None = None) -> None:
        """Ends everything: running calls may finish first. Idempotent.

        Args:
            seconds: how long they may go on; the setting ``drain_seconds`` if absent.
        """
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
        if self.bridges:
            self.drain(seconds)
        self.hub.close()  # before the bridges: clients are still told why their sessions end
        end = time.monotonic() + _STOP_SECONDS
        inside = {} if self._inside is None else {"inner": self._inside}
        for name, bridge in {**self.bridges, **inside}.items():
            try:
                bridge.stop(max(0.1, end - time.monotonic()))
            except Exception:
                log.exception("the %s bridge did not stop well", name)

    def reload(self) -> None:
        """Takes over a changed configuration, tokens and certificates, as far as that goes while it runs.

        Limits count for new sessions; addresses need a restart. A mistake in the file changes nothing.
        """
        if self._reread is not None:
            fresh = self._reread()
            if fresh.addresses() != self.config.addresses():
                log.warning("addresses are not changed by a reload; restart the hub for them")
            self.hub.reconfigure(fresh)
            self.config = fresh
        for name, part in (("hub", self.hub), *self.bridges.items()):
            again = getattr(part, "reload", None)
            if again is not None:
                try:
                    again()
                except Exception:
                    log.exception("%s: reload failed; what was read before stays in force", name)

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop(0.0)


def find_bridge(name: str) -> Callable[..., Bridge]:
    """The class of a bridge.

    Raises:
        EnvironmentNotFound: its library is missing.
    """
    if name not in BRIDGES:
        raise InvalidArgument(f"there is no bridge {name!r}; there are: {', '.join(BRIDGES)}")
    module = f"arcuate.{name}"
    try:
        if find_spec(module) is None:
            raise ImportError(f"no module {module!r}")
        found: Callable[..., Bridge] = getattr(import_module(module), BRIDGES[name])
    except ImportError as error:
        raise EnvironmentNotFound(
            f"the {name} bridge needs a library that is not installed ({error}); "
            "type: pip install 'arcuate[hub]'"
        ) from None
    return found
