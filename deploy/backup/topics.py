"""The records of all topics and the positions of the consumer groups: read for a backup, and written back.

Offsets are kept, because stored documents and groups refer to them: a partition whose first records had expired gets as
many empty records in front, which are deleted at once. Topics that their readers follow from the beginning are
compacted, so their offsets have gaps; they are written without them.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from aiokafka.errors import KafkaError as AioKafkaError
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from frikort_contracts.access import AUTHORITIES, BACKUP, PROCESSES, group_prefix
from frikort_contracts.topics import TOPICS, Topic

from deploy.backup.archive import GroupOffset, StoredRecord
from services.runtime.errors import describe
from services.runtime.kafka.connection import librdkafka_options
from services.runtime.kafka.topics import admin_client, names_of
from services.runtime.processing.positions import Offsets, Partition
from services.runtime.safety_checks import MOST_DEAD_LETTER_BYTES
from services.runtime.settings import KafkaSettings

NAMES: Final[Mapping[str, Topic]] = names_of(TOPICS)
"""Every topic and dead-letter topic."""

T = TypeVar("T")

_SECONDS: Final = 30.0
_RECORDS_A_POLL: Final = 1000
_POLL_SECONDS: Final = 0.1
_QUEUED_KB: Final = 16 * 1024
_PROCESSORS: Final = frozenset({"issuance", "reporting", "balance", "exports", "projections"})
_NOT_READY: Final = (5, 6, 14, 15, 16, 74, 75, 78)
"""Kafka's codes of a partition or group whose leader or coordinator has just changed or started."""
_GROUPS: Final = tuple({group_prefix(principal) for principal in (*PROCESSES, *AUTHORITIES)})


class KafkaRefused(RuntimeError):
    """Kafka does not answer, refuses, or does not have what it must have; the text says which."""


class TargetNotEmpty(RuntimeError):
    """The system to restore into has data that does not belong to this backup."""


def all_partitions() -> list[Partition]:
    """Every partition of the topic table."""
    return [Partition(name, number) for name, topic in sorted(NAMES.items()) for number in range(topic.partitions)]


def is_input(name: str) -> bool:
    """Whether a topic has what people and programs sent. Every other topic follows from these: processors write it."""
    topic = NAMES[name]
    return name == topic.name and _PROCESSORS.isdisjoint(topic.writers)


def is_followed(name: str) -> bool:
    """Whether a topic is compacted, and so has gaps."""
    return NAMES[name].is_followed and name == NAMES[name].name


