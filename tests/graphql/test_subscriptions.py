# ruff: noqa: SIM117  (who is inside whom is easier to see in nested blocks)
"""Subscriptions of the GraphQL connector against graphql-ws: events, resuming, tokens, faults."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import gql.transport.websockets
import pytest
import websockets.asyncio.server
from gql import GraphQLRequest
from tests.connector.proxy import Fault, FaultProxy
from tests.graphql.conftest import QUICK, Server

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
)
from arcuate.errors import InvalidArgument, LimitExceeded
from arcuate.graphql import GraphQLResult
from arcuate.graphql.subscription import PROTOCOL
from arcuate.integrations import (
    BaseAuthenticator,
    BearerAuthenticator,
    GapWarning,
    GraphQLClient,
    GraphQLError,
)

TICKS = """subscription ($after: Int, $last: Int!, $each: Int, $code: Int) {
  ticks(after: $after, last: $last, each: $each, code: $code) { id token } }"""


def ids(events: Any) -> list[int]:
    return [one.complete()["ticks"]["id"] for one in events]


def resume(last: GraphQLResult) -> dict[str, Any]:
    return {"after": last.data["ticks"]["id"]}


def test_events_are_those_of_gql_alone(yoga: Server, client: GraphQLClient) -> None:
    async def theirs() -> list[Any]:
        transport = gql.transport.websockets.WebsocketsTransport(
            yoga.url.replace("http", "ws"), subprotocols=["graphql-transport-ws"]
        )
        async with gql.Client(transport=transport) as session:
            request = GraphQLRequest(TICKS, variable_values={"last": 5})
            return [one async for one in session.subscribe(request)]

    with client.subscribe(TICKS, {"last": 5}) as events:
        found = [one.data for one in events]
    assert found == asyncio.run(theirs())
    assert len(found) == 5


def test_events_may_be_closed_after_their_client(yoga: Server) -> None:
    client = GraphQLClient(url=yoga.url)
    with client.subscribe(TICKS, {"last": 1}) as events:
        assert ids(events) == [1]
        client.close()


@pytest.mark.parametrize("code", [None, 1001, 1011, 1012])
def test_a_lost_connection_is_made_again(client: GraphQLClient, code: int | None) -> None:
    variables = {"last": 10, "each": 4, "code": code}
    with client.subscribe(TICKS, variables, resume=resume) as events:
        assert ids(events) == list(range(1, 11))
        assert events.connections == 3
    with client.subscribe(TICKS, variables) as events:
        assert [next(events).data["ticks"]["id"] for _ in range(4)] == [1, 2, 3, 4]
        with pytest.warns(GapWarning, match="give 'resume'"):
            assert next(events).data["ticks"]["id"] == 1


def test_a_gap_before_the_first_event_is_said(client: GraphQLClient) -> None:
    with client.subscribe(TICKS, {"last": 3, "each": 0, "code": 1012}) as events:
        with pytest.warns(GapWarning, match="give 'resume'"), pytest.raises(ConnectionError):
            next(events)


def test_asyncio(yoga: Server) -> None:
    async def main() -> tuple[list[int], int]:
        async with GraphQLClient(url=yoga.url, retry=QUICK) as client:
            async with await client.asubscribe(TICKS, {"last": 7, "each": 4}, resume=resume) as events:
                return [one.data["ticks"]["id"] async for one in events], events.connections

    assert asyncio.run(main()) == (list(range(1, 8)), 2)


def test_errors_beside_data_do_not_end_it(client: GraphQLClient) -> None:
    with client.subscribe("subscription { half { id } }") as events:
        found = list(events)
    assert [one.data for one in found] == [{"half": {"id": 1}}, {"half": None}, {"half": {"id": 3}}]
    assert [bool(one.errors) for one in found] == [False, True, False]
    with pytest.raises(GraphQLError, match=r"half\.id: Cannot return null"):
        found[1].complete()


def test_a_subscription_that_is_refused(client: GraphQLClient) -> None:
    for document, kind, said in (
        ("subscription { wrong { id } }", NotFoundError, "there is none"),
        ("subscription { nothing }", GraphQLError, "Cannot query field"),
    ):
        with client.subscribe(document) as events:
            with pytest.raises(kind, match=said) as raised:
                next(events).complete()
            assert isinstance(raised.value, GraphQLError)
            assert (list(events), events.connections) == ([], 1)
    with pytest.raises(InvalidArgument, match=r"use query\(\)"):
        client.subscribe("{ echo }")


def test_a_token_that_ends_in_between_is_renewed(yoga: Server) -> None:
    """The server closes with 4401 after four events, and takes another token only."""

    class Renewed(BaseAuthenticator):
        def authenticate(self, credentials: Any = None) -> dict[str, str]:
            return {"Authorization": "Bearer short"}

        def refresh_token(self, refresh_token: str | None = None) -> dict[str, str]:
            return {"Authorization": "Bearer new"}

    yoga.asked("grant=short")
    variables = {"last": 8, "each": 4, "code": 4401}
    with GraphQLClient(url=yoga.url, auth=Renewed(), retry=QUICK, connection={"strict": True}) as client:
        with client.subscribe(TICKS, variables, resume=resume) as events:
            found = [
                one.data["ticks"]["token"] for one in events if yoga.asked("revoke=short") in (True, False)
            ]
    assert found == ["short"] * 4 + ["new"] * 4
    before = yoga.state()["handshakes"]
    with GraphQLClient(
        url=yoga.url, auth=BearerAuthenticator("short"), connection={"strict": True}
    ) as client:
        with client.subscribe(TICKS, variables) as events, pytest.raises(AuthenticationError):
            next(events)
    assert yoga.state()["handshakes"] == before + 1


def test_who_we_are_is_in_the_first_message(yoga: Server) -> None:
    headers = {"Authorization": "Bearer good"}
    with GraphQLClient(url=yoga.url, connection={**headers, "strict": True}) as client:
        assert "good" not in repr(client.config)
        with client.subscribe(TICKS, {"last": 1}) as events:
            assert next(events).data["ticks"]["token"] == "good"


def test_the_server_is_told_that_no_more_is_wanted(yoga: Server, client: GraphQLClient) -> None:
    before = yoga.state()["ended"]
    with client.subscribe("subscription { quiet { id } }") as events:
        assert next(events).data == {"quiet": {"id": 1}}
    for _ in range(200):
        if yoga.state()["ended"] == before + 1:
            break
        threading.Event().wait(0.01)
    assert yoga.state()["ended"] == before + 1
    assert list(events) == []


def test_a_slow_reader_holds_the_server_back(yoga: Server, client: GraphQLClient) -> None:
    document = "subscription ($size: Int!) { burst(size: $size) }"
    with (
        GraphQLClient(url=yoga.url, limit=1000) as small,
        small.subscribe(document, {"size": 9000}) as events,
    ):
        with pytest.raises(LimitExceeded, match="'limit'"):
            next(events)


def test_nothing_stays_open(yoga: Server) -> None:
    def ours() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one.name == "arcuate-graphql"]

    client = GraphQLClient(url=yoga.url)
    events = client.subscribe("subscription { quiet { id } }")
    assert next(events).data
    assert len(ours()) == 1
    client.close()
    assert ours() == []


@pytest.fixture
def proxied(yoga: Server) -> Iterator[FaultProxy]:
    with FaultProxy(yoga.port) as proxy:
        yield proxy


def through(proxy: FaultProxy, **arguments: Any) -> GraphQLClient:
    return GraphQLClient(url=f"http://127.0.0.1:{proxy.port}/graphql", **{"retry": QUICK, **arguments})


def test_every_event_comes_once_over_a_network_that_cuts(proxied: FaultProxy) -> None:
    proxied.fault = Fault(cut=700)
    with through(proxied) as client, client.subscribe(TICKS, {"last": 30}, resume=resume) as events:
        assert ids(events) == list(range(1, 31))
    assert proxied.connections > 2


def test_a_ping_finds_a_dead_connection(proxied: FaultProxy) -> None:
    with through(proxied, ping_interval=0.05, ping_timeout=0.15, timeouts={"connect": 0.2}) as client:
        with client.subscribe("subscription { quiet { id } }") as events:
            assert next(events).data
            proxied.strike = Fault(silent=True)
            with pytest.warns(GapWarning), pytest.raises(IntegrationTimeout):
                next(events)
        assert proxied.connections == 4


@pytest.mark.parametrize(
    ("garbage", "kind", "said"),
    [
        (b"\x81\x03{no", DataError, "is no JSON"),
        (b"\x81\x02[]", DataError, "without a type"),
        (b"\x82\x02ab", DataError, "binary"),
        (b'\x81\x0c{"type":"x"}', DataError, "type 'x'"),
        (b'\x81\x0f{"type":"next"}', DataError, "no GraphQL"),
        (b"\xff" * 50, DataError, "no WebSocket"),
    ],
)
def test_what_is_no_event(
    proxied: FaultProxy, garbage: bytes, kind: type[IntegrationError], said: str
) -> None:
    document = "subscription ($size: Int!) { burst(size: $size) }"
    with through(proxied, retry=None) as client, client.subscribe(document, {"size": 30}) as events:
        next(events)
        proxied.strike = Fault(garbage=garbage)
        with pytest.raises(kind, match=said):
            for _ in range(100):
                next(events)


def test_a_server_without_subscriptions(yoga: Server) -> None:
    url = yoga.url.replace("http", "ws")
    with GraphQLClient(url=yoga.url, retry=QUICK, subscription_url=url + "/elsewhere") as client:
        with client.subscribe(TICKS, {"last": 1}) as events, pytest.raises(IntegrationError):
            next(events)
    with GraphQLClient(url="http://127.0.0.1:1", retry=QUICK) as client:
        with (
            client.subscribe(TICKS, {"last": 1}) as events,
            pytest.raises(ConnectionError, match="is it running"),
        ):
            next(events)


@pytest.mark.parametrize("way", ["task", "thread"])
def test_closed_before_it_is_connected(way: str) -> None:
    """Another task, or thread, ends it while the server still thinks: the connection is not left open."""

    async def main() -> None:
        greeted, go, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def serve(one: Any) -> None:
            await one.recv()
            greeted.set()
            await go.wait()
            await one.send('{"type": "connection_ack"}')
            await one.recv()
            await one.send('{"type": "next", "id": "1", "payload": {"data": {"tick": 1}}}')
            await one.wait_closed()
            ended.set()

        spoken: Any = [PROTOCOL]
        async with websockets.asyncio.server.serve(serve, "127.0.0.1", 0, subprotocols=spoken) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            client = GraphQLClient(url=f"http://127.0.0.1:{port}")
            events = await client.asubscribe("subscription { tick }")
            first = asyncio.ensure_future(anext(events, "the end"))
            await greeted.wait()
            await (client.aclose() if way == "task" else asyncio.to_thread(client.close))
            go.set()
            assert await asyncio.wait_for(first, 10) == "the end"
            await asyncio.wait_for(ended.wait(), 5)

    asyncio.run(main())
