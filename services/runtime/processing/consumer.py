"""Reads records as a member of a consumer group, processes them in batches, and commits their offsets.

``Consumer`` is the port: Kafka implements it in ``services.runtime.kafka.consumer``, the simulation in
``tests/simulation``. Everything here runs unchanged in both. Time is the event loop's, which the simulation replaces.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog

from services.runtime import metrics
from services.runtime.backoff import delays, is_set_within
from services.runtime.errors import describe
from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchHandler
from services.runtime.processing.gap_check import is_complete
from services.runtime.processing.offset_committer import OffsetCommitter
from services.runtime.processing.partition_workers import PartitionWorkers
from services.runtime.processing.policies import BatchPolicy, CommitPolicy
from services.runtime.processing.positions import (
    AppliedPositions,
    Offsets,
    Partition,
    Positions,
    RecordsLost,
    StartOffset,
)

logger = structlog.get_logger(__name__)

_POLL_SECONDS: Final = 1.0
_POSITIONS_SECONDS: Final = 3.0


class RebalanceListener(Protocol):
    """Called when partitions are revoked or assigned. The rebalance waits for each call to return."""

    async def revoked(self) -> None:
        """Before all partitions are revoked: finish the batches in progress, commit, and process no further record."""
        ...

    async def assigned(self, partitions: Collection[Partition]) -> None:
        """After ``partitions`` were assigned; each is read from its committed offset."""
        ...


class MembershipLost(Exception):
    """A member of a consumer group can read and commit no more. It does not join again by itself."""


class Consumer(Protocol):
    """One member of a consumer group. Errors that may be retried are of the ``retryable`` types."""

    async def start(self, listener: RebalanceListener) -> None:
        """Join the group. A failed start leaves no member behind."""
        ...

    async def stop(self) -> None:
        """Leave the group."""
        ...

    async def poll(self, *, max_records: int, max_wait: float) -> Sequence[Incoming]:
        """The next records, in order for each partition; waits up to ``max_wait`` seconds for the first.

        An error leaves its position unchanged. Raises ``MembershipLost``; then the member may stop and start again.
        """
        ...

    async def commit(self, offsets: Offsets) -> None:
        """Commit the next offset to read of each partition. Raises ``CommitRefused``."""
        ...

    def assignment(self) -> Sequence[Partition]:
        """The partitions that are assigned to this member."""
        ...

    async def start_offsets(self, partitions: Sequence[Partition]) -> Mapping[Partition, StartOffset]:
        """Where each of ``partitions`` begins, and what the group has committed of it."""
        ...

    async def end_offsets(self, partitions: Sequence[Partition]) -> Offsets:
        """The offset after the last record of each of ``partitions``."""
        ...

    def last_known_ends(self) -> Offsets:
        """The end offsets of all assigned partitions as of the last fetch."""
        ...


class BatchConsumer:
    """Runs the processors of a process, and commits a record when every processor of its topic has finished it.

    A batch is retried with backoff after a retryable error, as long as its partitions are assigned. Any other error
    stops the service through ``stop_service``: the next commit would pass over the batch.
    ``applied`` gets the positions before they are committed.
    """

    def __init__(
        self,
        *,
        consumer: Consumer,
        processors: Sequence[BatchHandler],
        batching: BatchPolicy,
        committing: CommitPolicy,
        retryable: tuple[type[Exception], ...],
        stop_service: Callable[[str], None],
        stall_timeout: float = 60.0,
        applied: AppliedPositions | None = None,
    ) -> None:
        self.name = "+".join(processor.name for processor in processors)
        self.joined = False
        self.stall_timeout = stall_timeout
        self.failure: str | None = None
        self.failing_since: datetime | None = None
        self.last_progress: datetime | None = None
        self._consumer = consumer
        self._applied = applied
        self._processors = tuple(processors)
        self.readers = {processor.reader: processor.topics for processor in processors}
        metrics.prepare(self.readers)
        self._batching = batching
        self._retryable = retryable
        self._stop_service = stop_service
        self._workers = PartitionWorkers(self._process_partitions, batching)
        self._positions = Positions()
        self._committer = OffsetCommitter(
            self.name,
            commit=self._commit,
            policy=committing,
            retryable=retryable,
            on_committed=self._positions.committed,
            on_failure=self._fail,
        )
        self._task: asyncio.Task[None] | None = None
        self._draining = asyncio.Event()
        self._may_poll = asyncio.Event()
        self._may_poll.set()
        self._fetch_limit: asyncio.Timeout | None = None
        self._not_fetching = asyncio.Event()
        self._not_fetching.set()
        self._stopping = False
        self._failed = False
        self._drains = 0
        self._next_small_batch = 0.0
        self._ends: dict[Partition, int] = {}
        self._behind_since: float | None = None

    @property
    def death(self) -> str | None:
        """Why this consumer will never read again, or None."""
        if self._failed:
            return self.failure
        if self._stopping or self._task is None or not self._task.done():
            return None
        return "the consume task has ended"

    def lag(self) -> dict[Partition, int]:
        """Records that wait, for each partition assigned to this instance."""
        ends = self._consumer.last_known_ends()
        return self._positions.lag({p: max(end, self._ends.get(p, 0)) for p, end in ends.items()})

    async def refresh_lag(self) -> None:
        """Ask for the ends of the partitions: a consumer that no longer fetches would not notice that it lags."""
        await self._load_start_offsets()
        self._ends = dict(await self._consumer.end_offsets(self._consumer.assignment()))

    def stalled_for(self) -> float:
        """Seconds for which records have waited without progress, counted from the first call that saw it."""
        if not any(self.lag().values()):
            self._behind_since = None
            return 0.0
        now = _now()
        if self._behind_since is None:
            self._behind_since = now
        return now - self._behind_since

    async def start(self) -> None:
        """Join the group and consume. May be called again after it raised."""
        if self._task is None:
            await self._consumer.start(self)
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Finish the batches in progress, commit and leave the group. A batch that cannot finish is redelivered."""
        self._stopping = True
        await self.drain()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()

    async def revoked(self) -> None:
        """Finish and commit the batches in progress, before their partitions go to another member."""
        await self.drain()
        for processor in self._processors:
            processor.revoked()
        self.joined = False
        self._positions.clear()
        self._ends.clear()

    async def assigned(self, partitions: Collection[Partition]) -> None:
        """Begin to read ``partitions``."""
        if not self._stopping:
            self._draining.clear()
            self._may_poll.set()
        self.joined = True
        logger.info("runtime.assigned", processor=self.name, partitions=len(partitions))
        try:
            await self._load_start_offsets()
        except self._retryable as error:
            logger.warning("runtime.positions_wait", processor=self.name, reason=type(error).__name__)
        except RecordsLost as lost:
            self._stop(lost)

    async def drain(self) -> None:
        """Finish and commit the batches in progress, and start no others."""
        self._drains += 1
        self._may_poll.clear()
        self._draining.set()
        await self._end_fetch()
        self._workers.discard_waiting()
        await self._workers.until_idle()
        await self._committer.flush()

    async def _end_fetch(self) -> None:
        """End a fetch in progress: its records must not be mistaken for records of the next assignment."""
        if self._fetch_limit is not None and not self._fetch_limit.expired():
            self._fetch_limit.reschedule(_now())
        await self._not_fetching.wait()

    async def _run(self) -> None:
        backoff_delays = delays()
        while not self._failed:
            await self._may_poll.wait()
            if self._draining.is_set():  # a drain began before this task woke up
                continue
            try:
                records = await self._fetch()
            except MembershipLost as lost:
                await self._join_again(lost)
            except self._retryable as error:
                logger.warning("runtime.fetch_failed", processor=self.name, reason=type(error).__name__)
                await is_set_within(self._draining, next(backoff_delays))
            except Exception as error:  # noqa: BLE001 - logged, and stops the service
                self._stop(error)
            else:
                backoff_delays = delays()
                self._workers.add(records)
                await self._workers.until_room()

    async def _join_again(self, lost: MembershipLost) -> None:
        """Give up the partitions and join the group as a new member, which reads from the committed offsets."""
        logger.warning("runtime.membership_lost", processor=self.name, reason=str(lost))
        await self.revoked()
        backoff_delays = delays()
        while True:
            try:
                await self._consumer.stop()
                await self.revoked()  # the old member may have got partitions before it stopped
                return await self._consumer.start(self)
            except self._retryable as error:
                logger.warning("runtime.join_failed", processor=self.name, reason=type(error).__name__)
                await asyncio.sleep(next(backoff_delays))
            except Exception as error:  # noqa: BLE001 - logged, and stops the service
                return self._stop(error)

    async def _fetch(self) -> Sequence[Incoming]:
        """The next records; none if a drain ended the fetch. Records that it had fetched are delivered again."""
        self._not_fetching.clear()
        try:
            async with asyncio.timeout(None) as limit:
                self._fetch_limit = limit
                return await self._next_records()
        except TimeoutError:
            if limit.expired():
                return ()
            raise
        finally:
            self._fetch_limit = None
            self._not_fetching.set()

    async def _next_records(self) -> Sequence[Incoming]:
        """The next records. A small batch waits until the policy allows it, and takes records that arrive meanwhile."""
        policy = self._batching
        records = await self._consumer.poll(max_records=policy.max_records, max_wait=_POLL_SECONDS)
        at_once = (policy.burst - 1) * policy.max_wait
        early = self._next_small_batch - at_once - _now()
        if records and len(records) < policy.min_records and early > 0:
            await asyncio.sleep(early)
            try:
                more = await self._consumer.poll(max_records=policy.max_records, max_wait=0)
            except self._retryable as error:
                logger.warning("runtime.fetch_failed", processor=self.name, reason=type(error).__name__)
            else:
                records = [*records, *more]
        if records:
            now = _now()
            self._next_small_batch = min(max(self._next_small_batch, now), now + at_once) + policy.max_wait
        return records

    async def _process_partitions(self, records: Sequence[Incoming]) -> None:
        """Process ``records`` in batches. Stops early after a drain or a failure."""
        most = self._batching.max_records
        try:
            for start in range(0, len(records), most):
                batch = records[start : start + most]
                if self._draining.is_set() or self._failed or not await self._process_batch(batch):
                    return
                self._committer.add({Partition(r.topic, r.partition): r.offset + 1 for r in batch})
        except Exception as error:  # noqa: BLE001 - logged, and stops the service
            self._stop(error)

    async def _process_batch(self, batch: Sequence[Incoming]) -> bool:
        """Process ``batch`` with every processor of its topics. False if a drain ended the retries of one."""
        if not await is_complete(
            batch,
            self._positions,
            self._consumer.start_offsets,
            retryable=self._retryable,
            draining=self._draining,
        ):
            return False
        parts = [(p, _of_topics(batch, p.topics)) for p in self._processors]
        done = await asyncio.gather(
            *(self._process_with_retry(processor, part) for processor, part in parts if part), return_exceptions=True
        )
        for failure in done:
            if isinstance(failure, BaseException):
                raise failure
        if not all(done):
            return False
        self.failure = self.failing_since = self._behind_since = None
        self.last_progress = datetime.now(UTC)
        return True

    async def _process_with_retry(self, processor: BatchHandler, batch: Sequence[Incoming]) -> bool:
        backoff_delays = delays()
        while True:
            started = _now()
            try:
                result = await processor.process(batch)
            except self._retryable as error:
                self._record_failure(error)
                delay = next(backoff_delays)
                metrics.RETRIES.labels(processor.reader).inc()
                logger.warning("runtime.batch_waits", processor=processor.name, reason=self.failure, seconds=delay)
                if await is_set_within(self._draining, delay):
                    return False
            else:
                metrics.APPLIED.labels(processor.reader).inc(result.applied)
                metrics.PUBLISHED.labels(processor.reader).inc(result.published)
                metrics.DEAD.labels(processor.reader).inc(result.dead)
                metrics.BATCH_SECONDS.labels(processor.reader).observe(_now() - started)
                return True

    async def _commit(self, offsets: Offsets) -> None:
        # In this order, so that a store is never behind its group.
        if self._applied is not None:
            await self._applied.add(offsets)
        await self._consumer.commit(offsets)

    async def _load_start_offsets(self) -> None:
        """Fetch the start offsets of newly assigned partitions. Raises ``RecordsLost``."""
        drains_before = self._drains
        unknown = self._positions.unknown(self._consumer.assignment())
        if not unknown:
            return
        async with asyncio.timeout(_POSITIONS_SECONDS):
            starts = await self._consumer.start_offsets(unknown)
        if drains_before == self._drains:
            self._positions.set_starts(starts)

    def _stop(self, error: Exception) -> None:
        logger.critical("runtime.stopped", processor=self.name, reason=describe(error), exc_info=error)
        self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._failed = True
        self._record_failure(error)
        self._stop_service(f"{self.name}: {self.failure}")

    def _record_failure(self, error: Exception) -> None:
        self.failure = describe(error)
        self.failing_since = self.failing_since or datetime.now(UTC)


def _of_topics(records: Sequence[Incoming], topics: Collection[str]) -> Sequence[Incoming]:
    return [record for record in records if record.topic in topics]


def _now() -> float:
    return asyncio.get_running_loop().time()
