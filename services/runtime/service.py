"""A process of a service: its connections, its processors with their consumer, its background tasks and its health."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pymongo
import structlog
from frikort_contracts.topics import RECONCILIATION, Topic
from starlette.routing import BaseRoute

from services.runtime import safety_checks
from services.runtime.error_kinds import RETRYABLE
from services.runtime.errors import describe
from services.runtime.garbage_collection import collect_seldom
from services.runtime.kafka import topics
from services.runtime.kafka.consumer import FETCH_WAIT, KafkaConsumer, group_of
from services.runtime.kafka.dead_letters.waiting import dead_letter_counter
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.kafka.topics import MissingTopics
from services.runtime.kafka.topics.added_partitions import partition_watch
from services.runtime.mongo.applied_positions import MongoAppliedPositions
from services.runtime.mongo.document_store import MongoStore, Reader
from services.runtime.mongo.driver import Database, close, connect, connect_for_processing, durable_database
from services.runtime.mongo.formats import check_formats
from services.runtime.mongo.key_checks import check_keys
from services.runtime.processing.batch_processor import BatchHandler, BatchProcessor
from services.runtime.processing.consumer import BatchConsumer
from services.runtime.processing.decision import DocumentSet, Processor, S
from services.runtime.processing.decoding import RecordDecoder
from services.runtime.processing.document_cache import DocumentCache
from services.runtime.processing.policies import BatchPolicy, CommitPolicy
from services.runtime.processing.positions import Partition, behind
from services.runtime.processing.projection import Projection
from services.runtime.processing.published import PublishedEvents
from services.runtime.reconciliation import NAME as RECONCILIATION_NAME
from services.runtime.reconciliation import CardCounter, run_counter
from services.runtime.safety_checks import UnsafeSetting
from services.runtime.settings import ProcessSettings, RuntimeSettings
from services.runtime.tracing import tracing_of
from services.runtime.web.health import Health

logger = structlog.get_logger(__name__)

BackgroundTask = Callable[["Runtime"], Awaitable[None]]
"""A coroutine function that a process runs from its start to its stop, again after an error."""

StartCheck = Callable[["Runtime"], Awaitable[None]]
"""A coroutine function that a process runs at its start, with the database. Raises ``UnsafeSetting``."""

_PAUSE_BETWEEN_TRIES = 1.0
# A batch of less than this part of a full one is small; see BatchPolicy.
_SMALL_BATCH = 8
# The events of one command reach the read models in three parts.
_BURST = 3
_CACHED_OF_READ_MODELS = 500  # documents; what is written again is so within a second
_COMMITS = CommitPolicy(min_interval=1.0)
# The part of the stop timeout that is reserved for closing connections.
_CLOSING_SECONDS = 1.0


async def check_keys_of(runtime: Runtime) -> None:
    """Refuse other keys than those with which the data of this service was encrypted. Raises ``UnsafeSetting``."""
    await check_keys(runtime.database, runtime.settings)


def _counting(counter: CardCounter, settings: RuntimeSettings) -> BackgroundTask:
    async def count_cards(runtime: Runtime) -> None:
        await run_counter(runtime, settings, counter)

    return count_cards


class CannotStart(RuntimeError):
    """Kafka, MongoDB or the topics did not answer within the start timeout, or a stop came first."""


class Runtime:
    """Everything in one process that does I/O. ``start`` and ``stop`` belong in the web server's lifespan.

    ``settings`` decides about Kafka: a process with ``RuntimeSettings`` publishes, and consumes if it has processors;
    a process with ``ProcessSettings`` has MongoDB alone. ``service`` owns the database, the topics and the consumer
    group; ``process`` names one of several processes of a service, in the topic table, logs and health.
    """

    def __init__(
        self,
        *,
        service: str,
        settings: ProcessSettings,
        process: str | None = None,
        processors: Sequence[Processor[Any] | Projection[Any]] = (),
        background_tasks: Sequence[BackgroundTask] = (),
        start_checks: Sequence[StartCheck] = (),
        card_counter: CardCounter | None = None,
    ) -> None:
        self.service = service
        self.name = service if process is None else f"{service}-{process}"
        self.principal = process or service
        self.settings = settings
        self.failure: str | None = None
        self.refused: UnsafeSetting | None = None
        self.stopping = asyncio.Event()
        self.tracing = tracing_of(settings, self.name)
        listeners = () if self.tracing is None else self.tracing.mongodb_listeners()
        self.client = connect(settings.mongodb_uri, listeners=listeners, driver=settings.mongodb_driver)
        self.database: Database = durable_database(self.client, f"frikort_{service}")
        self._processors = tuple(processors)
        self._decoder = RecordDecoder(self._processors)
        self._card_counter = card_counter
        # A batch whose write failed is applied again to the stored documents, so the driver need not retry the write.
        self._processing_client = connect_for_processing(
            settings.mongodb_uri, listeners=listeners, driver=settings.mongodb_driver
        )
        processing_database = durable_database(self._processing_client, f"frikort_{service}")
        self._applied = MongoAppliedPositions(processing_database, group_of(service, processors))
        self._stores = {processor.name: MongoStore(processing_database, processor) for processor in processors}
        self._background_tasks = list(background_tasks)
        self._start_checks = [check_keys_of, *start_checks]
        self._tasks: list[asyncio.Task[None]] = []
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self._stop_by: float | None = None
        self._is_started = False
        self._kafka = settings if isinstance(settings, RuntimeSettings) else None
        self._producer: KafkaProducer | None = None
        self.consumer: BatchConsumer | None = None
        if self._kafka is not None:
            producer = KafkaProducer if self.tracing is None else self.tracing.producer
            self._producer = producer(
                self._kafka, client_id=f"frikort-{self.name}", timeout=self._kafka.publish_timeout
            )
            self._background_tasks.append(partition_watch(self._topics.keys()))
            if processors:
                self.consumer = self._consumer_of(self._kafka)
                self._background_tasks.append(dead_letter_counter(self._kafka))
            if card_counter is not None:
                self._background_tasks.append(_counting(card_counter, self._kafka))
        elif processors:
            raise ValueError(f"{self.name} has processors and no Kafka: give it RuntimeSettings")
        self.health = Health(self)

    @property
    def producer(self) -> KafkaProducer:
        """Where this process publishes. Raises ``RuntimeError`` in a process without Kafka."""
        if self._producer is None:
            raise RuntimeError(f"{self.name} has no Kafka")
        return self._producer

    @property
    def has_kafka(self) -> bool:
        """Whether this process uses Kafka."""
        return self._producer is not None

    @property
    def health_routes(self) -> list[BaseRoute]:
        """/health/live, /health/ready and /metrics."""
        return self.health.routes()

    @property
    def _topics(self) -> dict[str, Topic]:
        """The topics that this process reads or writes, with the dead letters of the first, by name."""
        reads = {topic for processor in self._processors for topic in processor.topics}
        return topics.names_for(self.principal, reads)

    def add_background_task(self, task: BackgroundTask) -> None:
        """Add a background task before ``start``: one that is built from parts of this runtime."""
        self._background_tasks.append(task)

    def add_start_check(self, check: StartCheck) -> None:
        """Add a start check before ``start``."""
        self._start_checks.append(check)

    def reader(self, documents: DocumentSet[S]) -> Reader[S]:
        """Read access to the states of one of this service's processors or projections."""
        return Reader(self.database, documents)

    @property
    def rebuild_lag(self) -> int | None:
        """The lag with which this process is not ready after its start; None unless it keeps read models alone."""
        projections = [processor for processor in self._processors if isinstance(processor, Projection)]
        if self._kafka is None or not projections or len(projections) < len(self._processors):
            return None
        return self._kafka.rebuild_lag

    @property
    def readers(self) -> dict[str, tuple[Topic, ...]]:
        """The topics of each processor, and of the counter of cards, by its name in metrics and dead letters."""
        readers = {f"{self.service}.{processor.name}": processor.topics for processor in self._processors}
        if self._card_counter is not None:
            readers[f"{self.service}.{RECONCILIATION_NAME}"] = (RECONCILIATION,)
        return readers

    async def committed_positions(self) -> dict[Partition, int]:
        """The next offset of each partition that this service will read, all its instances together."""
        return await self.producer.committed_positions(group_of(self.service, self._processors))

    async def start(self) -> None:
        """Wait for MongoDB, Kafka and its topics, then consume. Raises ``UnsafeSetting`` and ``CannotStart``."""
        self._event_loop = asyncio.get_running_loop()
        try:
            self.check_settings()
            await self._start_or_give_up()
        except UnsafeSetting as unsafe:
            self.refused = unsafe
            logger.critical("runtime.refused", setting=unsafe.setting, problem=str(unsafe))
            await self.stop()
            raise
        except CannotStart:
            await self.stop()
            raise
        self._tasks = [asyncio.create_task(self._keep_running(task)) for task in self._background_tasks]
        collect_seldom()
        self._is_started = True
        logger.info("runtime.started", service=self.name)

    def check_settings(self) -> None:
        """Refuse settings that can lose data; checks that need no server. Raises ``UnsafeSetting``."""
        safety_checks.check_settings(self.settings)
        if self._producer is not None:
            safety_checks.check_producer(self._producer.options)

    @property
    def is_leaving(self) -> bool:
        """Whether the process was asked to stop: it is not ready any more."""
        return self._stop_by is not None

    def begin_stop(self, delay: float = 0.0) -> None:
        """Start the countdown of the stop timeout. Safe to call in a signal handler.

        ``stopping`` is set after ``delay`` seconds, or at once if the process has not started yet.
        """
        if self._stop_by is None:
            self._stop_by = time.monotonic() + self.settings.stop_timeout
        if self._event_loop is not None:
            seconds = delay if self._is_started else 0.0
            self._event_loop.call_soon_threadsafe(self._event_loop.call_later, seconds, self.stopping.set)

    async def stop(self) -> None:
        """Finish the batches in progress and disconnect. A batch that takes too long is abandoned and redelivered."""
        self.begin_stop()
        await self._within(_CLOSING_SECONDS, self._stop_working)
        await self._within(_CLOSING_SECONDS / 2, self._disconnect)
        if self.tracing is not None:
            await self.tracing.stop()
        with pymongo.timeout(_CLOSING_SECONDS / 2):
            await close(self.client)
            await close(self._processing_client)
        logger.info("runtime.ended", service=self.name)

    def stop_service(self, reason: str) -> None:
        """End the process in an orderly way, with the exit code ``STOPPED_ITSELF``."""
        self.failure = reason
        signal.raise_signal(signal.SIGTERM)

    def _consumer_of(self, settings: RuntimeSettings) -> BatchConsumer:
        most = settings.batch_records
        group = group_of(self.service, self._processors)
        processors: list[BatchHandler] = [self._processor_of(processor, settings) for processor in self._processors]
        if self.tracing is not None:
            processors = [self.tracing.handler(processor, group) for processor in processors]
        return BatchConsumer(
            consumer=KafkaConsumer(
                settings=settings,
                topics={topic.name for processor in self._processors for topic in processor.topics},
                group=group,
                client_id=f"frikort-{self.name}",
                # A process that gathers records for a second need not ask for them more often. Other requests to the
                # broker wait behind the fetch, for less than their time limits.
                fetch_wait=max(FETCH_WAIT, settings.min_batch_interval),
            ),
            processors=processors,
            batching=BatchPolicy(
                min_records=-(-most // _SMALL_BATCH),
                max_records=most,
                max_wait=settings.min_batch_interval,
                burst=_BURST,
            ),
            committing=_COMMITS,
            retryable=RETRYABLE,
            stop_service=self.stop_service,
            stall_timeout=settings.stall_timeout,
            applied=self._applied,
        )

    def _processor_of(self, processor: Processor[S] | Projection[S], settings: RuntimeSettings) -> BatchProcessor[S]:
        return BatchProcessor(
            service=self.service,
            processor=processor,
            store=self._stores[processor.name],
            producer=self.producer,
            published=PublishedEvents(self.committed_positions),
            cache=self._cache_of(processor, settings),
            decoder=self._decoder,
            dead_letter_limit=settings.dead_letter_limit,
        )

    @staticmethod
    def _cache_of(processor: Processor[S] | Projection[S], settings: RuntimeSettings) -> DocumentCache[S]:
        most = settings.cached_documents
        if isinstance(processor, Projection):
            most = min(most, _CACHED_OF_READ_MODELS)
        return DocumentCache(most if processor.cached else 0)

    async def _start_or_give_up(self) -> None:
        starting = asyncio.ensure_future(self._connect())
        stopping = asyncio.ensure_future(self.stopping.wait())
        both: set[asyncio.Future[Any]] = {starting, stopping}
        try:
            await asyncio.wait(both, timeout=self.settings.start_timeout, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                return starting.result()
        finally:
            for future in both:
                future.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        if self.stopping.is_set():
            raise CannotStart(f"{self.name} was stopped before it had started")
        needed = "Kafka, its topics or MongoDB do" if self.has_kafka else "MongoDB does"
        raise CannotStart(
            f"{self.name} gave up after {self.settings.start_timeout:.0f} s: "
            f"{needed} not answer; the log lines above say which"
        )

    async def _connect(self) -> None:
        if self._kafka is not None:
            await self._retry("Kafka", self.producer.start)
            await self._retry("the topics", self._check_topics)
        await self._retry("MongoDB", self._prepare_store)
        if self.consumer is not None:
            await self._retry("Kafka and MongoDB", self._check_positions)
            await self._retry("Kafka", self.consumer.start)

    async def _stop_working(self) -> None:
        for task in self._tasks:
            task.cancel()
        consumers = [] if self.consumer is None else [self.consumer.stop()]
        await asyncio.gather(*consumers, *self._tasks, return_exceptions=True)

    async def _disconnect(self) -> None:
        if self._producer is not None:
            await asyncio.gather(self._producer.stop(), return_exceptions=True)

    async def _within(self, seconds_to_spare: float, work: Callable[[], Awaitable[None]]) -> None:
        left = (self._stop_by or 0) - time.monotonic() - seconds_to_spare
        try:
            async with asyncio.timeout(max(left, 0.1)):
                await work()
        except TimeoutError:
            logger.warning("runtime.stop_cut_short", service=self.name, doing=work.__name__)

    async def _check_topics(self) -> None:
        if self._kafka is not None:
            await topics.check(self._kafka, self._topics)

    async def _prepare_store(self) -> None:
        await asyncio.to_thread(safety_checks.check_mongodb_servers, self.settings.mongodb_uri)
        await self.client.admin.command("ping")  # not every store has an index that would wait for a primary
        for check in self._start_checks:
            await check(self)
        await check_formats(self.database, self._processors)
        for store in self._stores.values():
            await store.prepare()

    async def _check_positions(self) -> None:
        """Refuse a database that is behind its consumer group. Raises ``UnsafeSetting``."""
        committed = await self.committed_positions()
        applied = await self._applied.read()  # afterwards: another instance may be committing
        if not (suspects := behind(applied, committed, {})):
            return
        first = await self.producer.first_positions(found.partition for found in suspects)
        if found := behind(applied, committed, first):
            group = group_of(self.service, self._processors)
            raise safety_checks.store_behind(f"frikort_{self.service}", group, found)

    async def _retry(self, what: str, attempt: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await attempt()
            except (*RETRYABLE, MissingTopics) as error:
                logger.warning("runtime.waiting", waiting_for=what, reason=describe(error))
                await asyncio.sleep(_PAUSE_BETWEEN_TRIES)

    async def _keep_running(self, task: BackgroundTask) -> None:
        while True:
            try:
                await task(self)
            except RETRYABLE as error:
                logger.warning("runtime.task_waits", task=task.__name__, reason=type(error).__name__)
            except Exception:
                logger.exception("runtime.task_failed", task=task.__name__)
            await asyncio.sleep(_PAUSE_BETWEEN_TRIES)
