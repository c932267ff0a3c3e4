"""The REST connector against json-server: verbs, pages, tables, files, the cache, both faces."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pydantic
import pytest
from tests.rest.conftest import FILE, STATIONS

from arcuate.connector import DataError, NotFoundError
from arcuate.errors import ConversionError, InvalidArgument, LimitExceeded
from arcuate.integrations import Cursor, Link, Page, RESTAPIClient
from arcuate.rest import Response


class Weather(RESTAPIClient):
    """The pattern that programs use."""

    def __init__(self, api_config: Mapping[str, Any]) -> None:
        super().__init__(api_config)
        self.base_url = api_config["base_url"]
        self.headers = {"Authorization": f"Bearer {api_config['api_key']}"}

    def station(self, number: int) -> Any:
        return self.get(f"/stations/{number}")

    def note(self, text: str) -> Any:
        return self.post("/notes", data={"text": text})


def test_a_subclass_that_sets_address_and_headers(address: str) -> None:
    with Weather({"base_url": address, "api_key": "a-key-of-theirs", "units": "m"}) as weather:
        assert weather.station(3) == STATIONS[2]
        made = weather.note("Grüße 雪")
        assert weather.get(f"notes/{made['id']}") == {"text": "Grüße 雪", "id": made["id"]}
        assert weather.config.extra["units"] == "m"
        assert "a-key-of-theirs" not in repr(weather) + str(weather.config)


def test_verbs(client: RESTAPIClient) -> None:
    made = client.post("notes", {"text": "a", "n": 2**60})
    place = f"notes/{made['id']}"
    assert client.patch(place, {"text": "b"}) == {**made, "text": "b"}
    assert client.put(place, {"text": "c"}) == {"text": "c", "id": made["id"]}
    assert client.delete(place) == {}
    with pytest.raises(NotFoundError, match=f"GET .*{place} gave 404") as raised:
        client.get(place)
    assert (raised.value.status, raised.value.recoverable) == (404, False)


def test_queries(client: RESTAPIClient) -> None:
    assert [one["id"] for one in client.get("stations", {"id": [2, 5], "name": None})] == [2, 5]
    assert [one["id"] for one in client.get("stations?id_gte=22", {"id_lte": 22})] == [22]
    assert client.get("stations", {"name": "x' OR 1=1 --&id=1"}) == []


def test_asyncio(address: str) -> None:
    async def main() -> tuple[Any, Any, list[int]]:
        async with RESTAPIClient({"base_url": address}) as client:
            found = await asyncio.gather(*(client.aget(f"stations/{n}") for n in range(1, 9)))
            made = await client.apost("notes", data={"text": "async"})
            changed = await client.apatch(f"notes/{made['id']}", {"text": "b"})
            await client.aput(f"notes/{made['id']}", {"text": "c"})
            await client.adelete(f"notes/{made['id']}")
            pages = client.apages("stations", {"_page": 1, "_limit": 10})
            return found, changed["text"], [len(page) async for page in pages]

    assert asyncio.run(main()) == (STATIONS[:8], "b", [10, 10, 3])


def test_asyncio_and_threads_close_each_other(address: str) -> None:
    async def main() -> None:
        client = RESTAPIClient({"base_url": address})
        await client.aget("stations/1")
        with pytest.raises(InvalidArgument, match="await aclose"):
            client._close()
        await asyncio.to_thread(client.close)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("paging", "params"),
    [
        (Link(), {"_page": 1, "_limit": 10}),
        (Page("_page", size=10, size_parameter="_limit"), {}),
        (Cursor(), {"cursor": 1, "_limit": 10}),
    ],
    ids=["link", "page", "cursor"],
)
def test_pages(client: RESTAPIClient, paging: Any, params: dict[str, Any]) -> None:
    assert list(client.items("stations", params, paging=paging)) == STATIONS
    first = list(client.pages("stations", params, paging=paging, limit=1))
    assert first == [STATIONS[:10]]


def test_a_system_that_ignores_the_page_is_no_endless_list(client: RESTAPIClient) -> None:
    with pytest.raises(DataError, match="circle"):
        list(client.items("stations", paging=Page("there_is_no_such_parameter")))


def test_tables(client: RESTAPIClient) -> None:
    answer = client.request("GET", "stations")
    assert answer.table().to_pylist() == STATIONS
    frame = answer.frame()
    assert list(frame.dtypes.astype(str)) == ["int64", frame["name"].dtype.name, "float64"]
    schema = pa.schema([("id", pa.int16()), ("height", pa.float32())])
    assert answer.table(schema=schema).schema == schema


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ("2.5", pa.int64(), "float"),
        ("true", pa.float64(), "bool"),
        ("1.5", pa.timestamp("ms"), "float"),
        ("1.5", pa.date32(), "float"),
        ("1e300", pa.float32(), "too large"),
        ("[1, 2.5]", pa.list_(pa.int8()), "float"),
        ('{"a": 2.5}', pa.struct([("a", pa.int64())]), "float"),
        ('{"a": 1, "b": 2}', pa.struct([("a", pa.int64())]), "'b', which the type has not"),
        ('{"a": 2.5}', pa.map_(pa.string(), pa.int64()), "float"),
        ("2.5", pa.dictionary(pa.int8(), pa.int64()), "float"),
        ("3", pa.list_(pa.int8()), "not iterable"),
    ],
    ids=str,
)
def test_a_table_holds_what_came(value: str, kind: pa.DataType, said: str) -> None:
    """Arrow itself would make another value of it for the type that was asked for, and say nothing."""
    answer = Response(200, {}, f'[{{"x": {value}}}, {{"x": null}}]'.encode())
    with pytest.raises(DataError, match=f"another type than .* in the column 'x': .*{said}"):
        answer.table(schema=pa.schema([("x", kind)]))


@pytest.mark.parametrize("value", ["true", "[true]", '{"a": [true]}', "9007199254740993"])
def test_fractions_are_of_no_common_type_with_all(value: str) -> None:
    other = value.replace("true", "0.5").replace("9007199254740993", "0.5")
    answer = Response(200, {}, f'[{{"x": {other}}}, {{"x": {value}}}]'.encode())
    with pytest.raises(DataError, match="no common type"):
        answer.table()


@pytest.mark.parametrize(
    ("value", "kind", "found"),
    [
        ("2.0", pa.int64(), 2),
        ("0.1", pa.float32(), 0.10000000149011612),
        ("15", pa.timestamp("s"), dt.datetime(1970, 1, 1, 0, 0, 15)),
        ('{"a": null}', pa.struct([("a", pa.int64()), ("b", pa.bool_())]), {"a": None, "b": None}),
        ("[[1], null]", pa.list_(pa.list_(pa.float64())), [[1.0], None]),
    ],
    ids=str,
)
def test_what_fits_a_schema(value: str, kind: pa.DataType, found: Any) -> None:
    answer = Response(200, {}, f'[{{"x": {value}}}]'.encode())
    assert answer.table(schema=pa.schema([("x", kind)])).to_pylist() == [{"x": found}]


def test_values_of_a_type(client: RESTAPIClient) -> None:
    class Station(pydantic.BaseModel):
        id: int
        name: str

    stations = client.request("GET", "stations").to(list[Station])
    assert stations[4].name == "station 5"
    with pytest.raises(DataError, match=r"0\.id: Input should be"):
        client.request("GET", "texts").to(list[Station])


def test_what_is_asked_again_need_not_come_again(address: str) -> None:
    with RESTAPIClient({"base_url": address}, cache=2) as client:
        first, second = client.request("GET", "stations/7"), client.request("GET", "stations/7")
        assert (first.cached, second.cached) == (False, True)
        assert first.json() == second.json() == STATIONS[6]
        made = client.post("notes", {"text": "old"})
        place = f"notes/{made['id']}"
        client.get(place)
        client.patch(place, {"text": "new"})
        changed = client.request("GET", place)
        assert (changed.cached, changed.json()["text"]) == (False, "new")


def test_a_file_comes_piece_by_piece(client: RESTAPIClient, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    target = client.download("signal.bin", tmp_path / "here.bin", progress=lambda *one: seen.append(one))
    assert target.read_bytes() == FILE
    assert seen[0] == (0, len(FILE))
    assert seen[-1] == (len(FILE), len(FILE))
    assert len(seen) > 5
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_goes_on_where_it_was(client: RESTAPIClient, tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def stop(done: int, _: int | None) -> None:
        if done > 1_000_000:
            raise Enough

    with pytest.raises(Enough):
        client.download("signal.bin", tmp_path / "here.bin", progress=stop)
    there = (tmp_path / "here.bin.part").stat().st_size
    assert 1_000_000 < there < len(FILE)
    seen: list[int] = []
    client.download("signal.bin", tmp_path / "here.bin", progress=lambda done, _: seen.append(done))
    assert seen[0] == there
    assert (tmp_path / "here.bin").read_bytes() == FILE


def test_a_part_of_another_file_is_not_continued(client: RESTAPIClient, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        client.download("notes", tmp_path / "here.bin", progress=lambda done, _: done and 1 // 0)
    assert (tmp_path / "here.bin.part").stat().st_size
    client.download("signal.bin", tmp_path / "here.bin")
    assert (tmp_path / "here.bin").read_bytes() == FILE


def test_a_download_that_is_refused_leaves_no_file(client: RESTAPIClient, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        client.download("there_is_none.bin", tmp_path / "here.bin")
    assert list(tmp_path.iterdir()) == []


def test_a_file_goes_up(client: RESTAPIClient, tmp_path: Path) -> None:
    text = "0123456789" * 100_000
    source = tmp_path / "note.json"
    source.write_text(json.dumps({"text": text}))
    seen: list[int] = []
    answer = client.upload(
        "notes",
        source,
        method="POST",
        media_type="application/json",
        progress=lambda sent, _: seen.append(sent),
    )
    assert answer.status == 201
    assert client.get(f"notes/{answer.json()['id']}")["text"] == text
    assert seen[0] == 0
    assert seen[-1] == source.stat().st_size
    assert len(seen) > 3


def test_files_and_items_by_asyncio(address: str, tmp_path: Path) -> None:
    """A download that is cancelled goes on where it was."""
    text = "0123456789" * 100_000
    source = tmp_path / "note.json"
    source.write_text(json.dumps({"text": text}))
    seen: dict[str, list[int]] = {"first": [], "second": [], "up": []}

    async def main() -> tuple[Any, ...]:
        async with RESTAPIClient({"base_url": address}, retry=None) as client:

            def stop(done: int, _: int | None) -> None:
                seen["first"].append(done)
                if done > 1_000_000:
                    raise asyncio.CancelledError

            with pytest.raises(asyncio.CancelledError):
                await client.adownload("signal.bin", tmp_path / "f", progress=stop)
            kept = (tmp_path / "f.part").stat().st_size
            target = await client.adownload(
                "signal.bin", tmp_path / "f", progress=lambda done, _: seen["second"].append(done)
            )
            with pytest.raises(NotFoundError):
                await client.adownload("there_is_none.bin", tmp_path / "g")
            made = await client.aupload(
                "notes",
                source,
                method="POST",
                media_type="application/json",
                progress=lambda sent, _: seen["up"].append(sent),
            )
            note = await client.aget(f"notes/{made.json()['id']}")
            paging = Page("_page", size=10, size_parameter="_limit")
            items = [one async for one in client.aitems("stations", paging=paging)]
            return kept, target, note["text"], items

    kept, target, found, items = asyncio.run(main())
    assert target.read_bytes() == FILE
    assert 1_000_000 < kept == seen["second"][0]
    assert (seen["second"][-1], seen["up"][-1]) == (len(FILE), source.stat().st_size)
    assert found == text
    assert items == STATIONS
    assert not (tmp_path / "g").exists()


def test_what_cannot_be_sent(client: RESTAPIClient) -> None:
    for data, said in (
        (float("nan"), "JSON has no NaN"),
        ({1, 2}, "a set is no JSON"),
        ("\ud800", "surrogate"),
    ):
        with pytest.raises(ConversionError, match=said):
            client.post("notes", data)
    with pytest.raises(InvalidArgument, match="climbs out"):
        client.get("stations/../notes")
    with pytest.raises(InvalidArgument, match="climbs out"):
        client.get("stations/%2e%2E/notes")
    with pytest.raises(InvalidArgument, match="credentials"):
        client.get("http://elsewhere.example/x")
    with pytest.raises(InvalidArgument, match="cannot be sent"):
        client.get("stations", headers={"X-Note": "a\r\nInjected: yes"})
    with pytest.raises(InvalidArgument, match="set 'url'"):
        RESTAPIClient().get("x")
    with pytest.raises(InvalidArgument, match="no user or password"):
        RESTAPIClient({"base_url": "http://me:secret@there.example"})


def test_an_answer_that_is_too_large(address: str) -> None:
    with (
        RESTAPIClient({"base_url": address}, limit=100_000) as client,
        pytest.raises(LimitExceeded, match="limit"),
    ):
        client.request("GET", "signal.bin")


def test_numpy_is_sent(client: RESTAPIClient) -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    assert client.post("notes", {"values": frame["a"].to_numpy(), "n": frame["a"].max()})["values"] == [1, 2]


def test_health(client: RESTAPIClient) -> None:
    client.config.check = "nothing"
    assert "the setting 'check' names the endpoint" in client.health().detail
    client.config.check = "stations/1"
    assert (client.health().status, client.health().facts["status"]) == ("ok", 200)
    client.base_url = "http://127.0.0.1:1"
    down = client.health()
    assert down.status == "down"
    assert "is it running" in down.detail
