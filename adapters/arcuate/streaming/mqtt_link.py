"""One connection to an MQTT broker, made by paho-mqtt: opened, refused, lost, made again, closed."""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from arcuate.connector import (
    AuthenticationError,
    IntegrationError,
    IntegrationTimeout,
    RateLimitError,
    reveal,
)
from arcuate.connector import ConnectionError as LostConnection
from arcuate.errors import ArcuateError, InvalidArgument, Unsupported

try:
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
except ModuleNotFoundError:
    raise Unsupported("MQTT needs a library; type: pip install 'arcuate[streaming]'") from None

__all__ = ["Link", "of_reason"]

_LOSSES, _WITHIN = 3, 5.0
_END = 2.0
"""Seconds that closing waits for what a broker must take, and for paho's thread."""
_SOON = 0.1
"""Seconds that it waits for that thread where it is connecting again, which nothing interrupts."""
_MEANING: dict[int, str] = {
    130: "it found a fault in what we sent",
    132: "it does not speak this version of MQTT (setting 'version'; many speak 3.1.1)",
    133: "it does not take this client id (setting 'client_id')",
    134: "it does not know the user or the password (settings 'user' and 'password')",
    135: "this user may not do that",
    142: "another client has connected with the same client id (setting 'client_id')",
    143: "it does not take this topic filter",
    144: "it does not take this topic",
    149: "the message is larger than it takes",
    151: "its quota is used up",
    154: "it keeps no retained messages (setting 'retain')",
    155: "it does not support this QoS (setting 'qos')",
    158: "it has no shared subscriptions",
    162: "it has no topics with wildcards",
}
_KINDS: dict[int, type[IntegrationError]] = {
    134: AuthenticationError,
    135: AuthenticationError,
    138: AuthenticationError,
    140: AuthenticationError,
    136: LostConnection,
    137: LostConnection,
    139: LostConnection,
    141: LostConnection,
    150: RateLimitError,
    151: RateLimitError,
    159: RateLimitError,
}


def of_reason(service: str, what: str, reason: Any) -> ArcuateError:
    """The error of a reason code of 128 or more."""
    code, said = int(reason.value), str(reason)
    meaning = _MEANING.get(code, said[:1].lower() + said[1:])
    text = f"{service}: {what}: {meaning} (reason code {code}, {said!r})"
    if code in (143, 144):
        return InvalidArgument(text)
    return _KINDS.get(code, IntegrationError)(text, service=service, status=code, detail=said)


