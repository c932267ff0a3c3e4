"""What we write the vendors' own clients read, and the other way round, with the same sizes and digests."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as google_storage
from tests.storage import servers
from tests.storage.conftest import DATA, Sample, amazon, microsoft

from arcuate.storage import Storage


def test_amazon(moto: int, tmp_path: Path) -> None:
    client, part, path = amazon(moto), 5 << 20, tmp_path / "signal.bin"  # Amazon takes no smaller parts
    path.write_bytes(DATA)
    with servers.s3(moto, "work/vendors", part=part) as storage:
        up = storage.upload(path, "ours")
        head = client.head_object(Bucket="work", Key="vendors/ours")
        assert (head["ContentLength"], head["ETag"]) == (len(DATA), up.etag)
        parts = [hashlib.md5(DATA[begin : begin + part]).digest() for begin in range(0, len(DATA), part)]
        assert up.etag == f'"{hashlib.md5(b"".join(parts)).hexdigest()}-{len(parts)}"'
        assert client.get_object(Bucket="work", Key="vendors/ours")["Body"].read() == DATA
        client.upload_file(str(path), "work", "vendors/theirs")  # parts of 8 MiB
        down = storage.download("theirs", tmp_path / "theirs")
        assert (down.checked, down.size) == ("parts", len(DATA))
        assert (tmp_path / "theirs").read_bytes() == DATA
        client.put_object(Bucket="work", Key="vendors/small", Body=b"small")
        assert storage.download("small", tmp_path / "small").checked == "md5"
        assert {one.path: one.size for one in storage.list()} == {
            "ours": len(DATA),
            "theirs": len(DATA),
            "small": 5,
        }
        assert not client.list_multipart_uploads(Bucket="work", Prefix="vendors/").get("Uploads")


def test_an_object_of_uneven_parts(moto: int, tmp_path: Path) -> None:
    """As writers that send what they have: their number fits the size of the first, the digest does not."""
    client, of = amazon(moto), {"Bucket": "work", "Key": "uneven/x"}
    upload = client.create_multipart_upload(**of)["UploadId"]
    ends = (0, 600_000, 1_300_000, 1_400_000)
    listed = [
        {
            "PartNumber": number,
            "ETag": client.upload_part(
                **of, UploadId=upload, PartNumber=number, Body=DATA[ends[number - 1] : ends[number]]
            )["ETag"],
        }
        for number in (1, 2, 3)
    ]
    client.complete_multipart_upload(**of, UploadId=upload, MultipartUpload={"Parts": listed})
    with servers.s3(moto, "work/uneven", retry=None) as storage:
        assert storage.download("x", tmp_path / "x").checked == "size"
    assert (tmp_path / "x").read_bytes() == DATA[: ends[-1]]


def test_microsoft(azurite: int, file: Sample, tmp_path: Path) -> None:
    with microsoft(azurite) as client, servers.az(azurite, "work/vendors", part=file.part) as storage:
        up = storage.upload(file.path, "ours")
        blob = client.get_blob_client("work", "vendors/ours")
        found = blob.get_blob_properties()
        assert (found.size, found.etag) == (len(file.data), up.etag)
        assert bytes(found.content_settings.content_md5) == hashlib.md5(file.data).digest()
        assert blob.download_blob().readall() == file.data
        client.get_blob_client("work", "vendors/theirs").upload_blob(file.data)
        down = storage.download("theirs", tmp_path / "theirs")
        assert (down.checked, down.size) == (
            "md5",
            len(file.data),
        )  # Azurite has the MD5 of what came in one piece
        assert (tmp_path / "theirs").read_bytes() == file.data
        assert [one.path for one in storage.list()] == ["ours", "theirs"]


def test_google(google: int, file: Sample, tmp_path: Path) -> None:
    client = google_storage.Client(
        project="arcuate",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": f"http://127.0.0.1:{google}"},
    )
    bucket = client.bucket("work")
    with client, servers.gs(google, "work/vendors", part=file.part) as storage:
        up = storage.upload(file.path, "ours")
        blob = bucket.get_blob("vendors/ours")
        assert (blob.size, str(blob.generation)) == (len(file.data), up.etag)
        assert blob.md5_hash == base64.b64encode(hashlib.md5(file.data).digest()).decode()
        assert blob.download_as_bytes() == file.data
        bucket.blob("vendors/theirs").upload_from_filename(str(file.path))
        down = storage.download("theirs", tmp_path / "theirs")
        assert (down.checked, down.size) == ("md5", len(file.data))
        assert (tmp_path / "theirs").read_bytes() == file.data
        assert [one.path for one in storage.list()] == ["ours", "theirs"]


def test_openssh(ssh: servers.Host, file: Sample, tmp_path: Path) -> None:
    with servers.sftp(ssh) as storage:
        storage.upload(file.path, "ours/x.bin")
        assert (ssh.folder / "ours/x.bin").read_bytes() == file.data
        assert [one.name for one in (ssh.folder / "ours").iterdir()] == ["x.bin"]
        (ssh.folder / "theirs").write_bytes(file.data[:99])
        assert storage.download("theirs", tmp_path / "theirs").size == 99


def test_a_key_that_is_no_path_is_listed_and_refused(moto: int, tmp_path: Path) -> None:
    client = amazon(moto)
    client.put_object(Bucket="work", Key="climbs/../../up.txt", Body=b"up")
    with servers.s3(moto, "work/climbs") as storage:
        found: list[str] = [one.path for one in storage.list()]
        assert found == [".."]
        with pytest.raises(ValueError, match="climbs out"):
            storage.download(f"{found[0]}/up.txt", tmp_path / "x")


def test_memory_is_shared_by_address() -> None:
    with Storage("memory://shared/a") as one, Storage("memory://shared") as other:
        with one.open("x", "wb") as opened:
            opened.write(b"1")
        assert [entry.path for entry in other.list(recursive=True)] == ["a", "a/x"]
