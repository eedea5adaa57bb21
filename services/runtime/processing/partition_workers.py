"""Lanes: the records of each partition number, all topics together, side by side and each in order.

What one lane touches no other does, so some compute while others wait for Kafka or MongoDB. (Where two do meet in a
document, as over an alias, they are to each other as two instances are.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from aiokafka import ConsumerRecord

Lane = Sequence[ConsumerRecord[bytes, bytes]]

# Enough that one computes while others wait, and no more: what is in hand is in memory.
_AT_ONCE = 2
# Of a full batch. A batch costs much the same whatever its size: a smaller one does not go beside another.
_WORTH_ITS_COST = 1 / 8
# A fetch costs much the same whatever it brings: while nothing more can begin, it may bring more.
_GATHERING_SECONDS = 0.02


class PartitionWorkers:
    """Sets ``work`` to lanes, which must not raise. What comes later of a lane waits for what came before.

    What comes while others are at work is gathered, and goes together, about ``most`` records at a time: beside them
    when it has become many, else after them. What comes while nothing is at work goes at once.
    """

    def __init__(self, work: Callable[[Lane], Awaitable[None]], *, most: int) -> None:
        self._work = work
        self._most = most
        self._waiting: dict[int, list[ConsumerRecord[bytes, bytes]]] = {}
        self._at_work: dict[asyncio.Future[None], Sequence[int]] = {}

    def are_worth_a_batch(self, count: int) -> bool:
        """Whether a batch of ``count`` records is worth its cost, or had better wait for more."""
        return count >= _WORTH_ITS_COST * self._most

    async def take(self, records: Lane) -> None:
        """Set the lanes of what was fetched to work, or let them wait. Returns when more may be fetched."""
        for record in records:
            self._waiting.setdefault(record.partition, []).append(record)
        self._begin()
        if self._waiting:
            await asyncio.wait(self._at_work, timeout=_GATHERING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        while sum(map(len, self._waiting.values())) > self._most:
            await asyncio.wait(self._at_work, return_when=asyncio.FIRST_COMPLETED)

    async def done(self) -> None:
        """Wait until all that was taken is worked off."""
        while self._at_work:
            await asyncio.wait(self._at_work)

    def _begin(self) -> None:
        while len(self._at_work) < _AT_ONCE and (numbers := self._free()):
            if self._at_work and not self.are_worth_a_batch(sum(len(self._waiting[number]) for number in numbers)):
                break
            records = [record for number in numbers for record in self._waiting.pop(number)]
            task = asyncio.ensure_future(self._work(records))
            self._at_work[task] = numbers
            task.add_done_callback(self._leave)

    def _free(self) -> Sequence[int]:
        """The next lanes to work on: those that have waited longest and are not at work."""
        at_work = {number for numbers in self._at_work.values() for number in numbers}
        found: list[int] = []
        count = 0
        for number, lane in self._waiting.items():
            if number not in at_work and count < self._most:
                found.append(number)
                count += len(lane)
        return found

    def _leave(self, task: asyncio.Future[None]) -> None:
        del self._at_work[task]
        self._begin()
