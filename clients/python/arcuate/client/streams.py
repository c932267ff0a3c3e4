"""Streams: topics of labelled blocks that any number of processes publish and read.

>>> with subscribe("eeg", "zmq://host:5555") as blocks:      # doctest: +SKIP
...     for block in blocks:
...         print(block.mean("time"))
>>> publish("eeg", block, "zmq://host:5555")                 # doctest: +SKIP
17

The address of the hub may stand in the environment variable ``ARCUATE_HUB`` instead.
"""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from arcuate.client import messages
from arcuate.client.dropped import end_later
from arcuate.errors import (
    CallTimeout,
    ConnectionLost,
    InvalidArgument,
    SessionClosed,
    Unavailable,
    from_mapping,
)
from arcuate.values.encode import encode_into
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes
from arcuate.values.options import EncodeOptions

if TYPE_CHECKING:
    from arcuate.client.net.link import Link

__all__ = ["GapWarning", "Publisher", "Subscription", "publish", "publisher", "subscribe", "topics"]

HUB = "ARCUATE_HUB"
"""The environment variable that names a hub where no address is given."""
_PLAIN = EncodeOptions()
_WINDOW = 64
"""Samples that may be on their way to a subscriber."""
_PATIENCE = 60.0


class GapWarning(UserWarning):
    """Samples were lost before a block.

    Attributes:
        topic: the topic.
        lost: how many; ``None`` where the topic began anew and nobody can tell.
        sequence: number of the block after the gap.
    """

    def __init__(self, message: str, topic: str = "", lost: int | None = None, sequence: int = 0) -> None:
        super().__init__(message)
        self.topic = topic
        self.lost = lost
        self.sequence = sequence

    @classmethod
    def of(cls, topic: str, lost: int | None, sequence: int) -> GapWarning:
        """The warning that so many samples were lost before a block."""
        if lost is None:
            text = f"the topic {topic!r} began anew; samples may be lost before number {sequence}"
        else:
            text = f"{lost} samples of {topic!r} were lost before number {sequence}"
        return cls(text, topic, lost, sequence)


OnGap = Callable[["int | None"], object]


class Subscription:
    """The blocks of a topic, one after the other; made by :func:`subscribe`.

    One thread reads at a time. A lost connection is made again, and what is still kept comes without a gap.

    Attributes:
        topic: the topic.
        sequence: number of the last block in its topic: 1, 2, 3, ...
        time: when the hub took it, in seconds since 1970.
        lost: how many samples were lost just before it; ``None`` where the topic began anew.
        lost_total: how many were lost in all.
    """

    def __init__(
        self,
        link: Link,
        topic: str,
        *,
        token: str | None = None,
        policy: str = "drop",
        buffer: int = 100,
        start: int | None = None,
        timeout: float | None = None,
        patience: float = _PATIENCE,
        on_gap: OnGap | None = None,
        within: float | None = None,
    ) -> None:
        from arcuate.client.net.reach import Reach

        self.topic = topic
        self.sequence = 0
        self.time = 0.0
        self.lost: int | None = 0
        self.lost_total = 0
        self._policy = policy
        self._buffer = buffer
        self._timeout = timeout
        self._on_gap = on_gap
        self._from = start
        self._epoch: int | None = None
        self._next = 0
        self._new = False
        self._window = max(1, min(buffer, _WINDOW))
        self._taken = 0
        self._early: list[Nodes] = []
        self._held: list[Any] = []
        self._reach = Reach(link, token, patience, self._begin, within=within)
        self._reach.connect()

    def _begin(self) -> None:
        """Subscribes on a fresh connection."""
        self._early.clear()
        self._taken = 0
        fields: dict[str, Any] = {
            "topic": self.topic,
            "policy": self._policy,
            "buffer": self._buffer,
            "credit": self._window,
        }
        if self._from is not None:
            fields["from"] = self._from
        if self._epoch is not None:
            fields["epoch"] = self._epoch
        self._reach.send(messages.build("subscribe", self._reach.number(), fields))
        self._id = self._reach._number
        found = self._reach.answer(self._id, time.monotonic() + self._reach.within, self._early.append)
        known, self._epoch = self._epoch, found["epoch"]
        self._new = known is not None and known != self._epoch
        first = int(found["first"])
        self._next = first if self._new or not self._from else min(first, self._from)
        self._from = self._next

    # ---------------------------------------------------------------- blocks

    def next(self, timeout: float | None = None) -> Any:
        """The next block.

        Args:
            timeout: seconds to wait; left out, those of the subscription, or as long as it takes.

        Raises:
            CallTimeout: none came in time.
            LimitExceeded: the hub ended the subscription, whose policy is ``disconnect``.
            ConnectionLost: the connection is gone and did not come back.
            SessionClosed: the subscription was closed.
        """
        timeout = self._timeout if timeout is None else timeout
        end = None if timeout is None else time.monotonic() + timeout
        self._reach.check()
        while not self._held:
            try:
                self._take(self._early.pop(0) if self._early else self._reach.receive(end), timeout)
            except (ConnectionLost, Unavailable) as error:
                self._reach.recover(error, end)
        block, gap = self._held
        if gap is None or gap:
            self._held = [block, 0]  # should the warning be an error, then the block comes next
            self._tell(gap)
        self._held = []
        return block

    def _take(self, message: Nodes | None, timeout: float | None) -> None:
        if message is None:
            raise CallTimeout(f"no sample of {self.topic!r} came within {timeout:g} s")
        op, number = messages.head(message)
        if op == "error" and number in (0, self._id):
            error = from_mapping(messages.fields(message))
            if not isinstance(error, (Unavailable, ConnectionLost)):
                self._reach.close()
            raise error
        if op != "sample" or number != self._id:
            return
        found = messages.fields(message)
        sequence = int(found["sequence"])
        gap = None if self._new else sequence - self._next
        self._new = False
        self.sequence = sequence
        self._next = self._from = sequence + 1
        self.time = float(found["time"])
        self.lost = gap
        self.lost_total += gap or 0
        self._held = [found.get("value"), gap]
        self._taken += 1
        if 2 * self._taken >= self._window:
            credit = {"subscription": self._id, "count": self._taken}
            self._taken = 0
            with contextlib.suppress(ConnectionLost):  # the next receive finds it too
                self._reach.send(messages.build("credit", 0, credit))

    def _tell(self, gap: int | None) -> None:
        if self._on_gap is not None:
            self._on_gap(gap)
            return
        warnings.warn(GapWarning.of(self.topic, gap, self.sequence), stacklevel=3)

    def __iter__(self) -> Subscription:
        return self

    def __next__(self) -> Any:
        try:
            if not self._reach.closed:
                return self.next()
        except SessionClosed:
            if not self._reach.stopped:
                raise
        raise StopIteration

    # ------------------------------------------------------------------ life

    @property
    def connects(self) -> int:
        """How often the connection was made: 1, and one more for each that was lost."""
        return self._reach.connects

    @property
    def away(self) -> bool:
        """Whether the connection is lost and being made again."""
        return self._reach.away

    def stop(self) -> None:
        """Ends the iteration, from any thread."""
        self._reach.stop()

    def close(self) -> None:
        """Ends the subscription. Idempotent."""
        self._reach.close()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        reach = getattr(self, "_reach", None)
        if reach is not None and not reach.closed:
            end_later(reach.close)

    def __repr__(self) -> str:
        state = "closed" if self._reach.closed else f"at number {self.sequence}"
        return f"<arcuate subscription {self.topic!r}: {state}>"


