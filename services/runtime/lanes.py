"""Lanes: the records of each partition number, all topics together, side by side and each in order.

What one lane touches no other does, so one computes while others wait for Kafka or MongoDB. (Where two do meet in a
document, as over an alias, they are to each other as two instances are.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiokafka import ConsumerRecord

Lane = Sequence[ConsumerRecord[bytes, bytes]]

# Enough that one computes while others wait, and no more: what is in hand is in memory.
_AT_ONCE = 4


class Lanes:
    """Sets ``work`` to lanes, which must not raise. What comes later of a lane waits for what came before."""

    def __init__(self, work: Callable[[Lane], Awaitable[None]]) -> None:
        self._work = work
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._at_work: dict[int, asyncio.Task[None]] = {}
        self._taking = asyncio.Lock()

    async def take(self, records: Lane) -> None:
        """Set the lanes of what was fetched to work; the last of them go on when this returns."""
        async with self._taking:
            for number, lane in _by_number(records).items():
                await self._room.acquire()
                task = asyncio.create_task(self._after(self._at_work.get(number), lane))
                task.add_done_callback(self._leave)
                self._at_work[number] = task

    async def done(self) -> None:
        """Wait until all that was taken is worked off."""
        async with self._taking:
            await asyncio.gather(*self._at_work.values())
            self._at_work.clear()

    async def _after(self, earlier: asyncio.Task[None] | None, lane: Lane) -> None:
        if earlier is not None:
            await earlier
        await self._work(lane)

    def _leave(self, _: asyncio.Task[Any]) -> None:
        self._room.release()


def _by_number(records: Lane) -> Mapping[int, Lane]:
    lanes: dict[int, list[ConsumerRecord[bytes, bytes]]] = {}
    for record in records:
        lanes.setdefault(record.partition, []).append(record)
    return lanes
