"""Files that are damaged, made to harm, or not there: an error that names the file, and nothing else."""

from __future__ import annotations

import gzip
import http.server
import json
import pickle
import resource
import shutil
import signal
import threading
import traceback
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr
import zarr

from arcuate.connector import ConnectionError, DataError, IntegrationError, NotFoundError  # noqa: A004
from arcuate.errors import ArcuateError, ConversionError, InvalidArgument, LimitExceeded, Unsupported
from arcuate.formats import convert, formats, open_batches, open_data, save_data
from arcuate.integrations.copying import copy

FRAME = pd.DataFrame(
    {"i": np.arange(400), "x": np.sqrt(np.arange(400.0)), "s": [f"text {n}" for n in range(400)]}
)
ARRAY = xr.DataArray(
    np.sqrt(np.arange(4000.0)).reshape(40, 100), dims=("t", "c"), attrs={"units": "mV"}, name="v"
)
SUFFIXES = ["csv", "csv.gz", "json", "json.gz", "jsonl", "parquet", "arrow", "arrows", "nc", "h5", "zarr.zip"]
WHOLE = {"parquet", "nc", "h5", "csv.gz", "json.gz", "zarr.zip"}
"""Formats that carry checksums: no flipped bit in their data goes unseen."""


def value(suffix: str) -> Any:
    return ARRAY if suffix in ("nc", "h5", "zarr.zip") else FRAME