class Publisher:
    """Publishes blocks in a topic; made by :func:`publisher`. One thread sends at a time."""

    def __init__(
        self,
        link: Link,
        topic: str,
        *,
        token: str | None = None,
        timeout: float | None = None,
        patience: float = _PATIENCE,
        within: float | None = None,
    ) -> None:
        import secrets

        from arcuate.client.net.reach import Reach

        self.topic = topic
        self._timeout = timeout
        self._name = secrets.token_hex(16)
        self._count = 0
        self._reach = Reach(link, token, patience, within=within)
        self._reach.connect()

    def send(self, block: Any, *, timeout: float | None = None) -> int:
        """Publishes a block and waits until the hub has it.

        A lost connection is made again; the block is not published twice.

        Args:
            block: a labelled array, a data set, or any value that a call can have as an argument.
            timeout: seconds that it may take.

        Returns:
            Its number in the topic.

        Raises:
            CallTimeout: slow subscribers with the policy ``block`` held it back; it was not published.
            ConnectionLost: the hub was not back, or did not answer, in time; the block may be published.
            PermissionDenied: we may not publish there.
            ConversionError: the block cannot travel.
        """
        self._reach.check()
        timeout = self._timeout if timeout is None else timeout
        end = None if timeout is None else time.monotonic() + timeout
        self._count += 1
        fields = {"topic": self.topic, "publisher": self._name, "number": self._count}
        value = messages.build("", 0, None, 1)
        encode_into(block, value, "value", _PLAIN)
        lost: ConnectionLost | Unavailable | None = None
        while True:
            if lost is not None:
                self._reach.recover(lost, end)
            number = self._reach.number()
            if end is not None:
                fields["deadline"] = max(1, int((end - time.monotonic()) * 1000))
            message = messages.build("publish", number, fields, 1)
            message.rows.extend(value.rows[3:])
            message.pool, message.buffers = list(value.pool), list(value.buffers)
            try:
                self._reach.send(message)
                until = None if end is None else max(end, time.monotonic()) + self._reach.within
                return int(self._reach.answer(number, until))
            except (ConnectionLost, Unavailable) as error:
                if end is not None and time.monotonic() >= end:
                    raise
                lost = error

    @property
    def away(self) -> bool:
        """Whether the connection is lost and being made again."""
        return self._reach.away

    def stop(self) -> None:
        """Ends a :meth:`send` that waits, from any thread."""
        self._reach.stop()

    def close(self) -> None:
        """Ends the connection. Idempotent."""
        self._reach.close()

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        reach = getattr(self, "_reach", None)
        if reach is not None and not reach.closed:
            end_later(reach.close)


