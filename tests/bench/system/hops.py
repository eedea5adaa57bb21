"""The floor of the end-to-end row: three produce-to-consume hops and four writes, with nothing in between.

``python -m tests.bench.system.hops <rate> <seconds>``. A message is written to the database, produced, consumed,
written, produced ... as gateway, reporting, balance and projections would, each message alone and at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from time import perf_counter
from typing import Any, Final

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pymongo import AsyncMongoClient
from pymongo.write_concern import WriteConcern

from services.runtime.kafka.connection import client_options
from services.runtime.settings import KafkaSettings

_WARM: Final = 2.0
_VALUE: Final = b"x" * 500


class Hops:
    """Three topics, a collection and the pending messages, by number."""

    def __init__(self, producer: AIOKafkaProducer, collection: Any, topics: list[str]) -> None:
        self._producer = producer
        self._collection = collection
        self._topics = topics
        self._arrived: dict[int, asyncio.Event] = {}

    async def send(self, number: int) -> None:
        """Send a message through all hops."""
        arrived = self._arrived[number] = asyncio.Event()
        await self._forward(number, 0)
        await arrived.wait()

    async def consume(self, hop: int, consumer: AIOKafkaConsumer) -> None:
        """Forward the messages of a topic."""
        async with asyncio.TaskGroup() as group:
            async for message in consumer:
                group.create_task(self._forward(int(message.key), hop + 1))

    async def _forward(self, number: int, hop: int) -> None:
        await self._collection.insert_one({"_id": f"{number}/{hop}", "value": _VALUE})
        if hop < len(self._topics):
            await self._producer.send_and_wait(self._topics[hop], _VALUE, key=str(number).encode())
        else:
            self._arrived.pop(number).set()


async def measured(rate: float, seconds: float) -> dict[str, float]:
    """Latencies in milliseconds at this rate."""
    broker, topics = client_options(KafkaSettings()), os.environ["BENCH_TOPICS"].split(",")
    producer = AIOKafkaProducer(**broker, enable_idempotence=True, acks="all")
    consumers = [AIOKafkaConsumer(topic, **broker, auto_offset_reset="earliest") for topic in topics]
    async with AsyncMongoClient[dict[str, Any]](os.environ["BENCH_MONGODB"]) as client, producer:
        database = client.get_database(os.environ["BENCH_DATABASE"], write_concern=WriteConcern("majority", j=True))
        hops = Hops(producer, database["hops"], topics)
        await asyncio.gather(*(consumer.start() for consumer in consumers))
        works = [asyncio.create_task(hops.consume(hop, consumer)) for hop, consumer in enumerate(consumers)]
        latencies: list[float] = []

        async def one(number: int, due: float) -> None:
            await hops.send(number)
            if number >= _WARM * rate:
                latencies.append(perf_counter() - due)

        begun = perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * (_WARM + seconds))):
                due = begun + number / rate
                while (early := due - perf_counter()) > 0:  # noqa: ASYNC110 - it is the time that is waited for
                    await asyncio.sleep(early)
                group.create_task(one(number, due))
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        await asyncio.gather(*(consumer.stop() for consumer in consumers))
    latencies.sort()
    return {"p50": 1000 * latencies[len(latencies) // 2], "p99": 1000 * latencies[len(latencies) * 99 // 100]}


if __name__ == "__main__":
    json.dump(uvloop.run(measured(float(sys.argv[1]), float(sys.argv[2]))), sys.stdout)
