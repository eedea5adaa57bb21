"""What a report costs: bytes on the topics and in the databases, and processor time of each process.

Once one at a time through the API, and once as a line of a payroll file.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from pymongo import MongoClient

from deploy.mongodb.rights import DATABASES
from services.runtime.kafka.producer import KafkaProducer
from tests.bench.bench import Bench
from tests.bench.case import Case, Figures
from tests.bench.processes import cpu_seconds
from tests.bench.system.orders import Order, send
from tests.bench.system.payroll import book_file
from tests.bench.system.world import World, until, world
from tests.chaos.readers import lagging_groups

ROW: Final = "bytes"
_CARDS: Final = 400
_RATE: Final = 20.0
_SECONDS: Final = 60.0
_LINES: Final = 4000
_LEAST_SHOWN: Final = 0.01


async def one_at_a_time(bench: Bench) -> Figures:
    """Reports through the API, at a rate at which most records are alone in their batch."""
    async with world(bench, "bytes of a report", cards=_CARDS) as made:
        before = await _measured(made)
        port = urlsplit(made.system.gateway_url).port or 0
        order = Order(port, made.token, list(made.employments), "bytes", 64, 0.0, _SECONDS, wait=30, rate=_RATE)
        sent = await send(order)
        if set(sent.statuses) != {"201"}:
            raise RuntimeError(f"not all were answered 201: {sent.statuses}")
        return _of_a_report(before, await _measured(made), sent.statuses["201"])


async def in_a_file(bench: Bench) -> Figures:
    """Reports as lines of a payroll file."""
    async with world(bench, "bytes of a line", cards=_CARDS) as made:
        before = await _measured(made)
        await book_file(made, _LINES)
        return _of_a_report(before, await _measured(made), _LINES)


async def _measured(made: World) -> Mapping[str, float]:
    """The bytes of every topic and collection of an idle system, and the milliseconds of every process."""
    log = KafkaProducer(made.system.access.settings(), client_id="bench", timeout=30)

    async def is_idle() -> bool:
        return not await lagging_groups(log)

    try:
        await until("an idle system", is_idle)
    finally:
        await log.stop()
    pids = {process.pid: name for name, process in made.system.processes.items() if name != "provider"}
    spent = {f"ms of {pids[pid]}": 1000 * seconds for pid, seconds in cpu_seconds(pids).items()}
    return _topics(made) | await asyncio.to_thread(_collections, made.system.mongodb) | spent


def _topics(made: World) -> dict[str, float]:
    """The bytes of the log segments, without their indexes."""
    stored: Counter[str] = Counter()
    for segment in (made.system.config.data / "kafka").glob("frikort.*/*.log"):
        topic = segment.parent.name.rpartition("-")[0]
        stored[f"B {topic}"] += segment.stat().st_size
        stored["B Kafka"] += segment.stat().st_size
    return dict(stored)


def _collections(uri: str) -> dict[str, float]:
    """The bytes of documents as BSON, and of documents and indexes as MongoDB compresses them on the disk."""
    stored: Counter[str] = Counter()
    with MongoClient[dict[str, Any]](uri) as client:
        client.admin.command("fsync")  # the sizes on the disk are those of the last checkpoint
        for database in DATABASES:
            for name in client[database].list_collection_names():
                stats = client[database].command("collStats", name)
                stored[f"B {database}.{name}"] += stats["size"]
                stored["B MongoDB's documents"] += stats["size"]
                stored["B MongoDB's disk"] += stats["storageSize"] + stats["totalIndexSize"]
        oplog = client["local"].command("collStats", "oplog.rs")
        stored["B oplog"] = oplog["size"]
    return dict(stored)


def _of_a_report(before: Mapping[str, float], after: Mapping[str, float], reports: int) -> Figures:
    grown = {name: (amount - before.get(name, 0)) / reports for name, amount in sorted(after.items())}
    return {name: amount for name, amount in grown.items() if amount >= _LEAST_SHOWN}


CASES: Final = (
    Case("bytes, one report at a time", ROW, one_at_a_time),
    Case("bytes, payroll file", ROW, in_a_file),
)
