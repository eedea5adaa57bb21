"""The Kafka producer: durable, keyed publishing, and the positions of topics and groups.

The producer is aiokafka's own: FastStream's passes on neither raw headers nor the futures of a batch in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.partitioner import DefaultPartitioner
from frikort_contracts.cloudevents import Record
from frikort_contracts.extracts import Position
from frikort_contracts.topics import Topic

from services.runtime.error_kinds import problem_of
from services.runtime.kafka.connection import client_options
from services.runtime.kafka.topics.added_partitions import used_partitions
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.processing.positions import Offsets, Partition
from services.runtime.processing.unwritable import CannotBeWritten
from services.runtime.safety_checks import MOST_DEAD_LETTER_BYTES
from services.runtime.settings import KafkaSettings

logger = structlog.get_logger(__name__)

_CLOSE_SECONDS = 3.0
_PARTITIONER = DefaultPartitioner()


class KafkaProducer:
    """Publishes records and reads positions. Every call has a time limit."""

    def __init__(self, settings: KafkaSettings, *, client_id: str, timeout: float) -> None:
        self._connection = {**client_options(settings), "client_id": client_id}
        self.options: Mapping[str, Any] = {
            **self._connection,
            "enable_idempotence": True,
            "acks": "all",
            "compression_type": "zstd",  # docs/capacity.md
            "linger_ms": 2,
            "max_batch_size": 256 * 1024,
            "max_request_size": MOST_DEAD_LETTER_BYTES,
        }
        self._servers = settings.kafka
        self._timeout = timeout
        self._producer: AIOKafkaProducer | None = None
        self._admin: AIOKafkaAdminClient | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Connect. Raises ``KafkaUnavailable``."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._started_producer()
        except (KafkaError, TimeoutError, OSError) as error:
            raise KafkaUnavailable(f"Kafka at {self._servers} does not answer") from error

    async def stop(self) -> None:
        """Flush and close, within a few seconds."""
        await self._drop_producer()
        await self._drop_admin()

    async def publish(self, records: Sequence[Record]) -> None:
        """Publish with ``acks=all``, in order for each key; return when all are acknowledged.

        Raises ``KafkaUnavailable``, and ``CannotBeWritten`` if Kafka never takes one of them; then any of the records
        may or may not have been appended.
        """
        if not records:
            return
        producer = None
        try:
            async with asyncio.timeout(self._timeout):
                producer = await self._started_producer()
                by_partition = await _by_partition(producer, records)
                await asyncio.gather(*(_append(producer, partition, of) for partition, of in by_partition.items()))
        except (KafkaError, TimeoutError, OSError) as error:
            # An idempotent producer never gives up a batch and can stay stuck (aiokafka#1017): replace it, unless
            # another caller already has.
            if producer is self._producer:
                await self._drop_producer()
            if (problem := problem_of(error)) is not None:
                raise CannotBeWritten(problem) from error
            raise KafkaUnavailable(f"Kafka did not acknowledge: {type(error).__name__}") from error

    async def ping(self) -> None:
        """Raises ``KafkaUnavailable`` unless the cluster answers."""
        await self._admin_request(lambda admin: admin.describe_cluster())

    async def partitions(self, topics: Iterable[str]) -> dict[str, int]:
        """The number of partitions of each of ``topics`` that exists."""
        described = await self._admin_request(lambda admin: admin.describe_topics(list(topics)))
        return {d["topic"]: len(d["partitions"]) for d in described if not d["error_code"]}

    async def end_positions(self, topics: Iterable[Topic]) -> tuple[Position, ...]:
        """For every partition of ``topics``, the offset that the next record will get."""
        ends = await self.end_offsets(topics)
        return tuple(
            Position(topic=partition.topic, partition=partition.partition, offset=offset)
            for partition, offset in sorted(ends.items())
        )

    async def end_offsets(self, topics: Iterable[Topic]) -> Offsets:
        """The same as offsets by partition."""
        partitions = [TopicPartition(topic.name, p) for topic in topics for p in range(topic.partitions)]
        ends = await self._positions(lambda consumer: consumer.end_offsets(partitions))
        return {Partition(*place): offset for place, offset in ends.items()}

    async def first_positions(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The offset of the first record that each partition still has, or that it will get."""
        asked = [TopicPartition(*partition) for partition in partitions]
        first = await self._positions(lambda consumer: consumer.beginning_offsets(asked))
        return {Partition(*place): offset for place, offset in first.items()}

    async def _positions(
        self, request: Callable[[Any], Awaitable[dict[TopicPartition, int]]]
    ) -> dict[TopicPartition, int]:
        """The positions that a consumer without a group is asked for. Raises ``KafkaUnavailable``."""
        consumer = AIOKafkaConsumer(**self._connection, enable_auto_commit=False)
        try:
            async with asyncio.timeout(self._timeout):
                await consumer.start()
                return await request(consumer)
        except (KafkaError, TimeoutError, OSError) as error:
            raise KafkaUnavailable(f"Kafka did not return its positions: {type(error).__name__}") from error
        finally:
            await _within_limit(consumer.stop())

    async def committed_positions(self, group: str) -> dict[Partition, int]:
        """The committed offset of ``group`` for each partition that it has committed."""
        offsets = await self._admin_request(lambda admin: admin.list_consumer_group_offsets(group))
        return {Partition(*p): metadata.offset for p, metadata in offsets.items() if metadata.offset >= 0}

    async def _admin_request(self, request: Callable[[Any], Awaitable[Any]]) -> Any:
        try:
            async with asyncio.timeout(self._timeout):
                if self._admin is None:
                    admin = AIOKafkaAdminClient(**self._connection)
                    try:
                        await admin.start()
                    except BaseException:
                        await _within_limit(admin.close())
                        raise
                    self._admin = admin
                return await request(self._admin)
        except (KafkaError, TimeoutError, OSError) as error:
            await self._drop_admin()
            raise KafkaUnavailable(f"Kafka does not answer: {type(error).__name__}") from error

    async def _started_producer(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(**self.options)
                try:
                    await producer.start()
                except BaseException:
                    await _within_limit(producer.stop())
                    raise
                self._producer = producer
            return self._producer

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _within_limit(producer.stop())

    async def _drop_admin(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            await _within_limit(admin.close())


async def _by_partition(producer: AIOKafkaProducer, records: Sequence[Record]) -> Mapping[Partition, Sequence[Record]]:
    """The records of each partition, in their order. Records with one key share a partition."""
    numbers = {
        topic: used_partitions(topic, await producer.partitions_for(topic)) for topic in {r.topic for r in records}
    }
    by_partition: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        topic, key = record.topic, record.key
        among = numbers[topic]
        number = number_of(key, among) if key else _PARTITIONER(None, among, among)
        by_partition.setdefault((topic, number), []).append(record)
    return {Partition(*partition): of for partition, of in by_partition.items()}


@lru_cache(maxsize=20_000)
def number_of(key: bytes, among: tuple[int, ...]) -> int:
    """The partition number of a key. aiokafka hashes it in Python, which is the longest step of a publish."""
    return int(_PARTITIONER(key, among, among))


async def _append(producer: AIOKafkaProducer, partition: Partition, records: Iterable[Record]) -> None:
    """Append to a partition in batches made here; return when all are acknowledged.

    ``send`` would cost a future, a hash of the key and a metadata lookup for each record.
    """
    waiting: list[Awaitable[Any]] = []
    batch = producer.create_batch()
    for record in records:
        if not _fits(batch, record):
            waiting.append(await producer.send_batch(batch, partition.topic, partition=partition.partition))
            batch = producer.create_batch()
            _fits(batch, record)
    batch.close()
    waiting.append(await producer.send_batch(batch, partition.topic, partition=partition.partition))
    await asyncio.gather(*waiting)


def _fits(batch: Any, record: Record) -> bool:
    """Add a record to a batch if there is room; an empty batch takes any record."""
    key, value, headers = record.key or None, record.value or None, list(record.headers)
    return batch.append(timestamp=None, key=key, value=value, headers=headers) is not None


async def _within_limit(closing: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await closing
    except (KafkaError, TimeoutError, OSError):
        logger.warning("runtime.kafka_close_timed_out")
