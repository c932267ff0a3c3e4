"""A query with variables, its table, and an answer in which one field failed."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from graphql import build_schema, graphql_sync

from arcuate.integrations import GraphQLClient, GraphQLError


class Station:
    """What a query asks for; nobody knows the second one's owner."""

    def __init__(self, number):
        self.id, self.height = number, number * 1.5

    def owner(self, info):
        if self.id == 2:
            raise ValueError("nobody knows")
        return "us"


SCHEMA = build_schema("""
    type Station { id: ID! height: Float owner: String }
    type Query { stations(first: Int!): [Station!]! }
""")
ROOT = {"stations": lambda info, first: [Station(number) for number in range(1, first + 1)]}


class Handler(BaseHTTPRequestHandler):
    """GraphQL over HTTP, by graphql-core."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = graphql_sync(SCHEMA, asked["query"], ROOT, variable_values=asked.get("variables"))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(found.formatted).encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
with GraphQLClient(url=f"http://127.0.0.1:{server.server_port}") as client:
    heights = client.execute("query ($n: Int!) { stations(first: $n) { id height } }", {"n": 3})
    print(heights.frame("stations"))

    owners = "query ($n: Int!) { stations(first: $n) { owner } }"
    answer = client.execute(owners, {"n": 2})
    print(answer.data, [str(error) for error in answer.errors])
    try:
        client.query(owners, {"n": 2})
    except GraphQLError as error:
        print(error)
        print(error.data == answer.data)
    print(client.check("{ stations(first: 1) { hight } }"))
server.shutdown()