class Topics:
    """The topics of one cluster. Every method blocks, and raises ``KafkaRefused``."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._options = librdkafka_options(settings)
        self._admin = AdminClient(self._options, logger=logging.getLogger("librdkafka"))

    def starts(self) -> Offsets:
        """The first offset of each partition."""
        return self._offsets(OffsetSpec.earliest())

    def ends(self) -> Offsets:
        """The next offset of each partition."""
        return self._offsets(OffsetSpec.latest())

    def groups(self) -> list[GroupOffset]:
        """The committed offsets of all processes and authorities."""
        try:
            return asyncio.run(_committed(self._settings))
        except (AioKafkaError, OSError) as error:
            raise KafkaRefused(f"the positions of the groups cannot be read: {describe(error)}") from error

    def read(self, starts: Offsets, ends: Offsets) -> Iterator[StoredRecord]:
        """The records from ``starts`` to ``ends``, in order within each partition."""
        left = {partition: end for partition, end in ends.items() if starts[partition] < end}
        consumer = Consumer(
            self._options
            | {
                "group.id": f"{group_prefix(BACKUP)}reader",  # librdkafka requires one; no offset is committed
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,  # the last records of a compacted topic can be gone
                "auto.offset.reset": "error",
                "queued.max.messages.kbytes": _QUEUED_KB,
            },
            logger=logging.getLogger("librdkafka"),
        )
        try:
            consumer.assign([TopicPartition(*partition, starts[partition]) for partition in left])
            while left:
                yield from _take(consumer, left)
        finally:
            consumer.close()

    def require_empty(self) -> None:
        """Raises ``TargetNotEmpty`` if a topic has, or had, a record, or a group has a position."""
        if used := sorted({partition.topic for partition, end in self.ends().items() if end}):
            raise TargetNotEmpty(f"these topics have records: {', '.join(used)}")
        if groups := sorted({each.group for each in self.groups()}):
            raise TargetNotEmpty(f"these consumer groups have positions: {', '.join(groups)}")

    def write(self, records: Iterable[StoredRecord], first: Offsets) -> None:
        """Write records to the offsets that they had; ``first`` is the first of each partition.

        Records that are there already are skipped, so an interrupted restore can be repeated.
        """
        written = dict(self.ends())
        writer = _Writer(self._options)
        for partition, start in first.items():
            if written[partition] < start and not is_followed(partition.topic):
                writer.fill(partition, range(written[partition], start))
                written[partition] = start
        writer.flush()
        self._delete_before({p: start for p, start in first.items() if start and not is_followed(p.topic)})
        counted: dict[Partition, int] = defaultdict(int)
        for record in records:
            partition = record.partition
            if record.offset < first[partition]:
                continue  # before a gap: it had expired
            offset = counted[partition] if is_followed(partition.topic) else record.offset
            counted[partition] += 1
            if offset >= written[partition]:
                writer.add(record, offset)
        writer.flush()

    def set_groups(self, groups: Sequence[GroupOffset]) -> None:
        """Give the consumer groups their positions."""
        by_group: dict[str, list[TopicPartition]] = defaultdict(list)
        for each in groups:
            by_group[each.group].append(TopicPartition(each.topic, each.partition, each.offset))
        for name, places in by_group.items():
            _until_ready(lambda: self._set_group(ConsumerGroupTopicPartitions(name, places)))  # noqa: B023  # called at once

    def _set_group(self, positions: ConsumerGroupTopicPartitions) -> None:
        (answer,) = self._admin.alter_consumer_group_offsets([positions], request_timeout=_SECONDS).values()
        for place in _result(answer).topic_partitions:
            if place.error is not None:
                raise KafkaRefused(f"a position of {positions.group_id} cannot be set: {place.error.str()}") from (
                    KafkaException(place.error)
                )

    def _offsets(self, spec: Any) -> Offsets:
        asked = {TopicPartition(*partition): spec for partition in all_partitions()}

        def offsets() -> Offsets:
            answers = self._admin.list_offsets(asked, request_timeout=_SECONDS)
            return {Partition(p.topic, p.partition): int(_result(answer).offset) for p, answer in answers.items()}

        return _until_ready(offsets)

    def _delete_before(self, starts: Offsets) -> None:
        asked = [TopicPartition(*partition, start) for partition, start in starts.items()]
        if asked:
            for answer in self._admin.delete_records(asked, request_timeout=_SECONDS).values():
                _result(answer)


class Summary:
    """The number of records of each partition, and a digest of their content."""

    def __init__(self) -> None:
        self.counts: Counter[Partition] = Counter()
        self._digests: dict[Partition, Any] = defaultdict(hashlib.sha256)
        self._newest: dict[Partition, dict[bytes | None, bytes]] = defaultdict(dict)

    def add(self, record: StoredRecord) -> None:
        """Count a record, which follows those of its partition."""
        partition = record.partition
        self.counts[partition] += 1
        if is_followed(partition.topic):
            self._newest[partition][record.key] = record.digest()
        else:
            self._digests[partition].update(record.offset.to_bytes(8, "big") + record.digest())

    def contents(self) -> Mapping[Partition, object]:
        """Equal for equal partitions. Of a compacted topic only the newest record of each key counts."""
        return {p: digest.digest() for p, digest in self._digests.items()} | self._newest


def _until_ready(call: Callable[[], T]) -> T:
    """Repeat a call while a broker that has just started does not know yet what it leads or coordinates."""
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            return call()
        except KafkaRefused as refused:
            cause = refused.__cause__
            passes = isinstance(cause, KafkaException) and cause.args[0].code() in _NOT_READY
            if not passes or time.monotonic() > deadline:
                raise
        time.sleep(_POLL_SECONDS)


async def _committed(settings: KafkaSettings) -> list[GroupOffset]:
    # Not with librdkafka 2.16, which crashes when a group's coordinator moves (rd_kafka_handle_OffsetFetch).
    async with admin_client(settings) as admin:
        names = sorted(name for name, *_ in await admin.list_consumer_groups() if name.startswith(_GROUPS))
        return [
            GroupOffset(group=name, topic=place.topic, partition=place.partition, offset=committed.offset)
            for name in names
            for place, committed in sorted((await admin.list_consumer_group_offsets(name)).items())
            if committed.offset >= 0
        ]


def _take(consumer: Consumer, left: dict[Partition, int]) -> Iterator[StoredRecord]:
    """Read once; remove from ``left`` the partitions that are read to their end."""
    deadline = time.monotonic() + _SECONDS
    # The call returns when it has all that it may, or after the timeout with what it has.
    while not (messages := consumer.consume(_RECORDS_A_POLL, timeout=_POLL_SECONDS)):
        if time.monotonic() > deadline:
            raise KafkaRefused(f"no record of {', '.join(sorted({p.topic for p in left}))} arrived")
    for message in messages:
        partition = Partition(message.topic(), message.partition())
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            raise KafkaRefused(f"{partition.topic}/{partition.partition} cannot be read: {error.str()}")
        if partition not in left:
            continue
        if error is None and message.offset() < left[partition]:
            yield StoredRecord(
                partition,
                message.offset(),
                message.timestamp()[1],
                message.key(),
                message.value(),
                tuple(message.headers() or ()),
            )
        if message.offset() >= left[partition] - 1:
            del left[partition]
            consumer.incremental_unassign([TopicPartition(*partition)])


class _Writer:
    """Writes records to given offsets, and fails if the broker gives one another offset."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._producer = Producer(
            {
                **options,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 20,
                "compression.type": "zstd",
                "message.max.bytes": MOST_DEAD_LETTER_BYTES,
                "queue.buffering.max.kbytes": _QUEUED_KB,
            },
            logger=logging.getLogger("librdkafka"),
        )
        self._wrong: list[str] = []

    def add(self, record: StoredRecord, offset: int) -> None:
        self._produce(
            record.partition,
            self._expecting(offset),
            key=record.key,
            value=record.value,
            timestamp=record.time,
            headers=list(record.headers),
        )

    def fill(self, partition: Partition, offsets: Iterable[int]) -> None:
        """Write empty records, which are deleted afterwards."""
        for offset in offsets:
            self._produce(partition, self._expecting(offset))

    def flush(self) -> None:
        """Wait until all are acknowledged. Raises ``KafkaRefused``."""
        while waiting := len(self._producer):
            self._check()
            if self._producer.flush(_SECONDS) >= waiting:
                raise KafkaRefused(f"no record was acknowledged in {_SECONDS:.0f} s")
        self._check()

    def _produce(self, partition: Partition, delivered: Callable[[Any, Any], None], **fields: Any) -> None:
        topic, number = partition
        while True:
            try:
                self._producer.produce(topic, partition=number, on_delivery=delivered, **fields)
            except BufferError:
                self._producer.poll(1.0)
                self._check()
            else:
                self._producer.poll(0)
                return

    def _expecting(self, offset: int) -> Callable[[Any, Any], None]:
        def delivered(error: Any, message: Any) -> None:
            if error is not None:
                self._wrong.append(f"{message.topic()}/{message.partition()}: {error.str()}")
            elif message.offset() != offset:
                place = f"{message.topic()}/{message.partition()}"
                self._wrong.append(f"{place}: the record {offset} became {message.offset()}; somebody else writes")

        return delivered

    def _check(self) -> None:
        if self._wrong:
            raise KafkaRefused(f"records cannot be written: {self._wrong[0]}")


def _result(future: Future[Any]) -> Any:
    try:
        return future.result()
    except KafkaException as error:
        raise KafkaRefused(f"Kafka does not answer or refuses: {error.args[0].str()}") from error
