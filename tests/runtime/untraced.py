"""A message and a call of a process that has no address for spans.

Ends with 0 if no span is recorded and no trace context is written. ``test_tracing.py`` runs it where the SDK cannot be
imported.
"""

from __future__ import annotations

import asyncio
import sys

import httpx2
from opentelemetry.trace import get_current_span, get_tracer

from services.portals.api import GatewayClient
from services.runtime.processing.batch_processor import BatchProcessor
from services.runtime.settings import RuntimeSettings
from services.runtime.tracing import tracing_of
from tests.runtime.memory import Faults, MemoryDatabase, MemoryKafka, MemoryProducer, MemoryStore
from tests.runtime.tally import TALLIES, command

OUTCOMES = "frikort.outcomes.v1"


class Transport(httpx2.AsyncBaseTransport):
    """Keeps the headers of requests, and whether a span was recorded around one."""

    def __init__(self) -> None:
        self.headers: list[str] = []
        self.recorded = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.headers += request.headers
        self.recorded |= get_current_span().is_recording()
        return httpx2.Response(200, json={})


async def main() -> None:
    settings = RuntimeSettings(kafka="localhost:1", mongodb="mongodb://localhost:1/?replicaSet=x")
    assert tracing_of(settings, "test") is None
    with get_tracer("test").start_as_current_span("a span") as span:
        assert not span.is_recording(), "the provider is not the one that records nothing"

    kafka, faults = MemoryKafka(), Faults()
    store = MemoryStore(MemoryDatabase(TALLIES), faults)
    processor = BatchProcessor(service="test", processor=TALLIES, store=store, producer=MemoryProducer(kafka, faults))
    await processor.process([kafka.append(command("card", 1))])
    (outcome,) = kafka.all(OUTCOMES)
    assert not [name for name, _ in outcome.headers if "trace" in name], outcome.headers

    transport = Transport()
    await GatewayClient("http://gateway", transport=transport, tracing=None).call("GET", "/v1/allowances", {})
    assert transport.headers
    assert "traceparent" not in transport.headers, transport.headers
    assert not transport.recorded
    assert not [name for name in sys.modules if name.startswith("services.runtime.tracing.")]


if __name__ == "__main__":
    asyncio.run(main())
