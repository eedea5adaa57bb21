"""Whether a peer's totals are exact after repeated ``kill -9`` during the replay.

The check reads the peer's output as a reader of committed transactions and compares it with the sums of the events.
It does not read the peer's state.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from frikort_contracts.topics import PARTITIONS

from deploy.local.process import Process
from tests.bench.bench import Bench
from tests.bench.case import Figures
from tests.bench.contest import Contest, Sink, committed, environment
from tests.bench.events import Load, fill
from tests.bench.peers.contestants import Peer
from tests.bench.peers.rule import CHANGED

KILLS: Final = (0.2, 0.4, 0.6, 0.8)
"""It is killed when it has published these shares of the output."""

LOAD: Final = Load(events=40_000, cards=4_000)

_PAUSE = 0.05
_WITHIN = 150.0

Totals = dict[tuple[str, int], tuple[int, int, int]]
"""By card and year: reported, exempt and excess, in øre."""


@dataclass
class Published:
    """The contents of a sink: the last totals of each card and year, and how often each event was answered."""

    totals: Totals = field(default_factory=dict)
    deliveries: dict[tuple[str, int], int] = field(default_factory=dict)
    answers: Counter[bytes] = field(default_factory=Counter)

    def add(self, record: ConsumerRecord) -> None:
        """Add one output event. Events of a card arrive in the order of its partition."""
        headers = dict(record.headers)
        if headers["ce_type"] != CHANGED.encode():
            return
        output = json.loads(record.value)
        year = (output["card_id"], output["year"])
        self.totals[year] = (output["reported"], output["exempt"], output["excess"])
        self.deliveries[year] = output["deliveries"]
        self.answers[headers["ce_causationid"]] += 1


def exact(load: Load) -> tuple[Totals, set[bytes]]:
    """The sums of the load, computed simply, and the ids of its events."""
    reports: dict[tuple[str, int], list[tuple[int, int]]] = {}
    ids = set()
    for record in load.records():
        event = json.loads(record.value)
        reports.setdefault((event["card_id"], event["year"]), []).append((event["total"], event["allowance"]))
        ids.add(dict(record.headers)["ce_id"])
    return {year: _split(of_year) for year, of_year in reports.items()}, ids


def _split(reports: Iterable[tuple[int, int]]) -> tuple[int, int, int]:
    exempt = excess = 0
    for total, allowance in reports:
        of_this = min(total, allowance - exempt)
        exempt, excess = exempt + of_this, excess + total - of_this
    return exempt + excess, exempt, excess


async def exactness(bench: Bench, peer: Peer) -> Figures:
    """Kill and restart it until it is done. Measured once; later rounds show the same figures."""
    key = f"exactness of {peer.name}"
    if key not in bench.kept:
        bench.kept[key] = await _measure(bench, peer)
    figures: Figures = bench.kept[key]
    return figures


async def _measure(bench: Bench, peer: Peer) -> Figures:
    source = await _source(bench)
    name = f"{peer.name} killed"
    sink = await bench.make_topic(bench.unique(name))
    contest = Contest(source, sink, bench.unique(name), LOAD.events, LOAD.events)
    process = bench.process(name, peer.argv(), {**environment(bench, name, contest), **peer.settings})
    began = time.monotonic()
    try:
        await _run(bench, process, contest)
    finally:
        await asyncio.to_thread(process.terminate)
    seconds = time.monotonic() - began
    published = await _published(bench, sink)
    await bench.drop_topics([sink])
    totals, ids = exact(LOAD)
    return {
        "wrong totals": sum(published.totals.get(year) != right for year, right in totals.items()),
        "outputs missing": sum(not published.answers[event] for event in ids),
        "outputs repeated": sum(count - 1 for count in published.answers.values()),
        "applied twice": sum(published.deliveries.values()) - LOAD.events,
        "seconds": seconds,
    }


async def _run(bench: Bench, process: Process, contest: Contest) -> None:
    """Start it, kill and restart it at each share of KILLS, and wait until its offsets reach the end."""
    process.start()
    async with Sink(bench, contest.sink) as sink:
        for share in KILLS:
            async for _ in _while_it_runs(process):
                if await sink.records() >= share * contest.inputs:
                    break
            process.send(signal.SIGKILL)
            await asyncio.to_thread(process.kill)
            process.start()
        async for _ in _while_it_runs(process):
            if await committed(bench, contest) >= contest.inputs:
                return


async def _while_it_runs(process: Process) -> AsyncIterator[None]:
    """Raises ``TimeoutError`` or ``RuntimeError`` if the awaited condition does not occur."""
    deadline = time.monotonic() + _WITHIN
    while time.monotonic() < deadline:
        if not process.alive:
            raise RuntimeError(f"{process.name} ended: {process.log_tail()}")
        yield
        await asyncio.sleep(_PAUSE)
    raise TimeoutError(f"{process.name} did not get on in {_WITHIN:.0f} s: {process.log_tail()}")


async def _source(bench: Bench) -> str:
    if "exactness source" not in bench.kept:
        bench.kept["exactness source"] = await bench.make_topic("bench-killed-source")
        await fill(bench.access, bench.kept["exactness source"], LOAD)
    return str(bench.kept["exactness source"])


async def _published(bench: Bench, sink: str) -> Published:
    """All committed records. A transaction left open by a kill blocks readers until it times out."""
    published = Published()
    partitions = [TopicPartition(sink, number) for number in range(PARTITIONS)]
    async with _reader(bench, "read_uncommitted") as reader:
        ends = await reader.end_offsets(partitions)
    async with _reader(bench, "read_committed") as reader:
        reader.assign(partitions)
        async with asyncio.timeout(_WITHIN):
            while any([await reader.position(partition) < ends[partition] for partition in partitions]):
                for of_partition in (await reader.getmany(timeout_ms=500)).values():
                    for record in of_partition:
                        published.add(record)
    return published


@asynccontextmanager
async def _reader(bench: Bench, isolation: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **bench.access.options(), isolation_level=isolation, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
