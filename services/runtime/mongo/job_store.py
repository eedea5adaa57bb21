"""Jobs over documents in MongoDB: collection ``jobs`` of a service's database, with leases by the database's clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from pymongo import ASCENDING, DESCENDING, ReturnDocument

from services.runtime.mongo.driver import Database
from services.runtime.mongo.lease import expired, lease_end, next_attempt
from services.runtime.processing.jobs import AnyJobKind, JobState, LeaseLost

COLLECTION: Final = "jobs"
LEASE_SECONDS: Final = 30.0


class MongoDocumentIds:
    """The ids of all documents of a processor, in the order of the ids."""

    def __init__(self, database: Database, processor: str) -> None:
        self._collection = database[processor]

    async def after(self, cursor: str | None, limit: int) -> Sequence[str]:
        """Up to ``limit`` ids that follow ``cursor``, or the first ones."""
        query = {} if cursor is None else {"_id": {"$gt": cursor}}
        found = self._collection.find(query, {"_id": 1}).sort("_id", ASCENDING).limit(limit)
        return [stored["_id"] for stored in await found.to_list(None)]


class MongoJobStore:
    """The jobs of one service. A runner that is silent for ``lease`` seconds loses its job to another."""

    def __init__(self, database: Database, *, lease: float = LEASE_SECONDS) -> None:
        self._database = database
        self._jobs = database[COLLECTION]
        self._lease = lease

    async def start(self, kind: AnyJobKind, *, rate: float) -> JobState:
        """Store a new job; the next runner that looks takes it."""
        job_id = str(uuid4())
        total = await self._database[kind.documents].count_documents({})
        new = {"kind": kind.name, "rate": rate, "total": total, "done": 0, "cursor": None, "status": "running"}
        times = {"started_at": "$$NOW", "updated_at": "$$NOW", "lease_until": 0, "attempt": 0}
        literals = {name: {"$literal": value} for name, value in new.items()}
        stored = await self._jobs.find_one_and_update(
            {"_id": job_id}, [{"$set": {**literals, **times}}], upsert=True, return_document=ReturnDocument.AFTER
        )
        return _job_of(stored)

    async def claim(self) -> JobState | None:
        """Take the lease of a running job that no runner holds; None if there is none."""
        stored = await self._jobs.find_one_and_update(
            {"status": "running", **expired()},
            [{"$set": {"attempt": next_attempt(), "lease_until": lease_end(self._lease), "updated_at": "$$NOW"}}],
            sort=[("started_at", ASCENDING)],
            return_document=ReturnDocument.AFTER,
        )
        return None if stored is None else _job_of(stored)

    async def advance(self, job: JobState, *, cursor: str, count: int) -> JobState:
        """Store the position after ``count`` more documents and renew the lease. Raises ``LeaseLost``."""
        done = {"$literal": job.done + count}
        return await self._write(
            job,
            {
                "cursor": {"$literal": cursor},
                "done": done,
                "lease_until": lease_end(self._lease),
                "updated_at": "$$NOW",
            },
        )

    async def finish(self, job: JobState) -> None:
        """Mark the job as done. Raises ``LeaseLost``."""
        await self._write(job, {"status": "done", "updated_at": "$$NOW"})

    async def cancel(self, job_id: str) -> bool:
        """Stop a running job; the messages already published are still processed. False if it is not running."""
        change = {"$set": {"status": "cancelled"}, "$currentDate": {"updated_at": True}}
        return bool((await self._jobs.update_one({"_id": job_id, "status": "running"}, change)).matched_count)

    async def all(self, limit: int = 20) -> list[JobState]:
        """The latest jobs, newest first."""
        found = self._jobs.find({}).sort("started_at", DESCENDING).limit(limit)
        return [_job_of(stored) for stored in await found.to_list(None)]

    async def _write(self, job: JobState, fields: Mapping[str, Any]) -> JobState:
        stored = await self._jobs.find_one_and_update(
            {"_id": str(job.job_id), "attempt": job.attempt, "status": "running"},
            [{"$set": fields}],
            return_document=ReturnDocument.AFTER,
        )
        if stored is None:
            raise LeaseLost(f"job {job.job_id}, attempt {job.attempt}")
        return _job_of(stored)


def _job_of(stored: Mapping[str, Any]) -> JobState:
    return JobState(
        job_id=UUID(stored["_id"]),
        kind=stored["kind"],
        rate=stored["rate"],
        started_at=stored["started_at"],
        total=stored["total"],
        done=stored["done"],
        cursor=stored["cursor"],
        attempt=stored["attempt"],
        status=stored["status"],
    )
