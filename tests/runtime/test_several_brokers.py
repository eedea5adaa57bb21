"""FRIKORT_KAFKA may name several brokers: consumers must try each of them, as the producer does."""

from __future__ import annotations

from services.balance.decide import LEDGERS
from services.runtime.service import Runtime
from services.runtime.settings import RuntimeSettings


async def test_every_bootstrap_server_is_tried_by_the_consumers() -> None:
    settings = RuntimeSettings(kafka="one:9092,two:9092,three:9092", mongodb="mongodb://127.0.0.1/?replicaSet=frikort")
    runtime = Runtime(service="test", settings=settings, processors=[LEDGERS])
    assert list(runtime._broker.specification.url) == ["one:9092", "two:9092", "three:9092"]
    runtime.client.close()
