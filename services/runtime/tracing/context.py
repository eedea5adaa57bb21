"""Trace contexts: the id of a trace is the correlation id of its request and of all its messages."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Final
from uuid import UUID

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceState, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

HEADER: Final = "traceparent"
"""The header of W3C Trace Context, in HTTP and in Kafka."""

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_RANDOM_BITS: Final = 56
_root_trace_id: ContextVar[int | None] = ContextVar("root_trace_id", default=None)


class TraceIds(RandomIdGenerator):
    """Random ids, except within ``new_trace``."""

    def generate_trace_id(self) -> int:
        """The id of a trace that begins."""
        return _root_trace_id.get() or super().generate_trace_id()


@contextlib.contextmanager
def new_trace(trace_id: int) -> Iterator[Context]:
    """A context without a parent, in which a span begins the trace ``trace_id``."""
    token = _root_trace_id.set(trace_id)
    try:
        yield Context()
    finally:
        _root_trace_id.reset(token)


class Sample(Sampler):
    """The same share of traces in every process, by the id of the trace.

    A caller's flag decides nothing. A batch belongs to the traces of its records: it is recorded if one of those is.
    """

    def __init__(self, share: float) -> None:
        self._below = round(share * (1 << _RANDOM_BITS))

    def has(self, trace_id: int) -> bool:
        """Whether a trace is recorded. The last 56 bits decide: also in a UUID they are as good as random."""
        return trace_id & ((1 << _RANDOM_BITS) - 1) < self._below

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """See ``Sampler``."""
        parent = get_current_span(parent_context).get_span_context()
        if parent.is_valid and not parent.is_remote:
            sampled = parent.trace_flags.sampled
        elif links and not parent.is_valid:
            sampled = any(self.has(link.context.trace_id) for link in links)
        else:
            sampled = self.has(trace_id)
        return SamplingResult(Decision.RECORD_AND_SAMPLE if sampled else Decision.DROP, attributes)

    def get_description(self) -> str:
        """See ``Sampler``."""
        return f"Sample{{{self._below / (1 << _RANDOM_BITS)}}}"


def read(traceparent: str | None) -> Context:
    """The context that a ``traceparent`` names; one without a span if it names none."""
    return _PROPAGATOR.extract({} if traceparent is None else {HEADER: traceparent}, Context())


def write(context: Context) -> str:
    """The ``traceparent`` of the span in ``context``."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, context)
    return carrier[HEADER]


def span_context(context: Context) -> SpanContext:
    """The ids of the span in ``context``."""
    return get_current_span(context).get_span_context()


def trace_id_of(headers: Mapping[str, bytes | None]) -> int | None:
    """The trace that a record belongs to: its correlation id. None for a record without a valid one."""
    text = headers.get("ce_correlationid") or headers.get("ce_id") or b""
    try:
        return UUID(text.decode()).int or None
    except ValueError:
        return None


def parent_in(headers: Mapping[str, bytes | None], trace_id: int) -> Context | None:
    """The span of the trace that a record follows: that which published it, else that which began its cause.

    None if the record names no span of this trace.
    """
    for name in (HEADER, f"ce_{HEADER}"):
        if text := headers.get(name):
            context = read(text.decode(errors="replace"))
            if span_context(context).trace_id == trace_id:
                return context
    return None


def request_in(headers: Mapping[str, bytes | None]) -> SpanContext | None:
    """The span of the request that began a record's cause, such as the upload of a payroll file."""
    text = headers.get(f"ce_{HEADER}")
    found = span_context(read(None if text is None else text.decode(errors="replace")))
    return found if found.is_valid else None
