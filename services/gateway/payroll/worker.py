"""Checks and books payroll files. Any worker can claim a file, and continues where the last one stopped.

Several parts of a file are in progress at a time (``pace``); the worker waits for the oldest. While Kafka or MongoDB
is unavailable the file waits, and is claimed again later.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

import structlog
from frikort_contracts.rules.allowances import Allowances
from pymongo.errors import PyMongoError

from services.gateway.changes.change_notifier import Key, Pending, Ready
from services.gateway.payroll import booking
from services.gateway.payroll.batch import (
    CHECK_ATTEMPTS,
    Batch,
    BatchStatus,
    BatchTotals,
    Chunk,
    ChunkPlan,
    ChunkStep,
    is_expired,
    next_step,
    pause_after,
    published_before,
)
from services.gateway.payroll.booking import LineOutcome, LineResult, LineSplit
from services.gateway.payroll.checker import FileChecker
from services.gateway.payroll.file_work import FileWork
from services.gateway.payroll.lines import ValidLine
from services.gateway.payroll.pace import Pace, PartsInProgress, parts_of
from services.gateway.payroll.queries import ReadModelQueries
from services.gateway.payroll.store import BatchStore
from services.gateway.projections import outcomes, reports
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.mongo.lease import LeaseLost, renewed
from services.runtime.uninterrupted import uninterrupted

logger = structlog.get_logger(__name__)

_FILES_IN_PROGRESS: Final = 16
_PAUSE_AFTER_ERROR: Final = 2.0
_RELEASE_SECONDS: Final = 1.0
_FINISH_SECONDS: Final = 4.0  # of the stop timeout, 8 s by default
_SWEEP_EVERY: Final = 600.0
_LONGEST_UPLOAD: Final = timedelta(hours=1)


@dataclass(frozen=True)
class PlannedChunk:
    """A chunk whose commands are planned, and the results of its lines so far. ``unsent`` lines have no outcome yet."""

    index: int
    plan: ChunkPlan
    lines: Sequence[ValidLine]
    unsent: Collection[int]
    results: list[LineResult] = field(default_factory=list)


class PublishedPart(NamedTuple):
    """Lines of a chunk whose commands are published, and when, in seconds of the event loop's clock."""

    chunk: PlannedChunk
    lines: Sequence[ValidLine]
    published_at: float


