"""The health endpoints name the cause of a failure and answer in time."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from frikort_contracts.balance import SettleYear
from frikort_contracts.cloudevents import Record, encode
from frikort_contracts.topics import BALANCE_JOBS
from starlette.applications import Starlette

from deploy.local.process import Process
from services.balance.processor import LEDGERS
from services.runtime import exit_codes
from services.runtime.envelopes import new_envelope
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchResult
from services.runtime.service import Runtime
from tests.operations import kafka_tools
from tests.operations.harness import Harness, Service, ended, lag_of, skip_earlier_records
from tests.operations.page_commands import written_with
from tests.runtime.test_consuming_real import reported, running, until_caught_up
from tests.waiting import eventually

pytestmark = pytest.mark.verify

BOUND = 3.0
PARTITIONS = {f"{topic.name}/{n}" for topic in LEDGERS.topics for n in range(topic.partitions)}
"""The partitions that a process of balance reads."""


@pytest.fixture
async def log(harness: Harness) -> AsyncIterator[KafkaProducer]:
    log = KafkaProducer(harness.settings, client_id="test", timeout=15)
    yield log
    await log.stop()


async def answer(service: Service, path: str) -> tuple[int, Any]:
    """One response, which must arrive in time."""
    asked_at = time.monotonic()
    found = await asyncio.to_thread(service.ask, path)
    assert time.monotonic() - asked_at < BOUND
    return found


async def not_ready(service: Service, dependency: str) -> dict[str, Any]:
    async def seen() -> dict[str, Any] | None:
        status, report = await answer(service, "/health/ready")
        return report if status == 503 and report["dependencies"][dependency]["status"] == "unreachable" else None

    return await eventually(seen, what=f"{dependency} is reported as unreachable")


async def is_ready(service: Service) -> dict[str, Any]:
    async def seen() -> dict[str, Any] | None:
        status, report = await answer(service, "/health/ready")
        return report if status == 200 else None

    return await eventually(seen, what="it is ready again")


def engine_of(harness: Harness, name: str) -> Process:
    return harness.engines.processes[name]


@pytest.mark.parametrize(
    ("name", "how"),
    [
        pytest.param("kafka", signal.SIGKILL, id="kafka-killed"),
        pytest.param("mongodb", signal.SIGSTOP, id="mongodb-frozen"),
        pytest.param("kafka", signal.SIGSTOP, id="kafka-frozen", marks=pytest.mark.verify),
        pytest.param("mongodb", signal.SIGKILL, id="mongodb-killed", marks=pytest.mark.verify),
    ],
)
async def test_an_unreachable_dependency_is_named_in_time_and_the_other_is_not(
    harness: Harness, name: str, how: signal.Signals
) -> None:
    service = harness.service(f"healthy-{name}-{how.name.lower()}")
    service.process.restart()
    report = await is_ready(service)
    assert set(report["processors"]["ledgers"]["lag"]) == PARTITIONS
    engine = engine_of(harness, name)
    engine.send(how)
    try:
        report = await not_ready(service, name)
        other = {"kafka": "mongodb", "mongodb": "kafka"}[name]
        assert report["dependencies"][other] == {"status": "ok"}
        since = report["dependencies"][name]["since"]
        assert datetime.fromisoformat(since).tzinfo is not None
        assert (await not_ready(service, name))["dependencies"][name]["since"] == since
        assert (await answer(service, "/health/live"))[0] == 200, "a restart would not bring it back"
    finally:
        engine.send(signal.SIGCONT)
        harness.make_engines_run()
    await is_ready(service)
    assert service.process.terminate() == exit_codes.DONE


async def test_a_failing_processor_reports_its_lag_and_since_when_it_fails(
    harness: Harness, log: KafkaProducer
) -> None:
    await skip_earlier_records(harness, "waiting")
    service = harness.service("waiting")
    service.process.restart()
    await is_ready(service)
    harness.mongodb.kill()
    card = str(uuid4())
    await log.publish([reported(card, number, 100) for number in range(7)])

    async def failing() -> dict[str, Any] | None:
        _, report = await answer(service, "/health/ready")
        processor: dict[str, Any] = report["processors"]["ledgers"]
        return processor if processor["status"] == "failing" else None

    processor = await eventually(failing, what="the processor is failing")
    assert max(processor["lag"].values()) >= 7
    assert processor["since"]
    harness.make_engines_run()
    report = await is_ready(service)
    assert report["processors"]["ledgers"]["last_progress"]

    async def caught_up() -> bool:
        _, report = await answer(service, "/health/ready")
        return not any(report["processors"]["ledgers"]["lag"].values())

    await eventually(caught_up, what="the lag is gone")
    service.process.terminate()


def settlement() -> Record:
    """A message that settles the year of a card without reports."""
    message = SettleYear(
        card_id=str(uuid4()),
        year=2025,
        allowance=100,
        provisional=False,
        allowance_version="2025/2025-01-01/1-final/000",
    )
    return encode(new_envelope(message, writer="balance"))


async def test_records_that_were_deleted_unread_stop_the_service(
    harness: Harness, log: KafkaProducer, tmp_path: Path
) -> None:
    """Otherwise Kafka would continue at the earliest remaining record, silently.

    The topic has a retention: a backup of the same broker would refuse one that keeps all.
    """
    await skip_earlier_records(harness, "bereft")
    service = harness.service("bereft")
    service.process.restart()
    await log.publish([settlement() for _ in range(40)])

    async def caught_up() -> bool:
        return await lag_of("bereft", log) == 0

    await eventually(caught_up)
    assert service.process.terminate() == exit_codes.DONE
    await log.publish([settlement() for _ in range(40)])
    admin = AIOKafkaAdminClient(**harness.engines.access.options())
    await admin.start()
    try:
        gone = {
            TopicPartition(end.topic, end.partition): RecordsToDelete(before_offset=end.offset)
            for end in await log.end_positions([BALANCE_JOBS])
        }
        await admin.delete_records(gone)
    finally:
        await admin.close()
    service.process.start()
    assert await ended(service) == exit_codes.STOPPED_ITSELF
    assert any("are gone and were never read" in line["reason"] for line in service.logged("runtime.stopped"))

    forward = written_with("kafka-consumer-groups", "<topic>").replace("<topic>", BALANCE_JOBS.name)
    forward = forward.replace("<service>.<processors>", "bereft.ledgers")
    done = await asyncio.to_thread(kafka_tools.run_line, forward, harness.engines, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    service.process.start()
    await is_ready(service)
    service.process.terminate()


async def test_a_processor_without_progress_while_records_wait_is_not_ready(
    harness: Harness, log: KafkaProducer
) -> None:
    await skip_earlier_records(harness, "stuck")
    settings = harness.settings.model_copy(update={"stall_timeout": 0.2})
    async with running("stuck", settings) as runtime:
        consumer = runtime.consumer
        assert consumer is not None
        release = asyncio.Event()
        processor: Any = consumer._processors[0]
        process = processor.process

        async def hang(batch: Sequence[Incoming]) -> BatchResult:
            await release.wait()
            result: BatchResult = await process(batch)
            return result

        processor.process = hang
        await log.publish([reported(str(uuid4()), 1, 100)])

        async def status() -> str:
            report = await runtime.health.readiness()
            return str(report["processors"]["ledgers"]["status"])

        async def is_stalled() -> bool:
            return await status() == "stalled"

        async def moves() -> bool:
            return await status() == "ok"

        await eventually(is_stalled)
        assert (await runtime.health.readiness())["status"] == "not ready"
        scraped = await scrape(runtime)
        assert 'frikort_ready{service="stuck"} 0.0' in scraped
        assert 'frikort_stalled{processor="stuck.ledgers"} 1.0' in scraped
        assert runtime.health.deaths() == {}
        release.set()
        await eventually(moves)


async def scrape(runtime: Runtime) -> str:
    """The metrics, as Prometheus reads them."""
    transport = httpx2.ASGITransport(app=Starlette(routes=runtime.health_routes))
    async with httpx2.AsyncClient(transport=transport, base_url="http://process") as client:
        return (await client.get("/metrics")).text


async def test_a_scrape_has_the_present_lag_of_a_consumer_that_no_longer_fetches(
    harness: Harness, log: KafkaProducer
) -> None:
    await skip_earlier_records(harness, "deaf")
    async with running("deaf", harness.settings) as runtime:
        consumer = runtime.consumer
        assert consumer is not None

        async def is_assigned() -> bool:
            return len(consumer.lag()) == len(PARTITIONS)

        await eventually(is_assigned)
        consumer._may_poll.clear()
        await consumer._end_fetch()
        await log.publish([reported(str(uuid4()), 1, 100) for _ in range(5)])
        lag = r'^frikort_lag_records\{partition="\d",processor="deaf.ledgers",topic="frikort.earnings.v1"\} (\S+)$'
        assert sum(map(float, re.findall(lag, await scrape(runtime), re.MULTILINE))) == 5
        consumer._may_poll.set()
        await until_caught_up(runtime, log)
        assert sum(map(float, re.findall(lag, await scrape(runtime), re.MULTILINE))) == 0


async def test_a_dead_consume_task_fails_the_liveness_check(harness: Harness) -> None:
    async with running("dying", harness.settings) as runtime:
        consumer = runtime.consumer
        assert consumer is not None
        assert runtime.health.deaths() == {}
        assert consumer._task is not None
        consumer._task.cancel()
        await asyncio.wait([consumer._task])
        assert runtime.health.deaths() == {"ledgers": "the consume task has ended"}
    assert runtime.health.deaths() == {}, "a stopped consumer is not dead"


async def test_metrics_report_the_lag_of_each_partition(harness: Harness, log: KafkaProducer) -> None:
    await skip_earlier_records(harness, "measured")
    service = harness.service("measured")
    service.process.restart()
    await log.publish([reported(str(uuid4()), 1, 100)])

    async def measured() -> bool:
        lines = (await asyncio.to_thread(service.metrics)).splitlines()
        lags = [line for line in lines if line.startswith("frikort_lag_records{")]
        applied = 'frikort_messages_applied_total{processor="measured.ledgers"} 1.0' in lines
        return applied and len(lags) == len(PARTITIONS) and all(line.endswith(" 0.0") for line in lags)

    await eventually(measured, what="the one record is applied and no lag is left")
    service.process.terminate()
