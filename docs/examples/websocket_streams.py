"""A server that cuts connections: the stream goes on after the last message that came."""

import json
import threading

from websockets.sync.server import serve

from arcuate.integrations import WebSocketStream


def ticks(connection):
    """Sends the messages after the one that the reader says it has, and breaks off after three."""
    asked = json.loads(connection.recv())
    print("asked for", asked)
    first = (asked["after"] or 0) + 1
    for number in range(first, min(first + 3, 8)):
        connection.send(json.dumps({"id": number, "value": number / 10}))
    if first + 3 >= 8:
        connection.close()  # that was all
    else:
        connection.close_socket()


with serve(ticks, "127.0.0.1", 0) as server:
    threading.Thread(target=server.serve_forever).start()
    url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"

    with WebSocketStream(url=url, subscribe={"after": "$last"}, resume="id") as stream:
        for block in stream:
            print(block.id, block.data["value"])

    server.shutdown()
