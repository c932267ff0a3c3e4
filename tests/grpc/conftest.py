"""A hub with a gRPC bridge, and stubs that are generated from protos/ alone."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from arcuate.grpc import GrpcBridge
from arcuate.hub import Config, Hub

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = ROOT / ".venv-generate/bin/python"


@pytest.fixture(scope="session")
def bridge() -> Iterator[GrpcBridge]:
    """A bridge that tests share: no test changes what it is told."""
    with Hub(Config()) as hub:
        found = GrpcBridge(hub)
        found.start()
        yield found
        found.stop(0.5)


@pytest.fixture(scope="session")
def address(bridge: GrpcBridge) -> str:
    return bridge.endpoints[0].removeprefix("grpc://")


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Modules that grpc_tools makes of the .proto files: nothing of Arcuate is in them.

    They are moved to a package of another name, since one process can have only one file of each name.
    """
    if not GENERATOR.exists():
        pytest.skip("grpc_tools: no .venv-generate; run `make test`, or python3 tools/setup.py generate")
    source, out = tmp_path_factory.mktemp("protos"), tmp_path_factory.mktemp("stubs")
    (source / "foreign").mkdir()
    for proto in (ROOT / "protos/arcuate/v1").glob("*.proto"):
        text = proto.read_text().replace('"arcuate/v1/', '"foreign/')
        (source / "foreign" / proto.name).write_text(
            text.replace("package arcuate.v1;", "package foreign.v1;")
        )
    names = [f"foreign/{path.name}" for path in (source / "foreign").iterdir()]
    command = [str(GENERATOR), "-m", "grpc_tools.protoc", f"-I{source}", f"--python_out={out}"]
    subprocess.run([*command, f"--grpc_python_out={out}", *names], check=True)
    for stub in (out / "foreign").glob("*_pb2_grpc.py"):
        stub.write_text(stub.read_text().replace("/foreign.v1.", "/arcuate.v1."))
    sys.path.insert(0, str(out))
    try:
        modules = {
            name: importlib.import_module(f"foreign.{name}")
            for name in (
                "environment_pb2", "environment_pb2_grpc", "error_pb2", "session_pb2", "session_pb2_grpc",
                "stream_pb2", "stream_pb2_grpc", "value_pb2",
            )
        }  # fmt: skip
    finally:
        sys.path.remove(str(out))
    return SimpleNamespace(**modules)


@pytest.fixture
def channel(address: str) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(address) as found:
        yield found


@pytest.fixture
def stubs(generated: Any, channel: grpc.Channel) -> Any:
    """The three services."""
    return SimpleNamespace(
        environments=generated.environment_pb2_grpc.EnvironmentServiceStub(channel),
        sessions=generated.session_pb2_grpc.SessionServiceStub(channel),
        streams=generated.stream_pb2_grpc.StreamServiceStub(channel),
    )
