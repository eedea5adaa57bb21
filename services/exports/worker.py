"""The job that makes extracts: wait until the statements are new enough, read one snapshot, publish the files.

Crash anywhere: the lease runs out and another attempt starts from the beginning, under its own number. The result
is stored before it is told, so an extract has exactly one manifest, and its parts are those of that attempt.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid5

import structlog
from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.extracts import (
    AnyExtractEvent,
    ExtractCompleted,
    ExtractPartWritten,
    ExtractStarted,
    Position,
)
from prometheus_client import Counter, Gauge
from pymongo import ASCENDING, IndexModel
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from services.exports.claims import ExtractQueue, LeaseLost
from services.exports.extract import ExtractFiles, Part
from services.exports.feeds import Facts, facts_for
from services.exports.requests import ExtractRequest
from services.exports.statements import CardStatements
from services.runtime.mongo.document_store import Database
from services.runtime.processing.decision import Processor
from services.runtime.service import Job, Runtime

logger = structlog.get_logger(__name__)

EXTRACTS_MADE = Counter("frikort_extracts_made_total", "Extracts completed.", ["authority"])
STATEMENTS_HELD = Gauge("frikort_statements_held", "Cards with a year of which nothing current can be told.")

_SNAPSHOT = ReadConcern("snapshot")
_MAJORITY = WriteConcern("majority")
_BATCH_ROWS = 500
_BATCH_PARTS = 8  # 2 MiB in memory and under way at a time
_LONGEST_PAUSE = 30.0
_HELD_EVERY = 10.0
_LETTING_GO = 2.0


class StatementsHeld(RuntimeError):
    """Some statements of the extract cannot be told now, and a file without them would be wrong."""


def is_new_enough(request: ExtractRequest, topics: Iterable[str], committed: Mapping[tuple[str, int], int]) -> bool:
    """Whether the statements have come as far as ``request`` asks. Positions on other topics say nothing to us."""
    known = set(topics)

    def reached(position: Position) -> bool:
        return committed.get((position.topic, position.partition), 0) >= position.offset

    return all(reached(position) for position in request.positions if position.topic in known)


class StatementReader:
    """Reads the statements of one extract as they stood at one moment, in the order of their cards."""

    def __init__(self, database: Database, statements: Processor[CardStatements]) -> None:
        self._client = database.client
        self._cards = database[statements.name]

    async def ensure_indexes(self) -> None:
        """Indexes that give the cards of a year (and a municipality) in order, so that nothing is sorted in memory."""
        await self._cards.create_indexes(
            [
                IndexModel([("state.stated", ASCENDING), ("_id", ASCENDING)]),
                IndexModel([("state.stated", ASCENDING), ("state.municipality", ASCENDING), ("_id", ASCENDING)]),
            ]
        )

    async def count_held(self) -> int:
        """Cards that hold something back, in any year."""
        return int(await self._cards.count_documents({"state.held": {"$gt": 0}}))

    @contextlib.asynccontextmanager
    async def snapshot(self, request: ExtractRequest) -> AsyncIterator[tuple[int, AsyncIterator[list[Facts]]]]:
        """How many statements there are, and the statements, some at a time, as they stood at one moment.

        Raises ``StatementsHeld``.
        """
        # In a transaction, because it keeps the past for itself: a plain snapshot needs a server that keeps it for all.
        # Its commit (majority) says that nothing that was read can be taken back.
        async with await self._client.start_session() as session, session.start_transaction(_SNAPSHOT, _MAJORITY):
            # A card whose person is not known yet has no municipality: it may belong to any.
            held = {"state.held": request.year, **_of(request.municipality, None)}
            if count := await self._cards.count_documents(held, session=session):
                raise StatementsHeld(f"{count} statements of {request.year} are held back")
            count = await self._cards.count_documents(_stated(request), session=session)
            yield count, self._statements(request, session)

    def cursor(self, request: ExtractRequest, session: Any) -> Any:
        """The stored statements of ``request``, in the order of their cards."""
        fields = {"state.cpr": 1, f"state.years.{request.year}.statement": 1}
        found = self._cards.find(_stated(request), fields, session=session)
        return found.sort("_id", ASCENDING).batch_size(_BATCH_ROWS)

    async def _statements(self, request: ExtractRequest, session: Any) -> AsyncIterator[list[Facts]]:
        cursor, year = self.cursor(request, session), str(request.year)
        while some := await cursor.to_list(_BATCH_ROWS):
            yield [
                facts_for(
                    request.authority,
                    stored["_id"],
                    stored["state"]["cpr"],
                    stored["state"]["years"][year]["statement"],
                )
                for stored in some
            ]


class ExtractWorker:
    """Makes one extract at a time."""

    def __init__(
        self,
        *,
        queue: ExtractQueue,
        reader: StatementReader,
        publish: Callable[[Sequence[Record]], Any],
    ) -> None:
        self._queue = queue
        self._reader = reader
        self._publish = publish

    async def make(self, held: ExtractRequest) -> None:
        """Make the extract that this worker has claimed, or let go of it. Raises what the store and the log raise."""
        log = logger.bind(extract_id=held.extract_id, attempt=held.attempt)
        finished = False
        try:
            manifest = held.manifest
            if manifest is None:
                manifest = await self._write_files(held)
                await self._queue.fix_result(held, manifest)
            await self._tell(held, [manifest])
            await self._queue.finish(held)
            finished = True
            EXTRACTS_MADE.labels(manifest.authority.value).inc()
            log.info("exports.extract_made", authority=manifest.authority.value, statements=manifest.count)
        except LeaseLost:
            finished = True  # it is another worker's now
            log.warning("exports.extract_lost")
        except StatementsHeld as reason:
            log.warning("exports.extract_held", reason=str(reason))
        finally:
            if not finished:
                await self._let_go(held)

    async def _write_files(self, held: ExtractRequest) -> ExtractCompleted:
        files = ExtractFiles(held.authority)
        parts: list[Part] = []
        async with self._reader.snapshot(held) as (count, statements):
            started = ExtractStarted(extract_id=held.extract_id, attempt=held.attempt, statements=count)
            await self._tell(held, [started])
            async for some in statements:
                parts += files.add(some)
                if len(parts) >= _BATCH_PARTS:
                    await self._tell_parts(held, parts, files.count)
                    parts = []
        await self._tell_parts(held, [*parts, *files.finish()], files.count)
        return files.manifest(
            extract_id=held.extract_id, attempt=held.attempt, year=held.year, municipality=held.municipality
        )

    async def _tell_parts(self, held: ExtractRequest, parts: Iterable[Part], statements: int) -> None:
        await self._tell(
            held,
            [
                ExtractPartWritten(
                    extract_id=held.extract_id,
                    attempt=held.attempt,
                    format=part.format,
                    index=part.index,
                    content=part.content,
                    statements=statements,
                )
                for part in parts
            ],
        )
        await self._queue.renew(held)

    async def _tell(self, held: ExtractRequest, events: Sequence[AnyExtractEvent]) -> None:
        await self._publish([encode(envelope_of(held, event)) for event in events])

    async def _let_go(self, held: ExtractRequest) -> None:
        pause = min(2.0 ** min(held.attempt - 1, 10), _LONGEST_PAUSE)
        # If this fails too, the lease runs out by itself.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_LETTING_GO):
                await self._queue.postpone(held, seconds=pause)


def envelope_of(request: ExtractRequest, event: AnyExtractEvent) -> Envelope[AnyExtractEvent]:
    """``event`` with an id that follows from the command and from which event of which attempt it is."""
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
        source="/frikort/exports",
        data=event,
        correlation_id=request.correlation_id,
        causation_id=request.command_id,
        traceparent=request.traceparent,
    )


def _stated(request: ExtractRequest) -> dict[str, Any]:
    return {"state.stated": request.year, **_of(request.municipality)}


def _of(*municipalities: str | None) -> dict[str, Any]:
    """The condition that a card's municipality is one of these; none if the extract is of the whole country."""
    return {} if municipalities[0] is None else {"state.municipality": {"$in": list(municipalities)}}


def extract_job(statements: Processor[CardStatements], *, poll: float, lease: float) -> Job:
    """The job that makes every extract as soon as the statements are new enough for it."""

    async def make_extracts(runtime: Runtime) -> None:
        queue = ExtractQueue(runtime.database, lease=lease)
        reader = StatementReader(runtime.database, statements)
        worker = ExtractWorker(queue=queue, reader=reader, publish=runtime.producer.publish)
        topics = [topic.name for topic in statements.topics]
        await reader.ensure_indexes()
        while True:
            waiting = await queue.waiting()
            committed = await runtime.committed_positions() if waiting else {}
            for request in waiting:
                if is_new_enough(request, topics, committed) and (held := await queue.claim(request.extract_id)):
                    await worker.make(held)
            await asyncio.sleep(poll)

    return make_extracts


def held_job(statements: Processor[CardStatements]) -> Job:
    """The job that tells the metrics how many statements are held back; more than a passing few is an alarm."""

    async def count_held(runtime: Runtime) -> None:
        reader = StatementReader(runtime.database, statements)
        while True:
            STATEMENTS_HELD.set(await reader.count_held())
            await asyncio.sleep(_HELD_EVERY)

    return count_held
