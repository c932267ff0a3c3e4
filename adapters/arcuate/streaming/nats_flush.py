"""What nats-py lacks: sockets closed in any case, much sent at once, waiting until a server has it."""

from __future__ import annotations

import asyncio

from nats.aio.client import Client

__all__ = ["TidyClient", "flushed", "queued", "sent"]


class TidyClient(Client):
    """A client that keeps no socket of an attempt to connect that failed.

    The library's own, when it connects again, opens the next one and forgets that of a server that took the
    connection and did not answer; and it does not connect again before it has sent what it still had to send.
    """

    def cut(self) -> None:
        """Closes the socket at once, also where the other side takes nothing any more."""
        writer = getattr(self._transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()

    async def _process_op_err(self, e: Exception) -> None:
        # It would wait until all has been sent, which a server that is silent never takes.
        if self.is_connected:
            self.cut()
        await super()._process_op_err(e)

    async def _select_next_server(self) -> None:
        self.cut()
        await super()._select_next_server()


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


def queued(client: Client, topic: str, payload: bytes) -> None:
    """Puts a message without headers where the library puts what it will send; :func:`sent` sends it.

    Its ``publish()`` is a coroutine of three for each message, which takes most of a small message's time.
    """
    command = b"PUB %b %d\r\n%b\r\n" % (topic.encode(), len(payload), payload)
    client._pending.append(command)
    client._pending_data_size += len(command)
    client.stats["out_msgs"] += 1
    client.stats["out_bytes"] += len(payload)


async def sent(client: Client) -> None:
    """Sends what is queued; waits where the server does not keep up."""
    if client._pending_data_size > client._max_pending_size:
        await client._flush_pending(force_flush=True)
    elif client._flush_queue is not None and client._flush_queue.empty():
        await client._flush_pending()
