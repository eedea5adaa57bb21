"""Read models and exports' documents built from the topics: by the processes from empty databases, and by the commands.

The first case needs nothing that an earlier release does not have, so the file can be copied to one.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from confluent_kafka.admin import AdminClient
from frikort_contracts.topics import TOPICS
from pymongo import MongoClient

from deploy.local.system import SERVICES
from services.runtime.kafka.connection import librdkafka_options
from services.runtime.kafka.producer import KafkaProducer
from tests.bench.bench import Bench
from tests.bench.case import Case, Figures
from tests.bench.events import Load, fill
from tests.bench.processes import peak_bytes
from tests.bench.system.world import World, until, world
from tests.chaos.readers import lagging_groups

ROW: Final = "rebuild"
RATE: Final = "records/s"
_LEAST_CARDS: Final = 5_000
_MOST_CARDS: Final = 99_999
"""Numbers have five digits."""
_CACHE_GB: Final = 4.0
"""MongoDB's in the sizing of a country (deploy/helm/frikort/values-country.yaml)."""
_REPORTS_A_CARD: Final = 10
"""In a year of many reports."""
_WITHIN: Final = 4 * 3_600.0
_BUILT: Final = {"projections": "gateway", "exports": "exports"}
"""The processes, and the databases that they build."""
_SERVING: Final = ("portals", "payroll", "gateway")
_COMMANDS: Final[Mapping[str, Sequence[str]]] = {
    "projections": ("services.gateway.projections.rebuild", "cards", "employments", "reports", "ledgers"),
    "exports": ("services.exports.rebuild", "card_histories", "statements", "card_feeds"),
}
"""The commands by their process, each with the names of what it builds."""
_READ: Final = re.compile(r"rebuilt from ([\d,]+) records")


@dataclass(frozen=True)
class _OfWorld(Load):
    """Reports of the cards of a world."""

    ids: Sequence[str] = ()

    def card_ids(self) -> list[str]:
        """The ids of the cards."""
        return list(self.ids)


async def processes(bench: Bench) -> Figures:
    """Projections and exports from empty databases, both at once."""
    async with world(bench, "rebuild", cards=cards_of(bench)) as made:
        await book(made, bench.load.events)
        for name in (*_BUILT, "gateway", "payroll"):
            await asyncio.to_thread(made.system.processes[name].terminate)
        await _forget(made)
        records = await _records(made)
        begun = monotonic()
        for name in _BUILT:
            await asyncio.to_thread(made.system.processes[name].restart)
        seconds = await _until_idle(made) - begun
    return {RATE: records / seconds, "s": seconds, "records": records}


async def commands(bench: Bench) -> Figures:
    """What the commands build, in one world that is filled once: four read models, then three kinds of documents.

    While it is filled, exports take the longest, so they have two instances, and what serves requests is stopped.
    """
    async with world(bench, "rebuild beside", cards=cards_of(bench), database_cache_gb=_CACHE_GB) as made:
        second = await asyncio.to_thread(made.system.start_service, "exports")
        for name in _SERVING:
            await asyncio.to_thread(made.system.processes[name].terminate)
        begun = monotonic()
        await book(made, bench.load.events)
        figures = {"s to fill": monotonic() - begun}
        await asyncio.to_thread(second.terminate)
        for name in reversed(_SERVING):
            await asyncio.to_thread(made.system.processes[name].restart)
        for process, words in _COMMANDS.items():
            found = await _command(made, process, words)
            figures |= {f"{process}: {name}": value for name, value in found.items()}
    return figures


def cards_of(bench: Bench) -> int:
    """The citizens of a world with the reports of the load."""
    return min(max(_LEAST_CARDS, bench.load.events // _REPORTS_A_CARD), _MOST_CARDS)


async def _command(made: World, process: str, words: Sequence[str]) -> Figures:
    """Run a command that builds, with the settings of a process and the rights to replace collections."""
    settings = next(service for service in SERVICES if service.name == process).settings
    environment = made.system.environment(process, settings) | made.system.mongodb_access.environment("rebuild")
    begun = monotonic()
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert running.stdout is not None
    lines, peak = [], 0
    async for line in running.stdout:
        lines.append(line.decode())
        sys.stderr.write(lines[-1])  # it may take an hour
        with suppress(OSError, StopIteration):  # it has ended
            peak = peak_bytes(running.pid)
    await running.wait()
    seconds = monotonic() - begun
    if running.returncode:
        raise RuntimeError("".join(lines))
    records = sum(int(found.replace(",", "")) for found in _READ.findall("".join(lines)))
    return {RATE: records / seconds, "s": seconds, "records": records, "MB": peak / 1e6}


async def book(made: World, reports: int) -> None:
    """Publish reports and wait until every service has them."""
    with MongoClient[dict[str, Any]](made.system.mongodb) as client:
        ids = sorted(stored["_id"] for stored in client["frikort_gateway"]["cards"].find({}, {"_id": 1}))
    await fill(made.system.access, "frikort.earnings.v1", _OfWorld(reports, len(ids), ids=ids))
    await _until_idle(made)


async def _forget(made: World) -> None:
    """Drop the databases, and the positions of their consumer groups."""
    with MongoClient[dict[str, Any]](made.system.mongodb) as client:
        for database in _BUILT.values():
            client.drop_database(f"frikort_{database}")
    await asyncio.to_thread(_delete_groups, AdminClient(librdkafka_options(made.system.access.settings())))


def _delete_groups(admin: AdminClient) -> None:
    groups = [group.group_id for group in admin.list_consumer_groups().result().valid]
    built = [name for name in groups if name.split(".")[1] in _BUILT.values()]
    for deleted in admin.delete_consumer_groups(built).values():
        deleted.result()


async def _records(made: World) -> int:
    """The records that the processes read, each as often as it is read."""
    log = KafkaProducer(made.system.access.settings(), client_id="bench", timeout=30)
    try:
        ends = await log.end_positions(TOPICS)
    finally:
        await log.stop()
    readers = {topic.name: len(set(topic.readers) & set(_BUILT)) for topic in TOPICS if not topic.is_followed}
    return sum(end.offset * readers.get(end.topic, 0) for end in ends)


async def _until_idle(made: World) -> float:
    log = KafkaProducer(made.system.access.settings(), client_id="bench", timeout=30)

    async def is_idle() -> bool:
        return not await lagging_groups(log)

    try:
        return await until("an idle system", is_idle, within=_WITHIN)
    finally:
        await log.stop()


CASES: Final = (
    Case("processes", ROW, processes),
    Case("commands", ROW, commands),
)
