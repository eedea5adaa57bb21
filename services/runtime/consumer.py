"""The one shape in which a topic is consumed here (FastStream's defaults lose messages; see ``docs/decisions/``).

Batches, offsets committed by hand after the batch is wholly done, a lock held over batch and commit that a rebalance
waits for, and a parser that cannot fail. An error that may pass is tried again with backoff; any other stops the
service: nothing is skipped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from pymongo.errors import PyMongoError

from services.runtime import metrics
from services.runtime.fold import Incoming
from services.runtime.log import LogUnavailable
from services.runtime.loop import Loop
from services.runtime.settings import RuntimeSettings

logger = structlog.get_logger(__name__)

MAY_PASS = (PyMongoError, KafkaError, LogUnavailable, OSError, TimeoutError)
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0


def group_of(service: str, processor: str) -> str:
    """The consumer group of a service's processor."""
    return f"frikort.{service}.{processor}"


class LoopConsumer(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """Feeds one loop from Kafka and commits what it has finished."""

    def __init__(
        self,
        *,
        broker: KafkaBroker,
        loop: Loop[Any],
        name: str,
        group: str,
        topics: Collection[str],
        settings: RuntimeSettings,
        stop_service: Callable[[str], None],
    ) -> None:
        self.name = name
        self.trouble: str | None = None
        self.joined = False
        self._loop = loop
        self._stop_service = stop_service
        self._in_hand = asyncio.Lock()
        self._revoking = asyncio.Event()
        self._next: dict[TopicPartition, int] = {}
        self._subscriber = broker.subscriber(
            *topics,
            group_id=group,
            batch=True,
            max_records=settings.batch_records,
            batch_timeout_ms=10,
            fetch_max_wait_ms=100,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(StickyPartitionAssignor,),
            session_timeout_ms=int(settings.session_timeout * 1000),
            heartbeat_interval_ms=int(settings.session_timeout * 1000 / 4),
            rebalance_timeout_ms=60_000,
            listener=self,
            parser=_parse,
            decoder=_undecoded,
        )
        self._subscriber(self._handle)

    @property
    def consumer(self) -> AIOKafkaConsumer | None:
        """The Kafka consumer, while it runs."""
        return self._subscriber.consumer

    def lag(self) -> dict[TopicPartition, int]:
        """Records that wait, for each partition assigned to this instance."""
        consumer = self.consumer
        if consumer is None:
            return {}
        ends = {partition: consumer.highwater(partition) for partition in consumer.assignment()}
        return {p: max(end - self._next.get(p, end), 0) for p, end in ends.items() if end is not None}

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Let the batch in hand finish and commit before its partitions go to another instance."""
        self._revoking.set()
        async with self._in_hand:
            self.joined = False
            self._next.clear()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._revoking.clear()
        self.joined = True
        logger.info("runtime.assigned", processor=self.name, partitions=len(assigned))

    async def _handle(self, message: KafkaMessage) -> None:
        records: Sequence[ConsumerRecord[bytes, bytes]] = message.raw_message
        async with self._in_hand:
            try:
                if await self._carry_out([_incoming(record) for record in records]):
                    await self._commit(records)
            except Exception as error:
                # Returning would let the next commit pass over this batch: stop the service, and hold still.
                logger.critical("runtime.stopped", processor=self.name, exc_info=True)
                self.trouble = f"{type(error).__name__}: {error}"
                self._stop_service(f"{self.name}: {self.trouble}")
                await asyncio.Event().wait()

    async def _carry_out(self, batch: Sequence[Incoming]) -> bool:
        """True when the batch is done; False if its partitions are being taken away while it cannot be done."""
        delay = _FIRST_DELAY
        while True:
            started = time.perf_counter()
            try:
                result = await self._loop.process(batch)
            except MAY_PASS as error:
                self.trouble = f"{type(error).__name__}: {error}"
                metrics.RETRIES.labels(self.name, type(error).__name__).inc()
                logger.warning("runtime.batch_waits", processor=self.name, because=self.trouble, seconds=delay)
                if await self._revoked_within(delay):
                    return False
                delay = min(2 * delay, _LONGEST_DELAY)
            else:
                self.trouble = None
                metrics.APPLIED.labels(self.name).inc(result.applied)
                metrics.PUBLISHED.labels(self.name).inc(result.published)
                metrics.DEAD.labels(self.name).inc(result.dead)
                metrics.BATCH_SECONDS.labels(self.name).observe(time.perf_counter() - started)
                return True

    async def _committed(self, offsets: dict[TopicPartition, int]) -> bool:
        """Commit, trying again while the partitions are ours: who waits for a position must not wait for the next."""
        delay = _FIRST_DELAY
        while (consumer := self.consumer) is not None:
            try:
                await consumer.commit(offsets)
            except (CommitFailedError, IllegalStateError) as error:
                # The partitions have gone to another instance, which will find the batch applied.
                logger.info("runtime.commit_refused", processor=self.name, because=type(error).__name__)
                return False
            except KafkaError as error:
                logger.warning("runtime.commit_waits", processor=self.name, because=type(error).__name__)
                if await self._revoked_within(delay):
                    return False
                delay = min(2 * delay, _LONGEST_DELAY)
            else:
                return True
        return False

    async def _revoked_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._revoking.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _commit(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        offsets = {TopicPartition(record.topic, record.partition): record.offset + 1 for record in records}
        if not await self._committed(offsets):
            return
        self._next.update(offsets)
        for partition, waiting in self.lag().items():
            metrics.LAG.labels(self.name, partition.topic, str(partition.partition)).set(waiting)


def _incoming(record: ConsumerRecord[bytes, bytes]) -> Incoming:
    return Incoming(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
    )


async def _parse(records: tuple[ConsumerRecord[bytes, bytes], ...]) -> KafkaMessage:
    # FastStream's own parser decodes headers and raises on bytes that are no UTF-8, and the batch would be skipped.
    return KafkaMessage(raw_message=records, body=b"", consumer=FAKE_CONSUMER)


async def _undecoded(_: KafkaMessage) -> None:
    return None
