"""The consumer port on Kafka: FastStream wires the subscriber, and its aiokafka consumer is polled.

A FastStream subscriber without a handler joins the group, calls the rebalance listener and runs no loop of its own:
its loops commit past a failed batch, or poll with a sleep between. ``docs/decisions/0002-consumer-shape.md`` says more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Protocol, cast

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
)
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from services.runtime.kafka.connection import FETCHER_TIMEOUT_MS, faststream_security
from services.runtime.processing.apply import Incoming
from services.runtime.processing.consumer import MembershipLost, RebalanceListener
from services.runtime.processing.decision import DocumentSet
from services.runtime.processing.offset_committer import CommitRefused
from services.runtime.processing.positions import Offsets, Partition, StartOffset
from services.runtime.settings import RuntimeSettings

# A fetch brings about one batch of each partition: records are compressed to less than this.
_RECORD_BYTES: Final = 512
# The default of aiokafka and of Kafka's own consumer.
FETCH_WAIT: Final = 0.5
# The longest batch, with its retries, that a rebalance waits for.
_REBALANCE_TIMEOUT_MS: Final = 60_000


def group_of(service: str, processors: Iterable[DocumentSet[Any]]) -> str:
    """The consumer group of a service. Another set of processors is another group, which reads from the beginning."""
    return f"frikort.{service}.{'+'.join(processor.name for processor in processors)}"


class ReadingOrder(Protocol):
    """Which of the assigned partitions are read next."""

    def next(self) -> Collection[Partition]:
        """The partitions of the next records; none: any."""
        ...

    def read(self, records: Sequence[Incoming]) -> None:
        """Note what was read; nothing, if no record came in the time of a poll."""
        ...


class _AsFetched:
    """In the order in which the broker answers."""

    def next(self) -> Collection[Partition]:
        return ()

    def read(self, records: Sequence[Incoming]) -> None:
        """Nothing to note."""


_AS_FETCHED: Final = _AsFetched()


class KafkaConsumer(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """A member of a Kafka consumer group; see ``services.runtime.processing.consumer.Consumer``.

    ``fetch_wait``: seconds after which the broker answers a fetch that finds no record. While nothing happens, a
    consumer costs one fetch each such time. ``order`` says which partitions are read next.
    """

    def __init__(
        self,
        *,
        settings: RuntimeSettings,
        topics: Collection[str],
        group: str,
        client_id: str,
        fetch_wait: float = FETCH_WAIT,
        order: ReadingOrder = _AS_FETCHED,
    ) -> None:
        self._listener: RebalanceListener | None = None
        self._order = order
        self._broker = KafkaBroker(
            # FastStream takes one string for one address, also where aiokafka would read several in it.
            settings.kafka.split(","),
            security=faststream_security(settings),
            client_id=client_id,
            consumer_only=True,
            allow_auto_create_topics=False,
            graceful_timeout=settings.stop_timeout,
            logger=logging.getLogger("faststream"),
            log_level=logging.DEBUG,
        )
        self._subscriber = self._broker.subscriber(
            *sorted(topics),
            group_id=group,
            ack_policy=AckPolicy.MANUAL,  # FastStream turns aiokafka's automatic commits off with it
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_RECORD_BYTES * settings.batch_records,
            fetch_max_wait_ms=int(fetch_wait * 1000),
            consumer_timeout_ms=FETCHER_TIMEOUT_MS,
            # One member gets the same partition numbers of all topics: what touches one document stays together.
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=int(settings.session_timeout * 1000),
            heartbeat_interval_ms=int(settings.session_timeout * 1000 / 4),
            rebalance_timeout_ms=_REBALANCE_TIMEOUT_MS,
            listener=self,
        )

    @property
    def bootstrap_servers(self) -> Sequence[str]:
        """The addresses that are tried, one after another."""
        return list(self._broker.specification.url)

    async def start(self, listener: RebalanceListener) -> None:
        """Join the group. A failed start leaves no member behind that would hold partitions."""
        self._listener = listener
        try:
            await self._broker.connect()
            await self._subscriber.start()
        except BaseException:
            with contextlib.suppress(KafkaConnectionError):
                await self.stop()
            raise

    async def stop(self) -> None:
        try:
            await self._broker.stop()
        except ExceptionGroup as failed:  # FastStream's, of what had ended aiokafka's tasks
            raise KafkaConnectionError("the member did not stop cleanly") from failed

    async def poll(self, *, max_records: int, max_wait: float) -> Sequence[Incoming]:
        try:
            fetched = await self._started().getmany(
                *(TopicPartition(*partition) for partition in self._order.next()),
                timeout_ms=int(max_wait * 1000),
                max_records=max_records,
            )
        except ConsumerStoppedError as error:
            raise KafkaConnectionError("the consumer is stopped") from error
        except KafkaError as error:
            if type(error) is KafkaError:  # so aiokafka wraps what ended its background task, which it does not restart
                raise MembershipLost(str(error)) from error
            raise
        # A record of aiokafka's has every field of an incoming one.
        records = cast("Sequence[Incoming]", list(chain.from_iterable(fetched.values())))
        if records or max_wait:
            self._order.read(records)
        return records

    async def commit(self, offsets: Offsets) -> None:
        try:
            await self._started().commit({TopicPartition(*partition): end for partition, end in offsets.items()})
        except (CommitFailedError, IllegalStateError) as error:
            raise CommitRefused(type(error).__name__) from error

    def assignment(self) -> Sequence[Partition]:
        consumer = self._subscriber.consumer
        return [] if consumer is None else sorted(Partition(*partition) for partition in consumer.assignment())

    async def start_offsets(self, partitions: Sequence[Partition]) -> Mapping[Partition, StartOffset]:
        consumer = self._started()
        asked = [TopicPartition(*partition) for partition in partitions]
        first = await consumer.beginning_offsets(asked)
        committed = await asyncio.gather(*map(consumer.committed, asked))
        return {
            partition: StartOffset(first[place], offset)
            for partition, place, offset in zip(partitions, asked, committed, strict=True)
        }

    async def end_offsets(self, partitions: Sequence[Partition]) -> Offsets:
        ends = await self._started().end_offsets([TopicPartition(*partition) for partition in partitions])
        return {Partition(*place): end for place, end in ends.items()}

    def last_known_ends(self) -> Offsets:
        consumer = self._subscriber.consumer
        if consumer is None:
            return {}
        return {p: consumer.highwater(TopicPartition(*p)) or 0 for p in self.assignment()}

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """aiokafka rebalances eagerly (aiokafka#1126): all partitions are revoked; the group waits for this."""
        if self._listener is not None:
            await self._listener.revoked()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        if self._listener is not None:
            await self._listener.assigned([Partition(*partition) for partition in assigned])

    def _started(self) -> AIOKafkaConsumer:
        consumer = self._subscriber.consumer
        if consumer is None:
            raise KafkaConnectionError("the consumer is not connected")
        return consumer
