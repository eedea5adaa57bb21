"""Awaits a condition with a time limit. No other test code pauses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")

SHORT_WAITS: Final = {"FRIKORT_EXTRACT_POLL": "0.2", "FRIKORT_MIN_BATCH_INTERVAL": "0.02"}
"""Settings of a system under test: what exports gathers for a second in production is there at once."""

_PAUSE = 0.05


async def eventually(probe: Callable[[], Awaitable[T | None]], *, within: float = 30.0, what: str = "") -> T:
    """The first true result of ``probe``. Fails with the last result after ``within`` seconds."""
    deadline = time.monotonic() + within
    while True:
        answer = await probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what or probe} did not come true within {within:.0f} s: {answer!r}")
        await asyncio.sleep(_PAUSE)
