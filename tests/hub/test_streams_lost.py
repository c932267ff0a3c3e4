"""Streams when connections, hubs and subscribers fail, and the bounds of what a hub keeps."""

from __future__ import annotations

import random
import threading
import time
import tracemalloc
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.hub.faults import Lossy, Proxy
from tests.hub.memory import MemoryLink
from tests.hub.places import place
from tests.hub.raw import Raw

from arcuate.client import GapWarning, messages, publish, publisher, subscribe
from arcuate.client.net import Link
from arcuate.client.streams import Publisher, Subscription
from arcuate.errors import (
    ArcuateError,
    AuthenticationFailed,
    ConnectionLost,
    InvalidArgument,
    LimitExceeded,
    PermissionDenied,
    RateLimited,
    Unavailable,
)
from arcuate.hub import Config, Hub, streams
from arcuate.hub.principal import Principal
from arcuate.hub.streams import Sample
from arcuate.values.encode import encode
from arcuate.values.nodes import Nodes

PATIENCE = 20.0
EVERYONE = Principal("everyone")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with place("memory", replay=50) as found:
        yield found.hub


def reader(link: Link, **options: Any) -> Subscription:
    options.setdefault("timeout", PATIENCE)
    return Subscription(link, "eeg", **options)


def sample(value: Any = 1) -> Nodes:
    return encode(value)


# ------------------------------------------------------------ lost connections


def test_what_was_published_meanwhile_comes_after_a_lost_connection(hub: Hub) -> None:
    link = MemoryLink(hub)
    with reader(link) as blocks, Publisher(MemoryLink(hub), "eeg") as out:
        out.send(1)
        assert next(blocks) == 1
        link.cut()
        for number in range(2, 40):
            out.send(number)
        assert [next(blocks) for _ in range(38)] == list(range(2, 40))
        assert (blocks.connects, blocks.lost_total) == (2, 0)


def test_a_connection_that_is_lost_before_the_first_block_is_no_gap(hub: Hub) -> None:
    link = MemoryLink(hub)
    with reader(link) as blocks, Publisher(MemoryLink(hub), "eeg") as out:
        link.cut()
        assert not hub.streams.topics(EVERYONE)  # forgotten, since nobody needs it
        out.send(1)
        assert next(blocks) == 1
        assert blocks.lost == 0


def test_a_topic_that_made_room_for_another_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_UNUSED", -1.0)
    with place("memory", topics=1) as found:
        link = MemoryLink(found.hub)
        with Publisher(MemoryLink(found.hub), "eeg") as out, reader(link) as blocks:
            assert out.send(1) == 1
            assert next(blocks) == 1
            link.refuse = True
            link.cut()
            found.hub.streams.publish(EVERYONE, "other", sample())
            assert out.send(2) == 1
            link.refuse = False
            with pytest.warns(GapWarning, match="began anew"):
                assert next(blocks) == 2


def test_what_is_no_longer_kept_is_a_gap(hub: Hub) -> None:
    link = MemoryLink(hub)
    gaps: list[int | None] = []
    with reader(link, on_gap=gaps.append) as blocks, Publisher(MemoryLink(hub), "eeg") as out:
        out.send(1)
        assert next(blocks) == 1
        link.cut()
        for number in range(2, 102):
            out.send(number)
        assert [next(blocks) for _ in range(50)] == list(range(52, 102))
        assert gaps == [50]
        assert blocks.lost_total == 50


@pytest.mark.parametrize("seed", range(5))
def test_every_block_once_and_in_order_over_bad_connections(hub: Hub, seed: int) -> None:
    got: list[int] = []
    links = Lossy(hub, seed), Lossy(hub, 100 + seed)
    blocks = reader(links[0], policy="block")

    def read() -> None:
        for one in blocks:
            got.append(one)
            if one == 150:
                return

    thread = threading.Thread(target=read)
    thread.start()
    with Publisher(links[1], "eeg") as out:
        for link in links:  # the first connection must succeed
            link.share = 0.05
        numbers = []
        for number in range(1, 151):
            numbers.append(out.send(number))
            while number - len(got) > 40:  # the past is 50 long
                threading.Event().wait(0.001)
    thread.join(PATIENCE)
    blocks.close()
    assert numbers == list(range(1, 151))
    assert got == list(range(1, 151))
    assert blocks.connects > 1
    assert blocks.lost_total == 0


