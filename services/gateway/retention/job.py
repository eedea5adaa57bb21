"""Deletes once a night what has been kept as long as it is needed, in one of the API's instances, and reports it.

A deletion that was begun and not finished is continued the next night: every step finds what is still there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

import structlog
from frikort_contracts.cloudevents import Envelope, encode
from frikort_contracts.retention import RetentionCompleted
from frikort_contracts.topics import source_of
from prometheus_client import Gauge
from pymongo import ASCENDING

from services.gateway.audit.expiry import ExpirySigner
from services.gateway.audit.watcher import FINDINGS as UNUSUAL
from services.gateway.commands.store import SUBMISSIONS, CommandExpiry
from services.gateway.ordering import stamp
from services.gateway.payroll.batch import BatchStatus
from services.gateway.payroll.store import CHUNKS, FILES
from services.gateway.retention.periods import ANSWERS, FINDINGS, LINES
from services.gateway.retention.periods import FILES as EXTRACT_FILES
from services.runtime.file_store import FileStore
from services.runtime.mongo.driver import Database
from services.runtime.mongo.instance_lock import InstanceLock
from services.runtime.mongo.nightly import NightlyRuns
from services.runtime.processing.producer import Producer
from services.runtime.service import Runtime
from services.runtime.uninterrupted import uninterrupted

logger = structlog.get_logger(__name__)

RUNS: Final = "retention_runs"
_HOUR: Final = 3
_PAUSE_SECONDS: Final = 60.0
_BATCH: Final = 500
_RUN_IDS: Final = UUID("c0a1b7d4-2f0e-4c55-9d0b-7f1e6a2b3c44")
_SOURCE: Final = source_of("gateway")

_COMPLETED: Final = Gauge(
    "frikort_retention_completed_timestamp_seconds",
    "When the retention job last ended, in seconds since 1970; 0 before the first.",
)
_EXPIRED: Final = Gauge(
    "frikort_retention_expired", "What the last run of the retention job deleted, by kind.", ["kind"]
)

Kind = Callable[[datetime], Awaitable[int]]
"""Deletes what is too old at a moment, or signs that it may be removed. Returns how many."""


class RetentionJob:
    """Runs once for each Danish day, from 03:00 on. ``retention_runs`` has a document for each."""

    def __init__(
        self,
        database: Database,
        producer: Producer,
        commands: CommandExpiry,
        audit: ExpirySigner,
        files: FileStore,
        *,
        pause: float = 0.05,
    ) -> None:
        """``pause``: seconds between two batches, so that people and files come first."""
        self._runs = database[RUNS]
        self._nights = NightlyRuns(self._runs, hour=_HOUR)
        self._submissions = database[SUBMISSIONS]
        self._files = database[FILES]
        self._extract_files = files
        self._chunks = database[CHUNKS]
        self._unusual = database[UNUSUAL]
        self._producer = producer
        self._commands = commands
        self._pause = pause
        self._kinds: Mapping[str, Kind] = {
            "stored-answers": self._expire_answers,
            "payroll-lines": self._delete_lines,
            "extract-files": self._delete_files,
            "unusual-findings": self._delete_findings,
            "audit-entries": audit.sign,
        }
        for kind in self._kinds:
            _EXPIRED.labels(kind)

    async def prepare(self) -> None:
        """Create the indexes by which the oldest are found."""
        await self._submissions.create_index(
            [("at", ASCENDING)], name="unexpired", partialFilterExpression={"unexpired": True}
        )

    async def run(self, runtime: Runtime) -> None:
        """Delete until the process stops. A background task."""
        async with InstanceLock(runtime.database, "retention") as lock:
            while not runtime.stopping.is_set():
                await lock.run(self.run_due)
                await self.show_latest()
                await asyncio.sleep(_PAUSE_SECONDS)

    async def run_due(self) -> None:
        """Delete for the last night unless that is done."""
        now = datetime.now(UTC)
        await self.run_once(self._nights.day_of(now), now)

    async def run_once(self, day: str, now: datetime) -> None:
        """Delete for ``day`` unless an instance does it or has done it, then publish the report."""

        async def delete() -> dict[str, Any]:
            counts = {name: await expire(now) for name, expire in self._kinds.items()}
            logger.info("gateway.retention_completed", **counts)
            return {"expired": counts, "unpublished": True}

        await self._nights.run(day, delete, ended_at=now)
        async for stored in self._runs.find({"unpublished": True}):
            await uninterrupted(self._publish(stored))

    async def _publish(self, stored: Mapping[str, Any]) -> None:
        await self._producer.publish([encode(_report(stored))])
        await self._runs.update_one({"_id": stored["_id"]}, {"$unset": {"unpublished": True}})

    async def show_latest(self) -> None:
        """Set the metrics by the last run of any instance."""
        if (latest := await self._nights.latest()) is not None:
            _COMPLETED.set(datetime.fromisoformat(latest["ended_at"]).timestamp())
            for kind, count in latest["expired"].items():
                _EXPIRED.labels(kind).set(count)

    async def _expire_answers(self, now: datetime) -> int:
        count = 0
        query = {"unexpired": True, "at": {"$lt": stamp(now - ANSWERS)}}
        async for some in self._batches(self._submissions.find(query, {"_id": 1}).sort("at", ASCENDING)):
            count += await self._commands.expire([stored["_id"] for stored in some])
        return count

    async def _delete_lines(self, now: datetime) -> int:
        count = 0
        ended = {
            "status": {"$in": [BatchStatus.DONE.value, BatchStatus.CANCELLED.value]},
            "created_at": {"$lt": now - LINES},
            "lines_deleted": {"$ne": True},
        }
        async for some in self._batches(self._files.find(ended, {"_id": 1})):
            for stored in some:
                # First the mark: from now on no route reads the lines.
                await self._files.update_one({"_id": stored["_id"]}, {"$set": {"lines_deleted": True}})
                await self._chunks.delete_many({"batch_id": stored["_id"]})
                count += 1
        return count

    async def _delete_files(self, now: datetime) -> int:
        return await self._extract_files.delete_before(now - EXTRACT_FILES)

    async def _delete_findings(self, now: datetime) -> int:
        old = {"found_at": {"$lt": (now - FINDINGS).isoformat()}}
        return int((await self._unusual.delete_many(old)).deleted_count)

    async def _batches(self, cursor: Any) -> AsyncIterator[list[dict[str, Any]]]:
        """The documents in batches, with a pause after each."""
        while some := await cursor.to_list(_BATCH):
            yield some
            await asyncio.sleep(self._pause)


def _report(stored: Mapping[str, Any]) -> Envelope[RetentionCompleted]:
    """The report of a run: the same bytes whenever it is published."""
    run_id = uuid5(_RUN_IDS, stored["_id"])
    event = RetentionCompleted(day=stored["_id"], expired=stored["expired"])
    at = datetime.fromisoformat(stored["ended_at"])
    return Envelope(id=run_id, time=at, source=_SOURCE, data=event, correlation_id=run_id)
