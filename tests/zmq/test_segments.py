"""Large buffers in files: what section 9 of protos/zeromq.md promises, and clients that lie about them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.zmq.conftest import Start, until
from tests.zmq.raw import IN_A_FILE, Raw, encode
from tests.zmq.sharing import Sharing

from arcuate.client import connect, environments, messages, publish, subscribe
from arcuate.client.net import shelf
from arcuate.client.net.parts import pack, unpack
from arcuate.errors import ArcuateError, PermissionDenied, ProtocolError, RemoteError
from arcuate.hub import Config
from arcuate.hub.server import Server
from arcuate.hub.tokens import create
from arcuate.values import codes
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes
from arcuate.worker.confine import unavailable
from arcuate.zmq import ZmqBridge, segments

pytestmark = pytest.mark.skipif(not shelf.POSSIBLE, reason="linux: segments need it")

SAME = "def same(x): return x"
ONES = np.ones(20_000)


@pytest.fixture
def sharing(bridge: ZmqBridge) -> Iterator[Sharing]:
    """A connection with a folder and a session."""
    with Sharing(bridge.endpoints[1]) as found:
        found.hello()
        assert found.folder
        assert found.ask("open", environment="python")["op"] == "reply"
        assert found.ask("run", code=SAME)["op"] == "reply"
        yield found


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a path that is short enough for a socket."""
    with tempfile.TemporaryDirectory() as found:
        yield Path(found)


