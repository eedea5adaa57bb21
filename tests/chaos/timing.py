"""Durations in a round. Load runs for a number of seconds, so these are the only pauses without a condition."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

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


class Pace:
    """What several clients may do in a second together; without a limit, as much as they can."""

    def __init__(self) -> None:
        self._limit: float | None = None
        self._next_at = 0.0

    @contextmanager
    def at_most(self, a_second: float) -> Iterator[None]:
        """Limit the pace to ``a_second`` turns until the context ends."""
        self._limit = a_second
        try:
            yield
        finally:
            self._limit = None

    async def turn(self) -> None:
        """Wait for the next turn."""
        if self._limit is not None:
            now = time.monotonic()
            at = max(self._next_at, now)
            self._next_at = at + 1 / self._limit
            await for_seconds(at - now)
