"""The positions of a consumer in its assigned partitions, and the detection of missing records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from services.runtime.processing.apply import Incoming


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


Offsets = Mapping[Partition, int]


class AppliedPositions(Protocol):
    """Remembers, in the database of a service, how far it has applied its topics."""

    async def add(self, offsets: Offsets) -> None:
        """Store durably that all records before ``offsets`` are applied."""
        ...


class StoreBehind(NamedTuple):
    """A partition of which the group has committed records that the store has not applied."""

    partition: Partition
    applied: int
    committed: int


def behind(applied: Offsets, committed: Offsets, first: Offsets) -> list[StoreBehind]:
    """The partitions whose records from ``applied`` to ``committed`` would be left out.

    Records before ``first`` exist no longer: an operator who moved the group past them has left them out on purpose.
    """
    return [
        StoreBehind(partition, applied.get(partition, 0), end)
        for partition, end in sorted(committed.items())
        if max(applied.get(partition, 0), first.get(partition, 0)) < end
    ]


class StartOffset(NamedTuple):
    """Where a partition begins: the first offset that it still has, and the one that the group has committed."""

    first: int
    committed: int | None


class RecordsLost(RuntimeError):
    """Records were deleted from a topic before they were read. Continuing would skip them silently."""

    def __init__(self, partition: Partition, first: int, found: int) -> None:
        self.partition = partition
        self.found = found
        super().__init__(
            f"records {first} to {found - 1} of {partition.topic}/{partition.partition} are gone and were never read: "
            "retention or an administrator deleted them"
        )


class Positions:
    """The next offset to commit and the next to process of each partition."""

    def __init__(self) -> None:
        self._committed: dict[Partition, int] = {}
        self._expected: dict[Partition, int] = {}

    def clear(self) -> None:
        """Forget everything: the partitions belong to another member now."""
        self._committed.clear()
        self._expected.clear()

    def unknown(self, partitions: Sequence[Partition]) -> list[Partition]:
        """Those of ``partitions`` whose start is not known yet."""
        return [partition for partition in partitions if partition not in self._committed]

    def set_starts(self, starts: Mapping[Partition, StartOffset]) -> None:
        """Set the start of partitions. Raises ``RecordsLost``."""
        for partition, (first, committed) in starts.items():
            if committed is not None and committed < first:
                raise RecordsLost(partition, committed, first)
            start = first if committed is None else committed
            self._committed.setdefault(partition, start)
            self._expected.setdefault(partition, start)

    def committed(self, offsets: Offsets) -> None:
        """Record that ``offsets`` are committed."""
        self._committed.update(offsets)

    def check_complete(self, records: Sequence[Incoming]) -> None:
        """Raise ``RecordsLost`` if a record is missing between these, or before the first of them.

        Topics are not compacted and producers use no transactions, so offsets have no other gaps.
        """
        expected = self._expected
        for record in records:
            partition = Partition(record.topic, record.partition)
            if record.offset > expected.get(partition, record.offset):
                raise RecordsLost(partition, expected[partition], record.offset)
            expected[partition] = record.offset + 1

    def were_read(self, lost: RecordsLost, committed: int | None) -> bool:
        """Whether the group has committed the missing records, up to ``committed``. Then they are no longer missing."""
        if committed is None or committed < lost.found:
            return False
        self._committed[lost.partition] = max(self._committed.get(lost.partition, 0), committed)
        self._expected[lost.partition] = lost.found
        return True

    def lag(self, ends: Offsets) -> dict[Partition, int]:
        """The number of uncommitted records of each partition, given the offset after its last record."""
        known = self._committed
        return {partition: max(end - known[partition], 0) for partition, end in ends.items() if partition in known}
