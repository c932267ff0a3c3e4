"""What confluent-kafka raises and reports, as errors of connectors."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
)

__all__ = ["Troubles", "error_of", "translated"]

_REFUSED = {
    KafkaError._AUTHENTICATION,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
_ABSENT = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
_LOST = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TRANSPORT,
    KafkaError._RESOLVE,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError.BROKER_NOT_AVAILABLE,
}
_SOON = {  # while a partition or a group gets its leader
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}
_LATE = {KafkaError._TIMED_OUT, KafkaError._MSG_TIMED_OUT, KafkaError.REQUEST_TIMED_OUT}


def error_of(error: BaseException) -> KafkaError | None:
    """What the library says in an exception of its own."""
    found = error.args[0] if isinstance(error, KafkaException) and error.args else None
    return found if isinstance(found, KafkaError) else None


def translated(error: KafkaError, name: str, conceal: Callable[[object], str]) -> IntegrationError:
    """The error of ours for one of the library's."""
    code, text = error.code(), conceal(error.str())
    kind: type[IntegrationError] = IntegrationError
    recoverable, advice = bool(error.retriable()), ""
    if code in _REFUSED:
        kind, recoverable, advice = AuthenticationError, False, "; look at user, password and mechanism"
    elif code in _ABSENT:
        kind, recoverable, advice = NotFoundError, False, "; make the topic, or set create=True"
    elif code == KafkaError._SSL:
        kind, recoverable = ConnectionError, False
        advice = "; for a certificate of your own authority set ca_file"
    elif code in _LOST:
        kind, recoverable, advice = ConnectionError, True, "; is it running, and is 'url' right?"
    elif code in _SOON:
        recoverable, advice = True, "; it will have one soon"
    elif code in _LATE:
        kind, recoverable, advice = IntegrationTimeout, True, " (setting 'timeouts')"
    elif code in (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE):
        advice = "; publish shorter blocks, or raise max.message.bytes of the topic"
    elif code in (KafkaError._BAD_MSG, KafkaError._BAD_COMPRESSION):
        kind = DataError
    return kind(f"{name}: {text}{advice}", service=name, recoverable=recoverable, status=error.name())


class Troubles:
    """What a client of the library reported by itself: it goes on trying and does not say so otherwise.

    Attributes:
        since: when (:func:`time.monotonic`) the last connection was lost; ``None``: one is there.
        refusal: what a server refused.
    """

    def __init__(self) -> None:
        self.since: float | None = None
        self._lock = threading.Lock()
        self.refusal: KafkaError | None = None
        self._loss: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        """The library's ``error_cb``."""
        with self._lock:
            if error.code() in _REFUSED or error.code() == KafkaError._SSL:
                self.refusal = error
            elif error.code() in _LOST:
                self._loss = error
                self.since = self.since or time.monotonic()

    def well(self) -> None:
        """The system answered."""
        if self.refusal is None and self._loss is None:
            return
        with self._lock:
            self.since = self.refusal = self._loss = None

    def worst(self) -> KafkaError | None:
        """A refusal rather than a lost connection, which follows from it."""
        return self.refusal or self._loss
