# ruff: noqa: SIM117  (who is inside whom is easier to see in nested blocks)
"""The GraphQL connector against graphql-yoga: queries, errors beside data, pages, tables, the schema."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import gql.transport.httpx
import graphql
import numpy as np
import pydantic
import pytest
from gql import GraphQLRequest
from tests.graphql.conftest import QUICK, STATIONS, Server

from arcuate.connector import (
    AuthenticationError,
    DataError,
    IntegrationError,
    NotFoundError,
    RateLimitError,
)
from arcuate.errors import ConversionError, InvalidArgument, LimitExceeded, SessionClosed
from arcuate.graphql import GraphQLResult
from arcuate.integrations import BaseAuthenticator, BearerAuthenticator, GraphQLClient, GraphQLError
from arcuate.integrations.kinds import connector

STATION = "query ($id: ID!) { station(id: $id) { id name height } }"
ECHO = "query ($text: String, $number: Float, $ids: [ID!]) { echo(text: $text, number: $number, ids: $ids) }"
NOTE = "mutation ($input: NoteInput!) { note(input: $input) { id text tags } }"
INFO = "pageInfo { hasNextPage endCursor }"
CIRCLE = "query ($after: String) { circle(after: $after) { nodes { id } " + INFO + " } }"
BARE = "query ($after: String) { stations(after: $after) { " + INFO + " } }"
PAGED = """query ($first: Int, $after: String) {
  stations(first: $first, after: $after) { %s pageInfo { hasNextPage endCursor } } }"""


def test_a_query_gives_what_gql_alone_gives(yoga: Server, client: GraphQLClient) -> None:
    transport = gql.transport.httpx.HTTPXTransport(yoga.url)
    with gql.Client(transport=transport) as theirs:
        for document, variables in (
            (STATION, {"id": "3"}),
            (STATION, {"id": "99"}),
            (PAGED % "nodes { id name height }", {"first": 4}),
            (ECHO, {"text": "Grüße 雪 \U0001f9ea\n\"'", "number": 1.5e300, "ids": ["a"]}),
        ):
            expected = theirs.execute(GraphQLRequest(document, variable_values=variables))
            assert client.query(document, variables) == expected
            assert client.query(GraphQLRequest(document, variable_values=variables)) == expected
    assert client.query(STATION, {"id": 3}) == {"station": STATIONS[2]}


@pytest.mark.parametrize("value", ['") { x } #', "$id", "${id}", "{}", '"""', "\\", "", "\x00"])
def test_values_are_never_part_of_the_document(client: GraphQLClient, value: str) -> None:
    assert json.loads(client.query(ECHO, {"text": value})["echo"]) == {"text": value}


def test_variables_keep_their_values(client: GraphQLClient) -> None:
    found = client.query(ECHO, {"ids": [2**60 + 1, np.int64(7), "x"], "number": np.float64(0.1)})["echo"]
    assert json.loads(found) == {"number": 0.1, "ids": [str(2**60 + 1), "7", "x"]}
    for wrong, said in ((float("nan"), "NaN"), ({1}, "a set is no JSON"), ("\ud800", "surrogate")):
        with pytest.raises(ConversionError, match=said):
            client.query(ECHO, {"text": wrong})


def test_what_cannot_be_asked(yoga: Server, client: GraphQLClient) -> None:
    before = yoga.state()["posts"]
    for document, variables, said in (
        ("query {", None, "no GraphQL: .* at line 1, column 8"),
        (STATION, None, r"\$id has no value"),
        (STATION, {"id": None}, r"\$id has no value"),
        (STATION, {"id": 1, "name": "x"}, r"no variable \$name; it declares \$id"),
        ("query A { echo } query B { echo }", None, "operations 'A', 'B'; say which"),
        (NOTE, {"input": {"text": "x"}}, r"a mutation: use mutate\(\)"),
        ("subscription { quiet { id } }", None, r"use subscribe\(\)"),
        ("fragment F on Station { id }", None, "operations none"),
        (7, None, "not a int"),
    ):
        with pytest.raises(InvalidArgument, match=said):
            client.query(document, variables)
    with pytest.raises(InvalidArgument, match="none is called 'C'"):
        client.query("query A { echo } query B { echo }", operation="C")
    with pytest.raises(InvalidArgument, match="use query"):
        client.mutate(STATION, {"id": 1})
    assert yoga.state()["posts"] == before
    both = 'query A { echo } query B { echo(text: "b") }'
    assert client.query(both, operation="B")["echo"] == '{"text":"b"}'


