"""A hub in this program, and sessions that reach it over the network."""

from arcuate.client import connect
from arcuate.errors import CallTimeout, LimitExceeded
from arcuate.hub import Config, Server

config = Config(
    zmq=["127.0.0.1:0"],
    http=["127.0.0.1:0"],
    limits={"call_seconds": 0.5, "sessions": 2},
    telemetry={"metrics": True},
)

with Server(config) as server:
    over_zmq = server.endpoints["zmq"] + "/python"
    over_http = server.endpoints["http"] + "/python"
    with connect(over_zmq) as one, connect(over_http) as other:
        print(one.call("math.hypot", 3, 4), other.call("math.hypot", 6, 8))

        try:
            one.call("time.sleep", 60)
        except CallTimeout:
            print("stopped after half a second")
        try:
            connect(over_zmq)
        except LimitExceeded as error:
            print("refused:", error.setting)

    for line in server.hub.metrics_text().splitlines():
        if line.startswith("arcuate_calls_total"):
            print(line)
