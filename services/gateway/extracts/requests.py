"""The extracts that were requested. No event has them, so no projection can rebuild them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from frikort_contracts.extract_files import KIND_OF, ExtractKind
from frikort_contracts.extracts import Authority
from frikort_contracts.http.roles import Role
from frikort_contracts.months import Months
from pydantic import BaseModel, model_validator

from services.gateway.extracts.scopes import Requester
from services.runtime.mongo.driver import Database


class StoredExtractRequest(BaseModel):
    """A requested extract. It is stored before exports publishes anything about it.

    ``authority`` is also in the requests of the release before, which have neither ``requester`` nor ``kind``.
    ``year`` is that of the first month of a ``period``: the release before lists every request with its year.
    """

    extract_id: str
    requester: str
    kind: ExtractKind
    authority: str | None = None
    year: int
    period: Months | None = None
    municipality: str | None
    requested_at: datetime

    @model_validator(mode="before")
    @classmethod
    def _of_authority(cls, stored: Any) -> Any:
        if isinstance(stored, dict) and "requester" not in stored:
            authority = Authority(stored["authority"])
            return {**stored, "requester": Requester(Role.AUTHORITY, authority).text, "kind": KIND_OF[authority]}
        return stored


class ExtractRequests:
    """Stores requests for extracts in MongoDB."""

    def __init__(self, database: Database) -> None:
        self._requests = database["extract_requests"]

    async def prepare(self) -> None:
        """Create the indexes of the lists."""
        for name in ("authority", "requester"):
            await self._requests.create_index([(name, 1), ("requested_at", -1)])

    async def add(self, request: StoredExtractRequest) -> None:
        """Store a request. Repeating it changes nothing."""
        facts = request.model_dump(mode="json", exclude_none=True) | {"municipality": request.municipality}
        await self._requests.update_one({"_id": request.extract_id}, {"$setOnInsert": facts}, upsert=True)

    async def get(self, extract_id: str) -> StoredExtractRequest | None:
        """One request."""
        stored = await self._requests.find_one({"_id": extract_id}, {"_id": 0})
        return None if stored is None else StoredExtractRequest.model_validate(stored)

    async def of(self, requester: Requester) -> list[StoredExtractRequest]:
        """The latest requests of one requester, newest first."""
        by_authority = {"authority": requester.organisation}
        query = by_authority if requester.role is Role.AUTHORITY else {"requester": requester.text}
        cursor = self._requests.find(query, {"_id": 0}).sort("requested_at", -1).limit(200)
        return [StoredExtractRequest.model_validate(stored) for stored in await cursor.to_list(None)]
