"""Who works on which extract, in the documents of ``requests``: leases by the database's clock.

Any instance may take a waiting extract. Taking one counts its ``attempt`` up, and every later write names the
attempt, so a worker that slept through its lease can no longer change anything. Each write counts the document's
``version`` up, as the runtime's own writes do, so that neither overwrites the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from frikort_contracts.extracts import ExtractCompleted
from pymongo import ReturnDocument

from services.exports.requests import REQUESTS, ExtractRequest
from services.runtime.mongo.document_store import Database

_NOW = {"$toLong": "$$NOW"}
_LOOK_AT = 100


class LeaseLost(RuntimeError):
    """Another worker has taken the extract over; what this one still does counts for nothing."""


class ExtractQueue:
    """Claims on extracts. ``lease`` is in seconds: how long a worker may be silent."""

    def __init__(self, database: Database, *, lease: float) -> None:
        self._requests = database[REQUESTS.name]
        self._lease_ms = int(lease * 1000)

    async def waiting(self) -> list[ExtractRequest]:
        """Extracts that are not done and that nobody works on, oldest first."""
        query = {"state.done": False, **_LEASE_IS_OVER}
        found = self._requests.find(query, {"state": 1}).sort("state.requested_at", 1).limit(_LOOK_AT)
        return [ExtractRequest.model_validate(stored["state"]) for stored in await found.to_list(None)]

    async def claim(self, extract_id: str) -> ExtractRequest | None:
        """Take the extract for this worker; None if another was faster."""
        stored = await self._requests.find_one_and_update(
            {"_id": extract_id, "state.done": False, **_LEASE_IS_OVER},
            _change({"attempt": {"$add": ["$state.attempt", 1]}, "lease_until": self._until(self._lease_ms)}),
            projection={"state": 1},
            return_document=ReturnDocument.AFTER,
        )
        return None if stored is None else ExtractRequest.model_validate(stored["state"])

    async def renew(self, held: ExtractRequest) -> None:
        """Say that the work goes on. Raises ``LeaseLost``."""
        await self._write(held, {"lease_until": self._until(self._lease_ms)})

    async def postpone(self, held: ExtractRequest, *, seconds: float) -> None:
        """Let go of the extract; nobody takes it before ``seconds`` have passed. Raises ``LeaseLost``."""
        await self._write(held, {"lease_until": self._until(int(seconds * 1000))})

    async def fix_result(self, held: ExtractRequest, manifest: ExtractCompleted) -> None:
        """Fix the result before it is told, so that an extract never has two. Raises ``LeaseLost``."""
        result = {"$literal": manifest.model_dump(mode="json")}
        await self._write(held, {"manifest": result, "lease_until": self._until(self._lease_ms)})

    async def finish(self, held: ExtractRequest) -> None:
        """The result is told. Raises ``LeaseLost``."""
        await self._write(held, {"done": True})

    async def _write(self, held: ExtractRequest, fields: Mapping[str, Any]) -> None:
        fence = {"_id": held.extract_id, "state.attempt": held.attempt, "state.done": False}
        result = await self._requests.update_one(fence, _change(fields))
        if result.matched_count == 0:
            raise LeaseLost(f"extract {held.extract_id}, attempt {held.attempt}")

    @staticmethod
    def _until(milliseconds: int) -> dict[str, Any]:
        return {"$add": [_NOW, milliseconds]}


_LEASE_IS_OVER = {"$expr": {"$lte": ["$state.lease_until", _NOW]}}


def _change(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    state = {f"state.{name}": value for name, value in fields.items()}
    return [{"$set": {**state, "version": {"$add": ["$version", 1]}}}]
