"""The job that makes extracts: waits until the statements are recent enough, reads one snapshot, stores the files.

After a crash the lease expires, and another attempt starts from the first row, with files under its own number. The
manifest is stored before it is published, so an extract has exactly one.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid5

import structlog
from frikort_contracts.authorities import FEEDS, Facts
from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.extract_files import AnyExtractFilesEvent, ExtractKind, ExtractMade, ExtractProgressed
from frikort_contracts.extracts import Position
from frikort_contracts.topics import FEED_TOPICS, Topic, source_of
from prometheus_client import Counter, Gauge

from services.exports.extracts.files import ExtractFiles
from services.exports.extracts.layouts import layout_of
from services.exports.extracts.period_reader import StatementsPending
from services.exports.extracts.queue import ExtractQueue
from services.exports.extracts.reader import ExtractReader
from services.exports.extracts.requests import EXTRACT_FILES, PERIOD_EXTRACTS, REQUESTS, ExtractRequest
from services.exports.statements import CardStatements
from services.runtime.file_store import FileStore
from services.runtime.mongo.lease import LeaseLost
from services.runtime.processing.decision import Processor
from services.runtime.processing.positions import Offsets, Partition
from services.runtime.rebuild.beside import is_unfinished
from services.runtime.service import BackgroundTask, Runtime

logger = structlog.get_logger(__name__)

EXTRACTS_MADE = Counter("frikort_extracts_made_total", "Extracts completed.", ["kind"])
for _kind in ExtractKind:
    EXTRACTS_MADE.labels(_kind.value)
STATEMENTS_PENDING = Gauge("frikort_statements_pending", "Cards with a year that has no current statement.")

_PROCESSORS: Final[tuple[Processor[Any], ...]] = (EXTRACT_FILES, PERIOD_EXTRACTS, REQUESTS)
_FACTS: Final = {
    ExtractKind.TAX_YEAR: Facts.TAX,
    ExtractKind.FOLLOW_UP: Facts.USE,
    ExtractKind.MUNICIPALITY: Facts.BENEFITS,
}
_PROGRESS_SECONDS: Final = 1.0
_MAX_PAUSE_SECONDS: Final = 30.0
_WAIT_WITH_REQUESTS: Final = 0.2
"""Seconds between checks while a request waits until the statements are recent enough."""
_COUNT_INTERVAL_SECONDS: Final = 10.0
_RELEASE_TIMEOUT_SECONDS: Final = 2.0


def is_recent_enough(request: ExtractRequest, topics: Iterable[str], committed: Offsets) -> bool:
    """Whether the statements include everything before the positions of ``request``, as far as ``topics`` go."""
    consumed = set(topics)

    def reached(position: Position) -> bool:
        return committed.get(Partition(position.topic, position.partition), 0) >= position.offset

    return all(reached(position) for position in request.positions if position.topic in consumed)


class ExtractWorker:
    """Makes one extract at a time."""

    def __init__(
        self,
        *,
        queue: ExtractQueue,
        reader: ExtractReader,
        store: FileStore,
        publish: Callable[[Sequence[Record]], Awaitable[None]],
        end_positions: Callable[[Collection[Topic]], Awaitable[tuple[Position, ...]]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._queue = queue
        self._reader = reader
        self._store = store
        self._publish_records = publish
        self._end_positions = end_positions
        self._now = now

    async def make(self, claimed: ExtractRequest) -> None:
        """Make the extract that this worker has claimed, or release it. Raises the errors of stores and producer."""
        log = logger.bind(extract_id=claimed.extract_id, attempt=claimed.attempt)
        finished = False
        try:
            made = claimed.made
            if made is None:
                async with self._queue.renewed(claimed):
                    made = await self._write_files(claimed)
                await self._queue.store_manifest(claimed, made)
            await self._publish(claimed, made)
            await self._queue.finish(claimed)
            finished = True
            EXTRACTS_MADE.labels(made.kind.value).inc()
            log.info("exports.extract_made", kind=made.kind.value, rows=made.count)
        except LeaseLost:
            finished = True  # another worker has it
            log.warning("exports.extract_lost")
        except StatementsPending as reason:
            log.warning("exports.extract_pending", reason=str(reason))
        finally:
            if not finished:
                await self._release(claimed)

    async def _write_files(self, claimed: ExtractRequest) -> ExtractMade:
        await self._reader.prepare(claimed)
        # A record is published to a feed after its statement is stored, so the snapshot has all before these.
        feed_positions = await self._feed_positions(claimed)
        async with self._reader.snapshot(claimed) as (count, batches):
            await self._report(claimed, count, 0)
            prefix = f"{claimed.extract_id}/{claimed.attempt}"
            layout = layout_of(claimed.kind, of_period=claimed.period is not None)
            files = await asyncio.to_thread(ExtractFiles, layout, self._store, prefix)
            try:
                reported_at, done = time.monotonic(), 0
                async for batch in batches:
                    await asyncio.to_thread(files.add, batch.objects)
                    done += batch.done
                    if time.monotonic() - reported_at >= _PROGRESS_SECONDS:
                        await self._report(claimed, count, done)
                        reported_at = time.monotonic()
                stored = await asyncio.to_thread(files.finish)
            finally:
                await asyncio.to_thread(files.close)
        return ExtractMade(
            extract_id=claimed.extract_id,
            attempt=claimed.attempt,
            kind=claimed.kind,
            year=claimed.year,
            period=claimed.period,
            municipality=claimed.municipality,
            positions=claimed.positions,
            provisional=files.sums.provisional,
            completed_at=self._now(),
            count=files.sums.count,
            reported=files.sums.reported,
            exempt=files.sums.exempt,
            excess=files.sums.excess,
            files=stored,
            feed_positions=feed_positions,
        )

    async def _feed_positions(self, claimed: ExtractRequest) -> tuple[Position, ...]:
        topics = feeds_like(claimed.kind, claimed.municipality)
        return await self._end_positions(topics) if topics else ()

    async def _report(self, claimed: ExtractRequest, rows: int, written: int) -> None:
        """Publish the progress, and keep the claim."""
        progress = ExtractProgressed(extract_id=claimed.extract_id, attempt=claimed.attempt, rows=rows, written=written)
        await self._publish(claimed, progress)
        await self._queue.renew(claimed)

    async def _publish(self, claimed: ExtractRequest, event: AnyExtractFilesEvent) -> None:
        await self._publish_records([encode(envelope_of(claimed, event))])

    async def _release(self, claimed: ExtractRequest) -> None:
        pause = min(2.0 ** min(claimed.attempt - 1, 10), _MAX_PAUSE_SECONDS)
        # If this fails too, the lease expires.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_RELEASE_TIMEOUT_SECONDS):
                await self._queue.postpone(claimed, seconds=pause)


def feeds_like(kind: ExtractKind, municipality: str | None) -> list[Topic]:
    """The feeds with the facts of an extract of this kind."""
    facts = _FACTS.get(kind)
    return [
        FEED_TOPICS[feed.name]
        for feed in FEEDS
        if feed.facts is facts and (facts is not Facts.BENEFITS or feed.municipality == municipality)
    ]


def envelope_of(request: ExtractRequest, event: AnyExtractFilesEvent) -> Envelope[AnyExtractFilesEvent]:
    """``event`` with an id derived from the command, the attempt and the event."""
    name = f"progressed/{event.written}" if isinstance(event, ExtractProgressed) else "made"
    return Envelope(
        id=uuid5(request.command_id, f"exports/extract-files/{event.attempt}/{name}"),
        time=request.requested_at,
        source=source_of("exports"),
        data=event,
        correlation_id=request.correlation_id,
        causation_id=request.command_id,
        traceparent=request.traceparent,
    )


def extract_job(
    statements: Processor[CardStatements], store: FileStore, *, poll: float, lease: float
) -> BackgroundTask:
    """The job that makes every extract as soon as the statements are recent enough for it.

    While the statements are rebuilt, extracts wait: some may be missing.
    """

    async def make_extracts(runtime: Runtime) -> None:
        reader = ExtractReader(runtime.database, statements)
        queues = [ExtractQueue(runtime.database, processor, lease=lease) for processor in _PROCESSORS]
        workers = [
            ExtractWorker(
                queue=queue,
                reader=reader,
                store=store,
                publish=runtime.producer.publish,
                end_positions=runtime.producer.end_positions,
            )
            for queue in queues
        ]
        topics = [topic.name for topic in statements.topics]
        await reader.ensure_indexes()
        was_rebuilding = False
        while True:
            wait = poll
            for queue, worker in zip(queues, workers, strict=True):
                if not (available := await queue.available()):
                    continue
                wait = min(poll, _WAIT_WITH_REQUESTS)
                is_rebuilding = await is_unfinished(runtime.database, statements.name)
                if is_rebuilding and not was_rebuilding:
                    logger.warning("exports.extracts_wait_for_rebuild")
                was_rebuilding = is_rebuilding
                if is_rebuilding:
                    continue
                committed = await runtime.committed_positions()
                for request in available:
                    if is_recent_enough(request, topics, committed) and (
                        claimed := await queue.claim(request.extract_id)
                    ):
                        await worker.make(claimed)
            await asyncio.sleep(wait)

    return make_extracts


def pending_job(statements: Processor[CardStatements]) -> BackgroundTask:
    """The job that counts pending cards for the metrics. A count that stays above zero is an alarm."""

    async def count_pending(runtime: Runtime) -> None:
        reader = ExtractReader(runtime.database, statements)
        while True:
            STATEMENTS_PENDING.set(await reader.count_pending())
            await asyncio.sleep(_COUNT_INTERVAL_SECONDS)

    return count_pending