@pytest.mark.parametrize("way", ["zmq", "grpc", "http"])
def test_every_block_once_and_in_order_over_bad_networks(way: str) -> None:
    with place(way, replay=200) as found:
        port = int(found.url.rstrip("/").rpartition(":")[2])
        with Proxy(port) as proxy:
            url = f"{way}://127.0.0.1:{proxy.port}"
            chosen = random.Random(1)
            with subscribe("eeg", url, timeout=PATIENCE) as blocks, publisher("eeg", url) as out:
                before = proxy.accepted
                proxy.cut_after(iter(lambda: chosen.choice((3_000, 10_000, 50_000)), -1))
                for number in range(1, 101):
                    assert out.send(np.full(500, float(number))) == number
                got = [next(blocks)[0] for _ in range(100)]
                assert proxy.accepted - before > 3
                proxy.cut_after(iter(lambda: 1 << 60, -1))
            assert got == list(range(1, 101))
            assert blocks.lost_total == 0


def test_a_hub_that_does_not_come_back(hub: Hub) -> None:
    link = MemoryLink(hub)
    with reader(link, patience=0.3) as blocks, Publisher(MemoryLink(hub), "eeg") as out:
        out.send(4)
        assert next(blocks) == 4
        link.refuse = True
        link.cut()
        with pytest.raises(ConnectionLost, match="could not be made again"):
            next(blocks)
        link.refuse = False
        out.send(5)
        assert next(blocks) == 5  # whoever asks again may still be lucky


def test_waiting_for_a_lost_hub_has_the_callers_end(hub: Hub) -> None:
    link = MemoryLink(hub)
    with reader(link) as blocks:
        link.refuse = True
        link.cut()
        begun = time.monotonic()
        with pytest.raises(ConnectionLost):
            blocks.next(0.2)
        assert time.monotonic() - begun < 5


class Late(MemoryLink):
    """Takes longer to send a block than a publisher gives it, or never brings its answer."""

    def __init__(self, hub: Hub, seconds: float, mute: bool) -> None:
        super().__init__(hub)
        self.seconds, self.mute, self.sent, self.number = seconds, mute, 0, -1

    def send(self, message: Nodes) -> None:
        super().send(message)
        if messages.head(message)[0] == "publish":
            self.sent += 1
            self.number = messages.head(message)[1]
            assert self.sent < 5, "it is sent again and again"
            time.sleep(self.seconds)

    def receive(self, timeout: float | None) -> Nodes | None:
        found = super().receive(timeout)
        return None if self.mute and found and messages.head(found)[1] == self.number else found


def test_a_block_that_takes_long_to_send_is_sent_once(hub: Hub) -> None:
    link = Late(hub, 0.3, mute=False)
    with Publisher(link, "eeg", timeout=0.1, within=0.1) as out:
        assert [out.send(number) for number in range(2)] == [1, 2]
    assert (link.sent, link.connects) == (2, 1)


def test_a_hub_that_answers_everything_but_blocks(hub: Hub) -> None:
    link = Late(hub, 0.0, mute=True)
    with (
        Publisher(link, "eeg", timeout=0.1, within=0.1) as out,
        pytest.raises(ConnectionLost, match="did not answer in time") as caught,
    ):
        out.send(1)
    assert caught.value.executed == "maybe"
    assert link.sent == 1


# ------------------------------------------------------------------- restarts


def test_another_life_of_the_topic_is_noticed() -> None:
    with place("memory") as first, place("memory") as second:
        link = MemoryLink(first.hub)
        gaps: list[int | None] = []
        with reader(link, on_gap=gaps.append) as blocks:
            with Publisher(MemoryLink(first.hub), "eeg") as out:
                for number in range(3):
                    out.send(f"old {number}")
            assert [next(blocks) for _ in range(3)] == ["old 0", "old 1", "old 2"]
            link.hub = second.hub
            with Publisher(MemoryLink(second.hub), "eeg") as out:
                for number in range(5):
                    out.send(f"new {number}")
            link.cut()
            assert [next(blocks) for _ in range(5)] == [f"new {number}" for number in range(5)]
            assert gaps == [None]
            assert blocks.sequence == 5


@pytest.mark.parametrize("way", ["zmq", "http", "grpc"])
def test_a_hub_is_restarted_at_the_same_address(way: str) -> None:
    with place(way) as first:
        url = first.url
        blocks = subscribe("eeg", url, timeout=PATIENCE, patience=PATIENCE)
        publish("eeg", "old", url)
        assert next(blocks) == "old"
    with place(way, url.partition("://")[2].rstrip("/")):
        publish("eeg", "new", url)
        with pytest.warns(GapWarning, match="began anew"):
            assert next(blocks) == "new"
        assert blocks.lost is None
        assert blocks.sequence == 1
        blocks.close()


