"""A list from an HTTP server, as a table, through R; a file, and none; another endpoint."""

import json
import threading
import warnings
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from arcuate.client import connect
from arcuate.integrations import NotFoundError, RESTAPIClient


class Quiet(SimpleHTTPRequestHandler):
    """Python's own server of files, without a line for each request."""

    def log_message(self, *_):
        pass


folder = Path("data")
folder.mkdir()
stations = [{"id": 1, "height": 2.5}, {"id": 2, "height": None}, {"id": 3, "height": 4.5}]
(folder / "stations.json").write_text(json.dumps(stations))
server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory="data"))
threading.Thread(target=server.serve_forever, daemon=True).start()

with RESTAPIClient({"base_url": f"http://127.0.0.1:{server.server_port}"}, check="stations.json") as client:
    print(client.get("stations.json")[0])
    answer = client.request("GET", "stations.json")
    print(answer.status, answer.media_type, answer.table().schema.types)

    heights = answer.frame()["height"].dropna().to_numpy()
    with connect("r") as r:
        print(r.mean(heights))

    print(client.download("stations.json", "here.json", progress=lambda done, total: None).stat().st_size)
    try:
        client.get("no-such-thing")
    except NotFoundError as error:
        print(error.status, error.recoverable)
    print(client.health().status)

mirror = f"http://127.0.0.1:{server.server_port}"
with RESTAPIClient(url="http://127.0.0.1:1", fallback={"urls": [mirror]}, retry=None) as client:
    with warnings.catch_warnings(record=True) as told:
        answer = client.request("GET", "stations.json")
    print(len(answer.json()), answer.degraded, answer.source == mirror, told[0].category.__name__)
server.shutdown()
