"""Spans for tests: a receiver of OTLP over HTTP, and an exporter in memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True)
class ReceivedSpan:
    """A span as the receiver got it; ids are hexadecimal, ``parent`` is empty for the first of a trace."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    links: Sequence[str]
    attributes: Mapping[str, Any]


@dataclass
class Receiver:
    """A receiver of spans, as a context manager. ``bodies`` has every request as it arrived."""

    bodies: list[bytes] = field(default_factory=list)
    url: str = ""

    def __enter__(self) -> Self:
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                bodies.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def spans(self, trace: str) -> list[ReceivedSpan]:
        """The spans of a trace, and those of the batches that link to it."""
        own = bytes.fromhex(trace)
        some = [span for body in self.bodies if own in body for span in _spans_in(body)]
        return [span for span in some if trace in (span.trace, *(link[:32] for link in span.links))]

    def children(self, parent: ReceivedSpan) -> list[ReceivedSpan]:
        """The spans directly below another."""
        own = bytes.fromhex(parent.id)
        some = [span for body in self.bodies if own in body for span in _spans_in(body)]
        return [span for span in some if (span.trace, span.parent) == (parent.trace, parent.id)]

    def attribute_names(self) -> set[str]:
        """The names of the attributes of all spans."""
        return {name for body in self.bodies for span in _spans_in(body) for name in span.attributes}


def _spans_in(body: bytes) -> list[ReceivedSpan]:
    return [
        ReceivedSpan(
            service=next(a.value.string_value for a in resource.resource.attributes if a.key == "service.name"),
            name=span.name,
            kind=_KINDS[span.kind],
            trace=span.trace_id.hex(),
            id=span.span_id.hex(),
            parent=span.parent_span_id.hex(),
            links=[f"{link.trace_id.hex()}/{link.span_id.hex()}" for link in span.links],
            attributes={a.key: a.value.string_value or a.value.int_value for a in span.attributes},
        )
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
