"""Work that one instance does once a night: a document for each Danish day says who does it, and what it found."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from frikort_contracts.values import danish_day
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from services.runtime.mongo.driver import Collection
from services.runtime.mongo.lease import LeaseLost, expired, lease_end, next_attempt, renewed

logger = structlog.get_logger(__name__)

LEASE_SECONDS: Final = 60.0
"""An instance that was killed keeps its run so long, and a run that failed is tried again after it."""

Result = Mapping[str, Any]
_Held = dict[str, Any]
_Change = dict[str, Any] | list[dict[str, Any]]


class NightlyRuns:
    """The runs of a nightly job, which begin ``hour`` hours after midnight in Denmark."""

    def __init__(self, collection: Collection, *, hour: int, lease: float = LEASE_SECONDS) -> None:
        self._runs = collection
        self._hour = timedelta(hours=hour)
        self._lease = lease

    def day_of(self, now: datetime) -> str:
        """The day (ISO) whose run is due at ``now``, which is UTC."""
        return danish_day(now - self._hour).isoformat()

    async def run(self, day: str, work: Callable[[], Awaitable[Result]], *, ended_at: datetime | None = None) -> None:
        """Do the run of ``day`` and store its result, unless an instance does it or has done it.

        If this instance stops, the next one that asks does the run, from the beginning; if ``work`` raises, the next
        one that asks after the end of the lease. ``ended_at`` is stored with the result; by default it is now.
        """
        if (held := await self._claim(day)) is None:
            return
        try:
            async with renewed(partial(self._renew, held), lease=self._lease):
                result = await work()
            ended = (ended_at or datetime.now(UTC)).isoformat()
            await self._write(held, {"$set": {**result, "ended_at": ended}})
        except LeaseLost:
            logger.warning("runtime.nightly_run_lost", job=self._runs.name, day=day)
        except asyncio.CancelledError:
            await self._release(held)
            raise

    async def latest(self) -> Mapping[str, Any] | None:
        """The result of the last run that any instance has done."""
        found: Mapping[str, Any] | None = await self._runs.find_one({"ended_at": {"$exists": True}}, sort=[("_id", -1)])
        return found

    async def _claim(self, day: str) -> _Held | None:
        """What finds the document of the run as long as this instance holds it. None if it is not to do the run."""
        with contextlib.suppress(DuplicateKeyError):
            await self._runs.insert_one({"_id": day, "attempt": 0, "lease_until": 0})
        unfinished = {"_id": day, "ended_at": {"$exists": False}}
        claimed = await self._runs.find_one_and_update(
            {**unfinished, **expired()},
            [{"$set": {"attempt": next_attempt(), "lease_until": lease_end(self._lease)}}],
            return_document=ReturnDocument.AFTER,
        )
        return None if claimed is None else {**unfinished, "attempt": claimed["attempt"]}

    async def _renew(self, held: _Held) -> None:
        await self._write(held, [{"$set": {"lease_until": lease_end(self._lease)}}])

    async def _release(self, held: _Held) -> None:
        """Let the next instance do the run now. If MongoDB does not answer, the lease expires."""
        with contextlib.suppress(PyMongoError, LeaseLost):
            await self._write(held, {"$set": {"lease_until": 0}})

    async def _write(self, held: _Held, change: _Change) -> None:
        if not (await self._runs.update_one(held, change)).matched_count:
            raise LeaseLost(f"{self._runs.name} of {held['_id']}, attempt {held['attempt']}")
