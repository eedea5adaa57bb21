"""FRIKORT_KAFKA may name several brokers, and new topics reach them at different times."""

from __future__ import annotations

import pytest

from services.runtime.kafka.consumer import KafkaConsumer
from services.runtime.kafka.topics import MissingTopics, provisioning
from services.runtime.settings import RuntimeSettings


async def test_a_consumer_uses_every_bootstrap_server() -> None:
    settings = RuntimeSettings(kafka="one:9092,two:9092,three:9092", mongodb="mongodb://127.0.0.1/?replicaSet=frikort")
    consumer = KafkaConsumer(settings=settings, topics=["topic"], group="group", client_id="test")
    assert consumer.bootstrap_servers == ["one:9092", "two:9092", "three:9092"]


async def test_provisioning_waits_until_every_broker_knows_the_new_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def some_brokers_lag(*_: object) -> None:
        asked.append(1)
        if len(asked) < 3:
            raise MissingTopics(["frikort.earnings.v1"])

    monkeypatch.setattr(provisioning, "check_with", some_brokers_lag)
    await provisioning._check_until_known(None, replication=3)
    assert len(asked) == 3
