"""The settings and processors of a process decide which servers it connects to."""

from __future__ import annotations

import httpx2
import pytest
from starlette.applications import Starlette

from deploy.local.engines import Engines
from services.balance.processor import LEDGERS
from services.runtime.kafka.topics.provisioning import provision
from services.runtime.service import Runtime
from services.runtime.settings import ProcessSettings, RuntimeSettings


def kafka_settings(engines: Engines) -> RuntimeSettings:
    return RuntimeSettings(
        environment="local",
        **engines.access.settings().model_dump(),
        mongodb=engines.mongodb,
        topic_replication=1,
        start_timeout=30,
    )


async def readiness(runtime: Runtime) -> tuple[int, dict[str, object]]:
    application = Starlette(routes=runtime.health_routes)
    transport = httpx2.ASGITransport(app=application)
    async with httpx2.AsyncClient(transport=transport, base_url="http://process") as client:
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200
        answer = await client.get("/health/ready")
    return answer.status_code, answer.json()


async def test_a_process_without_processors_is_ready_when_kafka_and_mongodb_answer(engines: Engines) -> None:
    settings = kafka_settings(engines)
    await provision(settings)
    runtime = Runtime(service="gateway", process="api", settings=settings)
    await runtime.start()
    try:
        status, report = await readiness(runtime)
    finally:
        await runtime.stop()
    assert (status, report) == (
        200,
        {
            "status": "ready",
            "service": "gateway-api",
            "dependencies": {"kafka": {"status": "ok"}, "mongodb": {"status": "ok"}},
            "processors": {},
        },
    )


async def test_a_process_without_kafka_is_ready_when_mongodb_answers(engines: Engines) -> None:
    settings = ProcessSettings(environment="local", mongodb=engines.mongodb, start_timeout=30)
    runtime = Runtime(service="portals", settings=settings)
    await runtime.start()
    try:
        status, report = await readiness(runtime)
        with pytest.raises(RuntimeError, match="portals has no Kafka"):
            _ = runtime.producer
    finally:
        await runtime.stop()
    assert status == 200
    assert report["dependencies"] == {"mongodb": {"status": "ok"}}


def test_a_process_with_processors_needs_kafka() -> None:
    settings = ProcessSettings(mongodb="mongodb://one/?replicaSet=r")
    with pytest.raises(ValueError, match="processors and no Kafka"):
        Runtime(service="balance", settings=settings, processors=[LEDGERS])
