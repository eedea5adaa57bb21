"""The one shape in which a topic is consumed here (FastStream's defaults lose messages; see ``docs/decisions/``).

What was fetched goes in lanes side by side, which touch no common document. In each: batches, and offsets committed by
hand behind those that are wholly done. A rebalance waits for the batches in hand and for their commit, and no other
begins. The parser cannot fail. An error that may pass is tried again with backoff; any other stops the service:
nothing is skipped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, cast

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from pymongo.errors import PyMongoError

from services.runtime import metrics
from services.runtime.backoff import delays, is_set_within
from services.runtime.kafka.producer import KafkaUnavailable
from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchProcessor
from services.runtime.processing.decision import DocumentSet
from services.runtime.processing.offset_committer import OffsetCommitter
from services.runtime.processing.partition_workers import Lane, PartitionWorkers
from services.runtime.settings import RuntimeSettings

logger = structlog.get_logger(__name__)

RETRYABLE_ERRORS = (PyMongoError, KafkaError, KafkaUnavailable, OSError, TimeoutError)
_ASK_SECONDS = 3.0
# What is fetched of a partition is about a batch: it is taken partition by partition, and each is a lane.
_RECORD_BYTES = 1024


class RecordsLost(RuntimeError):
    """Records were deleted from a topic before they were read. Going on would pass them over in silence."""

    def __init__(self, partition: TopicPartition, first: int, found: int) -> None:
        super().__init__(
            f"records {first} to {found - 1} of {partition.topic}/{partition.partition} are gone and were never read: "
            "retention or an administrator deleted them"
        )


def group_of(service: str, processors: Iterable[DocumentSet[Any]]) -> str:
    """The consumer group of a service. With another processor it is another group, which begins at the start."""
    return f"frikort.{service}.{'+'.join(processor.name for processor in processors)}"


class BatchConsumer(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """Feeds the loops of a service from Kafka, and commits what all that read it have finished."""

    def __init__(
        self,
        *,
        broker: KafkaBroker,
        loops: Sequence[BatchProcessor[Any]],
        group: str,
        settings: RuntimeSettings,
        stop_service: Callable[[str], None],
    ) -> None:
        self.name = "+".join(loop.name for loop in loops)
        self.joined = False
        self.stall_timeout = settings.stall_timeout
        self.trouble: str | None = None
        self.trouble_since: datetime | None = None
        self.last_progress: datetime | None = None
        self._loops = loops
        self._batch_records = settings.batch_records
        self._pace = settings.pace
        self._next_small = 0.0
        self._stop_service = stop_service
        self._lanes = PartitionWorkers(self._work_off, most=settings.batch_records)
        self._let_go = asyncio.Event()
        self._stopping = False
        self._failed = False
        self._next: dict[TopicPartition, int] = {}
        self._commits = OffsetCommitter(
            self.name, consumer=lambda: self.consumer, committed=self._next.update, fail=self._fail
        )
        self._expected: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._behind_since: float | None = None
        self._subscriber = broker.subscriber(
            *sorted(frozenset[str]().union(*(loop.topics for loop in loops))),
            group_id=group,
            max_partition_fetch_bytes=_RECORD_BYTES * settings.batch_records,
            fetch_max_wait_ms=100,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            # One member gets the same partition numbers of all topics: what touches one document stays together.
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=int(settings.session_timeout * 1000),
            heartbeat_interval_ms=int(settings.session_timeout * 1000 / 4),
            rebalance_timeout_ms=60_000,
            listener=self,
            parser=self._parse,
            decoder=_undecoded,
        )
        self._subscriber(self._handle)

    @property
    def consumer(self) -> AIOKafkaConsumer | None:
        """The Kafka consumer, while it runs."""
        return self._subscriber.consumer

    @property
    def death(self) -> str | None:
        """Why this consumer will never read again, if so."""
        if self._failed:
            return self.trouble
        if self._stopping or self.consumer is None:
            return None
        if all(task.done() for task in self._subscriber.tasks):
            return "the consume task has ended"
        return None

    def lag(self) -> dict[TopicPartition, int]:
        """Records that wait, for each partition assigned to this instance."""
        consumer = self.consumer
        if consumer is None:
            return {}
        ends = {p: max(consumer.highwater(p) or 0, self._ends.get(p, 0)) for p in consumer.assignment()}
        return {p: max(end - self._next[p], 0) for p, end in ends.items() if p in self._next}

    async def refresh_lag(self) -> None:
        """Ask Kafka where the partitions end: a consumer that no longer fetches would not notice that it lags."""
        if (consumer := self.consumer) is not None:
            await self._learn_positions()
            self._ends = await consumer.end_offsets(consumer.assignment())

    def stalled_for(self) -> float:
        """Seconds for which records have waited without any progress, as far as has been looked."""
        if not any(self.lag().values()):
            self._behind_since = None
            return 0.0
        now = time.monotonic()
        if self._behind_since is None:
            self._behind_since = now
        return now - self._behind_since

    async def start(self) -> None:
        """Join the group, once: a try that fails leaves nothing behind that would hold partitions."""
        if self.consumer is not None:
            return
        try:
            await self._subscriber.start()
        except BaseException:
            await self._subscriber.stop()
            raise

    async def stop(self) -> None:
        """Finish the batch in hand and leave the group. A batch that cannot be done now is left to be redelivered."""
        self._stopping = True
        await self._let_go_of_all()
        await self._subscriber.stop()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Let the batch in hand finish and commit before its partitions go to another instance."""
        await self._let_go_of_all()
        self.joined = False
        for positions in (self._next, self._expected, self._ends):
            positions.clear()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        if not self._stopping:
            self._let_go.clear()
        self.joined = True
        logger.info("runtime.assigned", processor=self.name, partitions=len(assigned))
        try:
            await self._learn_positions()
        except RETRYABLE_ERRORS as error:
            logger.warning("runtime.positions_wait", processor=self.name, reason=type(error).__name__)
        except RecordsLost as lost:
            logger.critical("runtime.stopped", processor=self.name, reason=str(lost))
            self._fail(lost)

    async def _parse(self, first: ConsumerRecord[bytes, bytes]) -> KafkaMessage:
        # FastStream's own parser decodes headers and raises on bytes that are no UTF-8: the record would be skipped.
        # Its batches are polled for, with a sleep after each empty poll; a single record comes when it is there.
        records = [first]
        if (consumer := self.consumer) is not None and not self._let_go.is_set():
            try:
                records += await self._all_there(consumer)
                few = not self._lanes.are_worth_a_batch(len(records))
                early = self._next_small - time.monotonic()
                if few and early > 0 and not await is_set_within(self._let_go, early):
                    records += await self._all_there(consumer)
                self._next_small = time.monotonic() + self._pace
            except (KafkaError, ConsumerStoppedError) as error:
                logger.warning("runtime.fetch_failed", processor=self.name, reason=type(error).__name__)
            except Exception as error:
                logger.critical("runtime.stopped", processor=self.name, reason=str(error), exc_info=True)
                self._fail(error)
        return KafkaMessage(raw_message=first, body=records, consumer=FAKE_CONSUMER)

    async def _all_there(self, consumer: AIOKafkaConsumer) -> Iterable[ConsumerRecord[bytes, bytes]]:
        fetched = await consumer.getmany(timeout_ms=0, max_records=self._batch_records)
        return chain.from_iterable(fetched.values())

    async def _handle(self, message: KafkaMessage) -> None:
        await self._lanes.take(message.body)
        # Returning would let the next records, and their commit, pass over what failed: only a stop lets go.
        while self._failed and not self._stopping:
            self._let_go.clear()
            await self._let_go.wait()

    async def _let_go_of_all(self) -> None:
        """Let the batches in hand finish and commit, and begin no other."""
        self._let_go.set()
        await self._lanes.done()
        await self._commits.finish()

    async def _work_off(self, lane: Lane) -> None:
        """Carry a lane out, a batch at a time, until it must be let go. What is done is committed soon."""
        try:
            for start in range(0, len(lane), self._batch_records):
                batch = lane[start : start + self._batch_records]
                if self._let_go.is_set() or self._failed or not await self._carry_out(batch):
                    return
                ends = {(record.topic, record.partition): record.offset + 1 for record in batch}
                self._commits.done({TopicPartition(*place): end for place, end in ends.items()})
        except Exception as error:
            logger.critical("runtime.stopped", processor=self.name, reason=str(error), exc_info=True)
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._failed = True
        self._in_trouble(error)
        self._stop_service(f"{self.name}: {self.trouble}")

    def _in_trouble(self, error: Exception) -> None:
        self.trouble = f"{type(error).__name__}: {error}"
        self.trouble_since = self.trouble_since or datetime.now(UTC)

    def _progressed(self) -> None:
        self.trouble = self.trouble_since = self._behind_since = None
        self.last_progress = datetime.now(UTC)

    async def _learn_positions(self) -> None:
        """Where each assigned partition was left by its last reader. Raises ``RecordsLost``."""
        consumer = self.consumer
        unknown = [] if consumer is None else [p for p in consumer.assignment() if p not in self._next]
        if consumer is None or not unknown:
            return
        async with asyncio.timeout(_ASK_SECONDS):
            first = await consumer.beginning_offsets(unknown)
            committed = dict(zip(unknown, await asyncio.gather(*map(consumer.committed, unknown)), strict=True))
        for partition in consumer.assignment().intersection(unknown):
            left = committed[partition]
            if left is not None and left < first[partition]:
                raise RecordsLost(partition, left, first[partition])
            self._next.setdefault(partition, first[partition] if left is None else left)

    def _check_nothing_is_missing(self, records: Lane) -> None:
        partition = None
        for record in records:
            if partition is None or partition != (record.topic, record.partition):
                partition = TopicPartition(record.topic, record.partition)
            # There are no gaps otherwise: these topics are not compacted, and nobody writes in transactions.
            if record.offset > self._expected.get(partition, record.offset):
                raise RecordsLost(partition, self._expected[partition], record.offset)
            self._expected[partition] = record.offset + 1

    async def _carry_out(self, records: Lane) -> bool:
        """True when all who read it are done with the batch; False if it must be let go while it cannot be done."""
        self._check_nothing_is_missing(records)
        parts = [(loop, [record for record in records if record.topic in loop.topics]) for loop in self._loops]
        done = await asyncio.gather(
            *(self._go_through(loop, of_it) for loop, of_it in parts if of_it), return_exceptions=True
        )
        for failure in done:
            if isinstance(failure, BaseException):
                raise failure
        if not all(done):
            return False
        self._progressed()
        return True

    async def _go_through(self, loop: BatchProcessor[Any], records: Lane) -> bool:
        # A record of aiokafka's has all that is asked of an incoming one.
        batch = cast("Sequence[Incoming]", records)
        pauses = delays()
        while True:
            started = time.perf_counter()
            try:
                result = await loop.process(batch)
            except RETRYABLE_ERRORS as error:
                self._in_trouble(error)
                delay = next(pauses)
                metrics.RETRIES.labels(loop.name, type(error).__name__).inc()
                logger.warning("runtime.batch_waits", processor=loop.name, reason=self.trouble, seconds=delay)
                if await is_set_within(self._let_go, delay):
                    return False
            else:
                metrics.APPLIED.labels(loop.name).inc(result.applied)
                metrics.PUBLISHED.labels(loop.name).inc(result.published)
                metrics.DEAD.labels(loop.name).inc(result.dead)
                metrics.BATCH_SECONDS.labels(loop.name).observe(time.perf_counter() - started)
                return True


async def _undecoded(_: KafkaMessage) -> None:
    return None