def test_a_hub_that_closes_says_so() -> None:
    with place("memory") as found:
        blocks = reader(MemoryLink(found.hub), patience=0.2)
        found.hub.close()
        with pytest.raises(ConnectionLost, match="shutting down"):
            next(blocks)
        blocks.close()


def test_a_gap_as_an_error_loses_nothing_more(hub: Hub) -> None:
    with Publisher(MemoryLink(hub), "eeg") as out:
        for number in range(1, 61):
            out.send(number)
    with reader(MemoryLink(hub), start=1) as blocks, warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(GapWarning):
            next(blocks)
        assert [next(blocks) for _ in range(3)] == [11, 12, 13]


# --------------------------------------------------------------------- bounds


def test_the_past_is_bounded_in_bytes() -> None:
    with place("memory", replay=1000, replay_bytes=100_000) as found:
        with Publisher(MemoryLink(found.hub), "eeg") as out:
            for _ in range(200):
                out.send(np.zeros(1000))
        about = found.hub.streams.topics(EVERYONE)[0]
        assert 5 <= about["next"] - about["oldest"] <= 12
        assert found.hub.streams.nbytes <= 110_000


def test_memory_is_bounded_whatever_subscribers_do() -> None:
    limits: dict[str, Any] = {"stream_bytes": 2_000_000, "stream_buffer": 10_000}
    with place("memory", **limits) as found, Publisher(MemoryLink(found.hub), "eeg") as out:
        lazy = [reader(MemoryLink(found.hub), buffer=10_000) for _ in range(3)]
        out.send(np.zeros(2000))
        tracemalloc.start()
        try:
            for _ in range(1000):
                out.send(np.zeros(2000))
            now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert found.hub.streams.nbytes <= 2_000_000
        # what is on its way to each (64 samples of 16 kB) is beside it; 16 MB were sent to each of three
        assert peak < 2 * (2_000_000 + 3 * 64 * 16_500)
        assert now <= peak
        for one in lazy:
            one.close()


def test_a_sample_that_is_too_large() -> None:
    with place("memory", stream_bytes=100_000) as found, Publisher(MemoryLink(found.hub), "eeg") as out:
        with pytest.raises(LimitExceeded) as caught:
            out.send(np.zeros(20_000))
        assert caught.value.setting == "stream_bytes"
        assert out.send(np.zeros(10)) == 1


def test_too_many_topics() -> None:
    with place("memory", topics=2) as found:
        hub = found.hub
        for name in ("a", "b"):
            hub.streams.publish(EVERYONE, name, sample())
        with pytest.raises(LimitExceeded) as caught:
            hub.streams.publish(EVERYONE, "c", sample())
        assert caught.value.setting == "topics"


def test_too_many_subscriptions_of_a_connection() -> None:
    with place("memory", subscriptions=2) as found:
        client = Raw(found.hub)
        assert [client.ask("subscribe", topic=name)["op"] for name in "ab"] == ["reply", "reply"]
        over = client.ask("subscribe", topic="c")
        assert (over["code"], over["setting"]) == ("LIMIT_EXCEEDED", "subscriptions")


def test_too_many_publishers_wait() -> None:
    with place("memory", queue=3) as found:
        streams = found.hub.streams
        streams.subscribe(EVERYONE, "eeg", nobody, policy="block", buffer=1)
        done: list[int | ArcuateError] = []
        for _ in range(4):  # one fits, three wait
            streams.offer(EVERYONE, "eeg", sample(), done.append)
        with pytest.raises(LimitExceeded) as caught:
            streams.offer(EVERYONE, "eeg", sample(), done.append)
        assert caught.value.setting == "queue"
        assert done == [1]


def test_publishers_are_not_held_back_for_ever() -> None:
    with place("memory", block_seconds=1.0) as found:
        streams = found.hub.streams
        streams.subscribe(EVERYONE, "eeg", nobody, policy="block", buffer=1)
        streams.publish(EVERYONE, "eeg", sample())
        done: list[int | ArcuateError] = []
        streams.offer(EVERYONE, "eeg", sample(), done.append)
        streams.tick(time.monotonic() + 0.5)
        assert not done
        streams.tick(time.monotonic() + 1.5)
        assert isinstance(done[0], RateLimited)
        assert done[0].executed == "no"