class Gate:
    """What keeps an interpreter busy until the test lets it go on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.code = f"import os, time\nwhile not os.path.exists({str(path)!r}): time.sleep(0.01)"

    def open(self) -> None:
        """Lets it go on."""
        self.path.touch()


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


def works(bridge: ZmqBridge) -> None:
    """Another client is served."""
    with Sharing(bridge.endpoints[1]) as raw:
        raw.hello()
        found = raw.ask("call", environment="python", name="math.fsum", args=[ONES])
        assert found["value"] == 20_000.0


# ------------------------------------------------------------------ there and back


def test_by_hand_there_and_back(sharing: Sharing) -> None:
    """Buffers go through files in both directions, which are used again."""
    for number in range(12):
        array = np.arange(20_000.0) + number
        found = sharing.ask("call", name="same", args=[array])["value"]
        assert np.array_equal(found, array)
    assert len(sharing.laid) <= 2
    assert len(sharing.got) == 12
    assert len(set(sharing.got)) <= 2
    two = sharing.ask("call", name="same", args=[[ONES, ONES + 1]])["value"]
    assert np.array_equal(two, [ONES, ONES + 1])
    assert sorted(os.listdir(sharing.folder))[0].startswith("c")
    assert all(os.stat(sharing.path(one)).st_mode & 0o777 == 0o600 for one in os.listdir(sharing.folder))


def test_a_file_that_was_removed_is_given_back_too(sharing: Sharing) -> None:
    for _ in range(3):
        sharing.ask("call", name="same", args=[ONES])
        for name in os.listdir(sharing.folder):
            if name.startswith("h"):
                os.unlink(sharing.path(name))
    assert len(set(sharing.got)) == 3


def test_parts_and_files_in_one_message(sharing: Sharing) -> None:
    lay, mixed = sharing.put, iter((False, True, False, True))
    sharing.lay = lambda data: lay(data) if next(mixed) else 0
    arrays = [ONES + number for number in range(4)]
    found = sharing.ask("call", name="same", args=[arrays])["value"]
    assert np.array_equal(found, arrays)


def test_the_order_of_large_and_small_answers(bridge: ZmqBridge, sharing: Sharing) -> None:
    """Another thread copies large ones; what comes after waits for it, and nobody else does."""
    numbers = [
        sharing.send("eval", code=f"print({number}) or bytes({number} + {size})")
        for number, size in enumerate([2 << 20, 10] * 10)
    ]
    found = [sharing.read()]
    while found[-1]["id"] != numbers[-1] or found[-1]["op"] != "reply":
        found.append(sharing.read())
    assert [one["seq"] for one in found] == list(range(found[0]["seq"], found[0]["seq"] + len(found)))
    assert [one["id"] for one in found if one["op"] == "reply"] == numbers
    text = "".join(one["text"] for one in found if one["op"] == "event")
    assert text == "".join(f"{number}\n" for number in range(20))
    sizes = [len(one["value"]) for one in found if one["op"] == "reply"]
    assert sizes == [number + size for number, size in enumerate([2 << 20, 10] * 10)]


def test_whoever_does_not_ask_is_offered_nothing(bridge: ZmqBridge) -> None:
    for raw in (Raw(bridge.endpoints[1]), Sharing(bridge.endpoints[0])):
        with raw:
            hello = raw.hello()
            assert "segments" not in hello
            assert "segments" not in hello["features"]
            found = raw.ask("call", environment="python", name="math.fsum", args=[ONES])
            assert found["value"] == 20_000.0


def test_a_client_that_cannot_open_the_folder_goes_on_without(bridge: ZmqBridge) -> None:
    """It says nothing, and the hub sends parts."""
    with Raw(bridge.endpoints[1]) as raw:
        assert raw.hello(features=["segments"])["segments"]["files"] == shelf.FILES
        assert raw.ask("eval", environment="python", code="bytes(100_000)")["value"] == bytes(100_000)


@pytest.mark.skipif(os.getuid() != 0, reason="root: needed to become another user")
def test_another_user_is_not_offered_any(start: Start) -> None:
    """The folder of the socket is opened, as only its owner can; the kernel still says who comes."""
    bridge = start(("ipc://*",))
    path = Path(bridge.endpoints[0].removeprefix("zmq+ipc://"))
    path.parent.chmod(0o755)
    path.chmod(0o666)
    pid = os.fork()
    if not pid:  # pragma: no cover
        status = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            with Sharing(bridge.endpoints[0]) as raw:
                answer = raw.hello()
                status = 0 if answer["op"] == "error" or "segments" not in answer else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    with Sharing(bridge.endpoints[0]) as raw:
        assert "segments" in raw.hello()


@pytest.mark.parametrize(
    ("address", "uid"),
    [
        ("localhost:1000:100:4711", 1000),
        (":0:0:1", 0),
        ("127.0.0.1", None),
        ("2001:db8::5", None),  # has three colons too
        ("fd00:0::5", None),
        ("fd00:1000::5", None),
        ("::1:2", None),
        ("::1", None),
        ("", None),
    ],
)
def test_the_address_of_a_socket_file_is_told_from_ipv6(address: str, uid: int | None) -> None:
    class Part:
        """What :func:`segments.owner` reads of a part."""

        def get(self, name: str) -> str:
            assert name == "Peer-Address"
            return address

    assert segments.owner(Part()) == uid  # type: ignore[arg-type]


# ----------------------------------------------------------------- our own client

VALUES = {
    "floats": np.random.default_rng(1).standard_normal((300, 400)),
    "columns": np.asfortranarray(np.random.default_rng(2).standard_normal((300, 400))),
    "strided": np.arange(400_000.0)[::3],
    "complex": np.full(30_000, 1 - 2j),
    "booleans": np.arange(200_000) % 3 == 0,
    "texts": np.array([f"tëxt {i}" for i in range(30_000)], dtype=object),
    "times": np.arange(50_000).astype("datetime64[ms]"),
    "bytes": os.urandom(300_000),
    "numbers": list(range(30_000)),
    "nested": {"a": [np.ones(9000), {"b": np.zeros(9000, "i4")}], "small": 3},
}


@pytest.fixture(scope="module")
def session(bridge: ZmqBridge) -> Iterator[Any]:
    with connect(f"{bridge.endpoints[1]}/python") as found:
        found.run(SAME)
        yield found


def folder_of(session: Any) -> str:
    """The folder of one of our sessions."""
    found: str = session._transport._link._shelf.path
    return found


@pytest.mark.parametrize("name", VALUES)
def test_values(session: Any, name: str) -> None:
    """The same comes back, and through files: nothing large is left for the message."""
    value = VALUES[name]
    found = session.call("same", value)
    if isinstance(value, dict):
        assert found.keys() == value.keys()
        np.testing.assert_array_equal(found["a"][0], value["a"][0])
        np.testing.assert_array_equal(found["a"][1]["b"], value["a"][1]["b"])
    elif isinstance(value, np.ndarray):
        np.testing.assert_array_equal(found, value)
        assert np.asarray(found).dtype == value.dtype
        if value.dtype != object:
            found[...] = value[0]  # it is the caller's own
    else:
        assert found == value
    session["kept"] = value
    np.testing.assert_equal(session["kept"], value)


def test_files_are_used_again(session: Any) -> None:
    for number in range(30):
        assert session.call("same", ONES + number)[-1] == 1 + number
    assert len(os.listdir(folder_of(session))) < 20


def test_an_array_stays_as_it_is_when_its_file_is_used_again(session: Any) -> None:
    kept = [session.call("same", ONES * number) for number in range(10)]
    assert [one[7] for one in kept] == list(range(10))


@pytest.mark.parametrize(("language", "name"), [("r", "identity"), ("octave", "double")])
def test_other_languages(bridge: ZmqBridge, language: str, name: str) -> None:
    """R maps what it is sent, so it gets a copy; Octave reads the client's file itself."""
    if not environments()[language].load().doctor().found:
        pytest.skip(f"{language}: not installed")
    array = np.random.default_rng(5).standard_normal(50_000)
    with connect(f"{bridge.endpoints[1]}/{language}") as found:
        for number in range(3):
            back = np.asarray(found.call(name, array + number)).ravel()
            np.testing.assert_array_equal(back, array + number)
        found["kept"] = array
        found.call(name, array * 2)  # in the same file
        np.testing.assert_array_equal(np.asarray(found["kept"]).ravel(), array)
        assert {one.name for one in os.scandir(folder_of(found)) if one.name[0] == "c"} <= {
            "c1.free", "c1", "c2", "c2.free",
        }  # fmt: skip


