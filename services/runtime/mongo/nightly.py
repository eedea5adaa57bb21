"""Work that one instance does once a night: a document for each Danish day says who does it, and what it found."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from frikort_contracts.values import danish_day
from pymongo.errors import DuplicateKeyError

from services.runtime.mongo.driver import Collection
from services.runtime.mongo.lease import expired, lease_end, next_attempt

_LEASE_SECONDS: Final = 6 * 3600.0


class NightlyRuns:
    """The runs of a nightly job, which begin ``hour`` hours after midnight in Denmark."""

    def __init__(self, collection: Collection, *, hour: int) -> None:
        self._runs = collection
        self._hour = timedelta(hours=hour)

    def day_of(self, now: datetime) -> str:
        """The day (ISO) whose run is due at ``now``, which is UTC."""
        return danish_day(now - self._hour).isoformat()

    async def claim(self, day: str) -> bool:
        """Whether this instance is to do the run of ``day``: none has done it, and none does it."""
        with contextlib.suppress(DuplicateKeyError):
            await self._runs.insert_one({"_id": day, "attempt": 0, "lease_until": 0})
        claimed = await self._runs.update_one(
            {"_id": day, "ended_at": {"$exists": False}, **expired()},
            [{"$set": {"attempt": next_attempt(), "lease_until": lease_end(_LEASE_SECONDS)}}],
        )
        return bool(claimed.matched_count)

    async def release(self, day: str) -> None:
        """Let the next instance that asks do the run of ``day``: it could not be done."""
        await self._runs.update_one({"_id": day}, {"$set": {"lease_until": 0}})

    async def finish(self, day: str, ended_at: datetime, result: Mapping[str, Any]) -> None:
        """Store the result of a run, which is done."""
        await self._runs.update_one({"_id": day}, {"$set": {**result, "ended_at": ended_at.isoformat()}})

    async def latest(self) -> Mapping[str, Any] | None:
        """The result of the last run that any instance has done."""
        found: Mapping[str, Any] | None = await self._runs.find_one({"ended_at": {"$exists": True}}, sort=[("_id", -1)])
        return found
