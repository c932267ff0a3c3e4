"""A labelled array and a table in Redis, and a function of R on what was kept."""

import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from arcuate.client import connect
from arcuate.integrations import IntegrationError, RedisStore

socket = Path("redis.sock").resolve()
command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", ""]
server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
for line in server.stdout:
    if "ready to accept connections" in line:
        break

level = xr.DataArray(
    np.array([[0.5, 1.5, 4.0], [1.0, 2.0, 3.0]]),
    dims=("channel", "time"),
    coords={"channel": ["Fz", "Cz"]},
    attrs={"unit": "µV"},
)
trials = pd.DataFrame({"trial": pd.array([1, 2, None], dtype="Int64"), "note": ["ok", "late", "ok"]})

try:
    with RedisStore(url=f"unix://{socket}") as store:
        store.set("level", level)
        store.set("trials", trials, expire=3600)
        store.set("settings", {"rate": 250}, encoding="json")  # for programs that know no frames

        with store.pipeline() as pipeline:
            pipeline.get("level").increment("reads").get("settings", encoding="json")
        back, reads, settings = pipeline.results
        print(back.identical(level), reads, settings)
        print(store.get("trials").dtypes["trial"], round(store.expires_in("trials")))

        with connect("r") as r:
            print(r.rowMeans(store.get("level")).values)
        print(sorted(store.scan()))
        try:
            store.hash_get("level", "Fz")
        except IntegrationError as error:
            print(error)
finally:
    server.kill()
    server.communicate()
