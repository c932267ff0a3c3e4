"""Copies with Redis, MongoDB's protocol and stores of files; and that every type of connector is there."""

from __future__ import annotations

import importlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pymongo
import pytest
import xarray as xr
from tests.nosql import servers as nosql
from tests.storage import servers as storage
from tests.storage.conftest import amazon

from arcuate.connector import Connector, NotFoundError
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.formats import open_data
from arcuate.integrations import kinds
from arcuate.integrations.copying import copy
from arcuate.nosql import RedisStore
from arcuate.streaming.schemes import SCHEMES
from arcuate.streaming.source import Source

TABLE = pa.table({"id": [1, 2, 3], "x": [0.5, None, float("nan")], "note": ["a", None, "é"]})


@pytest.fixture
def source(tmp_path: Path) -> str:
    pa.parquet.write_table(TABLE, tmp_path / "t.parquet")
    return str(tmp_path / "t.parquet")


def test_documents(source: str, tmp_path: Path) -> None:
    with nosql.mongo() as server:
        url = f"mongodb://127.0.0.1:{server.port}/lab"
        assert copy(source, f"{url}#seen").rows == 3
        client = pymongo.MongoClient(f"mongodb://127.0.0.1:{server.port}/")
        try:
            rows = sorted(client["lab"]["seen"].find({}, {"_id": 0}), key=lambda one: one["id"])
        finally:
            client.close()
        assert [one["note"] for one in rows] == ["a", None, "é"]
        assert rows[1]["x"] is None
        assert rows[2]["x"] != rows[2]["x"]
        with pytest.raises(InvalidArgument, match="has 3 documents; say exists="):
            copy(source, f"{url}#seen")
        assert copy(source, f"{url}#seen", exists="replace").rows == 3
        assert copy(f"{url}#seen", f"duckdb:///{tmp_path}/s.db#t").rows == 3


def test_a_key_keeps_an_array_with_its_labels(tmp_path: Path) -> None:
    array = xr.DataArray(
        [[1.5, 2.5]],
        dims=("time", "channel"),
        coords={"channel": ["Cz", "Pz"]},
        attrs={"unit": "uV"},
        name="v",
    )
    array.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with nosql.redis(password=False) as server:
        where = f"redis://127.0.0.1:{server.port}#eeg"
        copy(str(tmp_path / "a.nc"), where)
        with RedisStore(url=f"redis://127.0.0.1:{server.port}") as store:
            xr.testing.assert_identical(store.get("eeg"), array)
        with pytest.raises(InvalidArgument, match="is there already"):
            copy(str(tmp_path / "a.nc"), where)
        copy(where, str(tmp_path / "b.nc"))
        with pytest.raises(NotFoundError, match="no key 'none'"):
            copy(where.replace("#eeg", "#none"), str(tmp_path / "c.nc"))
        with pytest.raises(ConversionError, match="tidy=True"):
            copy(where, f"sqlite:///{tmp_path}/s.db#t")
    xr.testing.assert_equal(xr.load_dataarray(tmp_path / "b.nc", engine="h5netcdf"), array)
    xr.testing.assert_identical(open_data(tmp_path / "b.nc"), array)


def test_every_type_is_a_connector_and_every_scheme_has_a_type() -> None:
    for kind, place in kinds.KINDS.items():
        module, _, name = place.partition(":")
        found = getattr(importlib.import_module(module), name)
        assert issubclass(found, Connector), kind
        assert (kind in kinds.STREAMS) == issubclass(found, Source), kind
    assert set(kinds.SCHEMES.values()) <= set(kinds.KINDS)
    assert {kinds.KINDS[kind] for kind in kinds.STREAMS} == set(SCHEMES.values())


def test_a_store_of_files(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into S3 as another format and back as bytes; what lies there is read by the vendor's own client."""
    with storage.moto() as port:
        client = amazon(port)
        client.create_bucket(Bucket="lab")
        toml = tmp_path / "connectors.toml"
        toml.write_text(
            '[connector.lab]\nurl = "s3://lab"\nkey = "tester"\nsecret = "word"\n'
            f'endpoint = "http://127.0.0.1:{port}"\n'
        )
        monkeypatch.setenv("ARCUATE_CONNECTORS", str(toml))
        copy(source, "lab#folder/t.arrow")
        body = client.get_object(Bucket="lab", Key="folder/t.arrow")["Body"].read()
        assert pa.ipc.open_file(body).read_all().column("note").to_pylist() == ["a", None, "é"]
        with pytest.raises(InvalidArgument, match="is there already"):
            copy(source, "lab#folder/t.arrow")
        done = copy("lab#folder/t.arrow", str(tmp_path / "back.arrow"))
        assert done.bytes == len(body)
        assert (tmp_path / "back.arrow").read_bytes() == body
        assert copy("lab#folder/t.arrow", f"duckdb:///{tmp_path}/d.db#t").rows == 3
        with pytest.raises(NotFoundError):
            copy("lab#none.arrow", str(tmp_path / "none.arrow"))
    assert "word" not in repr(done)
