"""Functions of Octave behind the interface of MATLAB Production Server, called with nothing but JSON."""

import json
import time
from pathlib import Path
from urllib.request import Request, urlopen

from arcuate.hub import Config, Server

folder = Path(__file__).with_name("production_server")
archives = {"mymagic": {"environment": "octave", "directories": [folder / "toolbox"]}}


def post(url, **body):
    """Posts a JSON body and returns that of the answer."""
    data, head = json.dumps(body).encode(), {"Content-Type": "application/json"}
    return json.load(urlopen(Request(url, data, head)))


with Server(Config(mps=["127.0.0.1:0"], archives=archives)) as server:
    url = server.endpoints["mps"]
    small = {"mode": "small"}
    print(post(f"{url}/mymagic/mymagic", nargout=2, rhs=[3], outputFormat=small))
    print(post(f"{url}/mymagic/mymagic", nargout=1, rhs=[1]))

    request = post(f"{url}/mymagic/mymagic?mode=async&client=me", nargout=1, rhs=[4], outputFormat=small)
    while json.load(urlopen(url + request["self"]))["state"] not in ("READY", "ERROR", "CANCELLED"):
        time.sleep(0.05)
    print(json.load(urlopen(url + request["self"] + "/result")))

    known = json.load(urlopen(f"{url}/api/discovery"))["archives"]["mymagic"]["functions"]["mymagic"]
    print([one["name"] for one in known["signatures"][0]["outputs"]])
