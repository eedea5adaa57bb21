"""Limits repeated log messages: with a broker unreachable, aiokafka logs some 200 lines a second in each process."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

_SECONDS: Final = 10.0


class RateLimitFilter(logging.Filter):
    """Passes each message template once in ten seconds, with the number of those suppressed before (``held_back``)."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._logged: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        thing = (record.name, record.levelno, str(record.msg))
        now = self._now()
        logged_at, held_back = self._logged.get(thing, (float("-inf"), 0))
        if now - logged_at < _SECONDS:
            self._logged[thing] = (logged_at, held_back + 1)
            return False
        self._logged[thing] = (now, 0)
        if held_back:
            record.held_back = held_back
        return True
