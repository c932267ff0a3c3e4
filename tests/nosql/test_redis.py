"""RedisStore against Redis itself."""

from __future__ import annotations

import datetime as dt
import math
import threading

import numpy as np
import pandas as pd
import pytest
import redis as bare
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.connector.proxy import Fault, FaultProxy
from tests.nosql import servers
from tests.nosql.conftest import address

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    DegradedWarning,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
)
from arcuate.connector.redis_client import lent
from arcuate.errors import ConversionError, InvalidArgument, SessionClosed
from arcuate.nosql import RedisStore
from arcuate.values import frames

ARRAY = xr.DataArray(
    np.arange(6, dtype="float32").reshape(2, 3),
    dims=("time", "channel"),
    coords={
        "time": np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[ns]"),
        "channel": ["a", "b", "ü"],
    },
    attrs={"unit": "µV"},
    name="level",
)
TABLE = pd.DataFrame({"n": pd.array([1, None, 2**62], dtype="Int64"), "x": [0.1, math.nan, -0.0]})
ONCE = {"retry": {"attempts": 1}, "breaker": None}


def test_values_come_back_exactly(store: RedisStore) -> None:
    assert store.set("array", ARRAY)
    back = store.get("array")
    xr.testing.assert_identical(back, ARRAY)
    assert back.dtype == np.float32
    store.set("table", TABLE)
    pd.testing.assert_frame_equal(store.get("table"), TABLE)
    assert store.get("absent") is None
    assert store.get("absent", 7) == 7
    store.set_many({"t": "text", "b": b"\x00\xff", "n": 2**63 - 1, "none": None})
    assert store.get_many(["t", "b", "n", "none", "absent"]) == {
        "t": "text",
        "b": b"\x00\xff",
        "n": 2**63 - 1,
        "none": None,
    }


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80), st.sampled_from(["", frames.MAGIC]))
def test_any_bytes_come_back(store: RedisStore, data: bytes, before: bytes) -> None:
    value = (before if isinstance(before, bytes) else b"") + data
    store.set("bytes", value)
    assert store.get("bytes") == value


def test_other_programs_read_and_write(store: RedisStore, redis: servers.Server) -> None:
    other = bare.Redis(port=redis.port, password=servers.PASSWORD)
    try:
        other.set("theirs", "täxt")
        assert store.get("theirs") == "täxt".encode()
        assert store.get("theirs", encoding="text") == "täxt"
        store.set("ours", {"a": [1, 2.5, None, "ü"]}, encoding="json")
        assert other.get("ours") == '{"a":[1,2.5,null,"ü"]}'.encode()
        assert store.get("ours", encoding="json") == {"a": [1, 2.5, None, "ü"]}
        other.set(b"\xff\xfe", b"odd")
        (name,) = (key for key in store.scan() if key not in ("theirs", "ours"))
        assert store.get(name) == b"odd"
        other.set("broken", frames.MAGIC + b"no frame")
        with pytest.raises(DataError, match="'broken' is no value of the encoding 'frame'"):
            store.get("broken")
        with pytest.raises(DataError, match="NaN is not JSON"):
            other.set("nan", "NaN")
            store.get("nan", encoding="json")
        with pytest.raises(DataError, match="a key is there twice"):
            other.set("twice", '{"a": 1, "a": 2}')
            store.get("twice", encoding="json")
        with pytest.raises(DataError, match="the number 1e999 is larger than a float"):
            other.set("large", "[1e999]")
            store.get("large", encoding="json")
    finally:
        other.close()


@pytest.mark.parametrize(
    ("value", "encoding", "told"),
    [
        ({1: 2}, "json", "keys are texts"),
        ([(1, 2)], "json", "no tuples"),
        (math.nan, "json", "cannot be JSON"),
        ("\ud800", "text", "lone surrogate"),
        (True, "text", "bool"),
        ("x", "bytes", "no bytes"),
        (object(), "frame", "object"),
    ],
)
def test_what_an_encoding_cannot_keep_is_refused(
    store: RedisStore, value: object, encoding: object, told: str
) -> None:
    with pytest.raises(ConversionError, match=told):
        store.set("k", value, encoding=encoding)  # type: ignore[arg-type]
    assert not store.exists("k")


