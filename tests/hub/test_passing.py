"""Large data on its way through the hub: nothing is kept longer than the next stage needs it."""

from __future__ import annotations

import weakref

import numpy as np
from tests.hub.memory import MemoryLink

from arcuate.client import Session
from arcuate.client.net.bus import BusTransport
from arcuate.hub import Hub
from arcuate.values import frames
from arcuate.values.nodes import Nodes


class Watched(MemoryLink):
    """Knows which of the frames that it has handed to the hub are still in memory."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.bodies: list[weakref.ref[np.ndarray]] = []

    def send(self, message: Nodes) -> None:
        assert self.connection is not None
        body = np.frombuffer(frames.to_bytes(message), np.uint8).copy()
        if body.nbytes > 1 << 20:
            self.bodies.append(weakref.ref(body))
        self.connection.receive(frames.load(body.data.cast("B"), limits=self.connection.limits))


def test_data_of_a_request_is_let_go_when_the_interpreter_has_it() -> None:
    hub = Hub()
    try:
        link = Watched(hub)
        array = np.arange(1_000_000.0)
        held: list[int] = []
        with Session(BusTransport(link, "python", {}), name="python") as session:
            session.run("def middle(x, tell):\n    tell()\n    return x[1:]")

            def tell() -> None:
                held.append(sum(body() is not None for body in link.bodies))

            back = session.call("middle", array, tell)
        assert len(link.bodies) == 1, "the array has travelled"
        assert held == [0], "the hub has kept the request while its call ran"
        assert np.array_equal(back, array[1:])
    finally:
        hub.close()
