"""FRIKORT_KAFKA may name several brokers, and they do not all know the same at the same moment."""

from __future__ import annotations

import pytest

from services.balance.processor import LEDGERS
from services.runtime.kafka import topics
from services.runtime.service import Runtime
from services.runtime.settings import RuntimeSettings


async def test_every_bootstrap_server_is_tried_by_the_consumers() -> None:
    settings = RuntimeSettings(kafka="one:9092,two:9092,three:9092", mongodb="mongodb://127.0.0.1/?replicaSet=frikort")
    runtime = Runtime(service="test", settings=settings, processors=[LEDGERS])
    assert runtime._broker is not None
    assert list(runtime._broker.specification.url) == ["one:9092", "two:9092", "three:9092"]
    runtime.client.close()


async def test_making_topics_waits_for_the_broker_that_learns_of_them_last(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def some_brokers_lag(*_: object) -> None:
        asked.append(1)
        if len(asked) < 3:
            raise topics.MissingTopics(["frikort.earnings.v1"])

    monkeypatch.setattr(topics, "_check", some_brokers_lag)
    await topics._check_when_told(None, replication=3)
    assert len(asked) == 3
