"""A running service: its processors, their consumers, its jobs and its health, and the web server around them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from types import FrameType
from typing import Any

import pymongo
import structlog
import uvicorn
from faststream.kafka import KafkaBroker
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from services.runtime import exit_codes, safety_checks
from services.runtime import logging as runtime_logging
from services.runtime.kafka import topics
from services.runtime.kafka.consumer import RETRYABLE_ERRORS, BatchConsumer, group_of
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.kafka.topics import MissingTopics
from services.runtime.mongo.document_store import Database, MongoStore, Reader, connect, connect_loops, durable_database
from services.runtime.processing.batch_processor import BatchProcessor
from services.runtime.processing.decision import Processor, S
from services.runtime.safety_checks import UnsafeSetting
from services.runtime.settings import RuntimeSettings
from services.runtime.web.health import Health

logger = structlog.get_logger(__name__)

Job = Callable[["Runtime"], Awaitable[None]]

_PAUSE_BETWEEN_TRIES = 1.0
_OBJECTS_A_COLLECTION = 100_000
# Of the seconds from SIGTERM to the end, requests get this share, and the last second belongs to closing connections.
_SHARE_OF_REQUESTS = 0.4
_CLOSING_SECONDS = 1.0


class CannotStart(RuntimeError):
    """Kafka, MongoDB or the topics were not there within the start timeout, or a stop came first."""


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
        self.refused: UnsafeSetting | None = None
        self.log = KafkaProducer(settings.kafka, client_id=f"frikort-{service}", timeout=settings.publish_timeout)
        self.client = connect(settings.mongodb)
        self.database: Database = durable_database(self.client, f"frikort_{service}")
        self._processors = tuple(processors)
        # A write of the loop that failed is decided anew from what is stored: the driver need not repeat it.
        self._loops_client = connect_loops(settings.mongodb)
        loops = durable_database(self._loops_client, f"frikort_{service}")
        self._stores = {processor.name: MongoStore(loops, processor) for processor in processors}
        self._jobs = tuple(jobs)
        self._tasks: list[asyncio.Task[None]] = []
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self.stopping = asyncio.Event()
        self._stop_by: float | None = None
        self._broker = KafkaBroker(
            # FastStream takes one string for one address, also where aiokafka would read several in it.
            settings.kafka.split(","),
            client_id=f"frikort-{service}",
            allow_auto_create_topics=False,
            graceful_timeout=settings.stop_timeout,
            # Nothing here publishes by it; if something ever does, it must not lose what it sends.
            acks="all",
            enable_idempotence=True,
            logger=logging.getLogger("faststream"),
            log_level=logging.DEBUG,
        )
        self.consumer = BatchConsumer(
            broker=self._broker,
            loops=[self._loop_of(processor) for processor in processors],
            group=group_of(service, processors),
            settings=settings,
            stop_service=self.stop_service,
        )
        self.health = Health(self)

    @property
    def health_routes(self) -> list[BaseRoute]:
        """/health/live, /health/ready and /metrics."""
        return self.health.routes()

    def reader(self, processor: Processor[S]) -> Reader[S]:
        """Read access to the states of one of this service's processors."""
        return Reader(self.database, processor)

    async def committed_positions(self) -> dict[tuple[str, int], int]:
        """How far this service has come, all instances together: next offset by (topic, partition)."""
        return await self.log.committed_positions(group_of(self.service, self._processors))

    async def start(self) -> None:
        """Wait for Kafka, its topics and MongoDB, then consume. Raises ``UnsafeSetting`` and ``CannotStart``."""
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
        self._tasks = [asyncio.create_task(self._keep_running(job)) for job in self._jobs]
        # What start-up made lives as long as the process: leave it out of every later collection. And a batch makes
        # many objects that are all in use: by default it would be searched for garbage again and again.
        gc.freeze()
        gc.set_threshold(_OBJECTS_A_COLLECTION, 10, 10)
        logger.info("runtime.started", service=self.service)

    def check_settings(self) -> None:
        """Refuse what can lose data and can be told without a server. Raises ``UnsafeSetting``."""
        safety_checks.check_settings(self.settings)
        safety_checks.check_subscribers(self._broker)

    def begin_stop(self) -> None:
        """A stop was asked for: its time runs from here. A signal handler may call this."""
        if self._stop_by is None:
            self._stop_by = time.monotonic() + self.settings.stop_timeout
        if self._event_loop is not None:
            self._event_loop.call_soon_threadsafe(self.stopping.set)

    async def stop(self) -> None:
        """Finish the batch in hand, then let go of everything; what takes too long is abandoned and redelivered."""
        self.begin_stop()
        await self._within(_CLOSING_SECONDS, self._stop_working)
        await self._within(_CLOSING_SECONDS / 2, self._disconnect)
        with pymongo.timeout(_CLOSING_SECONDS / 2):
            self.client.close()
            self._loops_client.close()
        logger.info("runtime.ended", service=self.service)

    def stop_service(self, reason: str) -> None:
        """End the process in an orderly way, with an exit code that says it stopped itself."""
        self.failure = reason
        signal.raise_signal(signal.SIGTERM)

    def _loop_of(self, processor: Processor[S]) -> BatchProcessor[S]:
        return BatchProcessor(
            service=self.service,
            processor=processor,
            store=self._stores[processor.name],
            log=self.log,
            dead_letter_limit=self.settings.dead_letter_limit,
        )

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
            raise CannotStart(f"{self.service} was stopped before it had started")
        raise CannotStart(
            f"{self.service} gave up after {self.settings.start_timeout:.0f} s: "
            "Kafka, its topics or MongoDB are away; the log lines above say which"
        )

    async def _connect(self) -> None:
        await self._patiently("Kafka", self.log.start)
        if self.log.producer is not None:
            safety_checks.check_producer(self.log.producer)
        await self._patiently("the topics", self._check_topics)
        await self._patiently("MongoDB", self._prepare_store)
        await self._patiently("Kafka", self._consume)

    async def _consume(self) -> None:
        # By ourselves: FastStream's own start would leave a consumer behind that holds partitions if it fails.
        await self._broker.connect()
        await self.consumer.start()
        self._broker.running = True

    async def _stop_working(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(self.consumer.stop(), *self._tasks, return_exceptions=True)

    async def _disconnect(self) -> None:
        await asyncio.gather(self._broker.stop(), self.log.stop(), return_exceptions=True)

    async def _within(self, seconds_to_spare: float, work: Callable[[], Awaitable[None]]) -> None:
        left = (self._stop_by or 0) - time.monotonic() - seconds_to_spare
        try:
            async with asyncio.timeout(max(left, 0.1)):
                await work()
        except TimeoutError:
            logger.warning("runtime.stop_cut_short", service=self.service, doing=work.__name__)

    async def _check_topics(self) -> None:
        reads = {topic for processor in self._processors for topic in processor.topics}
        await topics.check(self.settings, topics.topics_of(self.service, reads))

    async def _prepare_store(self) -> None:
        await asyncio.to_thread(safety_checks.check_mongodb_servers, self.settings.mongodb)
        await self.client.admin.command("ping")  # not every store has an index that would wait for a primary
        for store in self._stores.values():
            await store.ensure_indexes()

    async def _patiently(self, what: str, attempt: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await attempt()
            except (*RETRYABLE_ERRORS, MissingTopics) as error:
                logger.warning("runtime.waiting", waiting_for=what, reason=str(error))
                await asyncio.sleep(_PAUSE_BETWEEN_TRIES)

    async def _keep_running(self, job: Job) -> None:
        while True:
            try:
                await job(self)
            except RETRYABLE_ERRORS as error:
                logger.warning("runtime.job_waits", job=job.__name__, reason=type(error).__name__)
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


class Server(uvicorn.Server):
    """A web server whose process ends in time after SIGTERM, with an exit code of ours."""

    def __init__(self, config: uvicorn.Config, runtime: Runtime) -> None:
        super().__init__(config)
        self._runtime = runtime
        self._watchdog: threading.Timer | None = None

    @property
    def exit_code(self) -> int:
        """What to tell the process's parent."""
        if self._runtime.refused is not None:
            return exit_codes.UNSAFE_SETTING
        if self._runtime.failure is not None:
            return exit_codes.STOPPED_ITSELF
        if not self.started and not self.should_exit:
            return exit_codes.CANNOT_START
        return exit_codes.DONE

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._runtime.begin_stop()
        if self._watchdog is None:
            self._watchdog = threading.Timer(self._runtime.settings.stop_timeout, self._end_now)
            self._watchdog.daemon = True
            self._watchdog.start()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        with super().capture_signals():
            yield
            # uvicorn would raise them again, and the process would die by the signal instead of with its exit code.
            self._captured_signals.clear()

    def _end_now(self) -> None:
        # A driver's thread in a dead connection cannot be interrupted. Whatever was in hand is redelivered.
        logger.warning("runtime.ended_by_deadline", service=self._runtime.service)
        logging.shutdown()
        os._exit(self.exit_code)


def serve(runtime: Runtime, application: ASGIApp) -> None:
    """Serve ``application`` until SIGTERM. Ends the process; ``services.runtime.exit_codes`` lists the codes."""
    settings = runtime.settings
    config = uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, int(_SHARE_OF_REQUESTS * settings.stop_timeout)),
    )
    server = Server(config, runtime)
    # uvicorn exits by itself when the start fails.
    with contextlib.suppress(SystemExit):
        server.run()
    sys.exit(server.exit_code)


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