def same(found: Any, wanted: Any) -> bool:
    return type(found) is type(wanted) and bool(found.equals(wanted))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_cut_short(suffix: str, tmp_path: Path) -> None:
    """No cut gives a part of the value as the whole of it; the error names the file."""
    path = tmp_path / f"x.{suffix}"
    save_data(value(suffix), path)
    data = path.read_bytes()
    described = path.with_name(path.name + "-metadata.json").exists()
    step = max(1, len(data) // 25)
    for size in [*range(0, len(data), step), len(data) - 1]:
        path.write_bytes(data[:size])
        try:
            found = open_data(path)
        except ArcuateError as error:
            assert f"x.{suffix}" in str(error), (size, error)
            assert isinstance(error, DataError | LimitExceeded), (size, repr(error))
        else:
            if suffix in ("csv", "jsonl") and not described:
                assert len(found) <= 400  # whole rows: nothing tells that there were more
            else:
                assert same(found, value(suffix)), size


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_flipped_bits(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{suffix}"
    save_data(value(suffix), path)
    data = path.read_bytes()
    seen = 0
    for at in range(0, len(data), max(1, len(data) // 60)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
        try:
            found = open_data(path, limit=1 << 28)
        except ArcuateError as error:
            seen += 1
            assert f"x.{suffix}" in str(error), (at, error)
        else:
            assert suffix not in WHOLE or same(bare(found), bare(value(suffix))), at
    assert seen > (15 if suffix in WHOLE else 0)


def bare(found: Any) -> Any:
    """Without attributes, which have no checksum."""
    return found.drop_attrs() if hasattr(found, "drop_attrs") else found


def test_a_lost_chunk_is_no_fill_value(tmp_path: Path) -> None:
    save_data(ARRAY, tmp_path / "x.zarr")
    (chunk,) = (path for path in (tmp_path / "x.zarr/v/c").rglob("*") if path.is_file())
    chunk.unlink()
    with pytest.raises(DataError, match=r"x\.zarr: 1 of 1 chunks of 'v' are missing"):
        open_data(tmp_path / "x.zarr")


@pytest.mark.parametrize("name", formats())
def test_nothing_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"there is no file '.*nowhere'"):
        open_data(tmp_path / "nowhere", format=name)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_another_format_under_its_name(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"x.{suffix}").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)
    with pytest.raises(DataError, match=rf"x\.{suffix}"):
        open_data(tmp_path / f"x.{suffix}")
    (tmp_path / f"x.{suffix}").write_bytes(b"")
    if suffix == "jsonl":
        assert open_data(tmp_path / "x.jsonl").shape == (0, 0)  # no line, no row
        return
    with pytest.raises(DataError, match=rf"x\.{suffix}"):
        open_data(tmp_path / f"x.{suffix}")


def test_the_format_is_told_by_first_bytes(tmp_path: Path) -> None:
    for suffix in ("parquet", "arrow", "h5"):
        save_data(FRAME, tmp_path / f"x.{suffix}")
        shutil.copy(tmp_path / f"x.{suffix}", tmp_path / "unnamed")
        assert open_data(tmp_path / "unnamed").equals(FRAME)
    save_data(FRAME, tmp_path / "folder", format="zarr")
    assert open_data(tmp_path / "folder").equals(FRAME)
    (tmp_path / "what").write_bytes(b"?")
    with pytest.raises(InvalidArgument, match=r"cannot be told.*format= \(one of csv, json"):
        open_data(tmp_path / "what")
    with pytest.raises(InvalidArgument, match=r"no format 'xls'; there are csv"):
        save_data(FRAME, tmp_path / "x", format="xls")
    with pytest.raises(InvalidArgument, match=r"csv has no option 'delimeter'; it has variable, delimiter"):
        open_data(tmp_path / "what", format="csv", delimeter=";")


# ------------------------------------------------------------------ made to harm


def zeros(path: Path, head: bytes, size: int) -> None:
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(head)
        for _ in range(size >> 20):
            file.write(bytes(1 << 20) if head.startswith(b"[") else b"1,2\n" * (1 << 18))


def test_bombs_of_gzip(tmp_path: Path) -> None:
    zeros(tmp_path / "x.csv.gz", b"a,b\n", 9 << 20)
    with pytest.raises(LimitExceeded, match=r"x\.csv\.gz: it takes [\d,]+ bytes.*limit= allows 1,048,576"):
        open_data(tmp_path / "x.csv.gz", limit=1 << 20)
    zeros(tmp_path / "x.json.gz", b"[", 9 << 20)
    with pytest.raises(LimitExceeded, match=r"x\.json\.gz.*limit="):
        open_data(tmp_path / "x.json.gz", limit=1 << 20)
    with gzip.open(tmp_path / "line.csv.gz", "wb") as file:  # one cell without an end
        file.write(b'a,b\n"' + b"x" * (9 << 20))
    with pytest.raises(DataError, match=r"line\.csv\.gz"):
        open_data(tmp_path / "line.csv.gz")


def test_sizes_that_only_stand_in_a_header(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("big", (1 << 40,), "f8", chunks=(1 << 16,))
    with pytest.raises(LimitExceeded, match=r"x\.h5.*/big takes 8,796,093,022,208 bytes"):
        open_data(tmp_path / "x.h5")
    zarr.open_group(tmp_path / "x.zarr", mode="w").create_array(
        "big", shape=(1 << 40,), dtype="f8", chunks=(1 << 20,)
    )
    with pytest.raises(LimitExceeded, match=r"x\.zarr.*/big"):
        open_data(tmp_path / "x.zarr")
    pq.write_table(pa.table({"a": ["x" * 10000] * 4000}), tmp_path / "x.parquet")
    assert (tmp_path / "x.parquet").stat().st_size < 1 << 20
    with pytest.raises(LimitExceeded, match=r"x\.parquet"):
        open_data(tmp_path / "x.parquet", limit=16 << 20)
    (tmp_path / "deep.json").write_text("[" * 200_000)
    with pytest.raises(DataError, match=r"deep\.json"):
        open_data(tmp_path / "deep.json")


def test_a_chunk_that_unpacks_to_more_than_a_chunk(tmp_path: Path) -> None:
    import numcodecs

    save_data(ARRAY, tmp_path / "x.zarr", version=2)
    (chunk,) = (path for path in (tmp_path / "x.zarr/v").iterdir() if not path.name.startswith("."))
    chunk.write_bytes(numcodecs.Zstd().encode(bytes(64 << 20)))
    assert chunk.stat().st_size < 1 << 20
    with pytest.raises(
        LimitExceeded, match=r"the chunk v/0\.0 .* becomes 67,108,864; a chunk of this array has 32,000"
    ):
        open_data(tmp_path / "x.zarr")


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/outside", "a/../../outside", "C:/outside", "..\\outside"]
)
def test_names_that_lead_out_of_an_archive(name: str, tmp_path: Path) -> None:
    save_data(ARRAY, tmp_path / "x.zarr.zip")
    with zipfile.ZipFile(tmp_path / "x.zarr.zip", "a") as archive:
        archive.writestr(name, "harm")
    with pytest.raises(DataError, match=r"x\.zarr\.zip: the name .*outside' leads out of the archive"):
        open_data(tmp_path / "x.zarr.zip")
    assert not list(tmp_path.rglob("outside"))


def test_a_zip_that_unpacks_to_more_than_the_limit(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zarr.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zarr.json", json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {}}))
        archive.writestr("a/c/0", bytes(24 << 20))
    with pytest.raises(LimitExceeded, match=r"x\.zarr\.zip: what is in it takes 25,"):
        open_data(tmp_path / "x.zarr.zip", limit=16 << 20)


def test_links_to_other_files_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = [1]
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["out"] = h5py.ExternalLink("other.h5", "/a")
    with pytest.raises(DataError, match=r"x\.h5: /out is a link to another file, 'other\.h5'"):
        open_data(tmp_path / "x.h5")
    with h5py.File(tmp_path / "y.h5", "w") as file:
        file.create_dataset("raw", (6,), "u1", external=[(str(tmp_path / "secret"), 0, 6)])
    with pytest.raises(DataError, match=r"y\.h5: the data of /raw is in other files"):
        open_data(tmp_path / "y.h5")
    with h5py.File(tmp_path / "z.h5", "w") as file:
        file.create_group("a")["round"] = file["/"]
    with pytest.raises(DataError, match=r"z\.h5: the groups nest deeper than 64 levels, or in a circle"):
        open_data(tmp_path / "z.h5")
    save_data(ARRAY, tmp_path / "x.zarr")
    (tmp_path / "x.zarr/link").symlink_to(tmp_path / "secret")
    with pytest.raises(DataError, match=r"x\.zarr: link is a link"):
        open_data(tmp_path / "x.zarr")


def test_a_chunk_of_hdf5_that_is_longer_than_what_it_should_become(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        made = file.create_dataset("a", (1000,), "f8", chunks=(1000,), compression="gzip")
        made.id.write_direct_chunk((0,), zlib.compress(bytes(128 << 20)))
    with pytest.raises(LimitExceeded, match=r"x\.h5: a chunk of /a has 130,\d+ bytes"):
        open_data(tmp_path / "x.h5")


class Harm:
    """Unpickled it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_what_would_run_code_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x.zarr/a").mkdir(parents=True)
    (tmp_path / "x.zarr/.zgroup").write_text('{"zarr_format": 2}')
    head = {"zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "<f8", "order": "C", "fill_value": None}
    rest = {"compressor": {"id": "pickle", "protocol": 5}, "filters": None}
    (tmp_path / "x.zarr/a/.zarray").write_text(json.dumps({**head, **rest}))
    (tmp_path / "x.zarr/a/0").write_bytes(pickle.dumps(Harm(tmp_path / "harm")))
    with pytest.raises(DataError, match=r"x\.zarr.*pickle"):
        open_data(tmp_path / "x.zarr")
    with pytest.raises(DataError, match=r"x\.zarr.*pickle"):
        next(open_batches(tmp_path / "x.zarr"))
    assert not (tmp_path / "harm").exists()


# ------------------------------------------------------------------ texts


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n1,2\n3\n", r"Expected 2 columns, got 1"),
        ("a,a\n1,2\n", r"two columns named 'a'"),
        ('a,b\n"1,2\n', r"x\.csv"),
        ("a\n\xff\n", r"x\.csv"),
    ],
)
def test_malformed_csv(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=told):
        open_data(tmp_path / "x.csv")


def test_nothing_in_csv_is_guessed(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(
        "zip;long;big;mixed;plus;minus;date;far;near;sci\n"
        "007;12345678901234567;18446744073709551615;1;+420123456789;-0;2020-01-01;1e400;1e-400;+1.5e5\n"
        "123;0.5;1;2.5;2;1;2020-01-02;1;0e-999;0e-999\n"
    )
    found = open_data(tmp_path / "x.csv")
    assert found["zip"].tolist() == ["007", "123"]
    assert found["long"].tolist() == ["12345678901234567", "0.5"]  # as floats the first would be rounded
    assert found["big"].tolist() == [18446744073709551615, 1]
    assert found["mixed"].tolist() == [1.0, 2.5]
    assert str(found["minus"].iloc[0]) == "-0.0"
    assert found["plus"].tolist() == ["+420123456789", "2"]
    assert found["far"].tolist() == ["1e400", "1"]  # as a float it would be infinite
    assert found["near"].tolist() == ["1e-400", "0e-999"]  # as a float it would be 0
    assert found["sci"].tolist() == [1.5e5, 0.0]
    assert found["date"].tolist() == ["2020-01-01", "2020-01-02"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1, "a": 2}', r"the key 'a' stands twice"),
        ("[1e999]", r"1e999 is beyond binary64"),
        ('{"$float": {}}', r"malformed|literal=True"),
        ('{"$value": {"kind": "array", "dtype": "f8", "shape": [3], "data": [1.0]}}', r"x\.json"),
        ("nonsense", r"x\.json cannot be read"),
    ],
)
def test_malformed_json(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=told):
        open_data(tmp_path / "x.json")


def test_malformed_json_lines(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n{"a": 2\n')
    with pytest.raises(DataError, match=r"x\.jsonl: line 2 is no JSON"):
        open_data(tmp_path / "x.jsonl")
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n[2]\n')
    with pytest.raises(DataError, match=r"line 2 is no object but a list"):
        open_data(tmp_path / "x.jsonl")


def test_a_description_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    save_data(FRAME.astype({"i": "i2"}), path)
    path.write_text(path.read_text() + '7,1.0,"more"\n')
    with pytest.raises(DataError, match=r"401 rows; x\.csv-metadata\.json says 400.*sidecar=False"):
        open_data(path)
    assert len(open_data(path, sidecar=False)) == 401
    (tmp_path / "x.csv-metadata.json").write_text("{")
    (tmp_path / "x.csv-metadata.json").write_text('{"arcuate:schema": "!"}')
    with pytest.raises(DataError, match=r"describes x\.csv, cannot be read"):
        open_data(path)
    save_data(FRAME, path)  # needs none: the old one goes
    assert sorted(one.name for one in tmp_path.iterdir()) == ["x.csv"]


# ------------------------------------------------------------------ writing


@pytest.mark.parametrize("suffix", [*SUFFIXES, "zarr"])
def test_what_was_there_stays_when_writing_fails(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{suffix}"
    save_data(FRAME, path)
    before = sorted(one.name for one in tmp_path.rglob("*"))
    with pytest.raises(ConversionError):
        save_data({"a": object()}, path)
    assert open_data(path).equals(FRAME)
    assert sorted(one.name for one in tmp_path.rglob("*")) == before
    save_data(FRAME.head(3), path)
    assert len(open_data(path)) == 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # nibabel closes no such file
def test_a_full_disk(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signals = xr.DataArray(
        np.random.default_rng(1).integers(-3000, 3000, (20_000, 2)).astype("i2"),
        dims=("time", "channel"),
        coords={"channel": ["Fz", "Cz"]},
        attrs={"sampling_rate": 100.0},
    )
    values: dict[str, Any] = dict.fromkeys(
        ("csv", "json", "jsonl", "parquet", "arrow", "zarr", "rds", "zarr.zip"), FRAME
    )
    values |= {"mat": {"a": signals.values}, "rda": {"a": FRAME}, "edf": signals, "bdf": signals}
    values |= dict.fromkeys(
        ("nii", "nii.gz"), xr.DataArray(signals.values.reshape(20, 20, 100), dims=("x", "y", "z"))
    )
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        for suffix, value in values.items():
            with pytest.raises(IntegrationError, match=rf"x\.{suffix} could not be written.*(large|space)"):
                save_data(value, tmp_path / f"x.{suffix}", lossy=suffix in ("edf", "bdf"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, kept)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl", "csv.gz"])
def test_bytes_that_are_no_utf8(suffix: str, tmp_path: Path) -> None:
    """They are not guessed, and not left out."""
    text = {"json": '{"a": "Größe"}', "jsonl": '{"a": "Größe"}\n'}.get(suffix, "a,b\nGröße,1\n")
    data = text.encode("latin-1")
    (tmp_path / f"x.{suffix}").write_bytes(gzip.compress(data) if suffix.endswith(".gz") else data)
    with pytest.raises(DataError, match=rf"(?i)x\.{suffix}.*utf-?8"):
        open_data(tmp_path / f"x.{suffix}")
    if suffix == "csv":
        assert open_data(tmp_path / "x.csv", encoding="latin-1")["a"].tolist() == ["Größe"]
        with pytest.raises(InvalidArgument, match="no encoding 'latin-100'"):
            open_data(tmp_path / "x.csv", encoding="latin-100")
    if suffix == "csv.gz":
        assert open_data(tmp_path / "x.csv.gz", encoding="latin-1")["a"].tolist() == ["Größe"]
        (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"a,b\n" + data * 400_000))
        with pytest.raises(LimitExceeded, match=r"x\.csv\.gz"):
            open_data(tmp_path / "x.csv.gz", encoding="latin-1", limit=1 << 20)


@pytest.fixture
def web() -> Iterator[str]:
    """Where a file may be read by who signs for it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.startswith("/is/") and "X-Amz-Signature=hunter2" in self.path
            self.send_response(200 if found else 404)
            self.end_headers()
            if found and self.command == "GET":
                self.wfile.write(b"a,b\n1,2\n")

        do_HEAD = do_GET

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_addresses_with_secrets(web: str, tmp_path: Path) -> None:
    """They are in no error, and a server that is away is no damage of a file."""
    signed = f"http://{web}/is/x.csv?X-Amz-Signature=hunter2"
    assert open_data(signed)["a"].tolist() == [1]
    assert convert(signed, tmp_path / "x.parquet").lost == ()
    for address, kind in (
        (f"http://{web}/no/x.csv?X-Amz-Signature=hunter2", NotFoundError),
        (f"http://me:hunter2@{web}/no/x.csv", NotFoundError),
        (f"http://{web}/is/x?X-Amz-Signature=hunter2", InvalidArgument),
        ("http://me:hunter2@127.0.0.1:1/x.csv?sig=hunter2", ConnectionError),
        ("sftp://me:hunter2@127.0.0.1:1/x.csv", ConnectionError),
    ):
        for work in (
            open_data,
            lambda one: next(open_batches(one)),
            lambda one: convert(one, tmp_path / "y.nc"),
        ):
            with pytest.raises(kind) as raised:
                work(address)
            assert "hunter2" not in "".join(traceback.format_exception(raised.value)), address
    with pytest.raises(Unsupported, match=r"http://me:\*\*\*@.*/x\.csv: the library of such addresses"):
        save_data(FRAME, f"http://me:hunter2@{web}/x.csv")
    with pytest.raises(InvalidArgument, match=r"X-Amz-Signature=\*\*\*: a store has no place for a query"):
        copy(signed, str(tmp_path / "x.csv"))


def test_where_nothing_may_be_written(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no folder for"):
        save_data(FRAME, tmp_path / "no/x.csv")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes").write_text("mine")
    with pytest.raises(InvalidArgument, match="holds something else"):
        save_data(FRAME, tmp_path / "mine", format="zarr")
    with pytest.raises(InvalidArgument, match="holds something else"):
        save_data(FRAME, tmp_path / "mine", format="csv")
    assert (tmp_path / "mine/notes").read_text() == "mine"
