"""The tracing of one process: the SDK, its exporter, and what is wrapped."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

import httpx2
import structlog
from frikort_contracts import __version__
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from pymongo.monitoring import CommandListener
from starlette.types import ASGIApp

from services.runtime.kafka.producer import KafkaProducer
from services.runtime.processing.consumer import BatchHandler
from services.runtime.settings import KafkaSettings, ProcessSettings
from services.runtime.tracing.context import Sample, TraceIds
from services.runtime.tracing.http import TracedTransport, TracingMiddleware
from services.runtime.tracing.messages import MessageSpans, TracedHandler, TracedProducer
from services.runtime.tracing.mongo import CommandSpans

logger = structlog.get_logger(__name__)

# A batch links to each of its records.
_LINKS_MOST: Final = 10_000
# The spans of some batches; more are dropped until the collector has taken them.
_WAITING_MOST: Final = 20_000
_EXPORT_SECONDS: Final = 5
_STOP_SECONDS: Final = 1.0


class Tracing:
    """Wraps what a process does with spans. ``tracer`` starts them.

    ``exporter`` gets the spans of the ``share`` of traces that are recorded.
    """

    def __init__(self, process: str, revision: str, exporter: SpanExporter, share: float = 1.0) -> None:
        sample = Sample(share)
        self._provider = TracerProvider(
            sampler=sample,
            id_generator=TraceIds(),
            resource=Resource.create(
                {
                    "service.name": f"frikort-{process}",
                    "service.version": f"{__version__}+{revision}",
                    "service.instance.id": str(uuid4()),
                }
            ),
            span_limits=SpanLimits(max_links=_LINKS_MOST),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=_WAITING_MOST))
        self.tracer = self._provider.get_tracer("frikort", __version__)
        self._messages = MessageSpans(self.tracer, sample)

    def application(self, app: ASGIApp) -> ASGIApp:
        """``app`` with a span for each request."""
        return TracingMiddleware(app, self.tracer)

    def transport(self, transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncBaseTransport:
        """``transport`` with a span for each call."""
        return TracedTransport(transport, self.tracer)

    def producer(self, settings: KafkaSettings, **options: Any) -> KafkaProducer:
        """A producer with a span for each record."""
        return TracedProducer(settings, spans=self._messages, **options)

    def handler(self, handler: BatchHandler, group: str) -> BatchHandler:
        """``handler`` with a span for each batch and each record. ``group`` is its consumer group."""
        return TracedHandler(handler, self._messages, group)

    def mongodb_listeners(self) -> Sequence[CommandListener]:
        """Listeners of a MongoDB client, which give each command a span."""
        return [CommandSpans(self.tracer)]

    async def stop(self) -> None:
        """Export the spans that wait, for a second at most."""
        # The SDK waits for up to half a minute, and a thread of the default executor would keep the process alive.
        thread = threading.Thread(target=self._provider.shutdown, daemon=True)
        thread.start()
        await asyncio.to_thread(thread.join, _STOP_SECONDS)


class LoggedExporter(SpanExporter):
    """An exporter whose failures are logged once, and again after a success."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._is_failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See ``SpanExporter``."""
        result = self._exporter.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed and not self._is_failing:
            logger.warning("runtime.traces_not_sent", spans=len(spans))
        self._is_failing = failed
        return result

    def shutdown(self) -> None:
        """See ``SpanExporter``."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See ``SpanExporter``."""
        return self._exporter.force_flush(timeout_millis)


def start(settings: ProcessSettings, process: str) -> Tracing:
    """The tracing of a process whose settings have an address for spans."""
    # Its lines repeat for each try, and have the texts of exceptions.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
    exporter = OTLPSpanExporter(endpoint=settings.traces_url, timeout=_EXPORT_SECONDS)
    return Tracing(process, settings.revision, LoggedExporter(exporter), settings.traces_share)
