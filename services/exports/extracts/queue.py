"""The queue of extracts, in the documents of their processor, with leases by the database's clock.

Any instance can claim an extract that has no lease. A claim increments ``attempt``, and every later write names its
attempt, so a worker whose lease has expired cannot change anything. Each write increments the document's ``version``,
as the runtime's own writes do, so neither overwrites the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from frikort_contracts.extract_files import ExtractMade
from pymongo import ReturnDocument

from services.exports.extracts.requests import EXTRACT_FILES, ExtractRequest
from services.runtime.mongo.driver import Database
from services.runtime.mongo.lease import LeaseLost, expired, lease_end, next_attempt, renewed
from services.runtime.processing.decision import Processor

_MAX_AVAILABLE = 100


class ExtractQueue:
    """Claims on extracts. ``lease`` is the number of seconds after which a silent worker loses its claim."""

    def __init__(self, database: Database, processor: Processor[Any] = EXTRACT_FILES, *, lease: float) -> None:
        self._requests = database[processor.name]
        self._lease = lease

    async def available(self) -> list[ExtractRequest]:
        """Extracts that are neither done nor leased, oldest first."""
        query = {"state.done": False, **expired("state.")}
        found = self._requests.find(query, {"state": 1}).sort("state.requested_at", 1).limit(_MAX_AVAILABLE)
        return [ExtractRequest.model_validate(stored["state"]) for stored in await found.to_list(None)]

    async def claim(self, extract_id: str) -> ExtractRequest | None:
        """Claim the extract for this worker; None if another one has it."""
        stored = await self._requests.find_one_and_update(
            {"_id": extract_id, "state.done": False, **expired("state.")},
            _change({"attempt": next_attempt("state."), "lease_until": lease_end(self._lease)}),
            projection={"state": 1},
            return_document=ReturnDocument.AFTER,
        )
        return None if stored is None else ExtractRequest.model_validate(stored["state"])

    async def renew(self, claimed: ExtractRequest) -> None:
        """Extend the lease. Raises ``LeaseLost``."""
        await self._write(claimed, {"lease_until": lease_end(self._lease)})

    def renewed(self, claimed: ExtractRequest) -> AbstractAsyncContextManager[None]:
        """Extend the lease again and again within the context, however long a part of the extract takes."""
        return renewed(partial(self.renew, claimed), lease=self._lease)

    async def postpone(self, claimed: ExtractRequest, *, seconds: float) -> None:
        """Release the extract; it can be claimed after ``seconds``. Raises ``LeaseLost``."""
        await self._write(claimed, {"lease_until": lease_end(seconds)})

    async def store_manifest(self, claimed: ExtractRequest, made: ExtractMade) -> None:
        """Store the manifest before it is published, so that an extract never has two. Raises ``LeaseLost``."""
        result = {"$literal": made.model_dump(mode="json")}
        await self._write(claimed, {"made": result, "lease_until": lease_end(self._lease)})

    async def finish(self, claimed: ExtractRequest) -> None:
        """Mark the extract as done: its manifest is published. Raises ``LeaseLost``."""
        await self._write(claimed, {"done": True})

    async def _write(self, claimed: ExtractRequest, fields: Mapping[str, Any]) -> None:
        fence = {"_id": claimed.extract_id, "state.attempt": claimed.attempt, "state.done": False}
        result = await self._requests.update_one(fence, _change(fields))
        if result.matched_count == 0:
            raise LeaseLost(f"extract {claimed.extract_id}, attempt {claimed.attempt}")


def _change(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    state = {f"state.{name}": value for name, value in fields.items()}
    return [{"$set": {**state, "version": {"$add": ["$version", 1]}}}]
