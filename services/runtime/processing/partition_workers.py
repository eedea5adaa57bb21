"""Processes several partitions at once, and the records of each in order.

Records are divided by partition number, all topics together. A card has the same number in every topic, so two workers
change the same document only through an alias; then the version guard decides, as between two instances.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from services.runtime.processing.apply import Incoming
from services.runtime.processing.policies import BatchPolicy

# One computes while the other waits for Kafka or MongoDB. More workers were not faster when measured.
_WORKERS: Final = 2


class PartitionWorkers:
    """Runs ``work`` for the records of one or more partitions at a time. ``work`` must not raise.

    Records that arrive while both workers are busy wait, and form batches of about ``policy.max_records``. While one
    worker is busy, the other starts only with at least ``policy.min_records``.
    """

    def __init__(self, work: Callable[[Sequence[Incoming]], Awaitable[None]], policy: BatchPolicy) -> None:
        self._work = work
        self._policy = policy
        self._waiting: dict[int, list[Incoming]] = {}
        self._running: dict[asyncio.Task[None], Sequence[int]] = {}
        self._finished_one = asyncio.Event()

    def add(self, records: Sequence[Incoming]) -> None:
        """Process ``records``, after earlier records of their partitions."""
        for record in records:
            self._waiting.setdefault(record.partition, []).append(record)
        self._start()

    async def until_room(self) -> None:
        """Return when no more than a full batch is waiting."""
        while sum(map(len, self._waiting.values())) > self._policy.max_records:
            await self._until_one_finishes()

    def discard_waiting(self) -> None:
        """Drop the records that no worker has started to process."""
        self._waiting.clear()

    async def until_idle(self) -> None:
        """Return when no worker is busy and no record waits."""
        while self._running:
            await self._until_one_finishes()

    def _start(self) -> None:
        while len(self._running) < _WORKERS and (numbers := self._ready()):
            count = sum(len(self._waiting[number]) for number in numbers)
            if self._running and count < self._policy.min_records:
                return
            records = [record for number in numbers for record in self._waiting.pop(number)]
            task = asyncio.create_task(self._run(records))
            self._running[task] = numbers
            task.add_done_callback(self._finish)

    async def _run(self, records: Sequence[Incoming]) -> None:
        await self._work(records)

    def _ready(self) -> Sequence[int]:
        """Partition numbers with waiting records and no worker, longest waiting first, up to about a full batch."""
        busy = {number for numbers in self._running.values() for number in numbers}
        ready: list[int] = []
        count = 0
        for number, records in self._waiting.items():
            if number not in busy and count < self._policy.max_records:
                ready.append(number)
                count += len(records)
        return ready

    def _finish(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._start()
        self._finished_one.set()

    async def _until_one_finishes(self) -> None:
        self._finished_one.clear()
        await self._finished_one.wait()
