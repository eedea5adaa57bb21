"""Long computations in slices, so that other requests are served between them."""

from __future__ import annotations

import asyncio
import time
from typing import Final

_LONGEST: Final = 0.01


class EventLoopTurn:
    """The turn of a coroutine that computes in many steps; it ends every 10 milliseconds."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def end_if_long(self) -> None:
        """Let other tasks run if this turn is long. Call it after each step."""
        if time.perf_counter() - self._began > _LONGEST:
            await asyncio.sleep(0)
            self._began = time.perf_counter()
