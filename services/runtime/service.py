"""A running service: its processors, their consumers, its jobs and its health, and the web server around them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import structlog
import uvicorn
from faststream.kafka import KafkaBroker
from pymongo.errors import PyMongoError
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from services.runtime import health
from services.runtime import logging as runtime_logging
from services.runtime.consumer import MAY_PASS, LoopConsumer, group_of
from services.runtime.decision import Processor, S
from services.runtime.log import KafkaLog, LogUnavailable
from services.runtime.loop import Loop
from services.runtime.settings import RuntimeSettings
from services.runtime.store import Database, MongoStore, Reader, connect, durable_database

logger = structlog.get_logger(__name__)

Job = Callable[["Runtime"], Awaitable[None]]

EXIT_CANNOT_START = 3
EXIT_STOPPED_ITSELF = 70
_PAUSE_BETWEEN_TRIES = 1.0


class CannotStart(RuntimeError):
    """Kafka, MongoDB or the topics were not there within the start timeout; the text says which, and the remedy."""


class Runtime:
    """Everything of one service that does I/O. ``start`` and ``stop`` belong in the web server's lifespan."""

    def __init__(
        self,
        *,
        service: str,
        settings: RuntimeSettings,
        processors: Sequence[Processor[Any]],
        jobs: Sequence[Job] = (),
    ) -> None:
        self.service = service
        self.settings = settings
        self.failure: str | None = None
        self.log = KafkaLog(settings.kafka, client_id=f"frikort-{service}", timeout=settings.publish_timeout)
        self.client = connect(settings.mongodb)
        self.database: Database = durable_database(self.client, f"frikort_{service}")
        self._processors = tuple(processors)
        self._stores = {processor.name: MongoStore(self.database, processor) for processor in processors}
        self._jobs = tuple(jobs)
        self._tasks: list[asyncio.Task[None]] = []
        self._broker = KafkaBroker(
            settings.kafka,
            client_id=f"frikort-{service}",
            allow_auto_create_topics=False,
            graceful_timeout=settings.stop_timeout,
            logger=logging.getLogger("faststream"),
            log_level=logging.DEBUG,
        )
        self.consumers = [self._consumer_of(processor) for processor in processors]

    @property
    def health_routes(self) -> list[BaseRoute]:
        """/health/live, /health/ready and /metrics."""
        return health.routes(self)

    def reader(self, processor: Processor[S]) -> Reader[S]:
        """Read access to the states of one of this service's processors."""
        return Reader(self.database, processor)

    async def committed_positions(self, processor: Processor[Any]) -> dict[tuple[str, int], int]:
        """How far ``processor`` has come, all instances together: next offset by (topic, partition)."""
        return await self.log.committed_positions(group_of(self.service, processor.name))

    async def start(self) -> None:
        """Wait for Kafka, its topics and MongoDB, then consume. Raises ``CannotStart``."""
        try:
            async with asyncio.timeout(self.settings.start_timeout):
                await self._patiently("Kafka", self.log.start)
                await self._patiently("the topics", self._check_topics)
                await self._patiently("MongoDB", self._prepare_store)
                await self._patiently("Kafka", self._broker.start)
        except TimeoutError:
            raise CannotStart(
                f"{self.service} gave up after {self.settings.start_timeout:.0f} s: "
                "Kafka, its topics or MongoDB are away; the log lines above say which"
            ) from None
        self._tasks = [asyncio.create_task(self._keep_running(job)) for job in self._jobs]
        # What start-up made lives as long as the process: leave it out of every later collection.
        gc.freeze()
        logger.info("runtime.started", service=self.service)

    async def stop(self) -> None:
        """Finish the batch in hand, then let go of everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._broker.stop()
        await self.log.stop()
        self.client.close()
        logger.info("runtime.ended", service=self.service)

    def stop_service(self, reason: str) -> None:
        """End the process in an orderly way, with an exit code that says it stopped itself."""
        self.failure = reason
        signal.raise_signal(signal.SIGTERM)

    def _consumer_of(self, processor: Processor[Any]) -> LoopConsumer:
        return LoopConsumer(
            broker=self._broker,
            loop=Loop(
                service=self.service,
                processor=processor,
                store=self._stores[processor.name],
                log=self.log,
                dead_letter_limit=self.settings.dead_letter_limit,
            ),
            name=processor.name,
            group=group_of(self.service, processor.name),
            topics=[topic.name for topic in processor.topics],
            settings=self.settings,
            stop_service=self.stop_service,
        )

    async def _check_topics(self) -> None:
        wanted = {topic.name: topic.partitions for processor in self._processors for topic in processor.topics}
        there = await self.log.partitions(wanted)
        missing = sorted(set(wanted) - set(there))
        if missing:
            raise LogUnavailable(f"no topic {', '.join(missing)}; make it with: python -m services.runtime.topics")

    async def _prepare_store(self) -> None:
        for store in self._stores.values():
            await store.ensure_indexes()

    async def _patiently(self, what: str, attempt: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await attempt()
            except (*MAY_PASS, PyMongoError) as error:
                logger.warning("runtime.waiting", waiting_for=what, because=str(error))
                await asyncio.sleep(_PAUSE_BETWEEN_TRIES)

    async def _keep_running(self, job: Job) -> None:
        while True:
            try:
                await job(self)
            except Exception:
                logger.exception("runtime.job_failed", job=job.__name__)
            await asyncio.sleep(_PAUSE_BETWEEN_TRIES)


def health_application(runtime: Runtime) -> Starlette:
    """The web side of a service that has no other: health and metrics."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await runtime.start()
        try:
            yield
        finally:
            await runtime.stop()

    return Starlette(routes=runtime.health_routes, lifespan=lifespan)


def serve(runtime: Runtime, application: ASGIApp) -> None:
    """Serve ``application`` until SIGTERM; exits 3 if it cannot start, 70 if it stopped itself."""
    config = uvicorn.Config(
        application,
        host=runtime.settings.host,
        port=runtime.settings.port,
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(runtime.settings.stop_timeout),
    )
    server = uvicorn.Server(config)
    server.run()
    if runtime.failure is not None:
        sys.exit(EXIT_STOPPED_ITSELF)
    if not server.started:
        sys.exit(EXIT_CANNOT_START)


def run(
    *,
    service: str,
    settings: RuntimeSettings,
    processors: Sequence[Processor[Any]],
    jobs: Sequence[Job] = (),
) -> None:
    """Run a service that has no web side of its own, until SIGTERM."""
    runtime_logging.configure(settings, service)
    runtime = Runtime(service=service, settings=settings, processors=processors, jobs=jobs)
    serve(runtime, health_application(runtime))
