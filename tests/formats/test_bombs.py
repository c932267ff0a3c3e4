"""Small files that become large ones: refused before memory is taken; what looks like one is read."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr
from zarr.codecs import GzipCodec

from arcuate.connector import DataError
from arcuate.errors import LimitExceeded
from arcuate.formats import convert, open_batches, open_data, packed

MB = 1 << 20


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks are looked at from 1 MB on, so that the bombs need not be large."""
    monkeypatch.setattr(packed, "_SAFE", MB)


def hdf5(path: Path, chunk: bytes, *filters: Callable[[Any], None]) -> Path:
    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_chunk((4000,))
    for one in filters:
        one(how)
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple((4000,))
        made = h5py.h5d.create(file.id, b"a", h5py.h5t.NATIVE_DOUBLE, space, how)
        made.write_direct_chunk((0,), chunk)
    return path


def deflate(how: Any) -> None:
    how.set_deflate(9)


@pytest.mark.usefixtures("strict")
def test_chunks_of_hdf5(tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(6 * MB), 9)
    path = hdf5(tmp_path / "x.h5", bomb, deflate)
    assert path.stat().st_size < 40_000  # shorter than its chunk
    with pytest.raises(
        LimitExceeded, match=r"x\.h5: a chunk of /a of [\d,]+ bytes becomes more than a chunk"
    ):
        open_data(path)
    with pytest.raises(LimitExceeded, match="becomes more"):
        convert(path, tmp_path / "y.zarr")
    twice = hdf5(tmp_path / "twice.nc", zlib.compress(bomb), deflate, deflate)
    with pytest.raises(LimitExceeded, match=r"twice\.nc: /a has the filters \[1, 1\]"):
        open_data(twice)
    hidden = hdf5(tmp_path / "hidden.h5", bomb, deflate, lambda how: how.set_shuffle())
    with pytest.raises(LimitExceeded, match=r"the filters \[1, 2\]"):
        open_data(hidden)
    numbers = np.random.default_rng(1).normal(size=300_000)
    with h5py.File(tmp_path / "fine.h5", "w") as file:
        file.create_dataset(
            "a", data=numbers, chunks=(300_000,), compression="gzip", shuffle=True, fletcher32=True
        )
        file.create_dataset("b", data=numbers, chunks=(100_000,), compression="lzf")
        file.create_dataset("c", data=numbers.astype("i4"), chunks=(100_000,), scaleoffset=0)
    assert (open_data(tmp_path / "fine.h5")["a"].to_numpy() == numbers).all()


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "zlib": zlib.compress, "bz2": bz2.compress, "lzma": lzma.compress,
}  # fmt: skip
REST = {"lzma": {"format": 1, "check": -1, "preset": None, "filters": None}}


def store(path: Path, chunk: bytes, codec: str, filters: Any = None) -> Path:
    (path / "a").mkdir(parents=True)
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    head = {
        "zarr_format": 2,
        "shape": [4000],
        "chunks": [4000],
        "dtype": "<f8",
        "order": "C",
        "fill_value": None,
    }
    rest = {"compressor": {"id": codec, **REST.get(codec, {"level": 1})}, "filters": filters}
    (path / "a/.zarray").write_text(json.dumps({**head, **rest}))
    (path / "a/0").write_bytes(chunk)
    return path


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("codec", PACK)
def test_chunks_of_zarr(codec: str, tmp_path: Path) -> None:
    path = store(tmp_path / "x.zarr", PACK[codec](bytes(6 * MB)), codec)
    with pytest.raises(LimitExceeded, match=r"x\.zarr: the chunk a/0 .* becomes more; .* has 32,000"):
        open_data(path)
    with zipfile.ZipFile(tmp_path / "x.zarr.zip", "w") as archive:
        for one in (".zgroup", "a/.zarray", "a/0"):
            archive.write(path / one, one)
    with pytest.raises(LimitExceeded, match="becomes more"):
        next(open_batches(tmp_path / "x.zarr.zip"))
    twice = store(tmp_path / "y.zarr", PACK[codec](b""), codec, [{"id": "zlib", "level": 1}])
    with pytest.raises(LimitExceeded, match=r"y\.zarr: the chunks of 'a' are packed 2 times over \(zlib"):
        open_data(twice)
    fine = np.random.default_rng(1).normal(size=4000)
    found = open_data(store(tmp_path / "z.zarr", PACK[codec](fine.tobytes()), codec))
    assert (found.to_numpy() == fine).all()


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("where", ["start", "end"])
def test_shards_of_zarr(where: str, tmp_path: Path) -> None:
    """A file has many chunks, and each is looked at."""
    numbers = np.random.default_rng(1).normal(size=100_000)
    group = zarr.open_group(tmp_path / "x.zarr", mode="w")
    shards: Any = {"shape": (100_000,), "index_location": where}
    made = group.create_array(
        "v",
        shape=(200_000,),
        chunks=(1000,),
        shards=shards,
        dtype="f8",
        compressors=GzipCodec(),
    )
    made[:100_000] = numbers
    found = open_data(tmp_path / "x.zarr")
    assert (found.to_numpy() == np.concatenate([numbers, np.zeros(100_000)])).all()
    bomb = gzip.compress(bytes(6 * MB))
    index = np.full((100, 2), (1 << 64) - 1, "<u8")
    index[7] = (0 if where == "end" else 1604, len(bomb))
    parts = [bomb, index.tobytes() + bytes(4)]
    (tmp_path / "x.zarr/v/c/1").write_bytes(b"".join(parts if where == "end" else parts[::-1]))
    with pytest.raises(LimitExceeded, match=r"the chunk v/c/1 of [\d,]+ bytes becomes more; .* has 8,000"):
        open_data(tmp_path / "x.zarr")


