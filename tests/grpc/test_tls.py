"""TLS with certificates of authorities that trustme makes up."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.hub.certificates import Files

from arcuate.client import connect
from arcuate.errors import (
    AuthenticationFailed,
    ConnectionLost,
    InvalidArgument,
    PermissionDenied,
    Unavailable,
)
from arcuate.grpc import GrpcBridge
from arcuate.hub import Config, Credentials, Hub, Principal


class Recording(Hub):
    """A hub that keeps what it is told of its clients."""

    def __init__(self) -> None:
        super().__init__(Config())
        self.shown: list[Credentials] = []

    def authenticate(self, credentials: Credentials) -> Principal:
        self.shown.append(credentials)
        if credentials.token == "wrong":
            raise AuthenticationFailed("the token is not known")
        return Principal(credentials.certificate or "somebody", "certificate")


@pytest.fixture
def ours(tmp_path: Path) -> Files:
    return Files(tmp_path, "ours")


@contextlib.contextmanager
def serving(tls: dict[str, Any] | None) -> Iterator[tuple[Recording, GrpcBridge, str]]:
    with Recording() as hub:
        bridge = GrpcBridge(hub, ["localhost:0"], tls)
        bridge.start()
        try:
            yield hub, bridge, bridge.endpoints[0]
        finally:
            bridge.stop(0.2)


def presented(port: int, ca: Path) -> bytes:
    """The certificate that the server shows, taken by Python's own TLS."""
    context = ssl.create_default_context(cafile=str(ca))
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("localhost", port), 10) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as found,
    ):
        shown = found.getpeercert(binary_form=True)
        assert shown
        return shown


def test_a_session_over_tls(ours: Files) -> None:
    certificate, key = ours.issue("hub", "localhost")
    with serving({"certificate": certificate, "key": key}) as (hub, _, endpoint):
        assert endpoint.startswith("grpcs://localhost:")
        with connect(f"{endpoint}/python", tls=ours.ca) as session:
            assert session.call("math.hypot", 3.0, 4.0) == 5.0
        assert hub.shown[0].protected
        assert hub.shown[0].certificate is None


def test_a_certificate_of_another_authority_is_refused(ours: Files, tmp_path: Path) -> None:
    certificate, key = ours.issue("hub", "localhost")
    theirs = Files(tmp_path, "theirs")
    with serving({"certificate": certificate, "key": key}) as (hub, _, endpoint):
        with pytest.raises(AuthenticationFailed, match=r"CERTIFICATE_VERIFY_FAILED|certificate"):
            connect(f"{endpoint}/python", tls=theirs.ca, start=10)
        assert not hub.shown


def test_a_certificate_for_another_name_is_refused(ours: Files) -> None:
    certificate, key = ours.issue("hub", "elsewhere.example.org")
    with (
        serving({"certificate": certificate, "key": key}) as (_, _, endpoint),
        pytest.raises((AuthenticationFailed, ConnectionLost), match=r"[Hh]ostname|certificate|[Pp]eer name"),
    ):
        connect(f"{endpoint}/python", tls=ours.ca, start=10)


def test_no_tls_where_tls_is_spoken_and_the_other_way_round(ours: Files) -> None:
    certificate, key = ours.issue("hub", "localhost")
    with (
        serving({"certificate": certificate, "key": key}) as (_, _, endpoint),
        pytest.raises(ConnectionLost),
    ):
        connect(endpoint.replace("grpcs", "grpc") + "/python", start=5)
    with serving(None) as (_, _, endpoint), pytest.raises((ConnectionLost, AuthenticationFailed)):
        connect(endpoint.replace("grpc", "grpcs") + "/python", tls=ours.ca, start=5)


