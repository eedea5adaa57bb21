"""A limit for a library that says the same thing again and again: aiokafka does, some 200 lines a second and service,
for as long as a broker is away, and the disk that fills up with it is the database's."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

_SECONDS: Final = 10.0


class RateLimitFilter(logging.Filter):
    """Lets each message (before its arguments are put in) through once in ten seconds, and says what it held back."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._told: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        thing = (record.name, record.levelno, str(record.msg))
        now = self._now()
        told_at, held_back = self._told.get(thing, (float("-inf"), 0))
        if now - told_at < _SECONDS:
            self._told[thing] = (told_at, held_back + 1)
            return False
        self._told[thing] = (now, 0)
        if held_back:
            record.held_back = held_back
        return True
