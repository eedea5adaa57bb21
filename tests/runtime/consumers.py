"""A consumer port for tests, which supply the records and read the commits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from frikort_contracts.topics import EARNINGS

from services.runtime.processing.apply import Incoming
from services.runtime.processing.consumer import RebalanceListener
from services.runtime.processing.positions import Offsets, Partition, StartOffset


def records(partition: int, *offsets: int) -> list[Incoming]:
    """Records of one partition of the earnings topic."""
    return [
        Incoming(topic=EARNINGS.name, partition=partition, offset=offset, key=b"", value=None, headers=())
        for offset in offsets
    ]


class MemoryConsumer:
    """The only member of its group. ``start_failures`` and ``poll_failures`` are raised in order.

    ``later_starts`` are the next answers about positions, in place of ``starts``.
    """

    def __init__(self) -> None:
        self.committed: dict[int, int] = {}
        self.start_failures: list[Exception] = []
        self.poll_failures: list[Exception] = []
        self.starts: dict[Partition, StartOffset] = {}
        self.later_starts: list[StartOffset | Exception] = []
        self.started = self.stopped = 0
        self.polls = 0
        self.polling = False
        self._fetched: list[Incoming] = []
        self._arrived = asyncio.Event()

    def arrive(self, *batches: Sequence[Incoming]) -> None:
        """Make records available to the next poll."""
        self._fetched += [record for batch in batches for record in batch]
        self._arrived.set()

    async def start(self, listener: RebalanceListener) -> None:
        self.started += 1
        if self.start_failures:
            raise self.start_failures.pop(0)

    async def stop(self) -> None:
        self.stopped += 1

    async def poll(self, *, max_records: int, max_wait: float) -> Sequence[Incoming]:
        self.polls += 1
        if max_wait:
            self.polling = True
            try:
                await self._arrived.wait()
            finally:
                self.polling = False
        if self.poll_failures:
            raise self.poll_failures.pop(0)
        found, self._fetched = self._fetched[:max_records], self._fetched[max_records:]
        if not self._fetched:
            self._arrived.clear()
        return found

    async def commit(self, offsets: Offsets) -> None:
        self.committed.update({partition.partition: offset for partition, offset in offsets.items()})

    def assignment(self) -> Sequence[Partition]:
        return sorted(self.starts)

    async def start_offsets(self, partitions: Sequence[Partition]) -> Mapping[Partition, StartOffset]:
        if self.later_starts:
            later = self.later_starts.pop(0)
            if isinstance(later, Exception):
                raise later
            return dict.fromkeys(partitions, later)
        return {partition: self.starts[partition] for partition in partitions}

    async def end_offsets(self, partitions: Sequence[Partition]) -> Offsets:
        return dict.fromkeys(partitions, 10)

    def last_known_ends(self) -> Offsets:
        return dict.fromkeys(self.starts, 0)
