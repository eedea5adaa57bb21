"""/health/live, /health/ready and /metrics. What each answer means to an operator: ``docs/operations.md``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pymongo
from frikort_contracts import __version__
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pymongo.errors import PyMongoError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from services.runtime import metrics
from services.runtime.errors import describe
from services.runtime.kafka.producer import KafkaUnavailable
from services.runtime.processing.consumer import BatchConsumer
from services.runtime.processing.positions import RecordsLost
from services.runtime.retryable import RETRYABLE

if TYPE_CHECKING:
    from services.runtime.service import Runtime

PROBE_SECONDS: Final = 2.0
"""The time limit of each check. Checks run side by side."""


class Dependency:
    """A server that must answer, and the time since which it does not."""

    def __init__(self, ask: Callable[[], Awaitable[Any]]) -> None:
        self._ask = ask
        self._unreachable_since: datetime | None = None

    async def check(self) -> dict[str, Any]:
        """``{"status": "ok"}``, or ``unreachable`` with the reason and the time when that was first seen."""
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._ask()
        except (KafkaUnavailable, PyMongoError, OSError, TimeoutError) as error:
            self._unreachable_since = self._unreachable_since or datetime.now(UTC)
            reason = f"no answer in {PROBE_SECONDS:.0f} s" if isinstance(error, TimeoutError) else describe(error)
            return {"status": "unreachable", "since": _text(self._unreachable_since), "reason": reason}
        self._unreachable_since = None
        return {"status": "ok"}


class Health:
    """Liveness, readiness and metrics of one process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._dependencies = {"mongodb": Dependency(self._ping_mongodb)}
        if runtime.has_kafka:
            self._dependencies["kafka"] = Dependency(runtime.producer.ping)
        metrics.BUILD.labels(runtime.name, __version__, runtime.settings.revision).set(1)
        self.details: dict[str, Callable[[], dict[str, Any]]] = {}
        """Further parts of the readiness report, by name. They do not decide whether the process is ready."""
        self._reported: dict[str, Dependency] = {}

    def require(self, name: str, ask: Callable[[], Awaitable[Any]]) -> None:
        """Add a dependency without which the process is not ready. ``ask`` as in ``report``."""
        self._dependencies[name] = Dependency(ask)

    def report(self, name: str, ask: Callable[[], Awaitable[Any]]) -> None:
        """Report a dependency without which the process still serves: its outage does not make it not ready.

        ``ask`` raises ``OSError`` when the dependency does not answer.
        """
        self._reported[name] = Dependency(ask)

    def routes(self) -> list[BaseRoute]:
        """The routes of every process."""

        async def live(_: Request) -> Response:
            """The process answers and its consumer reads. Otherwise it must be restarted."""
            deaths = self.deaths()
            status = {"status": "dead", "reason": deaths} if deaths else {"status": "live"}
            return JSONResponse(status, status_code=503 if deaths else 200)

        async def ready(_: Request) -> Response:
            """Every dependency answers, and every processor is in its group and makes progress."""
            report = await self.readiness()
            return JSONResponse(report, status_code=200 if report["status"] == "ready" else 503)

        async def scrape(_: Request) -> Response:
            report = await self.readiness()  # refreshes the lag
            metrics.READY.labels(self._runtime.name).set(report["status"] == "ready")
            if self._runtime.consumer is not None:
                _measure(self._runtime.consumer)
            # The text of a thousand histograms takes longer than the event loop may wait.
            text = await asyncio.to_thread(generate_latest)
            return Response(text, media_type=CONTENT_TYPE_LATEST)

        return [Route("/health/live", live), Route("/health/ready", ready), Route("/metrics", scrape)]

    def deaths(self) -> dict[str, str]:
        """Why processors will never read again; empty if none is dead."""
        consumer = self._runtime.consumer
        return {} if consumer is None or consumer.death is None else {consumer.name: consumer.death}

    async def readiness(self) -> dict[str, Any]:
        """What is ready and what is not, by dependency and processor, with the lag of each partition."""
        consumer = self._runtime.consumer
        found, _ = await asyncio.gather(
            asyncio.gather(*(one.check() for one in (*self._dependencies.values(), *self._reported.values()))),
            _refresh_lag(consumer),
        )
        results = dict(zip((*self._dependencies, *self._reported), found, strict=True))
        dependencies = {name: results[name] for name in self._dependencies}
        processors = {} if consumer is None else {consumer.name: self._report_of(consumer)}
        ok = [part["status"] == "ok" for part in (*dependencies.values(), *processors.values())]
        stopping = {"stopping": True} if self._runtime.is_leaving else {}
        return {
            "status": "ready" if all(ok) and not stopping else "not ready",
            "service": self._runtime.name,
            "dependencies": results,
            "processors": processors,
            **stopping,
            **{name: detail() for name, detail in self.details.items()},
        }

    def _report_of(self, consumer: BatchConsumer) -> dict[str, Any]:
        stalled_for = consumer.stalled_for()
        if consumer.failure is not None:
            status = "failing"
        elif not consumer.joined:
            status = "not in its group"
        elif stalled_for > consumer.stall_timeout:
            status = "stalled"
        else:
            status = "ok"
        return {
            "status": status,
            "reason": consumer.failure,
            "since": _text(consumer.failing_since),
            "last_progress": _text(consumer.last_progress),
            "waiting_without_progress_seconds": round(stalled_for, 1),
            "lag": {f"{p.topic}/{p.partition}": waiting for p, waiting in sorted(consumer.lag().items())},
        }

    async def _ping_mongodb(self) -> None:
        # The driver runs in a thread that asyncio cannot stop: without a limit of its own, threads would pile up.
        with pymongo.timeout(PROBE_SECONDS):
            await self._runtime.client.admin.command("ping")


def _measure(consumer: BatchConsumer) -> None:
    # Partitions move between instances: an instance that lost one must not report its lag any more.
    metrics.LAG.clear()
    lag = consumer.lag()
    stalled = consumer.stalled_for() > consumer.stall_timeout
    for reader, topics in consumer.readers.items():
        for partition, waiting in lag.items():
            if partition.topic in topics:
                metrics.LAG.labels(reader, partition.topic, str(partition.partition)).set(waiting)
        if consumer.last_progress is not None:
            metrics.LAST_PROGRESS.labels(reader).set(consumer.last_progress.timestamp())
        metrics.STALLED.labels(reader).set(stalled)


async def _refresh_lag(consumer: BatchConsumer | None) -> None:
    if consumer is None:
        return
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await consumer.refresh_lag()
    except (*RETRYABLE, RecordsLost, AssertionError):
        # The last known lag remains; the dependency checks report what is wrong.
        return


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