def test_expiry(store: RedisStore) -> None:
    store.set("k", 1, expire=dt.timedelta(minutes=5))
    left = store.expires_in("k")
    assert left is not None
    assert 290 < left <= 300
    assert store.persist("k")
    assert store.expires_in("k") is None
    assert store.expire("k", 0.001)
    with pytest.raises(NotFoundError, match="no key 'absent'"):
        store.expires_in("absent")
    assert not store.expire("absent", 5)
    for wrong in (0, -1, math.nan, True):
        with pytest.raises(InvalidArgument, match="seconds above 0"):
            store.set("k", 1, expire=wrong)


def test_only_and_delete(store: RedisStore) -> None:
    assert store.set("k", 1, only="absent")
    assert not store.set("k", 2, only="absent")
    assert not store.set("other", 2, only="present")
    assert store.get("k") == 1
    assert store.type_of("k") == "string"
    assert store.type_of("other") is None
    assert store.delete("k", "other") == 1
    assert store.delete() == 0


def test_counters_of_many_threads(store: RedisStore) -> None:
    def count() -> None:
        for _ in range(50):
            store.increment("n")

    threads = [threading.Thread(target=count) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert store.count("n") == 400
    assert store.increment("n", -400) == 0
    assert store.increment("x", 0.5) == 0.5
    assert store.count("x") == 0.5
    assert store.count("absent") == 0
    store.set("text", "x")
    with pytest.raises(IntegrationError, match="holds no counter"):
        store.count("text")
    with pytest.raises(IntegrationError, match="not an integer"):
        store.increment("text")


def test_hashes(store: RedisStore) -> None:
    assert store.hash_set("h", {"array": ARRAY, "n": 3, "ü": b"raw"}) == 3
    xr.testing.assert_identical(store.hash_get("h", "array"), ARRAY)
    assert store.hash_get("h", "absent", "-") == "-"
    assert store.hash_delete("h", "array", "absent") == 1
    assert store.hash_all("h") == {"n": 3, "ü": b"raw"}
    assert store.hash_all("absent") == {}
    assert store.hash_increment("h", "count", 2) == 2
    store.hash_set("large", {f"f{i}": i for i in range(1000)})
    assert dict(store.hash_scan("large", size=50)) == {f"f{i}": i for i in range(1000)}
    with pytest.raises(IntegrationError, match=r"WRONGTYPE.*type_of") as caught:
        store.get("h")
    assert caught.value.status == "WRONGTYPE"
    with pytest.raises(InvalidArgument, match="at least one"):
        store.hash_set("h", {})


def test_keys_in_pages(store: RedisStore) -> None:
    store.set_many({f"a:{i}": i for i in range(500)})
    store.hash_set("h", {"x": 1})
    pages = list(store.pages("a:*", size=50))
    assert len(pages) > 3
    assert {key for page in pages for key in page} == {f"a:{i}" for i in range(500)}
    assert set(store.scan(kind="hash")) == {"h"}
    with pytest.raises(InvalidArgument, match="1 or more"):
        list(store.scan(size=0))


def test_pipelines(store: RedisStore) -> None:
    with store.pipeline() as p:
        p.set("a", ARRAY).get("a").increment("n", 5).hash_set("h", {"x": 1}).hash_get("h", "x").exists("no")
    xr.testing.assert_identical(p.results[1], ARRAY)
    assert p.results[2:] == [5, 1, 1, False]
    assert store.pipeline().execute() == []
    p = store.pipeline(atomic=False).set("plain", "secret words", encoding="text").increment("plain").get("n")
    with pytest.raises(IntegrationError, match="command 2 of 3") as caught:
        p.execute()
    assert caught.value.detail == [2]
    assert caught.value.executed == "yes"
    assert "secret words" not in str(caught.value)
    refused = store.pipeline().set("never", 1).command("NOSUCH", "hidden word")
    with pytest.raises(IntegrationError, match=r"command 2 of 2.*unknown command") as caught:
        refused.execute()
    assert caught.value.executed == "no"
    assert "hidden word" not in str(caught.value)
    assert not store.exists("never")


def test_scripts(store: RedisStore) -> None:
    add = store.script("return redis.call('INCRBY', KEYS[1], ARGV[1]) + 1")
    assert add(["n"], [4]) == 5
    store.command("SCRIPT", "FLUSH")
    assert add(["n"], [1]) == 6
    with pytest.raises(NotFoundError, match=r"NOSCRIPT.*script\(text\)"):
        store.command("EVALSHA", "0" * 40, 0)
    with pytest.raises(IntegrationError, match="oh no"):
        store.script("return redis.error_reply('oh no')")()


# --- Faults


def test_down_and_wrong_password(redis: servers.Server) -> None:
    with (
        RedisStore(url=address(redis, password="wrong-pass-word"), **ONCE) as other,
        pytest.raises(AuthenticationError, match="user and the password") as caught,
    ):
        other.get("k")
    assert not caught.value.recoverable
    assert "wrong-pass-word" not in str(caught.value)
    with RedisStore(url=f"redis://127.0.0.1:{redis.port}", **ONCE) as other:
        with pytest.raises(AuthenticationError, match="NOAUTH"):
            other.increment("k")
        assert other.health().status == "down"
    with FaultProxy(redis.port) as proxy:
        port = proxy.port
    with RedisStore(url=address(redis, port), **ONCE) as other:
        with pytest.raises(ConnectionError, match="refused") as lost:
            other.get("k")
        assert lost.value.recoverable
        with pytest.raises(ConnectionError, match="refused") as lost:
            other.increment("k")
        assert lost.value.executed == "no"
        assert servers.PASSWORD not in repr(other) + str(lost.value)


def test_half_open_slow_cut_and_reset(redis: servers.Server, store: RedisStore) -> None:
    store.set("k", "x" * 5000)
    with FaultProxy(redis.port) as proxy:
        url = address(redis, proxy.port)
        proxy.fault = Fault(silent=True)
        with (
            RedisStore(url=url, timeouts={"read": 0.1}, **ONCE) as other,
            pytest.raises(IntegrationTimeout, match="timeouts"),
        ):
            other.get("k")
        proxy.fault = Fault(delay=0.01)
        with RedisStore(url=url, **ONCE) as other:
            assert other.get("k") == "x" * 5000
        for fault in (Fault(cut=1000), Fault(cut=1000, reset=True)):
            proxy.fault = fault
            with RedisStore(url=url, retry={"attempts": 2, "initial": 0.01, "jitter": 0}) as other:
                before = proxy.connections
                with pytest.raises(ConnectionError) as caught:
                    other.get("k")
                assert caught.value.recoverable
                assert proxy.connections == before + 2
        proxy.fault = Fault()
        with RedisStore(url=url, retry={"attempts": 2, "initial": 0.01, "jitter": 0}) as other:
            proxy.fault = Fault(cut=1000)
            other.open()
            with pytest.raises(ConnectionError):
                other.get("k")
            proxy.fault = Fault()
            assert other.get("k") == "x" * 5000


def test_what_may_count_twice_is_not_repeated(redis: servers.Server, store: RedisStore) -> None:
    """The answer is lost; the command was carried out."""
    counting = "redis.call('INCR', KEYS[1]) return string.rep('x', 5000)"
    with FaultProxy(redis.port) as proxy:
        proxy.fault = Fault(cut=3000)
        with RedisStore(url=address(redis, proxy.port), retry={"initial": 0.01, "jitter": 0}) as other:
            with pytest.raises(ConnectionError, match="look whether it was done") as caught:
                other.script(counting)(["n"])
            assert caught.value.executed == "maybe"
            assert caught.value.recoverable
            assert proxy.connections == 1
    assert store.count("n") == 1


def test_full_read_only_and_busy() -> None:
    with (
        servers.redis("maxmemory 1mb", "maxmemory-policy noeviction", password=False) as server,
        RedisStore(url=f"redis://127.0.0.1:{server.port}/1", **ONCE) as store,
    ):
        store.set("k", 1)
        with pytest.raises(IntegrationError, match=r"OOM.*maxmemory") as caught:
            store.set("large", b"x" * (2 << 20))
            store.set("more", 1)
        assert caught.value.status == "OOM"
        assert not caught.value.recoverable
        store.command("CONFIG", "SET", "maxmemory", "0")
        store.command("REPLICAOF", "127.0.0.1", str(server.port))
        with pytest.raises(IntegrationError, match=r"READONLY.*master") as caught:
            store.set("k", 2)
        assert not caught.value.recoverable
        store.command("REPLICAOF", "NO", "ONE")
        store.command("ACL", "SETUSER", "reader", "on", ">reader-word", "~*", "+get")
        with (
            RedisStore(
                url=f"redis://127.0.0.1:{server.port}/1", username="reader", password="reader-word", **ONCE
            ) as reader,
            pytest.raises(AuthenticationError, match=r"NOPERM.*right"),
        ):
            reader.set("k", 2)


def test_a_server_that_comes_back_and_a_fallback(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with servers.redis() as server:
        store = RedisStore(url=address(server), fallback={"kind": "cache"}, **ONCE)
        store.set("k", ARRAY)
        store.set("other", 1)
        xr.testing.assert_identical(store.get("k"), ARRAY)
        assert store.get_result("k").degraded is False
    with store:
        with pytest.warns(DegradedWarning):
            found = store.get_result("k")
        assert found.degraded
        assert found.source == "cache"
        xr.testing.assert_identical(found.value, ARRAY)
        with pytest.raises(ConnectionError):
            store.get("other")
        with pytest.raises(ConnectionError):
            store.set("k", 2)
    who = {"username": "bob", "password": "word"}
    with (
        RedisStore(url=address(server), fallback={"kind": "cache"}, **who, **ONCE) as other,
        pytest.raises(ConnectionError),  # what another user read
    ):
        other.get("k")
    with RedisStore(url=address(server), fallback={"kind": "default", "default": {}}, **ONCE) as store:
        with pytest.warns(DegradedWarning):
            assert store.get_many(["k"]) == {}
        with pytest.warns(DegradedWarning):
            assert store.hash_all("h") == {}
        with pytest.raises(ConnectionError):
            store.increment("k")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://x", "no address of Redis"),
        ("redis://x/name", "number of a database"),
        ("redis://x:word/0", "no address of Redis"),
        ("redis://x?retry=5", "none of Redis' settings"),
    ],
)
def test_addresses(url: str, told: str) -> None:
    with pytest.raises(InvalidArgument, match=told):
        RedisStore(url=url)