# ------------------------------------------------------------------- by address


def subscribe(
    topic: str,
    hub: str | None = None,
    *,
    start: int | None = None,
    policy: str = "drop",
    buffer: int = 100,
    timeout: float | None = None,
    patience: float = _PATIENCE,
    on_gap: OnGap | None = None,
    within: float | None = None,
    limits: Limits | None = None,
    **security: Any,
) -> Subscription:
    """Reads a topic of a hub, from now on.

    Args:
        topic: name of the topic.
        hub: address of the hub, without an environment: ``"zmq://host:5555"``; left out, what the environment
            variable ``ARCUATE_HUB`` says.
        start: number of the first sample wanted; 0 for the oldest that the hub still has.
        policy: what the hub does when ``buffer`` is full: ``"drop"`` its oldest sample, ``"block"`` the
            publishers, or ``"disconnect"`` this subscription.
        buffer: samples that may wait in the hub for us.
        timeout: seconds to wait for a block; then CallTimeout is raised.
        patience: seconds in which a lost connection must be back.
        on_gap: called with how many samples were lost before a block, instead of a :class:`GapWarning`.
        within: seconds that connecting may take, and as many for subscribing; 10 by default.
        limits: what is accepted.
        security: ``token``, ``tls``, ``curve``, as for :func:`arcuate.client.connect`.
    """
    link = _link(hub, limits, security)
    return Subscription(
        link,
        topic,
        token=security.get("token"),
        policy=policy,
        buffer=buffer,
        start=start,
        timeout=timeout,
        patience=patience,
        on_gap=on_gap,
        within=within,
    )


def publisher(
    topic: str,
    hub: str | None = None,
    *,
    timeout: float | None = None,
    patience: float = _PATIENCE,
    within: float | None = None,
    limits: Limits | None = None,
    **security: Any,
) -> Publisher:
    """Opens a topic for many blocks, each of which is sent with :meth:`Publisher.send`.

    Args:
        topic: name of the topic.
        hub: address of the hub, as for :func:`subscribe`.
        timeout: seconds that publishing a block may take.
        patience: seconds in which a lost connection must be back.
        within: seconds that connecting may take, and an answer after ``timeout``; 10 by default.
        limits: what is accepted.
        security: ``token``, ``tls``, ``curve``, as for :func:`arcuate.client.connect`.
    """
    link = _link(hub, limits, security)
    return Publisher(
        link, topic, token=security.get("token"), timeout=timeout, patience=patience, within=within
    )


def publish(topic: str, block: Any, hub: str | None = None, **options: Any) -> int:
    """Publishes one block.

    Args:
        topic: name of the topic.
        block: a labelled array, a data set, or any value that a call can have as an argument.
        hub: address of the hub, as for :func:`subscribe`.
        options: as for :func:`publisher`.

    Returns:
        Its number in the topic.
    """
    with publisher(topic, hub, **options) as one:
        return one.send(block)


def topics(
    hub: str | None = None, *, within: float | None = None, limits: Limits | None = None, **security: Any
) -> list[Mapping[str, Any]]:
    """The topics of a hub that we may use: ``topic``, ``next``, ``oldest``, ``subscribers``."""
    from arcuate.client.net.reach import Reach

    reach = Reach(_link(hub, limits, security), security.get("token"), 0.0, within=within)
    reach.connect()
    try:
        return list(reach.ask("topics", {}))
    finally:
        reach.close()


def _link(hub: str | None, limits: Limits | None, security: dict[str, Any]) -> Link:
    """The link to a hub; of ``hub://`` the token is put into ``security``."""
    from arcuate.client.net.target import Target, inside, open_link

    unknown = sorted(set(security) - {"token", "tls", "curve"})
    if unknown:
        raise InvalidArgument(f"{unknown[0]!r} is no option of a stream; there are token, tls and curve more")
    url = hub or os.environ.get(HUB, "")
    if not url:
        raise InvalidArgument(
            f"which hub? Give its address, as in subscribe('eeg', 'grpc://host:50051'), or set {HUB}"
        )
    url, security["token"] = inside(url, security.get("token"))
    whole = url.startswith("zmq+ipc://") and not url.endswith("/")
    where = Target.parse(url + "/" if whole else url)
    if where.path:
        raise InvalidArgument(
            f"a topic belongs to a hub and not to {where.path!r}; leave that out of {url!r}"
        )
    return open_link(where, limits or Limits(), **{"token": None, **security})
