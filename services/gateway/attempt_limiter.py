"""Limits wrong card numbers and birth dates per employer and per number: a five-digit number can be guessed.

An attempt is counted before its result is known and released if it was right, so that concurrent attempts cannot pass
the limit.
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

WRONG: Final = Counter("frikort_gateway_wrong_attempts_total", "Registrations with a wrong card number or birth date.")
STOPPED: Final = Counter(
    "frikort_gateway_stopped_attempts_total", "Registrations refused after too many wrong attempts."
)

_WAIT_SECONDS: Final = 1.0
_PAUSE: Final = 0.05


def window_of(moment: datetime, seconds: int) -> tuple[int, int]:
    """The window that ``moment`` lies in (its start, epoch seconds), and the seconds until it ends, at least 1."""
    now = int(moment.timestamp())
    start = now - now % seconds
    return start, start + seconds - now


class AttemptLimiter:
    """Counts attempts in MongoDB, shared by all instances. Uses the real time, not the settable clock."""

    def __init__(self, database: Database, *, per_employer: int, per_number: int, window: int) -> None:
        self._counts = database["attempts"]
        self._per_employer = per_employer
        self._per_number = per_number
        self._window = window

    async def prepare(self) -> None:
        """Create the index that expires old counts."""
        await self._counts.create_indexes([IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0)])

    async def acquire(self, cvr: str, number_hash: str) -> tuple[str, ...]:
        """Count an attempt. Raises the problem ``too-many-attempts``, which reveals nothing about the number."""
        start, left = window_of(datetime.now(UTC), self._window)
        wanted = {f"employer:{cvr}:{start}": self._per_employer, f"number:{number_hash}:{start}": self._per_number}
        acquired: list[str] = []
        for key, most in wanted.items():
            if not await self._acquire_one(key, most, expires_at=datetime.fromtimestamp(start + 2 * self._window, UTC)):
                await self.release(tuple(acquired))
                STOPPED.inc()
                raise ProblemError("too-many-attempts", headers={"Retry-After": str(left)})
            acquired.append(key)
        return tuple(acquired)

    async def release(self, acquired: tuple[str, ...]) -> None:
        """Undo the count of an attempt that was right or not made."""
        for key in acquired:
            await self._counts.update_one({"_id": key}, {"$inc": {"count": -1}})

    async def _acquire_one(self, key: str, most: int, *, expires_at: datetime) -> bool:
        """Whether the limit allows it. Waits a moment for concurrent right attempts to be released."""
        deadline = asyncio.get_running_loop().time() + _WAIT_SECONDS
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
