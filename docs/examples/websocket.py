"""Ticks over a connection that the server loses: none is missing, none comes twice."""

import json
import threading

from websockets.sync.server import serve

from arcuate.integrations import WebSocketClient


def ticks(connection):
    """Three ticks, then the server goes away; after the seventh it has no more."""
    first = json.loads(connection.recv())["after"] + 1
    for number in range(first, min(first + 3, 8)):
        connection.send(json.dumps({"id": number, "level": number / 2}))
    connection.close(1000 if first + 3 > 7 else 1001)


class Ticks(WebSocketClient):
    """Goes on after the last tick that was given."""

    def identify(self, message):
        return message["id"]

    def greeting(self, last):
        return [{"after": last or 0}]


with serve(ticks, "127.0.0.1", 0) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.socket.getsockname()[1]
    with Ticks(url=f"ws://127.0.0.1:{port}", format="json") as client:
        print([tick["id"] for tick in client])
        print(client.connections, "connections, last", client.last)
    server.shutdown()
