"""One call to the database for what many ask of it at the same moment.

Its round trip, the driver's thread and the flush of its journal cost the same for one document as for fifty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from frikort_contracts.cloudevents import Record

from services.runtime.processing.batch_processor import Producer

A = TypeVar("A")
B = TypeVar("B")

_MOST: Final = 200


class BatchedCalls(Generic[A, B]):
    """Who asks while a call is under way is in the next one; who asks alone waits for nobody.

    ``carry_out`` answers everything that it is asked, in order. What it raises, everyone in that call gets.
    """

    def __init__(self, carry_out: Callable[[Sequence[A]], Awaitable[Sequence[B]]]) -> None:
        self._carry_out = carry_out
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []
        self._work: asyncio.Task[None] | None = None

    async def __call__(self, asked: A) -> B:
        answer: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._carry_out_all())
        return await answer

    async def _carry_out_all(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            try:
                answers = await self._carry_out([asked for asked, _ in some])
            except Exception as error:  # noqa: BLE001 - whoever asked gets it
                for _, future in some:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), answer in zip(some, answers, strict=True):
                    # One who gave up meanwhile has cancelled it.
                    if not future.done():
                        future.set_result(answer)


class BatchingPublisher:
    """A log whose callers share their publishes: one batch for each partition, not one for each caller."""

    def __init__(self, log: Producer) -> None:
        self._log = log
        self._together = BatchedCalls(self._publish)

    async def publish(self, records: Sequence[Record]) -> None:
        """As the log does."""
        await self._together(records)

    async def _publish(self, several: Sequence[Sequence[Record]]) -> list[None]:
        await self._log.publish([record for records in several for record in records])
        return [None] * len(several)