def test_errors_beside_data_are_never_lost(client: GraphQLClient) -> None:
    document = "{ stations(first: 2) { nodes { id broken } } }"
    found = client.execute(document)
    data = {"stations": {"nodes": [{"id": "1", "broken": None}, {"id": "2", "broken": None}]}}
    assert found.data == data
    assert [one.path for one in found.errors] == [
        ("stations", "nodes", 0, "broken"),
        ("stations", "nodes", 1, "broken"),
    ]
    assert (found.errors[0].message, found.errors[0].code) == ("it is broken", "BROKEN")
    said = r"has 2 errors: stations\.nodes\.0\.broken: it is broken \(BROKEN\); .*; the rest came"
    for ask in (found.complete, lambda: client.query(document)):
        with pytest.raises(GraphQLError, match=said) as raised:
            ask()
        assert (raised.value.data, raised.value.errors) == (data, found.errors)
        assert not raised.value.recoverable


def test_what_the_server_finds_wrong(client: GraphQLClient) -> None:
    with pytest.raises(GraphQLError, match='Cannot query field "x"') as raised:
        client.query("{ x }")
    assert raised.value.data is None
    assert raised.value.errors[0].locations
    with pytest.raises(GraphQLError, match="Float cannot represent"):
        client.query(ECHO, {"number": "no number"})
    with pytest.raises(AuthenticationError, match="who are you") as unknown:
        client.query("{ secret }")
    assert isinstance(unknown.value, GraphQLError)


def test_mutations_are_carried_out_once(yoga: Server, client: GraphQLClient) -> None:
    found = client.mutate(NOTE, {"input": {"text": "Grüße", "tags": ["a"]}})["note"]
    assert (found["text"], found["tags"]) == ("Grüße", ["a"])
    with pytest.raises(GraphQLError, match="half way") as raised:
        client.mutate("mutation ($text: String) { fail(text: $text) { id } }", {"text": "half"})
    assert (raised.value.executed, raised.value.data) == ("maybe", {"fail": None})
    assert yoga.state()["notes"].count("half") == 1


@pytest.mark.parametrize("part", ["nodes { id name height }", "edges { cursor node { id name height } }"])
def test_pages(client: GraphQLClient, part: str) -> None:
    document = PAGED % part
    assert list(client.nodes(document, {"first": 10}, at="stations")) == STATIONS
    assert [len(page) for page in client.pages(document, {"first": 10}, at="stations")] == [10, 10, 3]
    assert list(client.pages(document, {"first": 5}, at="stations", limit=1)) == [STATIONS[:5]]


def test_pages_by_another_mark(client: GraphQLClient) -> None:
    document = "query ($mark: String) { marked(mark: $mark) { items { id name height } next } }"
    options = {"at": "marked", "after": "mark", "items": "items", "next": "next", "more": ""}
    assert list(client.nodes(document, **options)) == STATIONS


def test_pages_that_go_in_a_circle_or_lack_something(client: GraphQLClient) -> None:
    for document, options, kind, said in (
        (
            CIRCLE,
            {"at": "circle"},
            DataError,
            "circle",
        ),
        (
            "query ($after: String) { stations(after: $after) { nodes { id } } }",
            {"at": "stations"},
            DataError,
            "ask for it",
        ),
        (
            BARE,
            {"at": "stations"},
            DataError,
            "neither",
        ),
        (
            "query ($after: String) { stations(after: $after) { nodes { id } } }",
            {"at": "x"},
            DataError,
            "no connection",
        ),
        ("{ stations { nodes { id } } }", {"at": "stations"}, InvalidArgument, r"needs the variable \$after"),
    ):
        with pytest.raises(kind, match=said):
            list(client.nodes(document, **options))


def test_tables(client: GraphQLClient) -> None:
    found = client.execute(PAGED % "nodes { id name height } edges { node { id } }", {"first": 23})
    assert found.table("stations.nodes").to_pylist() == STATIONS
    frame = found.frame("stations.edges.node")
    assert list(frame["id"]) == [one["id"] for one in STATIONS]
    for place, said in (("stations.rows", "no 'rows' at stations; there is nodes"), ("stations", "no list")):
        with pytest.raises(DataError, match=said):
            found.table(place)

    class Station(pydantic.BaseModel):
        id: int
        height: float

    assert found.to(list[Station], "stations.nodes")[3].height == 6.0
    with pytest.raises(DataError, match=r"0\.id"):
        found.to(list[Station], "stations.edges")


