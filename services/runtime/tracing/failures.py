"""How a span fails: by the class of the error. The text of an error can repeat a document."""

from __future__ import annotations

from opentelemetry.trace import Span, StatusCode

from services.runtime.tracing import conventions as names


def fail(span: Span, error_type: str) -> None:
    """Mark ``span`` as failed."""
    span.set_attribute(names.ERROR_TYPE, error_type)
    span.set_status(StatusCode.ERROR)
