"""Sessions, callbacks and streams in an event loop."""

import asyncio

from arcuate.client import aio
from arcuate.hub import Config, Server


async def main(hub):
    """Everything at once."""
    async with aio.connect("r") as r, aio.connect(hub + "/python") as py:
        mean, root = await asyncio.gather(r.mean([1.0, 2.0, 6.0]), py.math.sqrt(2.0))
        print(mean, round(root, 3))

        async def square(x):
            await asyncio.sleep(0)
            return x * await r.call("identity", x)  # a call inside a callback

        print(await r.call("sapply", [1.0, 2.0, 3.0], square))

        await py.set("kept", 7)
        try:
            async with asyncio.timeout(0.2):
                await py.call("time.sleep", 60)
        except TimeoutError:
            print("interrupted; kept =", await py["kept"])

    async with aio.subscribe("news", hub) as news, aio.publisher("news", hub) as out:
        await out.send("first")
        await out.send("last")
        async for one in news:
            print(news.sequence, one)
            if one == "last":
                break


with Server(Config(zmq=["127.0.0.1:0"])) as server:
    asyncio.run(main(server.endpoints["zmq"]))
