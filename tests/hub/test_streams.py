"""Streams: topics of numbered samples, over every way to a hub."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import xarray as xr
from tests.hub.places import WAYS, Place, place

from arcuate.client import GapWarning, publish, publisher, subscribe
from arcuate.client.streams import Publisher, Subscription, topics
from arcuate.errors import (
    CallTimeout,
    LimitExceeded,
    SessionClosed,
)
from arcuate.hub import Hub
from arcuate.hub.principal import Principal

PATIENCE = 20.0


@pytest.fixture(params=WAYS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param, replay=50, block_seconds=20.0) as found:
        yield found


@pytest.fixture
def hub() -> Iterator[Hub]:
    with place("memory", replay=50) as found:
        yield found.hub


def block(number: int) -> xr.DataArray:
    return xr.DataArray(
        np.arange(6.0).reshape(2, 3) + number,
        dims=("channel", "time"),
        coords={"channel": ["C3", "Cz"], "time": [0.0, 0.5, 1.0]},
        name="eeg",
        attrs={"number": number},
    )


def until(condition: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.002)


def reader(link: Any, topic: str = "eeg", **options: Any) -> Subscription:
    options.setdefault("timeout", PATIENCE)
    return Subscription(link, topic, **options)


# ------------------------------------------------------------------ every way


def test_labelled_blocks_arrive_as_they_were(here: Place) -> None:
    with reader(here.link()) as blocks, Publisher(here.link(), "eeg") as out:
        assert [out.send(block(number)) for number in range(5)] == [1, 2, 3, 4, 5]
        for number in range(5):
            xr.testing.assert_identical(next(blocks), block(number))
            assert (blocks.sequence, blocks.lost) == (number + 1, 0)
            assert abs(blocks.time - time.time()) < 60
        dataset = xr.Dataset({"a": block(1), "b": ("time", [1, 2, 3])})
        out.send(dataset)
        xr.testing.assert_identical(next(blocks), dataset)


def test_large_blocks(here: Place) -> None:
    large = xr.DataArray(np.random.default_rng(1).random((4, 250_000)), dims=("channel", "time"))
    with reader(here.link()) as blocks, Publisher(here.link(), "eeg") as out:
        for number in range(3):
            out.send(large + number)
            xr.testing.assert_identical(next(blocks), large + number)


def test_every_subscriber_gets_everything_in_order(here: Place) -> None:
    found: list[list[int]] = [[], [], []]

    def read(at: int) -> None:
        with reader(links[at], buffer=200) as blocks:
            ready.wait(PATIENCE)
            found[at] += [next(blocks) for _ in range(100)]

    links = [here.link() for _ in found]
    ready = threading.Barrier(len(found) + 1)
    threads = [threading.Thread(target=read, args=(at,)) for at in range(len(found))]
    for thread in threads:
        thread.start()
    ready.wait(PATIENCE)
    with Publisher(here.link(), "eeg") as out:
        for number in range(100):
            out.send(number)
    for thread in threads:
        thread.join(PATIENCE)
    assert found == [list(range(100))] * 3


def test_the_past_is_kept_as_far_as_it_goes(here: Place) -> None:
    with Publisher(here.link(), "eeg") as out:
        for number in range(1, 81):
            out.send(number)
    with reader(here.link(), start=0) as blocks:  # the oldest that there is: 50 are kept
        assert [next(blocks) for _ in range(50)] == list(range(31, 81))
        assert blocks.lost_total == 0
    with reader(here.link(), start=78) as blocks:
        assert [next(blocks) for _ in range(3)] == [78, 79, 80]
    with reader(here.link(), start=11) as blocks:
        with pytest.warns(GapWarning, match="20 samples of 'eeg' were lost before number 31") as caught:
            assert next(blocks) == 31
        assert (caught[0].message.lost, caught[0].message.sequence) == (20, 31)  # type: ignore[union-attr]
        assert blocks.lost == blocks.lost_total == 20


def test_drop_loses_the_oldest_and_says_how_many(here: Place) -> None:
    gaps: list[int | None] = []
    with reader(here.link(), buffer=5, on_gap=gaps.append) as blocks, Publisher(here.link(), "eeg") as out:
        for number in range(1, 41):
            out.send(number)
        got = [next(blocks)]
        while got[-1] != 40:
            got.append(next(blocks))
        assert got[:5] == [1, 2, 3, 4, 5]  # what was on its way
        assert got == sorted(set(got))
        assert sum(gap or 0 for gap in gaps) == blocks.lost_total == 40 - len(got) >= 20
        assert got[-5:] == [36, 37, 38, 39, 40]  # the newest stay


def test_disconnect_ends_the_subscription(here: Place) -> None:
    with reader(here.link(), buffer=5, policy="disconnect") as blocks, Publisher(here.link(), "eeg") as out:
        for number in range(1, 41):
            out.send(number)
        got = []
        with pytest.raises(LimitExceeded, match=r"next is number \d+") as caught:
            while True:
                got.append(next(blocks))
        assert caught.value.setting == "buffer"
        assert got == list(range(1, len(got) + 1))
        assert len(got) < 40
        with pytest.raises(StopIteration):
            next(blocks)


def test_block_holds_the_publisher_back(here: Place) -> None:
    with reader(here.link(), buffer=5, policy="block") as blocks, Publisher(here.link(), "eeg") as out:
        sent: list[int] = []

        def send() -> None:
            sent.extend(out.send(number) for number in range(1, 41))

        thread = threading.Thread(target=send)
        thread.start()
        until(lambda: here.hub.streams.waiting("eeg"), "a sample is held back")
        assert sent == list(range(1, 11))  # five on their way, five in the buffer
        assert [next(blocks) for _ in range(40)] == list(range(1, 41))
        thread.join(PATIENCE)
        assert sent == list(range(1, 41))
        assert blocks.lost_total == 0


def test_a_blocked_publisher_has_a_deadline(here: Place) -> None:
    with reader(here.link(), buffer=1, policy="block") as blocks, Publisher(here.link(), "eeg") as out:
        taken = 0
        with pytest.raises(CallTimeout):
            while True:
                out.send(taken + 1, timeout=0.2)
                taken += 1
        assert [next(blocks) for _ in range(taken)] == list(range(1, taken + 1))
        assert out.send(99, timeout=PATIENCE) == taken + 1  # the one that was held back did not count
        assert next(blocks) == 99


def test_waiting_for_a_block_has_an_end(here: Place) -> None:
    with reader(here.link(), timeout=0.05) as blocks:
        with pytest.raises(CallTimeout, match="'eeg'"):
            next(blocks)
        with Publisher(here.link(), "eeg") as out:
            out.send(1)
        assert blocks.next(PATIENCE) == 1


@pytest.mark.parametrize("way", ["stop", "close"])
def test_another_thread_ends_the_iteration(here: Place, way: str) -> None:
    blocks = reader(here.link(), timeout=None)
    got: list[int] = []
    seen = threading.Event()

    def read() -> None:
        for one in blocks:
            got.append(one)
            seen.set()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    with Publisher(here.link(), "eeg") as out:
        out.send(7)
    assert seen.wait(PATIENCE)
    getattr(blocks, way)()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert got == [7]
    blocks.close()
    with pytest.raises(SessionClosed):
        blocks.next()


def test_by_address(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    if not here.url:
        return
    monkeypatch.setenv("ARCUATE_HUB", here.url)
    with subscribe("eeg", here.url, timeout=PATIENCE) as blocks, publisher("eeg") as out:
        assert publish("eeg", block(1)) == 1
        assert out.send(block(2)) == 2
        for number, one in enumerate(blocks, 1):
            xr.testing.assert_identical(one, block(number))
            if number == 2:
                break
        assert [one["topic"] for one in topics()] == ["eeg"]


def test_it_ends_when_the_subscriber_goes(here: Place) -> None:
    with Publisher(here.link(), "eeg") as out:
        with reader(here.link(), policy="block", buffer=1):
            pass
        until(
            lambda: (
                not here.hub.streams.topics(EVERYONE)
                or not here.hub.streams.topics(EVERYONE)[0]["subscribers"]
            ),
            "it is gone",
        )
        assert [out.send(number) for number in range(10)] == list(range(1, 11))


EVERYONE = Principal("everyone")
