"""Spans of the commands to MongoDB, within the span of a request or a batch."""

from __future__ import annotations

from opentelemetry.trace import Span, SpanKind, Tracer, get_current_span
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from services.runtime.tracing import conventions as names
from services.runtime.tracing.failures import fail


class CommandSpans(CommandListener):
    """A listener of the driver. A command outside of a recorded span, as of a change stream, has no span."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._open: dict[int, Span] = {}

    def started(self, event: CommandStartedEvent) -> None:
        """See ``CommandListener``."""
        if not get_current_span().is_recording():
            return
        operation, collection = event.command_name, event.command.get(event.command_name)
        place = {names.DB_COLLECTION: collection} if isinstance(collection, str) else {}
        self._open[event.request_id] = self._tracer.start_span(
            " ".join([operation, *place.values()]),
            kind=SpanKind.CLIENT,
            attributes={
                names.DB_SYSTEM: names.MONGODB,
                names.DB_NAMESPACE: event.database_name,
                names.DB_OPERATION: operation,
                **place,
            },
        )

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """See ``CommandListener``."""
        if (span := self._open.pop(event.request_id, None)) is not None:
            span.end()

    def failed(self, event: CommandFailedEvent) -> None:
        """See ``CommandListener``."""
        if (span := self._open.pop(event.request_id, None)) is not None:
            fail(span, str(event.failure.get("code", "failed")))
            span.end()
