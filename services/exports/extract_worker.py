"""The job that makes extracts: waits until the statements are recent enough, reads one snapshot, publishes the files.

After a crash the lease expires, and another attempt starts from the first row under its own number. The manifest is
stored before it is published, so an extract has exactly one, and the files consist of the parts of its attempt.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final
from uuid import uuid5

import structlog
from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.extracts import (
    AnyExtractEvent,
    Authority,
    ExtractCompleted,
    ExtractPartWritten,
    ExtractStarted,
    Position,
)
from frikort_contracts.topics import source_of
from prometheus_client import Counter, Gauge

from services.exports.extract_files import ExtractFiles, FilePart
from services.exports.extract_queue import ExtractQueue
from services.exports.extract_requests import ExtractRequest
from services.exports.statement_reader import StatementReader, StatementsPending
from services.exports.statements import CardStatements
from services.runtime.mongo.lease import LeaseLost
from services.runtime.processing.decision import Processor
from services.runtime.processing.positions import Offsets, Partition
from services.runtime.service import BackgroundTask, Runtime

logger = structlog.get_logger(__name__)

EXTRACTS_MADE = Counter("frikort_extracts_made_total", "Extracts completed.", ["authority"])
for _authority in Authority:
    EXTRACTS_MADE.labels(_authority.value)
STATEMENTS_PENDING = Gauge("frikort_statements_pending", "Cards with a year that has no current statement.")

_BATCH_PARTS: Final = 8  # 2 MiB in memory at a time
_MAX_PAUSE_SECONDS: Final = 30.0
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
        reader: StatementReader,
        publish: Callable[[Sequence[Record]], Awaitable[None]],
    ) -> None:
        self._queue = queue
        self._reader = reader
        self._publish_records = publish

    async def make(self, claimed: ExtractRequest) -> None:
        """Make the extract that this worker has claimed, or release it. Raises the errors of store and producer."""
        log = logger.bind(extract_id=claimed.extract_id, attempt=claimed.attempt)
        finished = False
        try:
            manifest = claimed.manifest
            if manifest is None:
                manifest = await self._write_files(claimed)
                await self._queue.store_manifest(claimed, manifest)
            await self._publish(claimed, [manifest])
            await self._queue.finish(claimed)
            finished = True
            EXTRACTS_MADE.labels(manifest.authority.value).inc()
            log.info("exports.extract_made", authority=manifest.authority.value, statements=manifest.count)
        except LeaseLost:
            finished = True  # another worker has it
            log.warning("exports.extract_lost")
        except StatementsPending as reason:
            log.warning("exports.extract_pending", reason=str(reason))
        finally:
            if not finished:
                await self._release(claimed)

    async def _write_files(self, claimed: ExtractRequest) -> ExtractCompleted:
        files = ExtractFiles(claimed.authority)
        parts: list[FilePart] = []
        async with self._reader.snapshot(claimed) as (count, statements):
            started = ExtractStarted(extract_id=claimed.extract_id, attempt=claimed.attempt, statements=count)
            await self._publish(claimed, [started])
            async for batch in statements:
                parts += files.add(batch)
                if len(parts) >= _BATCH_PARTS:
                    await self._publish_parts(claimed, parts, files.count)
                    parts = []
        await self._publish_parts(claimed, [*parts, *files.finish()], files.count)
        return files.manifest(
            extract_id=claimed.extract_id, attempt=claimed.attempt, year=claimed.year, municipality=claimed.municipality
        )

    async def _publish_parts(self, claimed: ExtractRequest, parts: Iterable[FilePart], statements: int) -> None:
        await self._publish(
            claimed,
            [
                ExtractPartWritten(
                    extract_id=claimed.extract_id,
                    attempt=claimed.attempt,
                    format=part.format,
                    index=part.index,
                    content=part.content,
                    statements=statements,
                )
                for part in parts
            ],
        )
        await self._queue.renew(claimed)

    async def _publish(self, claimed: ExtractRequest, events: Sequence[AnyExtractEvent]) -> None:
        await self._publish_records([encode(envelope_of(claimed, event)) for event in events])

    async def _release(self, claimed: ExtractRequest) -> None:
        pause = min(2.0 ** min(claimed.attempt - 1, 10), _MAX_PAUSE_SECONDS)
        # If this fails too, the lease expires.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_RELEASE_TIMEOUT_SECONDS):
                await self._queue.postpone(claimed, seconds=pause)


def envelope_of(request: ExtractRequest, event: AnyExtractEvent) -> Envelope[AnyExtractEvent]:
    """``event`` with an id derived from the command, the attempt and the event."""
    match event:
        case ExtractStarted():
            name = "started"
        case ExtractPartWritten():
            name = f"{event.format.value}/{event.index}"
        case ExtractCompleted():
            name = "completed"
    return Envelope(
        id=uuid5(request.command_id, f"exports/extract/{event.attempt}/{name}"),
        time=request.requested_at,
        source=source_of("exports"),
        data=event,
        correlation_id=request.correlation_id,
        causation_id=request.command_id,
        traceparent=request.traceparent,
    )


def extract_job(statements: Processor[CardStatements], *, poll: float, lease: float) -> BackgroundTask:
    """The job that makes every extract as soon as the statements are recent enough for it."""

    async def make_extracts(runtime: Runtime) -> None:
        queue = ExtractQueue(runtime.database, lease=lease)
        reader = StatementReader(runtime.database, statements)
        worker = ExtractWorker(queue=queue, reader=reader, publish=runtime.producer.publish)
        topics = [topic.name for topic in statements.topics]
        await reader.ensure_indexes()
        while True:
            available = await queue.available()
            committed = await runtime.committed_positions() if available else {}
            for request in available:
                if is_recent_enough(request, topics, committed) and (claimed := await queue.claim(request.extract_id)):
                    await worker.make(claimed)
            await asyncio.sleep(poll)

    return make_extracts


def pending_job(statements: Processor[CardStatements]) -> BackgroundTask:
    """The job that counts pending cards for the metrics. A count that stays above zero is an alarm."""

    async def count_pending(runtime: Runtime) -> None:
        reader = StatementReader(runtime.database, statements)
        while True:
            STATEMENTS_PENDING.set(await reader.count_pending())
            await asyncio.sleep(_COUNT_INTERVAL_SECONDS)

    return count_pending