def _careful(timeout: float) -> type[ssl.SSLSocket]:
    """A socket that is closed when its handshake fails, or takes too long: paho leaves it open."""

    class Careful(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            try:
                self.settimeout(timeout)
                super().do_handshake(block)
            except BaseException:
                self.close()
                raise

    return Careful


def _interval(keepalive: int) -> int:
    """MQTT's Keep Alive: paho asks after one, and takes the broker as gone after another without an answer.

    The two together are one and a half of the setting, as long as a broker waits for a client.
    """
    return keepalive * 3 // 4


class Link:
    """One client of a broker, which connects again when the connection is lost.

    Args:
        stream: whose settings are used.
        client_id: empty: one of its own.
        session: seconds that the broker keeps the session while we are away.
        resume: whether an earlier session is gone on with.
        manual: whether each message is acknowledged by :meth:`ack`.

    Attributes:
        client: paho's client; set its ``on_message`` and the like before :meth:`open`.
        up: called when it is connected again, with whether the broker still had the session.
        failed: called when there is no more hope, with the error.
        number: of the connection, counted from 1.
        five: whether it speaks MQTT 5.
        limits: what the broker says of itself (its properties).
    """

    def __init__(
        self,
        stream: Any,
        client_id: str = "",
        *,
        session: int = 0,
        resume: bool = False,
        manual: bool = False,
    ) -> None:
        config = stream.config
        self._stream, self._config = stream, config
        self._clean: Any = False if resume else mqtt.MQTT_CLEAN_START_FIRST_ONLY
        self._session = session
        self.client_id = client_id or f"arcuate-{secrets.token_hex(8)}"
        self.five = config.version == "5"
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            self.client_id,
            protocol=mqtt.MQTTv5 if self.five else mqtt.MQTTv311,
            clean_session=None if self.five else not resume,
            manual_ack=manual,
        )
        self.client.connect_timeout = config.timeouts.connect
        self.client.reconnect_delay_set(1, 5)
        self.client.max_inflight_messages_set(65535)  # who writes keeps to the broker's own limit
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.up: Callable[[bool], object] = lambda present: None
        self.failed: Callable[[BaseException], object] = lambda error: None
        self.number = 0
        self.limits: Any = None
        self.present = False
        self._answered = threading.Event()
        self._refused: BaseException | None = None
        self._lost_at: float | None = None
        self._waiting: threading.Timer | None = None
        self._losses: deque[float] = deque(maxlen=_LOSSES)
        self._closing = False
        self._credentials()

    def _credentials(self) -> None:
        config = self._config
        parts = urlsplit(config.url)
        user = config.user or (unquote(parts.username) if parts.username else None)
        password = reveal(config.password, "the password of MQTT")
        if password is None and parts.password:
            password = unquote(parts.password)
        if user is not None or password is not None:
            self.client.username_pw_set(user, password)
        self.host, self.port = parts.hostname or "localhost", parts.port
        if parts.scheme == "mqtts":
            try:
                context = ssl.create_default_context(cafile=config.ca_file)
                if config.certificate:
                    context.load_cert_chain(config.certificate, config.key)
            except (OSError, ssl.SSLError) as error:
                raise InvalidArgument(
                    f"{self._stream.name}: 'ca_file', 'certificate' or 'key' cannot be used: {error}"
                ) from None
            context.sslsocket_class = _careful(config.timeouts.connect)
            self.client.tls_set_context(context)
        self.port = self.port or (8883 if parts.scheme == "mqtts" else 1883)

    @staticmethod
    def properties(kind: str, **values: Any) -> Any:
        """MQTT's properties for a packet of this kind."""
        make: Any = Properties
        found = make(getattr(PacketTypes, kind))
        for name, value in values.items():
            setattr(found, name, value)
        return found

    # --- Life

    def open(self) -> bool:
        """Connects; whether the broker still has the session.

        Raises:
            IntegrationError: the broker refuses or cannot be reached.
        """
        config, name = self._config, self._stream.name
        more: dict[str, Any] = {}
        if self.five:
            receive = min(config.buffer, 65535)
            more["clean_start"] = self._clean
            more["properties"] = self.properties(
                "CONNECT", SessionExpiryInterval=self._session, ReceiveMaximum=receive
            )
        try:
            self.client.connect(self.host, self.port, _interval(config.keepalive), **more)
        except (OSError, ValueError) as error:
            raise self._unreachable(error) from error
        self.client.loop_start()
        if not self._answered.wait(config.timeouts.connect):
            self.close()
            raise IntegrationTimeout(
                f"{name}: {self.host}:{self.port} took the connection and does not answer "
                "(setting 'timeouts.connect'); is it an MQTT broker?",
                service=name,
            )
        if self._refused is not None:
            self.close()
            raise self._refused
        return self.present

    def _unreachable(self, error: Exception) -> ArcuateError:
        name, where = self._stream.name, f"{self.host}:{self.port}"
        if isinstance(error, TimeoutError):
            return IntegrationTimeout(
                f"{name}: no connection to {where} in time (setting 'timeouts.connect')", service=name
            )
        if isinstance(error, ssl.SSLCertVerificationError):
            return LostConnection(
                f"{name}: the certificate of {where} is not trusted: {error.verify_message}; if it is "
                "your own authority's, set 'ca_file'",
                service=name,
                recoverable=False,
            )
        if isinstance(error, ssl.SSLError):
            return LostConnection(
                f"{name}: no TLS with {where}: {self._stream.conceal(error)}; is 'mqtts://' right, and does "
                "it want a 'certificate'?",
                service=name,
                recoverable=False,
            )
        return LostConnection(
            f"{name}: no connection to {where}: {self._stream.conceal(error)}; is it running, and is 'url' "
            "right?",
            service=name,
        )

    def connected(self) -> bool:
        """Whether there is a connection now."""
        return bool(self.client.is_connected())

    def close(self, *, forget: bool = True) -> None:
        """Ends the connection, and with ``forget`` the session too. A second call does nothing."""
        if self._closing:
            return
        self._closing = True
        away = self._lost_at is not None
        self._wait_no_more()
        expiry = 0 if forget else self._session
        said = self.properties("DISCONNECT", SessionExpiryInterval=expiry) if self.five else None
        self.client.disconnect(properties=said)
        # paho's thread ends when its packet is sent; a connection that takes nothing is cut.
        end = time.monotonic() + _END
        while (open_socket := self.client.socket()) is not None and time.monotonic() < end:
            time.sleep(0.002)
        if open_socket is not None:
            with contextlib.suppress(OSError, ValueError):
                cast("socket.socket", open_socket).shutdown(socket.SHUT_RDWR)
        # Where that thread is connecting again, it ends by itself.
        last = threading.Thread(target=self._ended, name=f"arcuate-{self._stream.name}-close", daemon=True)
        last.start()
        last.join(_SOON if away else _END)

    def _ended(self) -> None:
        self.client.loop_stop()
        self._wait_no_more()  # it may have been lost at that moment
        self.client._reset_sockets()  # or its pair of sockets stays until it is collected

    # --- Called by paho's thread

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            where = f"the broker {self.host}:{self.port} refuses"
            error = of_reason(self._stream.name, where, reason)
            if self.number:
                if not getattr(error, "recoverable", False):
                    self._give_up(error)
                return
            self._refused = error
        else:
            self._lost_at = None
            self._wait_no_more()
            self.number += 1
            self.limits, self.present = properties, bool(flags.session_present)
            if self.number > 1:
                self.up(self.present)
        self._answered.set()

    def _on_disconnect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        now = time.monotonic()
        if self._lost_at is None:  # else it was an attempt that failed
            self._lost_at = now
            self._losses.append(now)
            self._wait()
        if flags.is_disconnect_packet_from_server and reason.value in (130, 135, 142, 149):
            self._give_up(of_reason(self._stream.name, "the broker ended the connection", reason))
        elif len(self._losses) == _LOSSES and now - self._losses[0] < _WITHIN and not self._closing:
            # Some brokers do not say so, and the two would drive each other out for ever.
            self._give_up(
                LostConnection(
                    f"{self._stream.name}: the connection was lost {_LOSSES} times within {_WITHIN:g} s, as "
                    "happens when another client connects with the same client id (setting 'client_id')",
                    service=self._stream.name,
                )
            )

    def _wait(self) -> None:
        """Gives up when the connection is not back in time: also where a broker takes it and says nothing."""
        if self._closing:
            return
        self._waiting = threading.Timer(self._config.patience, self._impatient)
        self._waiting.daemon = True
        self._waiting.start()

    def _wait_no_more(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()

    def _impatient(self) -> None:
        if self._lost_at is None or self._closing:
            return  # it came back just now
        name, patience = self._stream.name, self._config.patience
        self._give_up(
            LostConnection(
                f"{name}: the connection to {self.host}:{self.port} was lost and could not be made again "
                f"within {patience:g} s (setting 'patience')",
                service=name,
            )
        )

    def _give_up(self, error: BaseException) -> None:
        self.client.disconnect()  # or paho would go on trying
        self.failed(error)