def test_a_chunk_without_end(tmp_path: Path) -> None:
    """It would be filled with what stands for missing, whole."""
    group = zarr.open_group(tmp_path / "x.zarr", mode="w")
    group.create_array("v", shape=(1 << 40,), chunks=(1 << 36,), dtype="f8", dimension_names=["t"])
    for work in (
        lambda: next(open_batches(tmp_path / "x.zarr")),
        lambda: convert(tmp_path / "x.zarr", tmp_path / "y.nc"),
        lambda: convert(tmp_path / "x.zarr", tmp_path / "y.nc", variable="v"),
    ):
        with pytest.raises(LimitExceeded, match=r"x\.zarr: .* takes [\d,]+ bytes in memory"):
            work()


# ------------------------------------------------------------------ Arrow


@pytest.mark.parametrize("suffix", ["arrow", "arrows"])
@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_buffers_of_arrow(suffix: str, codec: str, tmp_path: Path) -> None:
    """Also those of a dictionary, and also where a batch of another size comes first."""
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1], "i4"), pa.array(["x" * 3 * MB, "y"]))
    small = pa.table({"n": np.zeros(10), "s": words.take(pa.array([1] * 10))})
    large = pa.table({"n": np.zeros(MB), "s": words.take(pa.array([1] * MB))})
    options = pa.ipc.IpcWriteOptions(compression=codec)
    new = pa.ipc.new_stream if suffix == "arrows" else pa.ipc.new_file
    for name, tables in (("batch", [small, large]), ("dictionary", [small])):
        path = tmp_path / f"{name}.{suffix}"
        with pa.OSFile(str(path), "wb") as file, new(file, small.schema, options=options) as writer:
            for one in tables:
                writer.write_table(one)
        assert path.stat().st_size < 200_000
        whole = open_data(path, arrow=True)
        assert whole.num_rows == sum(one.num_rows for one in tables)
        assert (
            max(packed.arrow_claims(path, stream=suffix == "arrows"))
            >= {"batch": 8, "dictionary": 3}[name] * MB
        )
        before = pa.total_allocated_bytes()
        with pytest.raises(LimitExceeded, match=rf"{name}\.{suffix}: one batch of it takes [\d,]+ bytes"):
            open_data(path, limit=2 * MB)
        assert pa.total_allocated_bytes() - before < MB


def test_claims_of_what_is_not_packed(tmp_path: Path) -> None:
    sink = io.BytesIO()
    table = pa.table({"a": range(1000)})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    (tmp_path / "x.arrows").write_bytes(sink.getvalue())
    assert set(packed.arrow_claims(tmp_path / "x.arrows", stream=True)) == {0}
    for size in range(0, len(sink.getvalue()), 97):  # wherever it ends, so do they
        (tmp_path / "x.arrows").write_bytes(sink.getvalue()[:size])
        assert set(packed.arrow_claims(tmp_path / "x.arrows", stream=True)) <= {0}
        if size:
            with pytest.raises(DataError):
                open_data(tmp_path / "x.arrows")


def test_columns_of_nothing(tmp_path: Path) -> None:
    """They have no byte in the file, and each element is an object in the value."""
    table = pa.table({"a": pa.nulls(100_000), "b": [[]] * 100_000})
    with pa.OSFile(str(tmp_path / "x.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    pq.write_table(table, tmp_path / "x.parquet")
    for name in ("x.arrow", "x.parquet"):
        assert open_data(tmp_path / name, arrow=True, limit=2 * MB).num_rows == 100_000
        with pytest.raises(LimitExceeded, match=rf"{name}: it takes [\d,]+ bytes"):
            open_data(tmp_path / name, limit=32 * MB)


def test_lines_of_json_with_keys_of_their_own(tmp_path: Path) -> None:
    """A column for each line: the table is the square of the file."""
    (tmp_path / "x.jsonl").write_text("".join(f'{{"k{at}": 1}}\n' for at in range(1200)))
    assert max(one.nbytes for one in open_batches(tmp_path / "x.jsonl")) < 10 * MB
    with pytest.raises(LimitExceeded, match=r"x\.jsonl: it takes"):
        open_data(tmp_path / "x.jsonl", limit=10 * MB)
