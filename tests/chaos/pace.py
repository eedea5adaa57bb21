"""Time in a round of chaos, which is load for so many seconds: the only pauses that are not waits for something."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

_PAUSE = 0.05


async def for_seconds(seconds: float) -> None:
    """Let so much time pass."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:  # noqa: ASYNC110  # time is the event
        await asyncio.sleep(min(_PAUSE, left))


async def until(holds: Callable[[], Awaitable[bool]], *, within: float, what: str) -> float:
    """Wait until it holds. Returns the seconds that it took. Raises ``TimeoutError`` that says what did not hold."""
    began = time.monotonic()
    while not await holds():
        if time.monotonic() - began > within:
            raise TimeoutError(f"{what} did not come true within {within:.0f} s")
        await asyncio.sleep(4 * _PAUSE)
    return time.monotonic() - began
