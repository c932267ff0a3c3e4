"""grpcurl, which knows nothing of Arcuate: it asks the hub's reflection what there is."""

from __future__ import annotations

import base64
import json
import struct
import subprocess
from typing import Any

import pytest
from tests.grpc.conftest import ROOT

GRPCURL = ROOT / ".tools/bin/grpcurl"


def grpcurl(*arguments: str, code: int = 0, data: Any = None) -> str:
    if not GRPCURL.exists():
        pytest.skip("grpcurl: not built; type: python3 tools/setup.py tools (needs Go)")
    given = [] if data is None else ["-d", json.dumps(data)]
    done = subprocess.run(
        [str(GRPCURL), "-plaintext", "-max-time", "30", *given, *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode != 0) == (code != 0), done.stdout + done.stderr
    return done.stdout + done.stderr


def objects(text: str) -> list[Any]:
    """JSON objects that follow each other."""
    decoder, found = json.JSONDecoder(), []
    text = text.strip()
    while text:
        one, at = decoder.raw_decode(text)
        found.append(one)
        text = text[at:].strip()
    return found


def test_list_and_describe(address: str) -> None:
    assert grpcurl(address, "list").split() == [
        "arcuate.v1.EnvironmentService",
        "arcuate.v1.SessionService",
        "arcuate.v1.StreamService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    ]
    told = grpcurl(address, "describe", "arcuate.v1.SessionService")
    assert (
        "rpc Attach ( stream .arcuate.v1.AttachRequest ) returns ( stream .arcuate.v1.AttachResponse );"
        in told
    )
    assert "rpc Call ( .arcuate.v1.CallRequest ) returns ( .arcuate.v1.CallResponse );" in told


def test_health(address: str) -> None:
    found = grpcurl(address, "grpc.health.v1.Health/Check", data={"service": "arcuate.v1.SessionService"})
    assert json.loads(found) == {"status": "SERVING"}


def test_a_call(address: str) -> None:
    two = [{"kind": "KIND_FLOAT", "real": number} for number in (3.0, 4.0)]
    data = {"scope": {"environment": "python"}, "name": "math.hypot", "args": two}
    found = json.loads(grpcurl(address, "arcuate.v1.SessionService/Call", data=data))
    assert found == {"value": {"kind": "KIND_FLOAT", "real": 5}}


def test_an_array(address: str) -> None:
    raw = base64.b64encode(struct.pack("<4d", 1, 2, 3, 4)).decode()
    array = {"kind": "KIND_ARRAY", "dtype": "DTYPE_F8", "shape": [2, 2], "data": raw}
    data = {"scope": {"environment": "python"}, "name": "numpy.transpose", "args": [array]}
    value = json.loads(grpcurl(address, "arcuate.v1.SessionService/Call", data=data))["value"]
    fortran = value.get("flags", 0) & 2
    order = (1, 2, 3, 4) if fortran else (1, 3, 2, 4)
    assert struct.unpack("<4d", base64.b64decode(value["data"])) == order


def test_a_session_and_its_output(address: str) -> None:
    greeting = json.loads(grpcurl(address, "arcuate.v1.SessionService/Open", data={"environment": "python"}))[
        "greeting"
    ]
    scope = {key: greeting[key] for key in ("session", "secret")}
    code = "x = 6 * 7\nprint('x is', x)"
    out = grpcurl(address, "arcuate.v1.SessionService/Run", data={"scope": scope, "code": code})
    assert "".join(one["event"]["stdout"]["text"] for one in objects(out)) == "x is 42\n"
    found = grpcurl(address, "arcuate.v1.SessionService/GetVariable", data={"scope": scope, "name": "x"})
    assert json.loads(found) == {"value": {"kind": "KIND_INT", "integer": "42"}}
    grpcurl(address, "arcuate.v1.SessionService/Close", data={"scope": scope})


def test_an_error_with_its_details(address: str) -> None:
    data = {"scope": {"environment": "python"}, "code": "1 / 0"}
    said = grpcurl(address, "arcuate.v1.SessionService/Eval", data=data, code=1)
    assert "Code: Unknown" in said
    assert '"classes": ["ZeroDivisionError"' in " ".join(said.split()).replace("[ ", "[")
    assert '"reason":"REMOTE_ERROR"' in said.replace(" ", "")


def test_the_stream_with_plain_messages(address: str) -> None:
    """A client without frames: messages as mappings."""

    def text(value: str) -> dict[str, Any]:
        return {"kind": "KIND_TEXT", "text": value}

    def integer(value: int) -> dict[str, Any]:
        return {"kind": "KIND_INT", "integer": value}

    def mapping(**fields: Any) -> dict[str, Any]:
        return {"kind": "KIND_MAPPING", "keys": list(fields), "items": list(fields.values())}

    hello = mapping(op=text("hello"), id=integer(0), major=integer(1), minor=integer(0))
    done = subprocess.run(
        [str(GRPCURL), "-plaintext", "-max-time", "30", "-d", "@", address,
         "arcuate.v1.SessionService/Attach"],
        input=json.dumps({"message": hello}) + json.dumps(
            {"message": mapping(op=text("ping"), id=integer(1))}
        ),
        capture_output=True, text=True, check=False,
    ) if GRPCURL.exists() else pytest.skip("grpcurl: not built")  # fmt: skip
    found = [one["message"] for one in objects(done.stdout)]
    assert [dict(zip(one["keys"], one["items"], strict=True))["op"]["text"] for one in found] == [
        "hello",
        "reply",
    ]
