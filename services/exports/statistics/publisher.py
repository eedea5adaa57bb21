"""The job that publishes the statistics of each month that has ended, once.

One instance at a time computes and publishes. A publication is stored before it is published on the topic, under its
month, so that there is never a second one with other figures. It is checked against all earlier ones before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid5

import structlog
from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.statistics import StatisticsPublished, month_of
from frikort_contracts.topics import source_of
from frikort_contracts.values import danish_day
from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from services.exports.statistics.card_history import CARD_HISTORIES, CardHistory
from services.exports.statistics.cells import MonthCells
from services.exports.statistics.disclosure_control import check, months_to_publish, publish
from services.runtime.mongo.driver import Database
from services.runtime.mongo.instance_lock import InstanceLock
from services.runtime.processing.responder import catch_up
from services.runtime.service import BackgroundTask, Runtime
from services.runtime.uninterrupted import uninterrupted

logger = structlog.get_logger(__name__)

PUBLICATIONS: Final = "statistics"
_EVENT_IDS: Final = UUID("0f6f1f0c-9a4e-4a6b-8f0e-7c1f4b8d2a51")
_POLL_SECONDS: Final = 60.0
_BATCH: Final = 500


def last_complete_month(today: date, delay_days: int) -> str:
    """The last month that ended at least ``delay_days`` days before ``today``."""
    return month_of((today - timedelta(days=delay_days)).replace(day=1) - timedelta(days=1))


class StatisticsPublisher:
    """Computes, stores and publishes statistics."""

    def __init__(self, database: Database, publish_records: Callable[[Sequence[Record]], Awaitable[None]]) -> None:
        self._histories = database[CARD_HISTORIES.name]
        self._publications = database[PUBLICATIONS]
        self._publish_records = publish_records

    async def due(self, last_complete: str) -> list[str]:
        """The months that are not published yet, oldest first."""
        published = [stored["_id"] async for stored in self._publications.find({}, {"_id": 1})]
        first = await self._histories.find_one({"state.first_month": {"$gt": ""}}, sort=[("state.first_month", 1)])
        first_month = None if first is None else first["state"]["first_month"]
        return list(months_to_publish(first_month, published, last_complete))

    async def add(self, month: str, now: datetime) -> None:
        """Compute and store the statistics of ``month``. If another instance was faster, its publication stays."""
        publication, earlier = publish(await self._cells(month)), await self._earlier()
        if any(each.month == month for each in earlier):
            return  # another instance was faster
        check(publication, earlier)
        stored = {"publication": publication.model_dump(mode="json"), "at": now.isoformat(), "published": False}
        try:
            await self._publications.insert_one({"_id": month, **stored})
        except DuplicateKeyError:
            return
        logger.info("exports.statistics_made", month=month)

    async def publish_stored(self) -> None:
        """Publish what is stored and not published. After a crash the same bytes are published again."""
        async for stored in self._publications.find({"published": False}).sort("_id", ASCENDING):
            await uninterrupted(self._publish(stored))

    async def _publish(self, stored: dict[str, Any]) -> None:
        await self._publish_records([encode(_envelope(stored))])
        await self._publications.update_one({"_id": stored["_id"]}, {"$set": {"published": True}})

    async def _cells(self, month: str) -> MonthCells:
        cells = MonthCells(month)
        cursor = self._histories.find({"state.first_month": {"$lte": month}}, {"state": 1}).batch_size(_BATCH)
        while batch := await cursor.to_list(_BATCH):
            for stored in batch:
                cells.add(CardHistory.model_validate(stored["state"]))
            await asyncio.sleep(0)  # other tasks of the process run between two batches
        return cells

    async def _earlier(self) -> list[StatisticsPublished]:
        found = await self._publications.find({}).to_list(None)
        return [StatisticsPublished.model_validate(stored["publication"]) for stored in found]


def _envelope(stored: dict[str, Any]) -> Envelope[StatisticsPublished]:
    event_id = uuid5(_EVENT_IDS, stored["_id"])
    return Envelope(
        id=event_id,
        time=datetime.fromisoformat(stored["at"]),
        source=source_of("exports"),
        data=StatisticsPublished.model_validate(stored["publication"]),
        correlation_id=event_id,
    )


def statistics_job(*, delay_days: int) -> BackgroundTask:
    """The job that publishes each month once ``delay_days`` have passed and all of its events are counted."""

    async def publish_statistics(runtime: Runtime) -> None:
        publisher = StatisticsPublisher(runtime.database, runtime.producer.publish)
        ends = partial(runtime.producer.end_offsets, CARD_HISTORIES.topics)

        async def publish_due() -> None:
            now = datetime.now(UTC)
            await publisher.publish_stored()
            for month in await publisher.due(last_complete_month(danish_day(now), delay_days)):
                await catch_up(ends, runtime.committed_positions, asyncio.sleep, checks=None)
                await publisher.add(month, now)
                await publisher.publish_stored()

        async with InstanceLock(runtime.database, "statistics") as lock:
            while True:
                await lock.run(publish_due)
                await asyncio.sleep(_POLL_SECONDS)

    return publish_statistics
