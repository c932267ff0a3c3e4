"""Code inside the hub's interpreters calls other languages."""

from pathlib import Path

from arcuate.client import connect
from arcuate.hub import Config, Server

folder = Path(__file__).parent / "inside"
config = Config(
    http=["127.0.0.1:0"],
    environments={
        "python": {"language": "python"},
        "r": {"language": "r", "options": {"source": str(folder / "ask.R")}},
        "octave": {"language": "octave", "options": {"path": [str(folder)]}},
    },
)
with Server(config) as server:
    url = server.endpoints["http"]
    with connect(url + "/r") as r:
        print("R calls Octave:", r.eval('ask("octave", "det", matrix(c(2, 1, 0, 3), 2))'))
        print("R calls Python:", r.eval('ask("python", "math.gcd", 12L, 18L)'))
    with connect(url + "/octave") as octave:
        print("Octave calls R:", octave.eval('ask("r", "median", [1 5 7])'))
    with connect(url + "/python") as python:
        python.run("""
import numpy as np, xarray as xr
from arcuate.client import connect

rates = xr.DataArray([[1.0, 2.0], [3.0, 5.0]], dims=("trial", "unit"), coords={"unit": ["a", "b"]})
with connect("hub:///r") as r:
    scaled = r.call("*", rates, 10)                       # labels there and back
    fit = r.call("lm", "dist ~ speed", data=r.eval("cars", keep=True), keep=True)
    slope = r.call("coef", fit)[1]                        # an object that stays in R
""")
        print("Python calls R:", python["scaled"].sel(unit="b").values, round(float(python["slope"]), 3))
