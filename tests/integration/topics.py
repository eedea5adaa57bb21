"""Publishes and reads records as any Kafka client can."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from frikort_contracts.cloudevents import BrokenContract, Envelope, Record, decode, encode
from frikort_contracts.messages import Message
from frikort_contracts.topics import Topic, topic_of

from deploy.local.kafka_users import KafkaAccess
from services.runtime.kafka.producer import KafkaProducer
from tests.sources import source_for
from tests.waiting import eventually


@asynccontextmanager
async def producer_of(access: KafkaAccess) -> AsyncIterator[KafkaProducer]:
    producer = KafkaProducer(access.settings(), client_id="test-integration", timeout=20)
    try:
        yield producer
    finally:
        await producer.stop()


async def publish(access: KafkaAccess, records: Sequence[Record]) -> None:
    async with producer_of(access) as producer:
        await producer.publish(records)


async def read_all(access: KafkaAccess, *topics: str) -> list[Record]:
    """Every record that is on ``topics`` now (all topics if none is named), in order for each partition."""
    consumer = AIOKafkaConsumer(**access.options(), enable_auto_commit=False)
    await consumer.start()
    try:
        names = topics or [name for name in await consumer.topics() if not name.startswith("__")]
        async with producer_of(access) as producer:
            counts = await producer.partitions(names)
        partitions = [TopicPartition(name, number) for name, count in counts.items() for number in range(count)]
        ends = await consumer.end_offsets(partitions)
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        records: list[Record] = []
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                records += [Record(r.topic, r.key or b"", r.value or b"", tuple(r.headers)) for r in batch]
        return records
    finally:
        await consumer.stop()


async def records_about(access: KafkaAccess, kind: type[Message], wanted: Callable[[Any], bool]) -> list[Record]:
    """The records of one type whose message is ``wanted``, in order for each key. Invalid ones are skipped."""
    topic = topic_of(kind)
    return [record for record in await read_all(access, topic.name) if _is(kind, record, topic, wanted)]


def _is(kind: type[Message], record: Record, topic: Topic, wanted: Callable[[Any], bool]) -> bool:
    try:
        message = decode(topic, record.value, record.headers)
    except BrokenContract:
        return False
    return isinstance(message.data, kind) and wanted(message.data)


async def dead_letters(access: KafkaAccess, topic: Topic, values: Sequence[bytes]) -> dict[bytes, list[Record]]:
    """The dead letters of ``values``, once each reader of ``topic`` has published all of them."""

    readers = {"gateway" if reader == "projections" else reader for reader in topic.readers}

    async def found() -> dict[bytes, list[Record]] | None:
        dead: dict[bytes, list[Record]] = {value: [] for value in values}
        for record in await read_all(access, topic.dead):
            if record.value in dead:
                dead[record.value].append(record)
        services = [{dict(record.headers)["dead_service"].decode() for record in records} for records in dead.values()]
        return dead if all(readers <= found for found in services) else None

    return await eventually(found, what=f"the dead letters on {topic.dead}")


def message_record(message: Message, *, at: datetime, message_id: UUID | None = None) -> Record:
    """A message as its sender would publish it."""
    return encode(_envelope(message, at.astimezone(UTC), message_id or uuid4()))


def _envelope(message: Message, time: datetime, message_id: UUID) -> Envelope[Message]:
    return Envelope(id=message_id, time=time, source=source_for(message), data=message, correlation_id=message_id)
