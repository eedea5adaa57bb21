"""A service starts whichever engine is ready first, and refuses settings that can lose data."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from frikort_contracts.access import PROVISIONER, rights
from frikort_contracts.topics import BALANCE_JOBS, BALANCES, TOPICS

from deploy.local import broker_config, mongod, ports
from deploy.local.config import Config
from deploy.local.engines import Engines
from deploy.local.kafka_users import KafkaAccess
from deploy.local.process import Process
from deploy.local.progress import Silent
from services.runtime import exit_codes
from services.runtime.kafka.topics import MissingTopics, check, names_of
from services.runtime.kafka.topics.provisioning import provision
from services.runtime.safety_checks import UnsafeSetting, topic_config
from tests.operations.harness import Harness, Service, ended
from tests.waiting import eventually

pytestmark = pytest.mark.verify


async def waits_for(service: Service, what: str) -> None:
    async def said() -> bool:
        return service.process.alive and any(w["waiting_for"] == what for w in service.logged("runtime.waiting"))

    await eventually(said, what=f"{service.process.name} says that it waits for {what}")


def _settings_of(access: KafkaAccess) -> dict[str, str]:
    """How to connect to another broker, as ``Harness.service`` takes it."""
    given = access.environment(PROVISIONER)
    return {name.removeprefix("FRIKORT_").lower(): value for name, value in given.items()}


@pytest.mark.parametrize(
    "order",
    [("kafka", "mongodb"), pytest.param(("mongodb", "kafka"), marks=pytest.mark.verify)],
    ids="-then-".join,
)
async def test_a_service_waits_for_its_engines_in_any_order(harness: Harness, order: Sequence[str]) -> None:
    for engine in harness.engines.processes.values():
        engine.terminate()
    service = harness.service("patient-" + order[0])
    service.process.start()
    await waits_for(service, "Kafka")
    first, second = (harness.engines.processes[name] for name in order)
    first.restart()
    if order[0] == "kafka":
        await waits_for(service, "MongoDB")
    second.restart()
    service.process.wait_ready()
    assert service.process.terminate() == exit_codes.DONE


async def test_a_stop_while_waiting_ends_the_process_at_once_with_exit_code_0(harness: Harness) -> None:
    service = harness.service("impatient", kafka="127.0.0.1:1")
    service.process.start()
    await waits_for(service, "Kafka")
    asked_at = time.monotonic()
    service.process.send(signal.SIGTERM)
    assert await ended(service) == exit_codes.DONE
    assert time.monotonic() - asked_at < 4


async def test_a_service_without_kafka_gives_up_with_its_own_exit_code(harness: Harness) -> None:
    service = harness.service("lonely", kafka="127.0.0.1:1", start_timeout="1")
    service.process.start()
    assert await ended(service) == exit_codes.CANNOT_START


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("mongodb", "mongodb://127.0.0.1:1/", "FRIKORT_MONGODB"),
        ("environment", "production", "FRIKORT_TOPIC_REPLICATION"),
        ("topic_replication", "2", f"the replication of {BALANCE_JOBS.name}"),
    ],
)
async def test_a_setting_that_loses_data_is_refused(harness: Harness, setting: str, value: str, named: str) -> None:
    service = harness.service("unsafe-" + setting, **{setting: value})
    service.process.start()
    assert await ended(service) == exit_codes.UNSAFE_SETTING
    (refusal,) = service.logged("runtime.refused")
    assert refusal["level"] == "critical"
    assert named in refusal["problem"]
    assert service.logged("runtime.started") == []


async def test_a_topic_with_an_unsafe_setting_is_refused_by_name(harness: Harness) -> None:
    admin = AIOKafkaAdminClient(**harness.engines.access.options())
    await admin.start()
    safe = topic_config(BALANCES.name, BALANCES, 1)

    async def alter(config: dict[str, str]) -> None:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, BALANCES.name, config)])

    try:
        await alter(safe | {"unclean.leader.election.enable": "true"})
        with pytest.raises(UnsafeSetting, match=r"unclean\.leader\.election\.enable of frikort\.balances\.v1 is true"):
            await check(harness.settings)
        await alter(safe | {"retention.ms": "1000"})
        with pytest.raises(UnsafeSetting, match=r"retention\.ms of frikort\.balances\.v1 is 1000"):
            await check(harness.settings)
    finally:
        await alter(safe)
        await admin.close()
    await check(harness.settings)


async def test_a_standalone_mongodb_is_refused(harness: Harness, tmp_path: Path) -> None:
    port = ports.free_port()
    binary = mongod.fetch(harness.engines.config.cache, Silent())
    argv = [str(binary), "--dbpath", str(tmp_path), "--bind_ip", "127.0.0.1", "--port", str(port), "--quiet"]
    alone = Process("alone", argv, log=tmp_path / "alone.log", ready=lambda: ports.answers(port))
    alone.start()
    try:
        alone.wait_ready()
        service = harness.service("alone", mongodb=mongod.uri(port))
        service.process.start()
        assert await ended(service) == exit_codes.UNSAFE_SETTING
        assert "a standalone server" in service.logged("runtime.refused")[0]["problem"]
    finally:
        alone.terminate()


async def test_no_topic_is_created_by_accident(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker creates every topic that a client asks for, which is Kafka's default."""
    monkeypatch.setitem(broker_config.SETTINGS, "auto.create.topics.enable", "true")
    environment = {"FRIKORT_MONGODB": harness.engines.mongodb}
    with Engines(Config(tmp_path), environment=environment, docker_answers=lambda: False) as bare:
        service = harness.service("accident", **_settings_of(bare.access), start_timeout="3")
        service.process.start()
        assert await ended(service) == exit_codes.CANNOT_START
        assert "python -m services.runtime.kafka.topics" in service.logged("runtime.waiting")[-1]["reason"]
        admin = AIOKafkaAdminClient(**bare.access.options())
        await admin.start()
        try:
            assert await admin.list_topics() == []
        finally:
            await admin.close()

        settings = harness.settings.model_copy(update=bare.access.settings().model_dump())
        with pytest.raises(MissingTopics):
            await check(settings)
        assert await provision(settings) == (len(names_of(TOPICS)), len(rights()))
        assert await provision(settings) == (0, 0), "a second run changes nothing"
        await check(settings)
