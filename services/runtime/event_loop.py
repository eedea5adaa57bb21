"""Long computations in slices, so that other requests are served between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, TypeVar

_LONGEST: Final = 0.01
MOST_ITEMS: Final = 50
MOST_BYTES: Final = 64 * 1024

T = TypeVar("T")


class EventLoopTurn:
    """The turn of a coroutine that computes in many steps; it ends every 10 milliseconds."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def end_if_long(self) -> None:
        """Let other tasks run if this turn is long. Call it after each step."""
        if time.perf_counter() - self._began > _LONGEST:
            await asyncio.sleep(0)
            self._began = time.perf_counter()


async def in_slices(items: Sequence[T], size_of: Callable[[T], int]) -> AsyncIterator[Sequence[T]]:
    """``items`` in order, in slices of at most ``MOST_ITEMS``; other tasks run between two slices.

    ``size_of`` gives the bytes of an item. A slice ends with the item that makes it larger than ``MOST_BYTES``. Both
    limits follow from the items alone, not from the clock, so a simulation with the same seed has the same turns.
    """
    start = size = 0
    for end, item in enumerate(items, start=1):
        size += size_of(item)
        if end == len(items) or end - start == MOST_ITEMS or size > MOST_BYTES:
            if start:
                await asyncio.sleep(0)
            yield items[start:end]
            start, size = end, 0
