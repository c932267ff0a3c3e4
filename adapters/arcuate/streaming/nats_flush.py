"""Waiting until a NATS server has dealt with all that was sent."""

from __future__ import annotations

from nats.aio.client import Client

__all__ = ["flushed"]


async def flushed(client: Client, timeout: int) -> None:
    """Returns when the server has answered a ping that came after everything that was sent so far.

    nats-py's ``flush()`` writes its ping past what still waits to be written; by the time of the first answer
    that has been written, and a second ping comes after it.

    Args:
        client: the connection.
        timeout: whole seconds for each of the two answers.
    """
    await client.flush(timeout)
    await client.flush(timeout)
