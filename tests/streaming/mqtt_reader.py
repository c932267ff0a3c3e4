"""A reader in a process of its own, that tests kill: writes each block to a file, and acknowledges some."""

from __future__ import annotations

import sys

from arcuate.streaming.mqtt import MQTTStream


def main() -> None:
    url, password, topic, path, acknowledged = sys.argv[1:]
    with (
        MQTTStream(url=url, password=password, topic=topic, client_id="killed", buffer=8) as stream,
        open(path, "a", encoding="ascii") as file,
    ):
        for number, block in enumerate(stream):
            file.write(f"{block.data}\n")
            file.flush()
            if number < int(acknowledged):
                block.ack()


main()
