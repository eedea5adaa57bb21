"""Merges calls that are made at the same time into one, for a database or a broker.

A round trip, a thread switch and a journal flush cost the same for one document as for fifty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from frikort_contracts.cloudevents import Record

from services.runtime.processing.producer import Producer

A = TypeVar("A")
B = TypeVar("B")

_MAX_CALLS: Final = 200


class BatchedCalls(Generic[A, B]):
    """Requests made during a call join the next batch; a single request is sent at once.

    ``call`` returns one result for each request, in order. If it raises, every caller of the batch gets the error.
    """

    def __init__(self, call: Callable[[Sequence[A]], Awaitable[Sequence[B]]]) -> None:
        self._call = call
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, request: A) -> B:
        result: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, result))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._call_for_waiting())
        return await result

    async def _call_for_waiting(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:_MAX_CALLS], self._waiting[_MAX_CALLS:]
            try:
                results = await self._call([request for request, _ in some])
            except Exception as error:  # noqa: BLE001 - every caller gets it
                for _, future in some:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), result in zip(some, results, strict=True):
                    # A caller that was cancelled meanwhile has cancelled its future.
                    if not future.done():
                        future.set_result(result)


class BatchingProducer:
    """A producer whose callers share their publishes: one batch for each partition, not one for each caller."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._calls = BatchedCalls(self._publish)

    async def publish(self, records: Sequence[Record]) -> None:
        """See ``Producer.publish``."""
        await self._calls(records)

    async def _publish(self, several: Sequence[Sequence[Record]]) -> list[None]:
        await self._producer.publish([record for records in several for record in records])
        return [None] * len(several)
