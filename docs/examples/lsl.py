"""An instrument's stream, read and centred on its way to another stream."""

import threading

import numpy as np
import xarray as xr

from arcuate.integrations import LSLStream

signal = xr.DataArray(
    np.array([[1.0, 10.0], [3.0, 30.0], [5.0, 50.0], [7.0, 70.0]]),
    dims=("time", "channel"),
    coords={"channel": ["Fz", "Cz"]},
    attrs={"units": "microvolts", "sampling_rate": 40.0},
)


def amplifier() -> None:
    """Instead of a real one: it sends when somebody reads."""
    with LSLStream(topic="Amplifier", type="EEG", consumers=10) as stream:
        stream.write(signal)
        ended.wait(10)


ended = threading.Event()
thread = threading.Thread(target=amplifier)
thread.start()

with LSLStream(url="lsl://Amplifier?type=EEG", duration=0.05) as source, LSLStream(topic="Centred") as sink:
    pipeline = source | (lambda data: data - data.mean("time")) | sink
    print(pipeline.run(limit=2, timeout=10).blocks, "blocks")
    (found,) = (one for one in sink.streams() if one["name"] == "Centred")
    print(found["type"], found["channels"], "channels", found["sampling_rate"], "Hz", found["format"])
    described = sink.describe()["desc"]["channels"]["channel"]
    print(described)

ended.set()
thread.join()