def test_the_schema(client: GraphQLClient) -> None:
    schema = client.schema()
    assert isinstance(schema, graphql.GraphQLSchema)
    assert client.schema() is schema
    assert "type Station {" in client.sdl()
    assert client.check(STATION) == []
    (wrong,) = client.check("{ station(id: 1) { nam } }")
    assert "Cannot query field 'nam'" in wrong
    assert "line 1, column 20" in wrong


def test_documents_are_checked_before_they_are_sent(yoga: Server) -> None:
    with GraphQLClient(url=yoga.url, check_documents=True) as client:
        assert client.query(STATION, {"id": 1})
        before = yoga.state()["posts"]
        with pytest.raises(InvalidArgument, match="does not allow the document: Cannot query field 'nam'"):
            client.mutate("mutation { fail { nam } }")
        assert yoga.state()["posts"] == before


def test_asyncio(yoga: Server) -> None:
    async def main() -> tuple[Any, ...]:
        async with GraphQLClient(url=yoga.url, retry=QUICK, check_documents=True) as client:
            many = await asyncio.gather(*(client.aquery(STATION, {"id": n}) for n in range(1, 9)))
            note = await client.amutate(NOTE, {"input": {"text": "async"}})
            whole = await client.aexecute("{ stations(first: 1) { nodes { broken } } }")
            nodes = [one async for one in client.anodes(PAGED % "nodes { id name height }", at="stations")]
            return [one["station"] for one in many], note["note"]["text"], len(whole.errors), nodes

    assert asyncio.run(main()) == (STATIONS[:8], "async", 1, STATIONS)


def test_a_token_that_is_refused_is_renewed_once(yoga: Server) -> None:
    class Renewed(BaseAuthenticator):
        renewals = 0

        def authenticate(self, credentials: Any = None) -> dict[str, str]:
            return {"Authorization": "Bearer old-token"}

        def refresh_token(self, refresh_token: str | None = None) -> dict[str, str]:
            self.renewals += 1
            return {"Authorization": "Bearer good"}

    auth = Renewed()
    with GraphQLClient(url=yoga.url, auth=auth) as client:
        assert client.query("{ secret }") == {"secret": "the secret"}
        assert client.query("{ secret }") == {"secret": "the secret"}

    async def main() -> Any:
        async with GraphQLClient(url=yoga.url, auth=Renewed()) as client:
            return await client.aquery("{ secret }")

    assert asyncio.run(main()) == {"secret": "the secret"}
    assert auth.renewals == 1
    with GraphQLClient(url=yoga.url, auth=BearerAuthenticator("wrong-token")) as client:
        with pytest.raises(AuthenticationError, match="no others"):
            client.query("{ secret }")


def test_limits(yoga: Server) -> None:
    with GraphQLClient(url=yoga.url, limit=100_000) as client:
        assert len(client.query("{ big(size: 90000) }")["big"]) == 90_000
        with pytest.raises(LimitExceeded, match="'limit'"):
            client.query("{ big(size: 200000) }")
    with GraphQLClient(url=yoga.url, retry=QUICK) as client:
        with pytest.raises(RateLimitError, match="slow down"):
            client.query("{ slowdown }")


def test_health_and_closing(yoga: Server, client: GraphQLClient) -> None:
    with connector(yoga.url, type="graphql") as found:
        assert isinstance(found, GraphQLClient)
        assert found.health().status == client.health().status == "ok"
    client.close()
    for use in (lambda: client.query("{ echo }"), lambda: client.subscribe("subscription { quiet { id } }")):
        with pytest.raises(SessionClosed):
            use()
    with GraphQLClient(url="http://127.0.0.1:1/x", retry=None) as away:
        assert "is it running" in away.health().detail
    with pytest.raises(NotFoundError), GraphQLClient(url=yoga.url + "/elsewhere") as other:
        other.query("{ echo }")
    for wrong in ({"url": "ws://a"}, {"url": "http://u:p@a"}, {"subscription_url": "http://a"}):
        with pytest.raises(InvalidArgument):
            GraphQLClient(wrong)
    with pytest.raises(InvalidArgument, match="set 'url'"):
        GraphQLClient().query("{ echo }")
    assert issubclass(GraphQLError, IntegrationError)
    assert GraphQLResult(None).complete() is None
