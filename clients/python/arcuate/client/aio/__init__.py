"""Arcuate for asyncio: the same names, awaited.

::

    async with aio.connect("r") as r:
        mean = await r.call("mean", [1.0, 2.0, 3.0])
        async with aio.subscribe("eeg", "grpc://host:50051") as blocks:
            async for block in blocks:
                ...

Each session has a thread of its own, on which its calls run one after the other. Functions that are called
back, coroutines or not, run in the loop. Cancelling a task that waits for a call cancels the call.
"""

from __future__ import annotations

from arcuate.client.aio.connecting import connect
from arcuate.client.aio.names import AsyncRemote, Name
from arcuate.client.aio.session import AsyncSession
from arcuate.client.aio.streams import AsyncPublisher, AsyncSubscription, publish, publisher, subscribe

__all__ = [
    "AsyncPublisher",
    "AsyncRemote",
    "AsyncSession",
    "AsyncSubscription",
    "Name",
    "connect",
    "publish",
    "publisher",
    "subscribe",
]
