"""Wrong card numbers and birth dates, counted per employer and per number: a five-digit number can be guessed.

A try is counted before its answer is known and given back if it was right, so that many tries at once cannot slip
through together.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

from prometheus_client import Counter
from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.gateway.problems import ProblemError
from services.runtime.mongo.document_store import Database

WRONG: Final = Counter("frikort_gateway_wrong_guesses_total", "Employments asked for with a wrong number or birth date")
STOPPED: Final = Counter("frikort_gateway_stopped_guesses_total", "Employments refused for too many wrong guesses")

_SECONDS_FOR_OTHERS: Final = 1.0
_PAUSE: Final = 0.05


def window_of(moment: datetime, seconds: int) -> tuple[int, int]:
    """The window that ``moment`` lies in (its start, epoch seconds), and the seconds until it ends, at least 1."""
    now = int(moment.timestamp())
    start = now - now % seconds
    return start, start + seconds - now


class AttemptLimiter:
    """Counts in MongoDB, so that all instances share them. Real time counts, not the settable clock."""

    def __init__(self, database: Database, *, per_employer: int, per_number: int, window: int) -> None:
        self._counts = database["guesses"]
        self._per_employer = per_employer
        self._per_number = per_number
        self._window = window

    async def prepare(self) -> None:
        """Let old counts disappear."""
        await self._counts.create_indexes([IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0)])

    async def take(self, cvr: str, number_hash: str) -> tuple[str, ...]:
        """Count a try. Raises the problem ``too-many-attempts``, which says nothing about the number."""
        start, left = window_of(datetime.now(UTC), self._window)
        wanted = {f"employer:{cvr}:{start}": self._per_employer, f"number:{number_hash}:{start}": self._per_number}
        taken: list[str] = []
        for key, most in wanted.items():
            if not await self._take_one(key, most, expires_at=datetime.fromtimestamp(start + 2 * self._window, UTC)):
                await self.give_back(tuple(taken))
                STOPPED.inc()
                raise ProblemError("too-many-attempts", headers={"Retry-After": str(left)})
            taken.append(key)
        return tuple(taken)

    async def give_back(self, taken: tuple[str, ...]) -> None:
        """The try was right, or never made."""
        for key in taken:
            await self._counts.update_one({"_id": key}, {"$inc": {"count": -1}})

    async def _take_one(self, key: str, most: int, *, expires_at: datetime) -> bool:
        """Whether there was room. Right tries that are under way give their room back in a moment: wait that long."""
        deadline = asyncio.get_running_loop().time() + _SECONDS_FOR_OTHERS
        while True:
            try:
                await self._counts.find_one_and_update(
                    {"_id": key, "count": {"$lt": most}},
                    {"$inc": {"count": 1}, "$setOnInsert": {"expires_at": expires_at}},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError:
                if asyncio.get_running_loop().time() >= deadline:
                    return False
                await asyncio.sleep(_PAUSE)
            else:
                return True
