"""50,000 messages of 1 KB into Kafka and out of it: the stream beside confluent-kafka alone, in the same run.

    python -m tests.bench.kafka [MESSAGES]

Prints a line of JSON: messages a second of both (median of 3, by turns) and the ratios.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from tests.streaming.kafka_server import kafka_broker

from arcuate.streaming.kafka import KafkaStream

PAYLOAD = bytes(range(256)) * 4


def write_bare(servers: str, topic: str, count: int) -> None:
    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "linger.ms": 5})
    for _ in range(count):
        while True:
            try:
                producer.produce(topic, PAYLOAD)
                break
            except BufferError:
                producer.poll(0.05)
        producer.poll(0)
    assert producer.flush(60) == 0


def write(servers: str, topic: str, count: int) -> None:
    with KafkaStream(url=f"kafka://{servers}", topic=topic) as stream:
        for _ in range(count):
            stream.write(PAYLOAD)
        stream.flush()


def read_bare(servers: str, topic: str, count: int) -> None:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "bare", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    while count:
        message = consumer.poll(10)
        assert message is not None
        assert len(message.value()) == len(PAYLOAD)
        count -= 1
    consumer.close()


def read(servers: str, topic: str, count: int) -> None:
    with KafkaStream(url=f"kafka://{servers}", topic=topic) as stream:
        blocks = stream.blocks(start="all", timeout=10)
        for _ in range(count):
            assert len(next(blocks).data) == len(PAYLOAD)


def main(count: int) -> None:
    """Measures."""
    rates: dict[str, list[float]] = {"write_bare": [], "write": [], "read_bare": [], "read": []}
    with kafka_broker() as broker:
        servers = f"127.0.0.1:{broker.port}"
        with KafkaStream(url=broker.url, create=True) as stream:
            for turn in range(4):
                for number, (name, work) in enumerate(
                    {"write_bare": write_bare, "write": write, "read_bare": read_bare, "read": read}.items()
                ):
                    topic = f"bench-{turn}-{number % 2}"
                    stream.partitions_of(topic)
                    begun = time.perf_counter()
                    work(servers, topic, count)
                    rates[name].append(count / (time.perf_counter() - begun))
    found: dict[str, Any] = {name: round(statistics.median(rate[1:])) for name, rate in rates.items()}
    for name in ("write", "read"):
        found[f"{name}_ratio"] = round(found[name] / found[f"{name}_bare"], 2)
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
