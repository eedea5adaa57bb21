"""The extracts that authorities requested. No event has them, so no projection can rebuild them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from services.runtime.mongo.driver import Database


class StoredExtractRequest(BaseModel):
    """An extract that an authority requested. It is stored before exports publishes anything about it."""

    extract_id: str
    authority: str
    year: int
    municipality: str | None
    requested_at: datetime


class ExtractRequests:
    """Stores requests for extracts in MongoDB."""

    def __init__(self, database: Database) -> None:
        self._requests = database["extract_requests"]

    async def prepare(self) -> None:
        """Create the index of the list."""
        await self._requests.create_index([("authority", 1), ("requested_at", -1)])

    async def add(self, request: StoredExtractRequest) -> None:
        """Store a request. Repeating it changes nothing."""
        facts = request.model_dump(mode="json")
        await self._requests.update_one({"_id": request.extract_id}, {"$setOnInsert": facts}, upsert=True)

    async def get(self, extract_id: str) -> StoredExtractRequest | None:
        """One request."""
        stored = await self._requests.find_one({"_id": extract_id}, {"_id": 0})
        return None if stored is None else StoredExtractRequest.model_validate(stored)

    async def of(self, authority: str) -> list[StoredExtractRequest]:
        """The latest requests of an authority, newest first."""
        cursor = self._requests.find({"authority": authority}, {"_id": 0}).sort("requested_at", -1).limit(200)
        return [StoredExtractRequest.model_validate(stored) for stored in await cursor.to_list(None)]
