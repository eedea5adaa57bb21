"""Concurrent calls are merged into one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.runtime.batched_calls import BatchedCalls


class Doubling:
    """Doubles numbers once ``may_return`` is set; a call with a negative number fails."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.may_return = asyncio.Event()
        self.batched = BatchedCalls(self._double)

    async def _double(self, numbers: Sequence[int]) -> list[int]:
        self.calls.append(list(numbers))
        await self.may_return.wait()
        if min(numbers) < 0:
            raise ValueError("a negative number")
        return [2 * number for number in numbers]


async def test_a_single_request_is_sent_at_once() -> None:
    doubling = Doubling()
    doubling.may_return.set()
    assert [await doubling.batched(n) for n in (1, 2)] == [2, 4]
    assert doubling.calls == [[1], [2]]


async def test_requests_made_during_a_call_join_the_next_one() -> None:
    doubling = Doubling()
    first = asyncio.create_task(doubling.batched(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(doubling.batched(n)) for n in (2, 3)]
    await asyncio.sleep(0)
    doubling.may_return.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6]
    assert doubling.calls == [[1], [2, 3]]


async def test_an_error_of_a_call_reaches_all_its_requests_and_the_next_call_is_made() -> None:
    doubling = Doubling()
    doubling.may_return.set()
    results = await asyncio.gather(doubling.batched(1), doubling.batched(-1), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError, ValueError]
    assert await doubling.batched(3) == 6


async def test_a_cancelled_request_does_not_affect_the_others() -> None:
    doubling = Doubling()
    tasks = [asyncio.create_task(doubling.batched(n)) for n in (1, 2)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    doubling.may_return.set()
    assert await tasks[1] == 4
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
