"""A contestant of a replay: a process that reads the source topic and writes the sink topic, measured from outside.

Its settings are environment variables: ``FRIKORT_KAFKA`` with the user and password, ``BENCH_MONGODB``,
``BENCH_DATABASE``, ``BENCH_SOURCE``, ``BENCH_SINK``, ``BENCH_GROUP`` and ``BENCH_STATE`` (its own
folder). It runs until SIGTERM.

The broker's clock counts: records of the sink get the time of append. The rate is taken from a tenth of the sink to its
end, so neither the start of an interpreter or a JVM nor the first, cold batch counts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from frikort_contracts.topics import PARTITIONS

from deploy.local.process import Process
from tests.bench import processes
from tests.bench.bench import Bench
from tests.bench.case import Figures

_PAUSE = 0.2
_WITHIN = 600.0
_COLD = 0.1


@dataclass(frozen=True)
class Contest:
    """Where a contestant reads and writes. ``outputs`` is the least number of records in the sink at the end.

    ``commits`` is False if it keeps its positions outside the Kafka group.
    """

    source: str
    sink: str
    group: str
    inputs: int
    outputs: int
    commits: bool = True


def environment(bench: Bench, name: str, contest: Contest) -> dict[str, str]:
    """The settings of a contestant."""
    return {
        **bench.connection,
        "BENCH_MONGODB": bench.mongodb,
        "BENCH_DATABASE": bench.unique(name),
        "BENCH_SOURCE": contest.source,
        "BENCH_SINK": contest.sink,
        "BENCH_GROUP": contest.group,
        "BENCH_STATE": str(bench.directory(name)),
    }


async def compete(
    bench: Bench,
    name: str,
    argv: Sequence[str],
    *,
    settings: Mapping[str, str] | None = None,
    commits: bool = True,
    events: int | None = None,
) -> Figures:
    """Run a contestant over the source, with a new sink, group and database that are deleted afterwards.

    ``events`` limits how many events of the source it processes.
    """
    sink = await bench.make_topic(bench.unique(name))
    inputs = min(events or bench.load.events, bench.load.events)
    contest = Contest(await bench.source(), sink, bench.unique(name), inputs, inputs, commits)
    process = bench.process(name, list(argv), environment(bench, name, contest) | dict(settings or {}))
    try:
        return await measure(bench, [process], contest)
    finally:
        await bench.drop_topics([sink])
        await bench.drop_database(bench.unique(name))


async def measure(bench: Bench, contestants: Sequence[Process], contest: Contest) -> Figures:
    """Start the processes, wait until all is read, written and committed, and stop them. Raises ``TimeoutError``."""
    async with Sink(bench, contest.sink) as sink:
        engines = {name: process.pid for name, process in bench.engines.processes.items()}
        before = processes.cpu_seconds(engines.values())
        for process in contestants:
            process.start()
        try:
            await _until_done(bench, contestants, contest, sink)
            used = processes.cpu_seconds(process.pid for process in contestants)
            memory = [processes.peak_bytes(process.pid) for process in contestants]
        finally:
            for process in contestants:
                await asyncio.to_thread(process.terminate)
        after = processes.cpu_seconds(engines.values())
        share, seconds = await sink.pace()
    return {
        "events/s": contest.inputs * share / seconds,
        "MB": max(memory) / 1e6,
        "CPU µs/event": 1e6 * sum(used.values()) / contest.inputs,
        **{f"{name} CPU µs/event": 1e6 * (after[pid] - before[pid]) / contest.inputs for name, pid in engines.items()},
    }


async def _until_done(bench: Bench, contestants: Sequence[Process], contest: Contest, sink: Sink) -> None:
    deadline = time.monotonic() + _WITHIN
    async with bench.admin() as admin:
        while time.monotonic() < deadline:
            for process in contestants:
                if not process.alive:
                    raise RuntimeError(f"{process.name} ended: {process.log_tail()}")
            if await sink.records() >= contest.outputs:
                if not contest.commits:
                    return
                if await _committed(admin, contest) >= contest.inputs:
                    return
            await asyncio.sleep(_PAUSE)
    raise TimeoutError(f"{contestants[0].name} has not settled the source in {_WITHIN:.0f} s")


async def committed(bench: Bench, contest: Contest) -> int:
    """How many records of the source the group has committed."""
    async with bench.admin() as admin:
        return await _committed(admin, contest)


async def _committed(admin: AIOKafkaAdminClient, contest: Contest) -> int:
    offsets = await admin.list_consumer_group_offsets(contest.group)
    return sum(max(at.offset, 0) for partition, at in offsets.items() if partition.topic == contest.source)


class Sink:
    """Counts records appended to a topic since the context was entered, by the broker's time index."""

    def __init__(self, bench: Bench, topic: str) -> None:
        self._consumer = AIOKafkaConsumer(**bench.access.options(), enable_auto_commit=False)
        self._partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]

    async def __aenter__(self) -> Sink:
        await self._consumer.start()
        self._starts = await self._ends()
        self._since = _milliseconds()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def records(self) -> int:
        """The present number of records."""
        ends = await self._ends()
        return sum(ends[p] - self._starts[p] for p in self._partitions)

    async def pace(self) -> tuple[float, float]:
        """The share of the records after the first tenth, and the seconds in which they were appended."""
        total, now = await self.records(), _milliseconds()
        cold = await self._first_moment_with(_COLD * total, self._since, now)
        last = await self._first_moment_with(total, cold, now)
        return 1 - await self._before(cold) / total, (last - cold) / 1000

    async def _first_moment_with(self, records: float, low: int, high: int) -> int:
        while low < high:
            middle = (low + high) // 2
            if await self._before(middle) >= records:
                high = middle
            else:
                low = middle + 1
        return low

    async def _before(self, moment: int) -> int:
        """How many were appended before a moment, in milliseconds since 1970."""
        found = await self._consumer.offsets_for_times(dict.fromkeys(self._partitions, moment))
        ends = await self._ends()
        return sum((at.offset if (at := found[p]) else ends[p]) - self._starts[p] for p in self._partitions)

    async def _ends(self) -> dict[TopicPartition, int]:
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(self._partitions)
        return ends


def _milliseconds() -> int:
    return int(time.time() * 1000)