def test_mutual_tls_says_who_the_client_is(ours: Files) -> None:
    certificate, key = ours.issue("hub", "localhost")
    own, own_key = ours.issue("ann", "ann@example.org", common_name="ann")
    tls = {"certificate": certificate, "key": key, "client_ca": ours.ca}
    with serving(tls) as (hub, _, endpoint):
        mine = {"ca": ours.ca, "certificate": own, "key": own_key}
        with connect(f"{endpoint}/python", tls=mine) as session:
            assert session.eval("1 + 1") == 2
        said = hub.shown[0].certificate
        assert said is not None
        openssl = subprocess.run(
            ["openssl", "x509", "-in", str(own), "-noout", "-subject", "-nameopt", "RFC2253"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        assert said == openssl.removeprefix("subject=")


def test_mutual_tls_refuses_strangers(ours: Files, tmp_path: Path) -> None:
    certificate, key = ours.issue("hub", "localhost")
    theirs = Files(tmp_path, "theirs")
    own, own_key = theirs.issue("eve", "eve@example.org", common_name="eve")
    tls = {"certificate": certificate, "key": key, "client_ca": ours.ca}
    with serving(tls) as (hub, _, endpoint):
        for shown in ({"certificate": own, "key": own_key}, {}):
            with pytest.raises((AuthenticationFailed, ConnectionLost)):
                connect(f"{endpoint}/python", tls={"ca": ours.ca, **shown}, start=10)
        assert not hub.shown


def test_renewed_certificates_are_seen_by_new_connections(ours: Files) -> None:
    certificate, key = ours.issue("hub", "localhost")
    with serving({"certificate": certificate, "key": key}) as (_, bridge, endpoint):
        port = int(endpoint.rpartition(":")[2])
        first = presented(port, ours.ca)
        with connect(f"{endpoint}/python", tls=ours.ca) as session:
            ours.issue("hub", "localhost")
            os.utime(certificate, ns=(1, 1))
            assert presented(port, ours.ca) != first
            second = presented(port, ours.ca)
            assert session.eval("'the old connection goes on'")
            os.truncate(key, 10)  # a renewal that is half done
            os.utime(key, ns=(2, 2))
            assert presented(port, ours.ca) == second
            ours.issue("hub", "localhost")
            bridge.reload()
            assert presented(port, ours.ca) not in (first, second)


def test_a_renewed_authority_counts_for_new_clients(ours: Files, tmp_path: Path) -> None:
    certificate, key = ours.issue("hub", "localhost")
    theirs = Files(tmp_path, "theirs")
    own, own_key = theirs.issue("bob", "bob@example.org", common_name="bob")
    clients = tmp_path / "clients.pem"
    clients.write_bytes(ours.ca.read_bytes())
    tls = {"certificate": certificate, "key": key, "client_ca": clients}
    mine = {"ca": ours.ca, "certificate": own, "key": own_key}
    with serving(tls) as (_, bridge, endpoint):
        with pytest.raises((AuthenticationFailed, ConnectionLost)):
            connect(f"{endpoint}/python", tls=mine, start=10)
        clients.write_bytes(ours.ca.read_bytes() + theirs.ca.read_bytes())
        bridge.reload()
        with connect(f"{endpoint}/python", tls=mine) as session:
            assert session.eval("1") == 1


def test_files_that_cannot_be_used(ours: Files, tmp_path: Path) -> None:
    certificate, _ = ours.issue("hub", "localhost")
    _, other = ours.issue("other", "localhost")
    with Hub(Config()) as hub:
        for tls in (
            {"certificate": tmp_path / "missing.pem"},
            {"certificate": certificate, "key": other},
            {},
        ):
            with pytest.raises(InvalidArgument):
                GrpcBridge(hub, ["localhost:0"], tls)
    with pytest.raises(InvalidArgument, match="grpcs://"):
        connect("grpc://localhost:1/python", tls=ours.ca)
    with pytest.raises(InvalidArgument, match="cannot be read"):
        connect("grpcs://localhost:1/python", tls=tmp_path / "missing.pem")
    with pytest.raises(InvalidArgument, match="curve"):
        connect("grpcs://localhost:1/python", curve="x" * 40)


def test_tokens_travel_in_the_metadata_and_are_checked(ours: Files, generated: Any) -> None:
    import grpc

    with serving(None) as (hub, _, endpoint):
        with connect(f"{endpoint}/python", token="right") as session:
            assert session.eval("1") == 1
        assert {one.token for one in hub.shown} == {"right"}
        with pytest.raises(AuthenticationFailed, match="token"):
            connect(f"{endpoint}/python", token="wrong")
        with grpc.insecure_channel(endpoint.removeprefix("grpc://")) as channel:
            stub = generated.environment_pb2_grpc.EnvironmentServiceStub(channel)
            request = generated.environment_pb2.ListEnvironmentsRequest()
            assert stub.ListEnvironments(request, metadata=[("authorization", "Bearer right")]).environments
            with pytest.raises(grpc.RpcError) as caught:
                stub.ListEnvironments(request, metadata=[("authorization", "Bearer wrong")])
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_an_address_that_is_taken() -> None:
    with serving(None) as (_, _, endpoint), Hub(Config()) as hub:
        bridge = GrpcBridge(hub, [endpoint])
        with pytest.raises(Unavailable, match="choose another"):
            bridge.start()
        bridge.stop(0.1)


def test_forbidden_is_said_as_such(generated: Any) -> None:
    import grpc

    class Strict(Hub):
        def permit(self, *_: Any) -> None:
            raise PermissionDenied("this token may not do that")

    with Strict(Config()) as hub:
        bridge = GrpcBridge(hub)
        bridge.start()
        try:
            with grpc.insecure_channel(bridge.endpoints[0].removeprefix("grpc://")) as channel:
                stub = generated.session_pb2_grpc.SessionServiceStub(channel)
                with pytest.raises(grpc.RpcError) as caught:
                    stub.Eval(
                        generated.session_pb2.EvalRequest(
                            scope=generated.session_pb2.Scope(environment="python"), code="1"
                        )
                    )
            assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        finally:
            bridge.stop(0.1)
