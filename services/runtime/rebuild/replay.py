"""Reads topics again from their first records, in a consumer group of its own, while their service runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from services.runtime.error_kinds import RETRYABLE
from services.runtime.kafka.consumer import KafkaConsumer
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.processing.batch_processor import BatchResult
from services.runtime.processing.consumer import BatchConsumer
from services.runtime.processing.policies import BatchPolicy, CommitPolicy
from services.runtime.processing.positions import Offsets, Partition
from services.runtime.rebuild.in_step import InStep

if TYPE_CHECKING:
    from frikort_contracts.cloudevents import Record

    from services.runtime.processing.apply import Incoming
    from services.runtime.processing.batch_processor import BatchHandler
    from services.runtime.processing.decision import DocumentSet
    from services.runtime.settings import RuntimeSettings

POLL_SECONDS: Final = 0.2
_COMMITS: Final = CommitPolicy(min_interval=1.0)
# A batch writes each of its documents once, however many of its records are about it.
_BATCHES: Final = BatchPolicy(min_records=2_500, max_records=5_000, max_wait=0.1)

Report = Callable[[str], None]
"""Gets a line for the operator."""


class RebuildStopped(RuntimeError):
    """A rebuild cannot go on; the text says why."""


def has_reached(applied: Offsets, ends: Offsets) -> bool:
    """Whether everything before ``ends`` is applied."""
    return all(applied.get(partition, 0) >= end for partition, end in ends.items() if end)


@dataclass
class Progress:
    """How far a rebuild has applied its topics. Also the port by which the consumer reports it."""

    applied: dict[Partition, int] = field(default_factory=dict)

    async def add(self, offsets: Offsets) -> None:
        """See ``AppliedPositions``."""
        self.applied.update(offsets)

    def records(self, ends: Offsets) -> int:
        """How many of the records before ``ends`` are applied."""
        return sum(min(self.applied.get(partition, 0), end) for partition, end in ends.items())


class Discarded:
    """A producer that publishes nothing: the service has published the events and the dead letters already."""

    async def publish(self, records: Sequence[Record]) -> None:
        """Discard the records."""


class ConsumedRecords:
    """A batch handler that gets only the records of types that its documents consume."""

    def __init__(self, handler: BatchHandler, documents: DocumentSet[Any]) -> None:
        self._handler = handler
        self._skipped = {
            ("ce_type", name.encode())
            for topic in documents.topics
            for name, message_type in topic.types.items()
            if not issubclass(message_type, documents.consumes)
        }
        self.name, self.reader, self.topics = handler.name, handler.reader, handler.topics

    async def process(self, batch: Sequence[Incoming]) -> BatchResult:
        consumed = [each for each in batch if self._skipped.isdisjoint(each.headers)]
        return await self._handler.process(consumed) if consumed else BatchResult(applied=0, published=0, dead=0)

    def revoked(self) -> None:
        self._handler.revoked()


class Replay:
    """Reads the topics of one processor or projection again. ``report`` gets a line now and then."""

    def __init__(
        self, service: str, name: str, documents: DocumentSet[Any], settings: RuntimeSettings, report: Report
    ) -> None:
        self.kafka = KafkaProducer(settings, client_id=f"frikort-rebuild-{name}", timeout=20)
        self.progress = Progress()
        self._service = service
        self._name = name
        self._documents = documents
        self._settings = settings
        self._report = report
        self._failed: str | None = None
        self._consumer: BatchConsumer | None = None

    async def start(self, handler: BatchHandler, run: str) -> None:
        """Begin or continue to read into ``handler``. ``kafka`` must be started. A run has a group of its own."""
        group = f"frikort.{self._service}.rebuild.{self._name}.{run}"
        self.progress.applied.update(await self.kafka.committed_positions(group))
        self._consumer = BatchConsumer(
            consumer=KafkaConsumer(
                settings=self._settings,
                topics={topic.name for topic in self._documents.topics},
                group=group,
                client_id=f"frikort-rebuild-{self._name}",
                order=InStep(self.progress.applied, await self.ends()),
            ),
            processors=[ConsumedRecords(handler, self._documents)],
            batching=_BATCHES,
            committing=_COMMITS,
            retryable=RETRYABLE,
            stop_service=self._stop,
            stall_timeout=self._settings.stall_timeout,
            applied=self.progress,
        )
        await self._consumer.start()

    async def stop(self) -> None:
        """Finish the batches in progress."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def ends(self) -> Offsets:
        """The end of each partition that has a record."""
        ends = await self.kafka.end_offsets(self._documents.topics)
        first = await self.kafka.first_positions(ends)
        return {partition: end for partition, end in ends.items() if first.get(partition, 0) < end}

    async def until_applied(self, every: float) -> Offsets:
        """Apply everything that the topics have; also what arrives meanwhile, as far as it is not the last second's."""
        while True:
            ends = await self.ends()
            begun = time.monotonic()
            await self.until(ends, every)
            if time.monotonic() - begun < 1.0 + 2 * _COMMITS.min_interval:
                return ends

    async def until(self, ends: Offsets, every: float) -> None:
        """Wait until everything before ``ends`` is applied. Raises ``RebuildStopped``."""
        total, last, count_then = sum(ends.values()), time.monotonic(), self.progress.records(ends)
        while not has_reached(self.progress.applied, ends):
            if self._failed is not None:
                raise RebuildStopped(self._failed)
            if (seconds := time.monotonic() - last) >= every:
                count = self.progress.records(ends)
                rate = (count - count_then) / seconds
                self._report(f"{self._name}: {count:,} of {total:,} records, {rate:,.0f}/s")
                last, count_then = time.monotonic(), count
            await asyncio.sleep(POLL_SECONDS)

    def _stop(self, reason: str) -> None:
        self._failed = reason
