"""The store of payroll files. Workers claim a file by a lease (``services.runtime.mongo.lease``).

Only the holder of the lease can change a file. A worker that has lost the lease may still write to a chunk, which is
harmless: every worker computes the same values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.gateway.ordering import LAST
from services.gateway.payroll.batch import (
    AT_WORK,
    UNBOOKED,
    Batch,
    BatchStatus,
    BatchTotals,
    Chunk,
    ChunkPlan,
    HandOver,
)
from services.runtime.mongo.driver import Database
from services.runtime.mongo.lease import LeaseLost, expired, lease_end, next_attempt

FILES: Final = "report_batches"
"""The collection of the files."""
CHUNKS: Final = "report_batch_chunks"
"""The collection of their lines and results."""


class BatchStore(Protocol):
    """Stores payroll files. It raises the errors of pymongo."""

    async def prepare(self) -> None:
        """Create the indexes."""
        ...

    async def get(self, batch_id: str) -> Batch | None:
        """One file, also during its upload."""
        ...

    async def of(self, cvr: str, *, before: str | None, limit: int) -> list[Batch]:
        """The newest ``limit`` files of an employer before the order ``before``."""
        ...

    async def begin(self, batch: Batch) -> bool:
        """Start an upload, which replaces an unfinished one. False if the file is acknowledged."""
        ...

    async def add_chunk(self, batch: Batch, chunk: Chunk) -> None:
        """Store a chunk of the upload."""
        ...

    async def acknowledge(self, batch: Batch) -> bool:
        """Complete the upload as ``batch``. False if another upload replaced it."""
        ...

    async def drop(self, batch: Batch) -> None:
        """Delete an unfinished upload."""
        ...

    async def change(self, batch_id: str, before: BatchStatus, after: BatchStatus) -> bool:
        """Change the status from ``before``, end any lease and forget failed attempts. False if it is another."""
        ...

    async def delete_lines(self, batch_id: str) -> None:
        """Delete all lines."""
        ...

    async def add_check(self, held: Batch, index: int, results: str, totals: BatchTotals) -> None:
        """Store what a chunk would give. A later attempt replaces it. Raises ``LeaseLost``."""
        ...

    async def finish_check(self, held: Batch, at: datetime) -> None:
        """Mark the file as checked and held, and end the lease. Raises ``LeaseLost``."""
        ...

    async def give_up_check(self, held: Batch) -> None:
        """Mark the file as held without a check, and end the lease. Raises ``LeaseLost``."""
        ...

    async def abandoned(self, *, expired_at: datetime, received_before: datetime) -> list[Batch]:
        """Expired files that were not booked, and uploads that started before ``received_before`` and never ended."""
        ...

    async def waiting(self) -> list[str]:
        """Files without a lease: those to book, then those to check; oldest first."""
        ...

    async def claim(self, batch_id: str) -> Batch | None:
        """Claim a file; None if another worker was faster."""
        ...

    async def renew_lease(self, held: Batch) -> None:
        """Renew the lease. Raises ``LeaseLost``."""
        ...

    async def release(self, held: Batch, *, seconds: float) -> None:
        """End the lease in ``seconds``; then any worker can claim the file. Raises ``LeaseLost``."""
        ...

    async def fail(self, held: Batch, *, seconds: float) -> None:
        """Count a failed attempt, and end the lease in ``seconds``. Raises ``LeaseLost``."""
        ...

    async def chunk(self, batch: Batch, index: int) -> Chunk:
        """A chunk of an acknowledged file. Raises ``LookupError``."""
        ...

    async def set_plan(self, batch: Batch, index: int, plan: ChunkPlan) -> ChunkPlan:
        """Store the plan of a chunk unless it has one. Returns the stored plan."""
        ...

    async def hand_over(self, held: Batch, index: int, lines: Sequence[int]) -> None:
        """Store which lines of a chunk are published and wait for their outcomes, for the next worker.

        What a later worker has handed over stays.
        """
        ...

    async def set_results(self, batch: Batch, index: int, results: str, totals: BatchTotals) -> None:
        """Store the results of a chunk unless it has some."""
        ...

    async def count(self, held: Batch, index: int, totals: BatchTotals) -> None:
        """Add the totals of a chunk with results to its file and renew the lease. Raises ``LeaseLost``."""
        ...

    async def finish(self, held: Batch, at: datetime) -> None:
        """Mark the file as done. Raises ``LeaseLost``."""
        ...


class MongoBatchStore:
    """Payroll files in MongoDB. ``lease`` is the duration of a lease in seconds."""

    def __init__(self, database: Database, *, lease: float) -> None:
        self._batches = database[FILES]
        self._chunks = database[CHUNKS]
        self._lease = lease

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
        query = {"cvr": cvr, "order": {"$lt": before or LAST}, "status": {"$ne": BatchStatus.RECEIVING.value}}
        found = self._batches.find(query).sort("order", DESCENDING).limit(limit)
        return [Batch.model_validate(stored) for stored in await found.to_list(None)]

    async def begin(self, batch: Batch) -> bool:
        return await self._replace({"_id": batch.batch_id, "status": BatchStatus.RECEIVING.value}, batch, upsert=True)

    async def add_chunk(self, batch: Batch, chunk: Chunk) -> None:
        ids = {"_id": _chunk_id(batch, chunk.index), "batch_id": batch.batch_id, "upload": batch.upload}
        await self._chunks.insert_one({**ids, **chunk.model_dump(mode="json")})

    async def acknowledge(self, batch: Batch) -> bool:
        query = {"_id": batch.batch_id, "upload": batch.upload, "status": BatchStatus.RECEIVING.value}
        if not await self._replace(query, batch, upsert=False):
            return False
        await self._delete_other_uploads(batch)
        return True

    async def drop(self, batch: Batch) -> None:
        await self._chunks.delete_many({"batch_id": batch.batch_id, "upload": batch.upload})
        query = {"_id": batch.batch_id, "upload": batch.upload, "status": BatchStatus.RECEIVING.value}
        await self._batches.delete_one(query)

    async def change(self, batch_id: str, before: BatchStatus, after: BatchStatus) -> bool:
        query = {"_id": batch_id, "status": before.value}
        result = await self._batches.update_one(
            query, {"$set": {"status": after.value, "lease_until": 0, "failures": 0}}
        )
        return bool(result.matched_count)

    async def delete_lines(self, batch_id: str) -> None:
        await self._chunks.delete_many({"batch_id": batch_id})

    async def add_check(self, held: Batch, index: int, results: str, totals: BatchTotals) -> None:
        await self._write(held, {f"checked.{index}": {"$literal": totals.model_dump()}})
        query = {"_id": _chunk_id(held, index), "check_attempt": {"$lte": held.attempt}}
        await self._chunks.update_one(query, {"$set": {"check": results, "check_attempt": held.attempt}})

    async def finish_check(self, held: Batch, at: datetime) -> None:
        await self._write(held, {"status": BatchStatus.HELD.value, "checked_at": at, "lease_until": 0})

    async def give_up_check(self, held: Batch) -> None:
        changes = {
            "status": BatchStatus.HELD.value,
            "check_failed": True,
            "checked": {"$literal": {}},
            "lease_until": 0,
        }
        await self._write(held, changes)

    async def abandoned(self, *, expired_at: datetime, received_before: datetime) -> list[Batch]:
        query = {
            "$or": [
                {"status": {"$in": sorted(UNBOOKED)}, "expires_at": {"$lte": expired_at}},
                {"status": BatchStatus.RECEIVING.value, "created_at": {"$lt": received_before}},
            ]
        }
        return [Batch.model_validate(stored) for stored in await self._batches.find(query).to_list(None)]

    async def waiting(self) -> list[str]:
        query = {"status": {"$in": sorted(AT_WORK)}, **expired()}
        # The names of the two states sort as the states must.
        found = self._batches.find(query, {"_id": 1}).sort([("status", ASCENDING), ("order", ASCENDING)])
        return [stored["_id"] for stored in await found.to_list(None)]

    async def claim(self, batch_id: str) -> Batch | None:
        stored = await self._batches.find_one_and_update(
            {"_id": batch_id, "status": {"$in": sorted(AT_WORK)}, **expired()},
            [{"$set": {"attempt": next_attempt(), "lease_until": lease_end(self._lease)}}],
            return_document=ReturnDocument.AFTER,
        )
        return None if stored is None else Batch.model_validate(stored)

    async def renew_lease(self, held: Batch) -> None:
        await self._write(held, {})

    async def release(self, held: Batch, *, seconds: float) -> None:
        await self._write(held, {"lease_until": lease_end(seconds)})

    async def fail(self, held: Batch, *, seconds: float) -> None:
        await self._write(held, {"failures": held.failures + 1, "lease_until": lease_end(seconds)})

    async def chunk(self, batch: Batch, index: int) -> Chunk:
        stored = await self._chunks.find_one({"_id": _chunk_id(batch, index)})
        if stored is None:
            raise LookupError(f"chunk {index} of the file {batch.batch_id} is gone")
        return Chunk.model_validate(stored)

    async def set_plan(self, batch: Batch, index: int, plan: ChunkPlan) -> ChunkPlan:
        stored = await self._chunks.find_one_and_update(
            {"_id": _chunk_id(batch, index), "plan": None},
            {"$set": {"plan": plan.model_dump(mode="json")}},
            projection={"plan": 1},
            return_document=ReturnDocument.AFTER,
        )
        if stored is not None:
            return plan
        earlier = (await self.chunk(batch, index)).plan
        if earlier is None:
            raise LookupError(f"chunk {index} of the file {batch.batch_id} has no plan and could not get one")
        return earlier

    async def hand_over(self, held: Batch, index: int, lines: Sequence[int]) -> None:
        left = HandOver(attempt=held.attempt, lines=list(lines))
        earlier = {"hand_over.attempt": {"$not": {"$gte": held.attempt}}}
        change = {"$set": {"hand_over": left.model_dump()}}
        await self._chunks.update_one({"_id": _chunk_id(held, index), **earlier}, change)

    async def set_results(self, batch: Batch, index: int, results: str, totals: BatchTotals) -> None:
        query = {"_id": _chunk_id(batch, index), "results": None}
        await self._chunks.update_one(query, {"$set": {"results": results, "totals": totals.model_dump()}})

    async def count(self, held: Batch, index: int, totals: BatchTotals) -> None:
        await self._write(held, {f"counted.{index}": {"$literal": totals.model_dump()}})

    async def finish(self, held: Batch, at: datetime) -> None:
        await self._delete_other_uploads(held)
        await self._write(held, {"status": BatchStatus.DONE.value, "finished_at": at})

    async def _delete_other_uploads(self, batch: Batch) -> None:
        await self._chunks.delete_many({"batch_id": batch.batch_id, "upload": {"$ne": batch.upload}})

    async def _replace(self, query: Mapping[str, Any], batch: Batch, *, upsert: bool) -> bool:
        document = {"_id": batch.batch_id, **batch.model_dump()}
        try:
            result = await self._batches.replace_one(query, document, upsert=upsert)
        except DuplicateKeyError:
            return False
        return bool(result.matched_count) or result.upserted_id is not None

    async def _write(self, held: Batch, fields: Mapping[str, Any]) -> None:
        """Change the file under this worker's lease, and renew the lease."""
        fence = {"_id": held.batch_id, "attempt": held.attempt, "status": held.status.value}
        change = {"lease_until": lease_end(self._lease), **fields}
        if (await self._batches.update_one(fence, [{"$set": change}])).matched_count == 0:
            raise LeaseLost(f"file {held.batch_id}, attempt {held.attempt}")


def _chunk_id(batch: Batch, index: int) -> str:
    return f"{batch.batch_id}:{batch.upload}:{index:05d}"
