"""Durations in a round. Load runs for a number of seconds, so these are the only pauses without a condition."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

_PAUSE = 0.05


async def for_seconds(seconds: float) -> None:
    """Wait for a number of seconds."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:  # noqa: ASYNC110  # time is the event
        await asyncio.sleep(min(_PAUSE, left))


async def until(holds: Callable[[], Awaitable[bool]], *, within: float, what: str) -> float:
    """Wait until the condition holds. Returns the seconds it took. Raises ``TimeoutError``, which names ``what``."""
    began = time.monotonic()
    while not await holds():
        if time.monotonic() - began > within:
            raise TimeoutError(f"{what} did not come true within {within:.0f} s")
        await asyncio.sleep(4 * _PAUSE)
    return time.monotonic() - began
