"""The topics of a rebuild are read in step, so that the records about a document come close to each other.

A document is then in the cache, or even in the same batch, when its next record comes: it is loaded and written less
often. Two partition numbers are read at a time, one for each worker, each topic at most a step ahead of the others. A
step is a part of the partition, because topics have different numbers of records. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from services.runtime.processing.apply import Incoming
from services.runtime.processing.positions import Offsets, Partition

_NUMBERS: Final = 2
_STEP: Final = 2_000
"""Records of a partition number, all topics together."""


class InStep:
    """Gives the partitions to read next, until everything before ``ends`` is read; then any.

    ``read`` are the positions at the start. Partitions that had no record when they were asked for are not waited for.
    """

    def __init__(self, read: Offsets, ends: Offsets) -> None:
        self._ends = {partition: end for partition, end in ends.items() if read.get(partition, 0) < end}
        self._read = {partition: read.get(partition, 0) for partition in self._ends}
        self._is_idle = False

    def next(self) -> Collection[Partition]:
        """The partitions that are behind the others of their number."""
        numbers = sorted({partition.partition for partition in self._ends})[:_NUMBERS]
        if self._is_idle:
            return ()
        return [each for number in numbers for each in self._behind(number)]

    def read(self, records: Sequence[Incoming]) -> None:
        """Note what was read."""
        self._is_idle = not records
        for record in records:
            partition = Partition(record.topic, record.partition)
            if (end := self._ends.get(partition)) is not None:
                self._read[partition] = record.offset + 1
                if record.offset + 1 >= end:
                    del self._ends[partition], self._read[partition]

    def _behind(self, number: int) -> list[Partition]:
        unread = [partition for partition in self._ends if partition.partition == number]
        step = _STEP / sum(self._ends[partition] for partition in unread)
        done = {partition: self._read[partition] / self._ends[partition] for partition in unread}
        least = min(done.values())
        return [partition for partition in unread if done[partition] <= least + step]
