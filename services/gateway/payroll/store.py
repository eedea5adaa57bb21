"""Where payroll files are kept while and after they are booked, and who works on which: leases by the database's clock.

Taking a file counts its ``attempt`` up, and what is counted on the file names the attempt: a worker that slept through
its lease counts nothing any more. What it may still write on a chunk is what is there already, or would have been.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.gateway.payroll.batch import Batch, BatchTotals, Chunk, Plan, Status
from services.runtime.mongo.document_store import Database

_NOW: Final = {"$toLong": "$$NOW"}
_EVER: Final = "9999"

FILES: Final = "report_batches"
"""The collection of the files."""


class LeaseLost(RuntimeError):
    """Another worker has taken the file over; what this one still does counts for nothing."""


class Batches(Protocol):
    """The store of payroll files. Its errors are those of pymongo."""

    async def prepare(self) -> None:
        """Make what the files need."""
        ...

    async def get(self, batch_id: str) -> Batch | None:
        """One file, also while it is received."""
        ...

    async def of(self, cvr: str, *, before: str | None, limit: int) -> list[Batch]:
        """The newest ``limit`` files of an employer before the order ``before``."""
        ...

    async def begin(self, batch: Batch) -> bool:
        """Begin to receive; an earlier reception that was not finished counts no more. False if it is acknowledged."""
        ...

    async def add_chunk(self, batch: Batch, chunk: Chunk) -> None:
        """Keep a chunk of what is received."""
        ...

    async def acknowledge(self, batch: Batch) -> bool:
        """All of it is received, and it stands as ``batch`` says. False if another reception took its place."""
        ...

    async def drop(self, batch: Batch) -> None:
        """Nothing came of a reception."""
        ...

    async def change(self, batch_id: str, before: Status, after: Status) -> bool:
        """Change the status; False if it was not ``before``."""
        ...

    async def forget_lines(self, batch_id: str) -> None:
        """Delete all lines."""
        ...

    async def abandoned(self, *, expired_at: datetime, received_before: datetime) -> list[Batch]:
        """Files that were held until they expired, and receptions that began long ago and never ended."""
        ...

    async def waiting(self) -> list[str]:
        """Files to be booked that nobody works on, oldest first."""
        ...

    async def claim(self, batch_id: str) -> Batch | None:
        """Take a file for this worker; None if another was faster."""
        ...

    async def renew_lease(self, held: Batch) -> None:
        """Say that the work goes on. Raises ``LeaseLost``."""
        ...

    async def release(self, held: Batch, *, seconds: float) -> None:
        """Leave the file to whoever takes it after ``seconds``. Raises ``LeaseLost``."""
        ...

    async def chunk(self, batch: Batch, index: int) -> Chunk:
        """A chunk of an acknowledged file. Raises ``LookupError``."""
        ...

    async def take(self, batch: Batch, index: int, plan: Plan) -> Plan:
        """Fix the plan of a chunk, and return the one that stands: the first."""
        ...

    async def settle(self, batch: Batch, index: int, results: str, totals: BatchTotals) -> None:
        """Keep the results of a chunk, unless there are some."""
        ...

    async def count(self, held: Batch, index: int, totals: BatchTotals) -> None:
        """Count a settled chunk on its file, and go on. Raises ``LeaseLost``."""
        ...

    async def finish(self, held: Batch, at: datetime) -> None:
        """Every chunk is counted. Raises ``LeaseLost``."""
        ...


class MongoBatches:
    """Payroll files in MongoDB. ``lease`` is in seconds: how long a worker may be silent."""

    def __init__(self, database: Database, *, lease: float) -> None:
        self._batches = database[FILES]
        self._chunks = database["report_batch_chunks"]
        self._lease_ms = int(lease * 1000)

    async def prepare(self) -> None:
        await self._batches.create_indexes(
            [
                IndexModel([("cvr", ASCENDING), ("order", DESCENDING)]),
                IndexModel([("status", ASCENDING), ("order", ASCENDING)]),
            ]
        )
        await self._chunks.create_indexes([IndexModel([("batch_id", ASCENDING)])])

    async def get(self, batch_id: str) -> Batch | None:
        stored = await self._batches.find_one({"_id": batch_id})
        return None if stored is None else Batch.model_validate(stored)

    async def of(self, cvr: str, *, before: str | None, limit: int) -> list[Batch]:
        query = {"cvr": cvr, "order": {"$lt": before or _EVER}, "status": {"$ne": Status.RECEIVING.value}}
        found = self._batches.find(query).sort("order", DESCENDING).limit(limit)
        return [Batch.model_validate(stored) for stored in await found.to_list(None)]

    async def begin(self, batch: Batch) -> bool:
        return await self._replace({"_id": batch.batch_id, "status": Status.RECEIVING.value}, batch, upsert=True)

    async def add_chunk(self, batch: Batch, chunk: Chunk) -> None:
        ids = {"_id": _chunk_id(batch, chunk.index), "batch_id": batch.batch_id, "upload": batch.upload}
        await self._chunks.insert_one({**ids, **chunk.model_dump(mode="json")})

    async def acknowledge(self, batch: Batch) -> bool:
        query = {"_id": batch.batch_id, "upload": batch.upload, "status": Status.RECEIVING.value}
        if not await self._replace(query, batch, upsert=False):
            return False
        await self._forget_other_receptions(batch)
        return True

    async def drop(self, batch: Batch) -> None:
        await self._chunks.delete_many({"batch_id": batch.batch_id, "upload": batch.upload})
        query = {"_id": batch.batch_id, "upload": batch.upload, "status": Status.RECEIVING.value}
        await self._batches.delete_one(query)

    async def change(self, batch_id: str, before: Status, after: Status) -> bool:
        query = {"_id": batch_id, "status": before.value}
        result = await self._batches.update_one(query, {"$set": {"status": after.value}})
        return bool(result.matched_count)

    async def forget_lines(self, batch_id: str) -> None:
        await self._chunks.delete_many({"batch_id": batch_id})

    async def abandoned(self, *, expired_at: datetime, received_before: datetime) -> list[Batch]:
        query = {
            "$or": [
                {"status": Status.HELD.value, "expires_at": {"$lte": expired_at}},
                {"status": Status.RECEIVING.value, "created_at": {"$lt": received_before}},
            ]
        }
        return [Batch.model_validate(stored) for stored in await self._batches.find(query).to_list(None)]

    async def waiting(self) -> list[str]:
        query = {"status": Status.BOOKING.value, **_LEASE_IS_OVER}
        found = self._batches.find(query, {"_id": 1}).sort("order", ASCENDING)
        return [stored["_id"] for stored in await found.to_list(None)]

    async def claim(self, batch_id: str) -> Batch | None:
        stored = await self._batches.find_one_and_update(
            {"_id": batch_id, "status": Status.BOOKING.value, **_LEASE_IS_OVER},
            [{"$set": {"attempt": {"$add": ["$attempt", 1]}, "lease_until": self._until(self._lease_ms)}}],
            return_document=ReturnDocument.AFTER,
        )
        return None if stored is None else Batch.model_validate(stored)

    async def renew_lease(self, held: Batch) -> None:
        await self._write(held, {})

    async def release(self, held: Batch, *, seconds: float) -> None:
        await self._write(held, {"lease_until": self._until(int(seconds * 1000))})

    async def chunk(self, batch: Batch, index: int) -> Chunk:
        stored = await self._chunks.find_one({"_id": _chunk_id(batch, index)})
        if stored is None:
            raise LookupError(f"chunk {index} of the file {batch.batch_id} is gone")
        return Chunk.model_validate(stored)

    async def take(self, batch: Batch, index: int, plan: Plan) -> Plan:
        stored = await self._chunks.find_one_and_update(
            {"_id": _chunk_id(batch, index), "plan": None},
            {"$set": {"plan": plan.model_dump(mode="json")}},
            projection={"plan": 1},
            return_document=ReturnDocument.AFTER,
        )
        if stored is not None:
            return plan
        standing = (await self.chunk(batch, index)).plan
        if standing is None:
            raise LookupError(f"chunk {index} of the file {batch.batch_id} was taken and was not")
        return standing

    async def settle(self, batch: Batch, index: int, results: str, totals: BatchTotals) -> None:
        query = {"_id": _chunk_id(batch, index), "results": None}
        await self._chunks.update_one(query, {"$set": {"results": results, "totals": totals.model_dump()}})

    async def count(self, held: Batch, index: int, totals: BatchTotals) -> None:
        await self._write(held, {f"counted.{index}": {"$literal": totals.model_dump()}})

    async def finish(self, held: Batch, at: datetime) -> None:
        await self._forget_other_receptions(held)
        await self._write(held, {"status": Status.DONE.value, "finished_at": at})

    async def _forget_other_receptions(self, batch: Batch) -> None:
        await self._chunks.delete_many({"batch_id": batch.batch_id, "upload": {"$ne": batch.upload}})

    async def _replace(self, query: Mapping[str, Any], batch: Batch, *, upsert: bool) -> bool:
        document = {"_id": batch.batch_id, **batch.model_dump()}
        try:
            result = await self._batches.replace_one(query, document, upsert=upsert)
        except DuplicateKeyError:
            return False
        return bool(result.matched_count) or result.upserted_id is not None

    async def _write(self, held: Batch, fields: Mapping[str, Any]) -> None:
        """Change the file under this worker's lease, which begins anew."""
        fence = {"_id": held.batch_id, "attempt": held.attempt, "status": Status.BOOKING.value}
        change = {"lease_until": self._until(self._lease_ms), **fields}
        if (await self._batches.update_one(fence, [{"$set": change}])).matched_count == 0:
            raise LeaseLost(f"file {held.batch_id}, attempt {held.attempt}")

    @staticmethod
    def _until(milliseconds: int) -> dict[str, Any]:
        return {"$add": [_NOW, milliseconds]}


def _chunk_id(batch: Batch, index: int) -> str:
    return f"{batch.batch_id}:{batch.upload}:{index:05d}"


_LEASE_IS_OVER: Final = {"$expr": {"$lte": ["$lease_until", _NOW]}}