# ------------------------------------------------------------------ who may


def test_topics_are_granted_by_pattern(hub: Hub) -> None:
    some = Principal("some", publish=("lab/*",), subscribe=("lab/*", "public"))
    hub.streams.publish(some, "lab/eeg", sample())
    hub.streams.publish(EVERYONE, "secret", sample())
    hub.streams.publish(EVERYONE, "public", sample())
    with pytest.raises(PermissionDenied, match="may not publish to the topic 'public'"):
        hub.streams.publish(some, "public", sample())
    with pytest.raises(PermissionDenied, match="may not subscribe to the topic 'secret'"):
        hub.streams.subscribe(some, "secret", nobody)
    assert [one["topic"] for one in hub.streams.topics(some)] == ["lab/eeg", "public"]


def test_a_subscription_ends_when_its_principals_time_is_over(hub: Hub) -> None:
    ended: list[ArcuateError] = []
    short = Principal("short", expires=time.time() - 1)
    hub.streams.subscribe(short, "eeg", nobody, ended=ended.append)
    hub.streams.tick(time.monotonic())
    assert isinstance(ended[0], AuthenticationFailed)
    assert not hub.streams.topics(EVERYONE)


def nobody(one: Sample, lost: int) -> None:
    """Takes samples and does nothing with them."""


# ----------------------------------------------------------------- bad input


@pytest.mark.parametrize("topic", ["", "x" * 257, "two\nlines", "\u200b"])
def test_names_that_are_none(hub: Hub, topic: str) -> None:
    client = Raw(hub)
    assert client.ask("publish", topic=topic, value=1)["code"] == "INVALID_ARGUMENT"
    assert client.ask("subscribe", topic=topic)["code"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "fields",
    [
        {"topic": 5},
        {},
        {"topic": "a", "policy": "ask"},
        {"topic": "a", "policy": 3},
        {"topic": "a", "buffer": 0},
        {"topic": "a", "buffer": 1 << 60},
        {"topic": "a", "buffer": "many"},
        {"topic": "a", "from": -1},
        {"topic": "a", "from": 1.5},
        {"topic": "a", "epoch": "old"},
        {"topic": "a", "credit": "all"},
    ],
    ids=repr,
)
def test_subscriptions_that_are_none(hub: Hub, fields: dict[str, Any]) -> None:
    client = Raw(hub)
    assert client.ask("subscribe", **fields)["code"] == "INVALID_ARGUMENT"
    assert client.ask("ping")["op"] == "reply"
    assert client.ask("subscribe", topic="a")["op"] == "reply"


def test_publishing_nothing(hub: Hub) -> None:
    client = Raw(hub)
    assert client.ask("publish", topic="a")["code"] == "INVALID_ARGUMENT"
    assert client.ask("publish", topic="a", value=None)["value"] == 1


def test_numbers_of_a_publisher_go_upwards(hub: Hub) -> None:
    client = Raw(hub)

    def send(number: int) -> Any:
        found = client.ask("publish", topic="a", value=number, publisher="p", number=number)
        return found.get("value", found.get("code"))

    assert [send(number) for number in (1, 1, 2, 2, 5)] == [1, 1, 2, 2, 3]
    assert send(3) == "INVALID_ARGUMENT"


def test_unsubscribe(hub: Hub) -> None:
    client = Raw(hub)
    number = client.send("subscribe", topic="a")
    client.answer(number)
    assert client.ask("unsubscribe", subscription=number)["value"] is None
    client.ask("publish", topic="a", value=1)
    client.send("ping")
    assert client.read()["op"] == "reply"  # no sample before it
    assert client.ask("unsubscribe", subscription=77)["op"] == "reply"


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", "which hub"),
        ("zmq://h/python", "belongs to a hub"),
        ("ftp://h", "no address"),
        ("eeg", "no address"),
    ],
)
def test_addresses_that_are_none(url: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCUATE_HUB", raising=False)
    with pytest.raises(InvalidArgument, match=what):
        subscribe("eeg", url)


def test_an_option_that_is_none() -> None:
    with pytest.raises(InvalidArgument, match="'tokn' is no option"):
        publish("eeg", 1, "zmq://127.0.0.1:1", tokn="x")


def test_closed_hub_refuses() -> None:
    hub = Hub(Config())
    hub.close()
    with pytest.raises(Unavailable):
        hub.streams.publish(EVERYONE, "a", sample())