def test_arguments(store: RedisStore) -> None:
    with pytest.raises(InvalidArgument, match="encoding is one of"):
        store.get("k", encoding="yaml")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="a key is text"):
        store.get(b"k")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="incremented by a number"):
        store.increment("n", True)
    with pytest.raises(InvalidArgument, match="only is"):
        store.set("k", 1, only="never")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="at least one word"):
        store.command()


def test_nothing_is_left_open(redis: servers.Server, store: RedisStore) -> None:
    with RedisStore(url=address(redis), pool=2) as other:
        threads = [threading.Thread(target=other.get, args=("k",)) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        clients = store.command("CLIENT", "LIST").count(b"\n")
        assert 2 <= clients <= 3
    other.close()
    while store.command("CLIENT", "LIST").count(b"\n") > 1:
        pass
    with pytest.raises(SessionClosed):
        other.get("k")


def test_closing_cuts_what_is_in_use_and_closes_the_rest(redis: servers.Server) -> None:
    """A descriptor is closed by the thread that waits on it: another file could have its number at once."""
    store = RedisStore(url=address(redis)).open()
    with pytest.raises(bare.ConnectionError), lent(store.client) as used:
        with lent(store.client) as spare:
            used_socket, spare_socket = used._sock, spare._sock
        used.send_command("BLPOP", "nothing comes here", 0)
        store.close()
        assert spare_socket.fileno() < 0
        assert used_socket.fileno() >= 0
        used.read_response()
    assert used_socket.fileno() < 0
