"""The clock of the system: every message has the time at which the gateway accepted its command."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from frikort_contracts.values import danish_day

from services.runtime.batched_calls import BatchedCalls
from services.runtime.mongo.driver import Database
from services.runtime.safety_checks import UnsafeSetting
from services.runtime.service import Runtime

_COLLECTION = "clock"
_OFFSET = "offset"


async def check_clock(runtime: Runtime) -> None:
    """Refuse a database in which a local run has moved the clock in production. Raises ``UnsafeSetting``."""
    if runtime.settings.environment != "production":
        return
    if await runtime.database[_COLLECTION].find_one({"_id": _OFFSET}) is not None:
        raise UnsafeSetting(
            f"the collection {_COLLECTION} of {runtime.database.name}",
            "the settable clock of a local system",
            "use a database that no local system has used",
            risk="has given messages a wrong time",
        )


class Clock:
    """UTC now. Where it is settable (never in production), an offset in MongoDB moves it for all instances."""

    def __init__(self, database: Database, *, settable: bool) -> None:
        self._offsets = database[_COLLECTION]
        self.settable = settable
        self._batched_read = BatchedCalls(self._read)

    async def now(self) -> datetime:
        """The time now, UTC."""
        if not self.settable:
            return datetime.now(UTC)
        offset = await self._batched_read(None)
        return datetime.now(UTC) + offset

    async def today(self) -> date:
        """The day in Denmark now."""
        return danish_day(await self.now())

    async def year(self) -> int:
        """The Danish calendar year now."""
        return (await self.today()).year

    async def set(self, time: datetime) -> None:
        """Set the clock to ``time``; it runs on from there."""
        offset = (time - datetime.now(UTC)) // timedelta(microseconds=1)
        await self._offsets.update_one({"_id": _OFFSET}, {"$set": {"microseconds": offset}}, upsert=True)

    async def reset(self) -> None:
        """Return to the real time."""
        await self._offsets.delete_one({"_id": _OFFSET})

    async def _read(self, calls: Sequence[None]) -> list[timedelta]:
        stored = await self._offsets.find_one({"_id": _OFFSET})
        return [timedelta(microseconds=0 if stored is None else stored["microseconds"])] * len(calls)