def test_callbacks_with_large_values(session: Any) -> None:
    session.run("def through(f, x): return f(x) + 1")
    found = session.call("through", lambda x: x * 2, ONES)
    np.testing.assert_array_equal(found, ONES * 2 + 1)


def test_samples(bridge: ZmqBridge) -> None:
    """A sample is kept by the hub and sent to several: it is copied before."""
    url = bridge.endpoints[1]
    with subscribe("large", url) as one, subscribe("large", url) as two:
        for number in range(3):
            publish("large", ONES + number, url)
        for reader in (one, two):
            assert [next(reader)[0] for _ in range(3)] == [1.0, 2.0, 3.0]


def test_where_memory_is_small_files_are_among_the_temporary_ones(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(segments, "memory_folder", lambda: None)
    bridge = start(("ipc://*",))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with connect(f"{bridge.endpoints[0]}/python") as session:
        session.run(SAME)
        assert session.call("same", ONES)[-1] == 1.0
        assert Path(folder_of(session)).parent == tmp_path
        assert len(os.listdir(folder_of(session))) == 2
    until(lambda: not os.listdir(tmp_path), "it is removed")


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose sockets have names of less than 108 bytes."""
    with tempfile.TemporaryDirectory(prefix="arc-") as found:
        yield Path(found)


def test_the_folder_of_a_socket_goes_with_the_hub(
    start: Start, monkeypatch: pytest.MonkeyPatch, short: Path
) -> None:
    """Also where samples were read, from the socket beside it, and where a hub was killed before."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    left = short / "arcuate-hub-1-killed"
    left.mkdir(mode=0o700)
    bridge = start(("ipc://*",))
    with Raw(bridge.endpoints[0]) as raw:
        raw.hello()
        beside = Path(raw.ask("listen", topic="some")["value"]["path"])
    assert beside.is_socket()
    assert list(short.iterdir()) == [beside.parent]
    bridge.stop(0.5)
    assert not list(short.iterdir())


def test_without_room_buffers_travel_with_the_message(
    bridge: ZmqBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, offset: int, length: int) -> None:
        raise OSError(28, "No space left on device")

    with connect(f"{bridge.endpoints[1]}/python") as session:
        session.run(SAME)
        monkeypatch.setattr(os, "posix_fallocate", full)
        assert session.call("same", ONES)[-1] == 1.0
        monkeypatch.undo()
        assert session.call("same", ONES)[-1] == 1.0


def test_more_arrays_than_files(session: Any) -> None:
    arrays = [np.full(9000, float(number)) for number in range(shelf.FILES + 10)]
    found = session.call("same", arrays)
    assert [one[0] for one in found] == [one[0] for one in arrays]


def test_a_connection_that_is_lost_while_a_call_waits(bridge: ZmqBridge, gate: Gate) -> None:
    """The request that waits is carried out once, with what it carried, although its folder is over."""
    with Sharing(bridge.endpoints[1]) as raw:
        raw.hello()
        greeting = raw.ask("open", environment="python")["value"]
        raw.ask("run", code="calls = 0\ndef f(x):\n global calls\n calls += 1\n return x")
        raw.send("run", code=gate.code)
        number = raw.send("call", name="f", args=[ONES])
        assert raw.ask("environments")["op"] == "reply"  # which says that the hub has both
        folder = raw.folder
    with Sharing(bridge.endpoints[1]) as again:
        again.hello()
        assert again.ask("resume", session=greeting["session"], secret=greeting["secret"], seen=raw.seen)
        again.number = 100
        gate.open()
        again.send("call", number, name="f", args=[ONES])
        found = again.answer(number)
        while found["id"] != number:
            found = again.answer(number)
        assert np.array_equal(found["value"], ONES)
        assert again.ask("eval", code="calls")["value"] == 1
    until(lambda: not os.path.exists(folder), "the folder is removed")


def test_a_file_that_went_with_its_connection(bridge: ZmqBridge, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub has given our client up and removed what it had not read: it comes back and gets it again."""
    with connect(f"{bridge.endpoints[1]}/python") as session:
        session.run(f"n = 0\n{SAME}\ndef counted(x):\n global n\n n += 1\n return x")
        fetch, gone = shelf.Shelf.fetch, []

        def late(self: shelf.Shelf, place: int, length: int) -> Any:
            if not gone:
                gone.append(self.path)
                os.unlink(os.path.join(self.path, f"h{place - IN_A_FILE}"))
            return fetch(self, place, length)

        monkeypatch.setattr(shelf.Shelf, "fetch", late)
        assert session.call("counted", ONES)[-1] == 1.0
        assert session["n"] == 1
        assert folder_of(session) != gone[0]


def test_a_shelf_that_is_closed_while_it_is_written_to(tmp_path: Path) -> None:
    """No descriptor is closed under a write: another file could get its number."""
    tmp_path.chmod(0o700)
    ended: list[bool] = []
    one = shelf.Shelf(str(tmp_path), "h", ended=lambda: ended.append(True))

    class Slow:
        """A buffer that is laid out while somebody closes the shelf."""

        nbytes = 100_000

        def copy_into(self, target: memoryview) -> None:
            one.close(now=True)
            assert not ended
            target[:] = bytes(self.nbytes)

    rows: Any = [(codes.BYTES, 0, 0, 0, 0, 0, "", "")]
    one.pack(Nodes(rows, [], [Slow()]))
    assert ended == [True]
    assert one.over
    assert os.listdir(tmp_path) == []
    assert len(one.pack(Nodes(rows, [], [bytes(100_000)]))) == 2  # it travels as a part


# ----------------------------------------------------------------------- the end


def test_nothing_is_left_when_a_connection_ends(bridge: ZmqBridge) -> None:
    with connect(f"{bridge.endpoints[1]}/python") as session:
        session.run(SAME)
        session.call("same", ONES)
        folder = folder_of(session)
        assert len(os.listdir(folder)) == 2
    until(lambda: not os.path.exists(folder), "its folder is gone")


KILLED = """
import sys
import numpy as np
from arcuate.client import connect
session = connect(sys.argv[1])
session.run("def same(x): return x")
session.call("same", np.ones(20_000))
print(session._transport._link._shelf.path, flush=True)
sys.stdin.read()
"""


def test_a_client_that_is_killed_leaves_nothing(bridge: ZmqBridge) -> None:
    command = [sys.executable, "-c", KILLED, f"{bridge.endpoints[1]}/python"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        folder = client.stdout.readline().strip()
        assert len(os.listdir(folder)) == 2
        client.kill()
    until(lambda: not os.path.exists(folder), "the hub has removed its folder")


Served = Callable[..., tuple[subprocess.Popen[bytes], dict[str, str]]]


def test_a_hub_that_is_killed_leaves_nothing(served: Served, place: Path) -> None:
    """The client that is left removes the folder; where it is killed too, the next hub does."""
    process, _ = served("[limits]\ngrace_seconds = 1\n", "--zmq", f"ipc://{place}/hub")
    endpoint = f"zmq+ipc://{place}/hub/python"
    command = [sys.executable, "-c", KILLED, endpoint]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        folder = client.stdout.readline().strip()
        mine = connect(endpoint)
        mine.run(SAME)
        mine.call("same", ONES)
        own = folder_of(mine)
        assert len(os.listdir(folder)) == len(os.listdir(own)) == 2
        process.kill()
        process.wait()
        client.kill()
    with pytest.raises(ArcuateError):
        mine.call("same", ONES)
    mine.close()
    assert not os.path.exists(own)
    served("", "--zmq", f"ipc://{place}/another")
    assert not os.path.exists(folder)


LIES = (
    "no such file", "too short", "a symbolic link", "a second name", "open to others", "a pipe", "a folder",
    "number 0", "a number too large", "used twice", "a small buffer", "too many",
)  # fmt: skip


def lie(raw: Sharing, how: str) -> None:
    """Sends a call with something wrong about its files."""
    places: list[int] = [1]
    arrays = [ONES]
    raw.put(ONES.data.cast("B"))
    name = raw.path(1)
    if how == "no such file":
        places = [7]
    elif how == "too short":
        os.truncate(name, ONES.nbytes - 1)
    elif how == "a symbolic link":
        os.rename(name, raw.path("elsewhere"))
        os.symlink(raw.path("elsewhere"), name)
    elif how == "a second name":
        os.link(name, raw.path("elsewhere"))
    elif how == "open to others":
        os.chmod(name, 0o644)
    elif how == "a pipe":
        os.unlink(name)
        os.mkfifo(name, 0o600)
    elif how == "a folder":
        os.unlink(name)
        os.mkdir(name, 0o700)
    elif how == "number 0":
        places = [0]
    elif how == "a number too large":
        places = [1 << 40]
    elif how == "used twice":
        places, arrays = [1, 1], [ONES, ONES]
    elif how == "a small buffer":
        arrays = [ONES[:100]]
    elif how == "too many":
        places, arrays = [], [np.ones(9000)] * (shelf.FILES + 1)
        for _ in arrays:
            places.append(raw.put(arrays[0].data.cast("B")) - IN_A_FILE)
    wanted = iter(places)
    raw.post(
        encode(
            {"op": "call", "id": 50, "name": "same", "args": arrays},
            outside=1,
            lay=lambda data: IN_A_FILE + next(wanted),
        )
    )


@pytest.mark.parametrize("how", LIES)
def test_a_client_that_lies(bridge: ZmqBridge, sharing: Sharing, how: str) -> None:
    """It is told what is wrong, dropped and counted."""
    before = bridge.counts["garbage"]
    lie(sharing, how)
    answers = sharing.ended()
    assert [(one["op"], one["id"], one["code"]) for one in answers] == [("error", 0, "PROTOCOL_ERROR")]
    assert "egment" in answers[0]["message"]
    assert bridge.counts["garbage"] == before + 1
    until(lambda: not os.path.exists(sharing.folder), "its folder is removed")
    works(bridge)


@settings(max_examples=300, deadline=None, database=None)
@given(
    st.one_of(st.integers(1, 3), st.integers(0, 1 << 63)),
    st.one_of(st.integers(65_000, 100_001), st.integers(0, (1 << 64) - 1)),
)
def test_a_reader_raises_our_errors_only(number: int, length: int) -> None:
    """Whatever is announced: a buffer of that length comes, or a ProtocolError."""
    with tempfile.TemporaryDirectory() as place:
        reader = shelf.Shelf(place, "h")
        for one, size in (("c1", 100_000), ("c2", 65_535)):
            with open(os.path.join(place, one), "wb", opener=lambda p, f: os.open(p, f, 0o600)) as file:
                file.truncate(size)
        good = number == 1 and 65_536 <= length <= 100_000
        try:
            found = reader.lend(IN_A_FILE | number, length)
        except ProtocolError:
            assert not good
        else:
            assert good
            target = bytearray(length)
            found.copy_into(memoryview(target))
            with pytest.raises(ProtocolError):
                found.copy_into(memoryview(target))
            assert os.path.exists(os.path.join(place, "c1.free"))
        reader.close()


def test_a_file_without_an_offer(bridge: ZmqBridge) -> None:
    for endpoint in bridge.endpoints:
        before = bridge.counts["garbage"]
        with Raw(endpoint) as raw:
            raw.hello()
            raw.post(encode({"op": "call", "id": 1, "args": [ONES]}, lay=lambda data: IN_A_FILE + 1))
            assert [one.get("code") for one in raw.ended()] == ["PROTOCOL_ERROR"]
        assert bridge.counts["garbage"] == before + 1
    works(bridge)


@pytest.mark.parametrize("how", ["cut short", "removed", "exchanged"])
def test_a_file_that_changes_while_its_call_waits(
    bridge: ZmqBridge, sharing: Sharing, gate: Gate, how: str
) -> None:
    """No mapping of it is there that could break. The request ends, then the connection."""
    before = bridge.counts["garbage"]
    sharing.send("run", code=gate.code)
    number = sharing.send("call", name="same", args=[ONES])
    assert sharing.ask("environments")["op"] == "reply"  # the hub has looked at it
    name = sharing.path(1)
    if how == "cut short":
        os.truncate(name, 4096)
    else:
        os.unlink(name)
        if how == "exchanged":
            os.symlink("/etc/passwd", name)
    gate.open()
    answers = sharing.ended()
    assert {(one["id"], one.get("code")) for one in answers if one["op"] == "error"} == {
        (number, "PROTOCOL_ERROR"),
        (0, "PROTOCOL_ERROR"),
    }
    assert bridge.counts["garbage"] == before + 1
    works(bridge)


def test_a_file_that_is_cut_short_while_its_call_runs(
    bridge: ZmqBridge, sharing: Sharing, gate: Gate, tmp_path: Path
) -> None:
    """The interpreter has copied it by then; the client is dropped all the same."""
    before = bridge.counts["garbage"]
    begun = tmp_path / "begun"
    code = "\n ".join(["def hold(x):", f"open({str(begun)!r}, 'w').close()", *gate.code.splitlines()])
    assert sharing.ask("run", code=f"{code}\n return x[-1]")["op"] == "reply"
    number = sharing.send("call", name="hold", args=[ONES])
    until(begun.exists, "the call runs")
    os.truncate(sharing.path(1), 4096)
    gate.open()
    answers = {one["id"]: one for one in sharing.ended() if one["op"] in ("reply", "error")}
    assert answers[number]["value"] == 1.0
    assert answers[0]["code"] == "PROTOCOL_ERROR"
    assert bridge.counts["garbage"] == before + 1
    works(bridge)


def test_what_is_used_is_what_was_checked(bridge: ZmqBridge, sharing: Sharing, gate: Gate) -> None:
    """Truth values are looked at, so they are copied before; the file is not read again."""
    limits = Limits()
    values = Nodes([(codes.ARRAY, codes.D_BOOL, 0, 0, 1, 0, "", "")], [100_000], [bytes(100_000)])
    message = messages.build("call", 60, {"name": "same", "args": [None]})
    at = next(i for i, row in enumerate(message.rows) if row[6] == "args") + 1
    message.rows[at] = values.rows[0]
    message.pool, message.buffers = values.pool, values.buffers
    parts = pack(message, lambda data, size: sharing.put(data))
    assert len(parts) == 1
    sharing.send("run", code=gate.code)
    sharing.post(parts)
    assert sharing.ask("environments")["op"] == "reply"
    until(lambda: os.path.exists(sharing.path("c1.free")), "it is given back while the call waits")
    os.pwrite(sharing.laid[1], b"\7" * 100_000, 0)
    gate.open()
    assert not sharing.answer(60)["value"].any()
    assert unpack(parts[0], [], limits, lambda place, length: bytes(length)).buffers
    works(bridge)


# ---------------------------------------------------------------------- confined


@pytest.mark.skipif(bool(unavailable()), reason=f"confinement: {unavailable()}")
def test_a_confined_session_sees_no_segments(tmp_path: Path, place: Path) -> None:
    """Neither its own client's nor another's; its own large arrays arrive all the same."""
    tokens = tmp_path / "tokens.toml"
    full = create(tokens, "full", environments=["python"])
    small = create(
        tokens, "small", eval=False, functions=["os.*", "math.*", "numpy.*"], environments=["python"]
    )
    config = Config(zmq=[f"ipc://{place}/hub"], tokens=tokens)
    with Server(config) as server:
        url = f"{server.endpoints['zmq']}/python"
        with connect(url, token=full) as one, connect(url, token=small) as two:
            one["secret"] = ONES
            assert two.call("math.fsum", ONES) == 20_000.0
            for folder in (folder_of(one), folder_of(two)):
                assert sorted(one.eval(f"__import__('os').listdir({folder!r})"))
                with pytest.raises((RemoteError, PermissionDenied)) as caught:
                    two.call("os.listdir", folder)
                assert "Permission" in str(caught.value)
