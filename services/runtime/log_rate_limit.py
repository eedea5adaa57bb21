"""Limits repeated log messages: if a broker is unreachable, aiokafka logs some 200 lines a second in each process."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

_SECONDS: Final = 10.0


class RateLimitFilter(logging.Filter):
    """Passes each message template once in ten seconds, with the number of suppressed messages (``suppressed``)."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._logged: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        key = (record.name, record.levelno, str(record.msg))
        now = self._now()
        last_logged, suppressed = self._logged.get(key, (float("-inf"), 0))
        if now - last_logged < _SECONDS:
            self._logged[key] = (last_logged, suppressed + 1)
            return False
        self._logged[key] = (now, 0)
        if suppressed:
            record.suppressed = suppressed
        return True
