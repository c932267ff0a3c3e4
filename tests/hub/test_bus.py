"""Sessions over networks that fail: every call at most once, every reply right or a clear error."""

from __future__ import annotations

import functools
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from tests.hub.faults import Lossy, Proxy
from tests.hub.memory import MemoryLink, session
from tests.hub.places import Place, place
from tests.hub.raw import Raw

from arcuate.client import Session, connect, messages
from arcuate.client.net import bus
from arcuate.client.net.bus import BusTransport
from arcuate.errors import (
    ArcuateError,
    CallCancelled,
    CallTimeout,
    ConnectionLost,
    SessionClosed,
)
from arcuate.hub import Hub
from arcuate.values.nodes import Nodes

PATIENCE = 30.0
HELPERS = """
import time, os
seen = []
def once(number, *rest):
    seen.append(number)
    return number * number
def once_loud(number):
    seen.append(number)
    for part in range(20): print(number, part, flush=True)
    return number * number
def once_back(number, function):
    seen.append(number)
    return sum(function(part) for part in range(number, number + 5))
def once_large(number, x):
    seen.append(number)
    return x + number
def slow(number, seconds):
    seen.append(number)
    end = time.monotonic() + seconds
    while time.monotonic() < end: time.sleep(0.01)
    return number
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with place("memory") as found:
        yield found.hub


def until(condition: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.002)


@contextmanager
def behind_a_proxy(way: str, **limits: Any) -> Iterator[tuple[Place, Proxy, Session]]:
    """A hub, a bad network before it, and a session through both."""
    with place(way, **limits) as found:
        port = int(found.url.rstrip("/").rpartition(":")[2])
        with Proxy(port) as proxy, connect(f"{way}://127.0.0.1:{proxy.port}/python") as remote:
            remote.run(HELPERS)
            yield found, proxy, remote
            proxy.refuse(False)


# -------------------------------------------------- every call at most once


def check_calls(remote: Session, seed: int, count: int, large: int) -> None:
    """Makes all kinds of calls; each reply must be right, and each must have run once."""
    chosen = random.Random(seed)
    printed: list[str] = []
    for number in range(count):
        kind = chosen.randrange(4)
        if kind == 0:
            assert remote.call("once", number) == number * number
        elif kind == 1:
            printed.clear()
            result = remote.call("once_loud", number, on_output=lambda _, text: printed.append(text))
            assert result == number * number
            assert "".join(printed) == "".join(f"{number} {part}\n" for part in range(20))
        elif kind == 2:
            called: list[int] = []
            found = remote.call("once_back", number, functools.partial(_double, called))
            assert found == sum(2 * part for part in range(number, number + 5))
            assert called == list(range(number, number + 5))
        else:
            data = np.arange(float(large))
            assert (remote.call("once_large", number, data) == data + number).all()
    assert remote["seen"] == list(range(count))


def _double(called: list[int], part: int) -> int:
    called.append(part)
    return part * 2


@pytest.mark.parametrize("seed", range(4))
def test_every_call_once_over_a_link_that_fails(hub: Hub, seed: int) -> None:
    link = Lossy(hub, seed)
    with Session(BusTransport(link, "python", {}), name="python") as remote:
        remote.run(HELPERS)
        pid = remote.info["pid"]
        link.share = 0.03
        check_calls(remote, seed, 60, 5_000)
        link.share = 0.0
        assert link.lost > 10
        assert remote.call("os.getpid") == pid


@pytest.mark.parametrize("way", ["zmq", "grpc", "http"])
def test_every_call_once_over_a_network_that_fails(way: str) -> None:
    with behind_a_proxy(way) as (_, proxy, remote):
        chosen = random.Random(1)
        before = proxy.accepted
        proxy.cut_after(iter(lambda: chosen.choice((200, 2_000, 20_000, 200_000, 600_000)), -1))
        check_calls(remote, 1, 40, 30_000)
        proxy.cut_after(iter(lambda: 1 << 60, -1))
        assert proxy.accepted - before > 5
        assert remote.call("once", 40) == 1600


class Swallow(MemoryLink):
    """Loses the connection, and with it one message that was sent without an error."""

    def __init__(self, hub: Hub, op: str) -> None:
        super().__init__(hub)
        self.op = op

    def send(self, message: Nodes) -> None:
        """Sends, but for the one."""
        if messages.head(message)[0] == self.op:
            self.op = ""
            self.cut()
            return
        super().send(message)


@pytest.mark.parametrize("op", ["call", "return", "raise"])
def test_a_message_that_never_arrived_is_sent_again(hub: Hub, op: str) -> None:
    def answer(part: int) -> int:
        if op == "raise":
            raise LookupError("nothing there")
        return part

    link = Swallow(hub, "")
    with Session(BusTransport(link, "python", {}), name="python") as remote:
        remote.run(HELPERS)
        link.op = op
        if op == "raise":
            with pytest.raises(LookupError, match="nothing there"):
                remote.call("once_back", 1, answer, timeout=PATIENCE)
        else:
            assert remote.call("once_back", 1, answer, timeout=PATIENCE) == 1 + 2 + 3 + 4 + 5
        assert link.connects == 2
        assert remote["seen"] == [1]


# ----------------------------------------------------- drop, resume, reclaim


@pytest.mark.parametrize("way", ["zmq", "grpc", "http"])
def test_a_dropped_connection_interrupts_nothing(way: str) -> None:
    with behind_a_proxy(way) as (found, proxy, remote):
        printed: list[str] = []
        code = "for part in range(40):\n print(part, flush=True)\n time.sleep(0.01)\nmark = 'whole'"
        running = threading.Thread(
            target=lambda: remote.run(code, on_output=lambda _, text: printed.append(text))
        )
        running.start()
        until(lambda: printed, "it runs")
        proxy.cut()
        running.join(PATIENCE)
        assert "".join(printed) == "".join(f"{part}\n" for part in range(40))  # nothing lost, nothing twice
        assert remote["mark"] == "whole"
        assert len(found.hub.sessions) == 1


@pytest.mark.parametrize("way", ["zmq", "grpc", "http"])
def test_a_call_ends_while_nobody_is_connected(way: str) -> None:
    with behind_a_proxy(way) as (found, proxy, remote):
        proxy_session = found.hub.sessions[0]
        running = remote.submit("slow", 7, 0.4)
        until(lambda: proxy_session.busy, "it runs")
        proxy.refuse()
        proxy.cut()
        until(lambda: not proxy_session.busy, "it is over")
        assert not running.done()
        proxy.refuse(False)
        assert running.result(PATIENCE) == 7
        assert remote["seen"] == [7]


@pytest.mark.parametrize("way", ["zmq", "grpc", "http"])
def test_a_connection_that_was_lost_between_calls(way: str) -> None:
    with behind_a_proxy(way) as (_, proxy, remote):
        remote["x"] = 5
        for _ in range(5):
            proxy.cut()
            assert remote["x"] == 5


def test_a_session_that_nobody_comes_back_for_is_reclaimed() -> None:
    with place("memory", grace_seconds=0.3) as found:
        remote, link = session(found.hub)
        pid = remote.info["pid"]
        link.refuse = True
        link.cut()
        until(lambda: not found.hub.sessions, "it is reclaimed")
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        link.refuse = False
        with pytest.raises(ConnectionLost, match="does not resume the session") as caught:
            remote.call("math.sqrt", 4.0)
        assert caught.value.workspace is False
        with pytest.raises(SessionClosed, match="open another"):
            remote.call("math.sqrt", 4.0)


def test_a_hub_that_stays_away_is_given_up_after_the_grace_period() -> None:
    with place("memory", grace_seconds=0.4) as found:
        remote, link = session(found.hub)
        link.refuse = True
        link.cut()
        with pytest.raises(ConnectionLost, match=r"could not be made again within 0\.4 s") as caught:
            remote.call("math.sqrt", 4.0)
        assert caught.value.executed == "maybe"


def test_connecting_again_is_tried_less_and_less_often(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    remote, link = session(hub)

    def pause(self: BusTransport, seconds: float) -> None:
        pauses.append(seconds)
        link.refuse = len(pauses) < 12

    monkeypatch.setattr(BusTransport, "_pause", pause)
    with remote:
        link.refuse = True
        link.cut()
        assert remote.call("math.sqrt", 4.0) == 2.0
    assert len(pauses) == 12
    bounds = [min(0.05 * 2**number, 2.0) for number in range(12)]
    for seconds, most in zip(pauses, bounds, strict=True):
        assert most / 2 <= seconds <= most
    assert len({round(seconds / most, 6) for seconds, most in zip(pauses, bounds, strict=True)}) > 6


@pytest.mark.parametrize("way", ["zmq", "grpc", "http"])
def test_a_peer_that_is_silent_is_left(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "_SILENCE", 0.4)
    monkeypatch.setattr(bus, "_DEAD", 1.4)
    with behind_a_proxy(way) as (found, proxy, remote):
        assert remote.call("slow", 1, 1.6) == 1  # the hub answers: a long call is no dead connection
        before = proxy.accepted
        running = remote.submit("slow", 2, 0.3)
        until(lambda: found.hub.sessions[0].busy, "it runs")
        proxy.freeze()
        assert running.result(PATIENCE) == 2
        assert proxy.accepted > before
        assert remote["seen"] == [1, 2]


def test_a_hub_that_answers_pings_is_alive(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "_SILENCE", 0.1)
    monkeypatch.setattr(bus, "_DEAD", 0.8)
    remote, link = session(hub)
    with remote:
        remote.call("time.sleep", 1.2)
        assert link.connects == 1


# --------------------------------------------------- resume is by secret only


def test_resume_wants_the_secret_and_the_principal(hub: Hub) -> None:
    owner = Raw(hub)
    greeting = owner.ask("open", environment="python")["value"]
    thief = Raw(hub)
    for secret in ("", "guess", greeting["session"], greeting["secret"][:-1]):
        refused = thief.ask("resume", session=greeting["session"], secret=secret, seen=0)
        assert refused["code"] == "SESSION_CLOSED"
    assert thief.ask("resume", session="s999", secret=greeting["secret"])["code"] == "SESSION_CLOSED"
    assert owner.ask("call", name="math.sqrt", args=[4.0])["value"] == 2.0


def test_the_newer_connection_has_the_session(hub: Hub) -> None:
    owner = Raw(hub)
    greeting = owner.ask("open", environment="python")["value"]
    again = Raw(hub)
    found = again.ask("resume", session=greeting["session"], secret=greeting["secret"], seen=0)
    assert found["value"]["pid"] == greeting["pid"]
    assert again.ask("call", name="math.sqrt", args=[4.0])["value"] == 2.0
    owner.link.close()  # the older one goes; nothing happens to the session
    assert again.ask("call", name="math.sqrt", args=[9.0])["value"] == 3.0


def test_a_second_call_with_the_same_id_returns_the_reply_of_the_first(hub: Hub) -> None:
    client = Raw(hub)
    client.ask("open", environment="python")
    client.ask("run", code=HELPERS)
    number = client.send("call", name="slow", args=[3, 0.2])
    client.number = number - 1
    client.send("call", name="slow", args=[3, 0.2])  # while it runs: waits for the same reply
    assert client.answer(number)["value"] == 3
    client.number = number - 1
    assert client.ask("call", name="slow", args=[3, 0.2])["value"] == 3  # after it: the reply again
    client.number = number + 10
    assert client.ask("get", name="seen")["value"] == [3]


def test_a_reply_is_kept_until_it_is_acknowledged(hub: Hub) -> None:
    client = Raw(hub)
    greeting = client.ask("open", environment="python")["value"]
    client.ask("run", code=HELPERS)
    number = client.send("call", name="once", args=[5])
    seen = client.answer(number)["seq"]
    client.link.cut()
    again = Raw(hub)
    asked = again.send("resume", session=greeting["session"], secret=greeting["secret"], seen=seen - 1)
    assert again.answer(asked)["op"] == "reply"
    repeated = again.answer(number)
    assert (repeated["value"], repeated["seq"]) == (25, seen)
    again.link.send(messages.build("ack", 0, {"seen": seen}))
    again.ask("ping")
    third = Raw(hub)
    asked = third.send("resume", session=greeting["session"], secret=greeting["secret"], seen=seen - 1)
    third.answer(asked)
    last = third.send("ping")
    assert third.read()["id"] == last  # it was forgotten


# --------------------------------------------- deadlines, cancel, submit


def test_a_deadline_holds_while_the_connection_is_away(hub: Hub) -> None:
    remote, link = session(hub)
    with remote:
        remote.run(HELPERS)
        running = remote.submit("slow", 1, 60, timeout=0.5)
        until(lambda: hub.sessions[0].busy, "it runs")
        link.refuse = True
        link.cut()
        begun = time.monotonic()
        with pytest.raises(CallTimeout) as caught:
            running.result(PATIENCE)
        assert caught.value.executed == "maybe"
        assert time.monotonic() - begun < 10
        link.refuse = False
        assert remote.call("once", 2) == 4  # the hub had the deadline too, and interrupted it
        assert remote["seen"] == [1, 2]


def test_a_deadline_is_what_remains(hub: Hub) -> None:
    client = Raw(hub)
    client.ask("open", environment="python")
    client.ask("run", code=HELPERS)
    first = client.send("call", name="slow", args=[1, 0.4])
    late = client.send("call", name="slow", args=[2, 30], deadline=200)  # its time runs while it waits
    assert client.answer(late)["code"] == "CALL_TIMEOUT"
    assert client.answer(first)["value"] == 1
    assert client.ask("get", name="seen")["value"] == [1]


def test_cancel_is_idempotent_and_strikes_nothing_else(hub: Hub) -> None:
    client = Raw(hub)
    client.ask("open", environment="python")
    client.ask("run", code=HELPERS)
    running = client.send("call", name="slow", args=[1, 30])
    until(lambda: hub.sessions[0].busy and not hub.sessions[0].queued, "the first call runs")
    waiting = client.send("call", name="slow", args=[2, 0])
    cancelled = client.send("call", name="slow", args=[3, 0])
    for number in (cancelled, cancelled, running, running, 4711, 0, running):
        client.link.send(messages.build("cancel", 0, {"call": number}))
    taken = client.answer(cancelled)
    assert (taken["code"], taken["executed"]) == ("CALL_CANCELLED", "no")
    stopped = client.answer(running)
    assert (stopped["code"], stopped["workspace"]) == ("CALL_CANCELLED", True)
    assert client.answer(waiting)["value"] == 2
    client.link.send(messages.build("cancel", 0, {"call": running}))
    assert client.ask("call", name="once", args=[9])["value"] == 81
    assert client.ask("get", name="seen")["value"] == [1, 2, 9]


@pytest.mark.parametrize("way", ["memory", "zmq", "grpc", "http"])
def test_submitted_calls_are_cancelled_at_any_instant(way: str) -> None:
    with place(way) as found:
        remote = session(found.hub)[0] if way == "memory" else connect(f"{found.url.rstrip('/')}/python")
        with remote:
            remote.run(HELPERS)
            cancelled = 0
            for number in range(40):
                future = remote.submit("slow", number, 0.05)
                threading.Event().wait(0.0007 * number)
                future.cancel()
                assert remote.call("math.sqrt", float(number * number)) == float(number)  # never struck
                error = future.exception(PATIENCE) if not _unstarted(future) else None
                cancelled += future.cancelled()
                assert error is None or isinstance(error, CallCancelled)
            assert cancelled >= 35
            assert len(set(remote["seen"])) == len(remote["seen"])


def _unstarted(future: Any) -> bool:
    """Whether it was cancelled before it began."""
    return bool(future.cancelled() and not future.asked)


def test_cancelling_a_submitted_call_leaves_another_threads_call_alone(hub: Hub) -> None:
    remote, _ = session(hub)
    with remote:
        remote.run(HELPERS)
        results: list[int] = []
        other = threading.Thread(target=lambda: results.append(remote.call("slow", 1, 0.5)))
        other.start()
        until(lambda: hub.sessions[0].busy, "the other thread's call runs")
        mine = remote.submit("slow", 2, 30)  # waits for its turn
        until(mine.running, "the thread has taken it")
        mine.cancel()
        other.join(PATIENCE)
        assert results == [1]
        with pytest.raises(CallCancelled) as caught:
            mine.result(PATIENCE)
        assert caught.value.executed == "no"
        assert remote["seen"] == [1]


def test_an_interrupt_that_is_ignored_ends_the_interpreter(hub: Hub) -> None:
    link = MemoryLink(hub)
    with Session(BusTransport(link, "python", {}, grace=0.3), name="python") as remote:
        remote["kept"] = 1
        with pytest.raises(CallTimeout) as caught:
            remote.run(
                "import time\nwhile True:\n try: time.sleep(60)\n except BaseException: pass", timeout=0.3
            )
        assert caught.value.workspace is False
        assert "kept" not in remote
        assert remote.info["generation"] == 2


# --------------------------------------------------------------------- load


def check_load(found: Place, way: str, clients: int, seconds: float, log: Any) -> tuple[int, int]:
    """Many clients, whose interpreters are killed at random. Returns how many calls succeeded and failed."""
    log.touch()
    code = (
        "import os\n"
        f"log = os.open({str(log)!r}, os.O_WRONLY | os.O_APPEND)\n"
        "def once(token, x):\n os.write(log, (token + '\\n').encode())\n return x * x\n"
    )
    url = "" if way == "memory" else f"{found.url.rstrip('/')}/python"
    over = threading.Event()
    good: list[str] = []
    bad: list[tuple[str, ArcuateError]] = []
    wrong: list[str] = []

    def work(number: int) -> None:
        chosen = random.Random(number)
        remote = connect(url) if url else session(found.hub)[0]
        with remote:
            ready, count = False, 0
            while not over.is_set():
                token = f"{number}-{count}"
                count += 1
                x = chosen.random()
                try:
                    if not ready:
                        remote.run(code)
                        ready = True
                    if remote.call("once", token, x) != x * x:
                        wrong.append(token)
                    good.append(token)
                except ArcuateError as error:
                    bad.append((token, error))
                    ready = False

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    chosen = random.Random(0)
    killed, begun = 0, time.monotonic()
    while (spent := time.monotonic() - begun) < seconds or (
        (killed <= 5 or len(good) <= 20) and spent < PATIENCE  # on a busy machine it takes longer
    ):
        threading.Event().wait(seconds / 40)
        alive = found.hub.sessions
        if alive:
            try:
                os.kill(chosen.choice(alive).transport.greeting.pid, 9)
                killed += 1
            except ProcessLookupError:
                pass
    over.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    assert not wrong
    ran = log.read_text().split()
    assert len(ran) == len(set(ran)), "a call ran twice"
    assert set(good) <= set(ran)
    unsure = {token for token, error in bad if error.executed != "no"}
    assert set(ran) - set(good) <= unsure, "a call ran that was said not to have begun"
    assert {error.code for _, error in bad} <= {"ENVIRONMENT_CRASHED", "NAME_NOT_FOUND"}
    assert killed > 5
    return len(good), len(bad)


@pytest.mark.parametrize("way", ["memory", "zmq", "grpc", "http"])
def test_many_clients_and_interpreters_that_are_killed(way: str, tmp_path: Any) -> None:
    with place(way) as found:
        good, bad = check_load(found, way, 4, 1.2, tmp_path / "log")
    assert good > 20
    assert bad < good


@pytest.mark.soak
@pytest.mark.timeout(400)
@pytest.mark.parametrize("way", ["zmq", "grpc", "http"])
def test_sixty_four_clients_for_a_minute(way: str, tmp_path: Any) -> None:
    with place(way, sessions=100, sessions_each=100) as found:
        good, bad = check_load(found, way, 64, 60.0, tmp_path / "log")
    assert good > 1000
    print(f"{way}: {good} calls, {bad} errors")


@pytest.mark.soak
@pytest.mark.timeout(400)
@pytest.mark.parametrize("way", ["zmq", "grpc", "http"])
@pytest.mark.parametrize("seed", range(4))
def test_every_call_once_for_long(way: str, seed: int) -> None:
    with behind_a_proxy(way) as (_, proxy, remote):
        chosen = random.Random(seed)
        proxy.cut_after(iter(lambda: chosen.choice((200, 2_000, 20_000, 200_000, 600_000)), -1))
        check_calls(remote, seed, 500, 30_000)
