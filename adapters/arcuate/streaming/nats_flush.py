"""Waiting until a NATS server has dealt with all that was sent."""

from __future__ import annotations

import asyncio

from nats.aio.client import Client

__all__ = ["flushed"]


async def flushed(client: Client, timeout: int) -> None:
    """Returns when the server has answered a ping that came after everything that was sent so far.

    nats-py's ``flush()`` writes its ping past what still waits to be written, so that is written first.

    Args:
        client: the connection.
        timeout: whole seconds for the answer.
    """
    if client.is_connected:
        await asyncio.wait_for(client._flush_pending(force_flush=True), timeout)
    await client.flush(timeout)