class BatchWorker:
    """Checks and books files."""

    def __init__(self, work: FileWork, allowances: Allowances) -> None:
        self._work = work
        self._checker = FileChecker(work, allowances)
        self._pace = Pace()
        self._draining = False

    def drain(self) -> None:
        """Begin no further chunk. Another worker would publish again what is published and has no outcome yet."""
        self._draining = True

    async def work(self, held: Batch) -> bool:
        """Check or book a file that this worker has claimed, by its status. Returns and raises as ``book``."""
        async with renewed(partial(self._work.batches.renew_lease, held), lease=self._work.lease):
            if held.status is BatchStatus.CHECKING:
                return await self._checker.check(held, lambda: self._draining)
            return await self.book(held)

    async def book(self, held: Batch) -> bool:
        """Book a file that this worker has claimed. Returns False if a drain ended it before the last chunk.

        Raises ``LeaseLost``, ``KafkaUnavailable`` and pymongo's errors.
        """
        waiting = PartsInProgress[PublishedPart](self._pace)
        try:
            complete = await self._publish_chunks(held, waiting)
            while waiting:
                await self._finish_part(held, waiting)
        except asyncio.CancelledError:
            await self._hand_over(held, waiting)
            raise
        finally:
            waiting.give_up()
        if complete:
            await self._work.batches.finish(held, await self._work.now())
        return complete

    async def _publish_chunks(self, held: Batch, waiting: PartsInProgress[PublishedPart]) -> bool:
        """Publish the file, at the pace at which its outcomes arrive. Returns False if a drain ended it."""
        for index in held.uncounted:
            chunk = await self._work.batches.chunk(held, index)
            if next_step(chunk) is ChunkStep.COUNT:
                await self._work.batches.count(held, index, chunk.totals or BatchTotals())
                continue
            planned = await self._plan(held, chunk)
            for lines in parts_of(planned.lines):
                while not waiting.has_room_for(lines):
                    await self._finish_part(held, waiting)
                if self._draining:
                    return False
                await uninterrupted(self._publish(held, planned, lines, waiting))
        return True

    async def _plan(self, held: Batch, chunk: Chunk) -> PlannedChunk:
        """Plan the commands of a chunk.

        If it has a plan already, only lines that have no outcome and were not handed over are unsent.
        """
        good = self._work.valid_lines(held, chunk)
        unsent: Sequence[ValidLine] = good
        if (plan := chunk.plan) is None:
            now, revisions = await self._work.now(), await self._work.queries.revisions({line.card_id for line in good})
            plan = await self._work.batches.set_plan(
                held, chunk.index, ChunkPlan(at=now, first=good[0].number, revisions=revisions)
            )
        else:
            known = await self._work.queries.outcomes([booking.command_id(held.batch_id, line.number) for line in good])
            handed_over = published_before(chunk, held.attempt, await self._work.now())
            without_outcome = booking.chunk_state(held, good, known, {}).without_outcome
            unsent = [line for line in without_outcome if line.number not in handed_over]
        return PlannedChunk(chunk.index, plan, good, {line.number for line in unsent})

    async def _publish(
        self, held: Batch, chunk: PlannedChunk, lines: Sequence[ValidLine], waiting: PartsInProgress[PublishedPart]
    ) -> None:
        """Store audit entries for the unsent ones of these lines, and publish their commands; then all of them wait."""
        unsent = [line for line in lines if line.number in chunk.unsent]
        if unsent:
            await self._work.audit_log.add(booking.attempts(held, chunk.plan, unsent))
            await self._work.publish([booking.command(held, line, chunk.plan) for line in unsent])
        waiting.add(PublishedPart(chunk, lines, asyncio.get_running_loop().time()))

    async def _hand_over(self, held: Batch, waiting: Iterable[PublishedPart]) -> None:
        """Let the next worker wait for the outcomes of what is published, and not publish it again."""
        published: dict[int, list[int]] = {}
        for part in waiting:
            published.setdefault(part.chunk.index, []).extend(line.number for line in part.lines)
        for index, numbers in published.items():
            await self._work.batches.hand_over(held, index, numbers)

    async def _finish_part(self, held: Batch, waiting: PartsInProgress[PublishedPart]) -> None:
        """Wait for the outcomes of the oldest part. Store the results of its chunk if it is the last part."""
        chunk, lines, published_at = waiting.oldest
        chunk.results.extend(await self._results_of(held, lines, published_at))
        if len(chunk.results) == len(chunk.lines):
            await self._finish_chunk(held, chunk)
        waiting.remove_oldest()

    async def _results_of(self, held: Batch, lines: Sequence[ValidLine], published_at: float) -> list[LineResult]:
        results = _LineResults(self._work.queries, held, lines)
        value = await self._work.wait_for(results.check)
        # If the first check found all, they arrived while the worker did other work: how long they took is unknown, and
        # nothing waited for them.
        ended_at = published_at if results.checks == 1 else asyncio.get_running_loop().time()
        self._pace.adapt(published_at, ended_at)
        return value

    async def _finish_chunk(self, held: Batch, chunk: PlannedChunk) -> None:
        """Store the results of a chunk, in the order of its lines."""
        chunk.results.sort(key=lambda result: result.number)
        totals = booking.totals_of(chunk.results)
        encrypted = self._work.line_encryptor.encrypt_results(booking.results_to_json(chunk.results), held, chunk.index)
        await self._work.batches.set_results(held, chunk.index, encrypted, totals)
        await self._work.batches.count(held, chunk.index, totals)


class _LineResults:
    """Collects the results of some lines, and counts the checks for them."""

    def __init__(self, queries: ReadModelQueries, batch: Batch, lines: Sequence[ValidLine]) -> None:
        self.checks = 0
        self._queries = queries
        self._batch = batch
        self._lines = lines
        self._outcomes: dict[str, LineOutcome] = {}
        self._splits: dict[str, LineSplit] = {}

    async def check(self) -> Ready[list[LineResult]] | Pending:
        """The results of all lines, or the key of the last missing one. When that arrives, most others have arrived."""
        self.checks += 1
        found = booking.chunk_state(self._batch, self._lines, self._outcomes, self._splits)
        if found.without_outcome:
            asked = [booking.command_id(self._batch.batch_id, line.number) for line in found.without_outcome]
            self._outcomes |= await self._queries.outcomes(asked)
            found = booking.chunk_state(self._batch, self._lines, self._outcomes, self._splits)
        if found.without_split:
            self._splits |= await self._queries.splits(found.without_split)
            found = booking.chunk_state(self._batch, self._lines, self._outcomes, self._splits)
        if found.without_outcome:
            last = booking.command_id(self._batch.batch_id, found.without_outcome[-1].number)
            return Pending((Key(outcomes.PROJECTION.name, last),))
        if found.without_split:
            return Pending((Key(reports.PROJECTION.name, found.without_split[-1]),))
        return Ready(found.results)


