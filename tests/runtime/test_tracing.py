"""Spans of requests, batches and records, collected in memory; and nothing at all without an address for them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from types import ModuleType
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest
import structlog
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from frikort_contracts.cloudevents import Record
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import messaging_attributes
from opentelemetry.semconv.attributes import db_attributes, error_attributes, http_attributes, server_attributes
from opentelemetry.trace import SpanContext, get_tracer_provider
from starlette.responses import StreamingResponse

from services.runtime import service
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.mongo.driver import close
from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchHandler, BatchProcessor
from services.runtime.processing.consumer import BatchConsumer
from services.runtime.processing.dead_letters import Origin, Replay, facts_of, replay_in
from services.runtime.service import Runtime
from services.runtime.settings import REPOSITORY, RuntimeSettings
from services.runtime.tracing import NO_TELEMETRY, conventions
from services.runtime.tracing.context import Sample, TraceIds
from services.runtime.tracing.http import TracedTransport, TracingMiddleware
from services.runtime.tracing.messages import MessageSpans, TracedHandler
from services.runtime.tracing.setup import LoggedExporter, Tracing
from services.runtime.web.requests import correlation_of
from tests.runtime.memory import Crash, Faults, MemoryDatabase, MemoryKafka, MemoryProducer, MemoryStore
from tests.runtime.tally import COMMANDS, EVENTS, RAISES, TALLIES, case_command, command, event, id_of

CONVENTIONS: Final[tuple[ModuleType, ...]] = (
    messaging_attributes,
    db_attributes,
    error_attributes,
    http_attributes,
    server_attributes,
)
OWN: Final = {conventions.PROCESSOR}
CALLER: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
OUTCOMES: Final = "frikort.outcomes.v1"


class Collected:
    """A tracer whose spans are kept in memory."""

    def __init__(self, share: float = 1.0) -> None:
        self.sample = Sample(share)
        self.provider = provider = TracerProvider(sampler=self.sample, id_generator=TraceIds())
        self._exporter = InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("tests")

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]


class Traced:
    """A processor with spans, between topics and documents in memory."""

    def __init__(self, collected: Collected) -> None:
        self.kafka = MemoryKafka()
        self.faults = Faults()
        self._spans = MessageSpans(collected.tracer, collected.sample)
        self._producer = MemoryProducer(self.kafka, self.faults)
        self._database = MemoryDatabase(TALLIES)
        processor = BatchProcessor(
            service="test", processor=TALLIES, store=MemoryStore(self._database, self.faults), producer=self
        )
        self._handler = TracedHandler(processor, self._spans, "frikort.test.tallies")

    async def publish(self, records: Sequence[Record]) -> None:
        with self._spans.publishing(records) as traced:
            await self._producer.publish(traced)

    async def process(self, *records: Record) -> None:
        await self._handler.process([self.kafka.append(record) for record in records])

    def published(self, topic: str = OUTCOMES) -> list[Incoming]:
        return self.kafka.all(topic)


@pytest.fixture
def collected() -> Collected:
    return Collected()


def context_of(span: ReadableSpan) -> SpanContext:
    context = span.get_span_context()
    assert context is not None
    return context


def trace_of(span: ReadableSpan) -> str:
    return f"{context_of(span).trace_id:032x}"


def correlation_in(record: Record | Incoming) -> str:
    return UUID(dict(record.headers)["ce_correlationid"].decode()).hex


def traceparent_in(record: Incoming) -> str:
    return dict(record.headers)["traceparent"].decode()


def text_of(span: ReadableSpan) -> str:
    return f"00-{trace_of(span)}-{context_of(span).span_id:016x}-"


def test_every_attribute_is_of_the_semantic_conventions() -> None:
    known = {value for module in CONVENTIONS for name, value in vars(module).items() if name.isupper()}
    ours = {value for name, value in vars(conventions).items() if name.isupper() and "." in value}
    assert ours - known == OWN


def test_a_process_without_an_address_for_spans_does_not_load_the_sdk() -> None:
    script = (
        "import sys\n"
        "import services.gateway.app, services.portals.app, services.runtime.web.server\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry.sdk')]"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


async def test_a_process_without_an_address_for_spans_wraps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: list[object] = []

    class Consumer(BatchConsumer):
        def __init__(self, *, processors: Sequence[BatchHandler], **given: Any) -> None:
            handlers.extend(processors)
            super().__init__(processors=processors, **given)

    monkeypatch.setattr(service, "BatchConsumer", Consumer)
    settings = RuntimeSettings(kafka="localhost:1", mongodb="mongodb://localhost:1/?replicaSet=x")
    runtime = Runtime(service="test", settings=settings, processors=[TALLIES])
    assert runtime.tracing is None
    assert type(runtime.producer) is KafkaProducer
    assert [type(handler) for handler in handlers] == [BatchProcessor]
    client: Any = runtime.client
    assert client.options.event_listeners == []
    await close(runtime.client)


def test_a_process_without_an_address_for_spans_records_no_span_and_writes_no_header() -> None:
    script = (
        "import runpy, sys\n"
        "sys.modules['opentelemetry.sdk'] = None\n"
        "runpy.run_module('tests.runtime.untraced', run_name='__main__')"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=REPOSITORY)


@pytest.mark.parametrize(("telemetry", "is_silent"), [(NO_TELEMETRY, True), ({}, False)], ids=["ours", "its own"])
async def test_the_web_framework_records_nothing_by_itself(
    collected: Collected, telemetry: TelemetryConfig, is_silent: bool
) -> None:
    application = FastAPI(telemetry={**telemetry, "tracer_provider": collected.provider})
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(application), base_url="http://gateway") as client:
        await client.get("/")
    assert (collected.spans == ()) is is_silent


@pytest.mark.parametrize("module", ["services/gateway/app.py", "services/portals/app.py"])
def test_every_application_silences_the_web_framework(module: str) -> None:
    source = (REPOSITORY / module).read_text()
    assert source.count("telemetry=NO_TELEMETRY") == source.count("FastAPI(") == 1


async def test_a_records_spans_have_its_correlation_id_as_their_trace(collected: Collected) -> None:
    traced = Traced(collected)
    record = command("card", 1)

    await traced.process(record)

    (processed,) = collected.named(f"process {COMMANDS}")
    (sent,) = collected.named(f"send {OUTCOMES}")
    assert trace_of(processed) == trace_of(sent) == correlation_in(record)
    assert sent.parent == processed.get_span_context()
    assert processed.attributes is not None
    assert processed.attributes[conventions.MESSAGE_ID] == str(id_of(record))


async def test_an_event_has_the_context_of_the_span_that_published_it(collected: Collected) -> None:
    traced = Traced(collected)
    await traced.process(command("card", 1))

    (sent,) = collected.named(f"send {OUTCOMES}")
    (published,) = traced.published()
    assert traceparent_in(published).startswith(text_of(sent))


async def test_a_record_continues_the_span_that_published_it(collected: Collected) -> None:
    traced, record = Traced(collected), command("card", 1)
    header = f"00-{correlation_in(record)}-00f067aa0ba902b7-01"

    await traced.process(record._replace(headers=(("traceparent", header.encode()), *record.headers)))

    (processed,) = collected.named(f"process {COMMANDS}")
    assert processed.parent is not None
    assert f"{processed.parent.span_id:016x}" == "00f067aa0ba902b7"


async def test_a_record_of_a_file_begins_the_trace_of_the_file_and_links_to_the_upload(collected: Collected) -> None:
    traced, record = Traced(collected), command("card", 1)

    await traced.process(record._replace(headers=(*record.headers, ("ce_traceparent", CALLER.encode()))))

    (processed,) = collected.named(f"process {COMMANDS}")
    assert trace_of(processed) == correlation_in(record)
    assert processed.parent is None
    assert TRACE in {f"{link.context.trace_id:032x}" for link in processed.links}


async def test_a_batch_links_to_the_spans_that_published_its_records(collected: Collected) -> None:
    traced, headers = Traced(collected), []
    records = [command("one", 1), event("two", 2)]
    for number, record in enumerate(records):
        context = f"00-{correlation_in(record)}-{number + 1:016x}-01"
        headers.append(record._replace(headers=(("traceparent", context.encode()), *record.headers)))

    await traced.process(*headers)

    (batch,) = collected.named("process_batch")
    assert [link.context.span_id for link in batch.links] == [1, 2]
    assert {trace_of(batch)}.isdisjoint(map(correlation_in, records))
    processed = [*collected.named(f"process {COMMANDS}"), *collected.named(f"process {EVENTS}")]
    assert len(processed) == 2
    assert all(batch.get_span_context() in [link.context for link in span.links] for span in processed)
    assert batch.attributes is not None
    assert batch.attributes[conventions.BATCH_SIZE] == 2


async def test_a_pending_event_of_an_earlier_batch_keeps_the_trace_of_its_cause(collected: Collected) -> None:
    traced = Traced(collected)
    earlier = command("card", 1)
    traced.faults.crash_at("publish.before")
    with pytest.raises(Crash):
        await traced.process(earlier)

    await traced.process(command("card", 2))

    traces = [traceparent_in(published).split("-")[1] for published in traced.published()]
    assert traces == [correlation_in(published) for published in traced.published()]
    assert correlation_in(earlier) in traces


async def test_spans_of_a_batch_that_fails_have_the_class_of_the_error(collected: Collected) -> None:
    traced = Traced(collected)
    traced.faults.crash_at("write.before")
    with pytest.raises(Crash):
        await traced.process(command("card", 1))

    assert len(collected.spans) == 2
    for span in collected.spans:
        assert span.attributes is not None
        assert span.attributes[conventions.ERROR_TYPE] == "Crash"
        assert span.status.description is None
        assert span.events == ()


async def test_a_dead_letter_keeps_the_headers_of_its_original(collected: Collected) -> None:
    traced, record = Traced(collected), case_command("card", 1, RAISES)

    await traced.process(record)

    (dead,) = traced.published(f"{COMMANDS}.dead")
    facts = facts_of(dead.headers)
    assert facts is not None
    assert facts.headers == record.headers
    (sent,) = collected.named(f"send {COMMANDS}.dead")
    assert trace_of(sent) == correlation_in(record)


async def test_a_replay_keeps_its_mark_at_the_end(collected: Collected) -> None:
    traced, record = Traced(collected), command("card", 1)
    replay = Replay(Origin(COMMANDS, 0, 0, "test", "tallies"), 1)

    await traced.publish([replay.record(record.key, record.value, record.headers)])

    (published,) = traced.published(COMMANDS)
    assert replay_in(published) == replay


async def test_a_record_without_a_valid_correlation_id_is_processed_without_a_span(collected: Collected) -> None:
    traced = Traced(collected)
    await traced.process(Record(COMMANDS, b"card", b"{}", (("ce_correlationid", b"\xff"), ("ce_id", b"x"))))
    assert collected.named(f"process {COMMANDS}") == []
    assert len(traced.published(f"{COMMANDS}.dead")) == 1


async def test_outside_of_the_sample_a_record_has_no_span_and_no_header() -> None:
    collected = Collected(share=0)
    traced = Traced(collected)
    await traced.process(command("card", 1))
    assert collected.spans == ()
    assert "traceparent" not in dict(traced.published()[0].headers)


def test_a_share_of_the_traces_is_sampled_also_where_the_ids_are_uuids() -> None:
    sample = Sample(0.25)
    ids = [id_of(command("card", number)).int for number in range(2000)]
    assert 0.2 < sum(map(sample.has, ids)) / len(ids) < 0.3


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/cards/{card_id}")
    def card(card_id: str) -> str:
        if card_id == "broken":
            raise LookupError("0101901234 stands for anything private")
        return card_id

    @app.get("/changes")
    def changes() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first" * collected_so_far()
            yield b"second"

        return StreamingResponse(parts(), media_type="text/event-stream")

    def collected_so_far() -> int:
        return len(app.state.collected.spans)

    return app


async def get(collected: Collected, path: str, *, traceparent: str | None = None) -> tuple[httpx2.Response, Any]:
    """The response, and the headers that the application got."""
    app, seen = application(), {}
    app.state.collected = collected

    async def observed(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope["headers"])
        await app(scope, receive, send)

    inner = httpx2.ASGITransport(app=TracingMiddleware(observed, collected.tracer), raise_app_exceptions=False)
    headers = {} if traceparent is None else {"traceparent": traceparent, "tracestate": "a=b"}
    async with httpx2.AsyncClient(transport=inner, base_url="http://test", headers=headers) as client:
        return await client.get(path), seen


async def test_a_request_continues_the_trace_of_its_caller(collected: Collected) -> None:
    _, headers = await get(collected, "/cards/1", traceparent=CALLER)
    (span,) = collected.spans
    assert trace_of(span) == TRACE
    assert headers[b"traceparent"].decode().startswith(text_of(span))
    assert b"tracestate" not in headers


@pytest.mark.parametrize("traceparent", [None, "00-zz-00-01", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
async def test_a_request_without_a_valid_trace_begins_one_that_is_its_correlation_id(
    collected: Collected, traceparent: str | None
) -> None:
    _, headers = await get(collected, "/cards/1", traceparent=traceparent)
    (span,) = collected.spans
    assert span.parent is None
    assert correlation_of(headers[b"traceparent"].decode()).hex == trace_of(span)


async def test_a_request_has_the_template_of_its_path_and_its_status(collected: Collected) -> None:
    await get(collected, "/cards/4711")
    (span,) = collected.spans
    assert span.name == "GET /cards/{card_id}"
    assert "4711" not in span.to_json()
    assert dict(span.attributes or {}) == {
        conventions.HTTP_METHOD: "GET",
        conventions.HTTP_ROUTE: "/cards/{card_id}",
        conventions.HTTP_STATUS: 200,
    }


async def test_a_request_that_fails_has_no_text_of_the_error(collected: Collected) -> None:
    await get(collected, "/cards/broken")
    (span,) = collected.spans
    assert "0101901234" not in span.to_json()
    assert span.attributes is not None
    assert span.attributes[conventions.ERROR_TYPE] == "LookupError"


async def test_the_span_of_an_event_stream_ends_with_its_headers(collected: Collected) -> None:
    response, _ = await get(collected, "/changes")
    assert response.text == "firstsecond"


async def test_a_call_sends_the_context_of_its_span(collected: Collected) -> None:
    inner = httpx2.ASGITransport(app=TracingMiddleware(application(), collected.tracer))
    transport = TracedTransport(inner, collected.tracer)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api") as client:
        await client.get("/cards/1", headers={"traceparent": CALLER})

    served, called = collected.spans
    assert served.parent is not None
    assert served.parent.span_id == context_of(called).span_id
    assert (called.name, called.kind.name) == ("GET", "CLIENT")


class Exporter(SpanExporter):
    """An exporter with these results, which is then blocked until the end of the test."""

    def __init__(self, *results: SpanExportResult) -> None:
        self._results = list(results)
        self.released = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._results:
            return self._results.pop(0)
        self.released.wait(30)
        return SpanExportResult.FAILURE


def test_a_collector_that_does_not_answer_is_logged_once_until_it_answers_again() -> None:
    failure, success = SpanExportResult.FAILURE, SpanExportResult.SUCCESS
    exporter = LoggedExporter(Exporter(failure, failure, success, failure))
    with structlog.testing.capture_logs() as logs:
        for _ in range(4):
            exporter.export([])
    assert [line["event"] for line in logs] == ["runtime.traces_not_sent"] * 2


async def test_a_collector_that_does_not_answer_delays_a_stop_by_a_second() -> None:
    exporter = Exporter()
    tracing = Tracing("test", "unknown", exporter)
    tracing.tracer.start_span("a span").end()
    began = time.monotonic()
    await tracing.stop()
    assert time.monotonic() - began < 5
    exporter.released.set()


def test_the_tracing_of_a_process_is_not_that_of_other_libraries() -> None:
    assert not isinstance(get_tracer_provider(), TracerProvider)
