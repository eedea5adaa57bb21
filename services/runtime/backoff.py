"""Exponential backoff, and a wait that an event can end early."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

_FIRST_DELAY: Final = 0.1
_LONGEST_DELAY: Final = 5.0


def delays() -> Iterator[float]:
    """Seconds to wait after each failed try: twice as long each time, up to 5."""
    delay = _FIRST_DELAY
    while True:
        yield delay
        delay = min(2 * delay, _LONGEST_DELAY)


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for ``event``, at most ``seconds``. Returns whether it is set."""
    try:
        # Not wait_for: in Python 3.11 it swallows a cancellation that comes together with the event.
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
