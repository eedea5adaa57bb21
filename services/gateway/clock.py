"""The only clock of the system: time enters with the commands that the gateway writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from services.runtime.batched_calls import BatchedCalls
from services.runtime.mongo.document_store import Database

_OFFSET = "offset"


class Clock:
    """UTC now. Where it is settable (never in production) an offset in MongoDB moves it for every instance alike."""

    def __init__(self, database: Database, *, settable: bool) -> None:
        self._offsets = database["clock"]
        self.settable = settable
        self._together = BatchedCalls(self._read)

    async def now(self) -> datetime:
        """The time of a command that enters now."""
        if not self.settable:
            return datetime.now(UTC)
        offset = await self._together(None)
        return datetime.now(UTC) + offset

    async def set(self, time: datetime) -> None:
        """Let it be ``time`` now, and run on from there."""
        offset = (time - datetime.now(UTC)) // timedelta(microseconds=1)
        await self._offsets.update_one({"_id": _OFFSET}, {"$set": {"microseconds": offset}}, upsert=True)

    async def reset(self) -> None:
        """Back to the real time."""
        await self._offsets.delete_one({"_id": _OFFSET})

    async def _read(self, askers: Sequence[None]) -> list[timedelta]:
        stored = await self._offsets.find_one({"_id": _OFFSET})
        return [timedelta(microseconds=0 if stored is None else stored["microseconds"])] * len(askers)