class BatchJob:
    """Claims several files at a time, checks or books them, and deletes expired files and unfinished uploads.

    ``finish_within`` is the time in seconds that a stop gives to the chunks in progress. ``changes`` is entered while a
    file is in progress: it lets the waits for outcomes learn of changes.
    """

    def __init__(
        self,
        *,
        batches: BatchStore,
        worker: BatchWorker,
        now: Callable[[], Awaitable[datetime]],
        poll: float,
        finish_within: float = _FINISH_SECONDS,
        changes: Callable[[], AbstractAsyncContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        self._changes = changes
        self._batches = batches
        self._worker = worker
        self._now = now
        self._poll = poll
        self._finish_within = finish_within
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._busy: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Start to claim files."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Finish the chunks in progress and release the files for another worker.

        For lines of a chunk that cannot be finished in time, the next worker waits.
        """
        self._worker.drain()
        if self._task is not None:
            await _cancel([self._task])
        if booking_files := list(self._busy.values()):
            _, unfinished = await asyncio.wait(booking_files, timeout=self._finish_within)
            await _cancel(unfinished)

    def notify(self) -> None:
        """Look for files now, because one may be ready to book."""
        self._wake.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        sweep_at = loop.time()
        while True:
            self._wake.clear()
            try:
                await self._claim_files()
                if loop.time() >= sweep_at:
                    sweep_at = loop.time() + _SWEEP_EVERY
                    await self.sweep()
            except PyMongoError as error:
                logger.warning("gateway.batches_wait", reason=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._wake.wait()

    async def _claim_files(self) -> None:
        for batch_id in await self._batches.waiting():
            if len(self._busy) >= _FILES_IN_PROGRESS:
                return
            if batch_id not in self._busy and (held := await self._batches.claim(batch_id)) is not None:
                self._busy[batch_id] = asyncio.create_task(self._book(held))

    async def _book(self, held: Batch) -> None:
        log = logger.bind(batch_id=held.batch_id, attempt=held.attempt)
        pause, has_failed = 0.0, False
        try:
            async with self._changes():
                if await self._worker.work(held):
                    log.info("gateway.batch_done", status=held.status, lines=held.good)
        except LeaseLost:
            log.warning("gateway.batch_lost")
        except (PyMongoError, KafkaUnavailable) as error:
            pause = _PAUSE_AFTER_ERROR
            log.warning("gateway.batch_waits", reason=type(error).__name__)
        except Exception:
            has_failed = True
            log.exception("gateway.batch_failed", failures=held.failures + 1)
        finally:
            del self._busy[held.batch_id]
            # If this fails, the lease expires.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_RELEASE_SECONDS):
                    await (self._failed(held) if has_failed else self._batches.release(held, seconds=pause))
            self._wake.set()

    async def _failed(self, held: Batch) -> None:
        """Try again later, except a check that has failed too often: the employer can book the file without it."""
        failures = held.failures + 1
        if held.status is BatchStatus.CHECKING and failures >= CHECK_ATTEMPTS:
            await self._batches.give_up_check(held)
            logger.error("gateway.check_given_up", batch_id=held.batch_id, failures=failures)
        else:
            await self._batches.fail(held, seconds=pause_after(failures))

    async def sweep(self) -> None:
        """Delete the lines of expired files, and unfinished uploads."""
        now = await self._now()
        for batch in await self._batches.abandoned(expired_at=now, received_before=now - _LONGEST_UPLOAD):
            if is_expired(batch, now):
                if await self._batches.change(batch.batch_id, batch.status, BatchStatus.CANCELLED):
                    await self._batches.delete_lines(batch.batch_id)
            else:
                await self._batches.drop(batch)


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in (cancelled := list(tasks)):
        task.cancel()
    await asyncio.gather(*cancelled, return_exceptions=True)
