"""Spans of records: those that are published, and batches that are processed.

A batch belongs to many traces, so it is a trace of its own with a link to each of its records. Each record has a span
in its own trace, which links back to the batch. An event continues the trace of the record that caused it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from frikort_contracts.cloudevents import Record
from frikort_contracts.topics import DEAD_SUFFIX
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Tracer, set_span_in_context, use_span
from opentelemetry.util.types import AttributeValue

from services.runtime.kafka.producer import KafkaProducer
from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchResult
from services.runtime.processing.consumer import BatchHandler
from services.runtime.tracing import conventions as names
from services.runtime.tracing.context import (
    HEADER,
    Sample,
    new_trace,
    parent_in,
    request_in,
    span_context,
    trace_id_of,
    write,
)
from services.runtime.tracing.failures import fail

_NO_CAUSES: Mapping[bytes, Context] = {}
# The spans of the batch in progress, by the id of the message.
_causes: ContextVar[Mapping[bytes, Context]] = ContextVar("causes", default=_NO_CAUSES)


class MessageSpans:
    """Starts the spans of records whose traces are in the sample."""

    def __init__(self, tracer: Tracer, sample: Sample) -> None:
        self._tracer = tracer
        self._sample = sample

    @contextlib.contextmanager
    def publishing(self, records: Sequence[Record]) -> Iterator[Sequence[Record]]:
        """Spans from here until ``records`` are acknowledged. Yields the records, with the header ``traceparent``.

        A dead letter keeps the headers of its original.
        """
        spans: list[Span] = []
        traced: list[Record] = []
        for record in records:
            headers = dict(record.headers)
            is_dead = record.topic.endswith(DEAD_SUFFIX)
            cause = _causes.get().get(headers.get("ce_id" if is_dead else "ce_causationid", b""))
            span = self._start(names.SEND, SpanKind.PRODUCER, record.topic, headers, cause)
            if span is not None:
                spans.append(span)
            if span is None or is_dead:
                traced.append(record)
            else:
                header = (HEADER, write(set_span_in_context(span)).encode())
                traced.append(record._replace(headers=(header, *record.headers)))
        with _ended(spans):
            yield traced

    @contextlib.contextmanager
    def processing(self, batch: Sequence[Incoming], attributes: Mapping[str, AttributeValue]) -> Iterator[None]:
        """The span of a batch, as the current one, and one for each of its records."""
        several = [dict(incoming.headers) for incoming in batch]
        topics = {incoming.topic for incoming in batch}
        place = {names.TOPIC: next(iter(topics))} if len(topics) == 1 else {}
        span = self._tracer.start_span(
            " ".join([names.PROCESS_BATCH, *place.values()]),
            Context(),
            SpanKind.CONSUMER,
            {
                names.SYSTEM: names.KAFKA,
                names.OPERATION_NAME: names.PROCESS_BATCH,
                names.OPERATION_TYPE: names.PROCESS,
                names.BATCH_SIZE: len(batch),
                **place,
                **attributes,
            },
            links=[link for headers in several if (link := self._link_to(headers)) is not None],
        )
        spans = [span]
        causes: dict[bytes, Context] = {}
        for incoming, headers in zip(batch, several, strict=True):
            if (one := self._start(names.PROCESS, SpanKind.CONSUMER, incoming.topic, headers)) is not None:
                one.set_attributes(
                    {names.PARTITION: str(incoming.partition), names.OFFSET: incoming.offset, **attributes}
                )
                one.add_link(span.get_span_context())
                spans.append(one)
                causes[headers.get("ce_id") or b""] = set_span_in_context(one)
        token = _causes.set(causes)
        try:
            with _ended(spans), use_span(span, record_exception=False, set_status_on_exception=False):
                yield
        finally:
            _causes.reset(token)

    def _link_to(self, headers: Mapping[str, bytes | None]) -> Link | None:
        """A link to the span that published a record."""
        trace_id = trace_id_of(headers)
        if trace_id is None or not self._sample.has(trace_id):
            return None
        parent = parent_in(headers, trace_id)
        return None if parent is None else Link(span_context(parent))

    def _start(
        self,
        operation: str,
        kind: SpanKind,
        topic: str,
        headers: Mapping[str, bytes | None],
        cause: Context | None = None,
    ) -> Span | None:
        """A span for one record; None if its trace is not in the sample."""
        trace_id = trace_id_of(headers)
        if trace_id is None or not self._sample.has(trace_id):
            return None
        attributes: dict[str, Any] = {
            names.SYSTEM: names.KAFKA,
            names.OPERATION_NAME: operation,
            names.OPERATION_TYPE: operation,
            names.TOPIC: topic,
            names.MESSAGE_ID: (headers.get("ce_id") or b"").decode(errors="replace"),
            names.CORRELATION_ID: (headers.get("ce_correlationid") or b"").decode(errors="replace"),
        }
        name = f"{operation} {topic}"
        parent = parent_in(headers, trace_id) if cause is None else cause
        if parent is not None:
            return self._tracer.start_span(name, parent, kind, attributes)
        with new_trace(trace_id) as root:
            span = self._tracer.start_span(name, root, kind, attributes)
        if (request := request_in(headers)) is not None:
            span.add_link(request)
        return span


@contextlib.contextmanager
def _ended(spans: Collection[Span]) -> Iterator[None]:
    """End ``spans``, as failed if an exception passes."""
    try:
        yield
    except Exception as error:
        for span in spans:
            fail(span, type(error).__name__)
        raise
    finally:
        for span in spans:
            span.end()


class TracedProducer(KafkaProducer):
    """A producer whose records continue the traces of their causes."""

    def __init__(self, *args: Any, spans: MessageSpans, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._spans = spans

    async def publish(self, records: Sequence[Record]) -> None:
        """See ``KafkaProducer.publish``."""
        with self._spans.publishing(records) as traced:
            await super().publish(traced)


class TracedHandler:
    """A batch handler with a span for each batch and each of its records."""

    def __init__(self, handler: BatchHandler, spans: MessageSpans, group: str) -> None:
        self._handler = handler
        self._spans = spans
        self._attributes = {names.GROUP: group, names.PROCESSOR: handler.reader}

    @property
    def name(self) -> str:
        """See ``BatchHandler.name``."""
        return self._handler.name

    @property
    def reader(self) -> str:
        """See ``BatchHandler.reader``."""
        return self._handler.reader

    @property
    def topics(self) -> Collection[str]:
        """See ``BatchHandler.topics``."""
        return self._handler.topics

    async def process(self, batch: Sequence[Incoming]) -> BatchResult:
        """See ``BatchHandler.process``."""
        with self._spans.processing(batch, self._attributes):
            return await self._handler.process(batch)

    def revoked(self) -> None:
        """See ``BatchHandler.revoked``."""
        self._handler.revoked()
