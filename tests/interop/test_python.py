"""The Python client alone: every golden vector to its native value and back, in both encodings."""

from __future__ import annotations

import pytest

from arcuate.client import connect, offered
from arcuate.errors import ArcuateError, ConnectionLost, InvalidArgument
from arcuate.matrix.rendering import render, same
from arcuate.matrix.servers import Servers
from arcuate.matrix.vectors import Case
from arcuate.values import decode, encode, frames, protobuf

LOAD = {"frame": frames.load, "protobuf": protobuf.load}
DUMP = {"frame": frames.to_bytes, "protobuf": protobuf.dump}


@pytest.mark.parametrize("encoding", ["frame", "protobuf"])
def test_all_vectors(encoding: str, vectors: dict[str, Case]) -> None:
    wrong = {}
    for name, case in vectors.items():
        data = case.encoded(encoding)
        if data is None or case.error or case.kind in ("function", "handle") or case.value is None:
            continue
        try:
            back = render(DUMP[encoding](encode(decode(LOAD[encoding](data)))), encoding)
        except ArcuateError as error:
            wrong[name] = f"{error.code}: {error}"
            continue
        difference = same(back, case.value)
        if difference:
            wrong[name] = difference
    assert wrong == {}


@pytest.mark.parametrize("way", ["grpc", "zmq", "ipc", "http"])
def test_what_a_hub_offers(way: str, servers: Servers) -> None:
    url = servers.endpoint("plain", way).url
    found = {one["name"]: one for one in offered(url)}
    assert found["python"]["language"] == "Python"
    with connect(f"{url}/python") as session:
        assert session.info["environment"] == "python"
    if way != "ipc":  # there it would be the path of a socket
        with pytest.raises(InvalidArgument, match="address alone"):
            offered(f"{url}/python")


def test_nobody_offers() -> None:
    from arcuate.matrix.faulty import closed_port

    with closed_port() as port, pytest.raises(ConnectionLost):
        offered(f"http://127.0.0.1:{port}")
