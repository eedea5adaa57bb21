"""SIGTERM ends a service in time without loss, and too many dead letters stop it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from frikort_contracts.cloudevents import Record
from frikort_contracts.topics import BALANCES, EARNINGS
from pymongo import MongoClient

from deploy.local import ports
from services.balance.ledger import Ledger
from services.runtime import exit_codes
from services.runtime.kafka.producer import KafkaProducer
from tests.operations.harness import Harness, Service, ended, lag_of, skip_earlier_records
from tests.runtime.test_consuming_real import events_about, read_all, reported
from tests.waiting import eventually

pytestmark = pytest.mark.verify

STOP_TIMEOUT = 5
SLACK = 2
"""Seconds that a loaded machine needs to end a process after its deadline."""


@pytest.fixture
async def log(harness: Harness) -> AsyncIterator[KafkaProducer]:
    log = KafkaProducer(harness.settings, client_id="test", timeout=15)
    yield log
    await log.stop()


async def caught_up(name: str, log: KafkaProducer, *, but_for: int = 0) -> None:
    async def reached() -> bool:
        return await lag_of(name, log) <= but_for

    await eventually(reached, within=60, what=f"{name} has caught up")


def ledgers_of(harness: Harness, name: str, cards: Sequence[str]) -> dict[str, Ledger]:
    """The ledgers as they are stored."""
    with MongoClient[dict[str, Any]](harness.engines.mongodb) as client:
        stored = client[f"frikort_{name}"]["ledgers"].find({"_id": {"$in": [f"{card}:2025" for card in cards]}})
        ledgers = [Ledger.from_stored(document["state"]) for document in stored]
    return {ledger.card_id: ledger for ledger in ledgers}


async def stopped_in_time(service: Service) -> int:
    asked_at = time.monotonic()
    service.process.send(signal.SIGTERM)
    code = await ended(service)
    assert time.monotonic() - asked_at < STOP_TIMEOUT + SLACK
    return code


async def test_a_rolling_restart_under_load_loses_nothing_and_doubles_nothing(
    harness: Harness, log: KafkaProducer
) -> None:
    name = "rolling"
    await skip_earlier_records(harness, name)
    instances = [harness.service(name, number) for number in (1, 2)]
    for service in instances:
        service.process.start()
    for service in instances:
        service.process.wait_ready()
    cards = [str(uuid4()) for _ in range(20)]
    sent = 0
    rolled = asyncio.Event()

    async def load() -> None:
        nonlocal sent
        while not rolled.is_set():
            await log.publish([reported(card, sent, 100) for card in cards])
            sent += 1
            await caught_up(name, log, but_for=10 * len(cards))

    loading = asyncio.create_task(load())
    for service in instances * 2:
        assert await stopped_in_time(service) == exit_codes.DONE
        await asyncio.to_thread(service.process.restart)
    rolled.set()
    await loading
    await caught_up(name, log)

    assert sent > 20, "there was load"
    ledgers = ledgers_of(harness, name, cards)
    assert {card: ledgers[card].reported for card in cards} == dict.fromkeys(cards, 100 * sent)
    published = await read_all(harness.settings, BALANCES.name)
    for card in cards:
        contents: dict[str, set[bytes]] = {}
        for event_id, body in events_about(published, card):
            contents.setdefault(event_id, set()).add(body)
        assert len(contents) == 2 * sent, "one split and one balance for each report"
        assert all(len(bodies) == 1 for bodies in contents.values())


async def test_readiness_falls_before_the_public_port_closes(harness: Harness) -> None:
    port = ports.free_port()
    service = harness.service(
        "leaving", module="tests.operations.public_service", port=str(port), stop_delay="1.2", stop_timeout="8"
    )
    service.process.restart()
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        asked_at = time.monotonic()
        service.process.send(signal.SIGTERM)

        async def leaving() -> bool:
            status, report = await asyncio.to_thread(service.ask, "/health/ready")
            return status == 503 and report.get("stopping") is True

        await eventually(leaving, what="it is not ready any more")
        assert (await client.get("/", headers={"Connection": "close"})).text == "served"
    assert await ended(service) == exit_codes.DONE
    assert 1.2 <= time.monotonic() - asked_at < 8


@pytest.mark.parametrize(
    ("name", "how"),
    [
        pytest.param("kafka", signal.SIGKILL, id="kafka killed"),
        pytest.param("mongodb", signal.SIGSTOP, id="mongodb frozen", marks=pytest.mark.verify),
    ],
)
async def test_a_stop_without_an_engine_is_in_time_and_loses_nothing(
    harness: Harness, log: KafkaProducer, name: str, how: signal.Signals
) -> None:
    group = f"stop-{name}-{how.name.lower()}"
    await skip_earlier_records(harness, group)
    service = harness.service(group, stop_timeout=str(STOP_TIMEOUT), batch_records="20")
    service.process.restart()
    cards = [str(uuid4()) for _ in range(10)]
    await log.publish([reported(card, number, 100) for number in range(100) for card in cards])

    async def begun() -> bool:
        return bool(ledgers_of(harness, group, cards))

    await eventually(begun, what="it is in the middle of the load")
    engine = harness.engines.processes[name]
    engine.send(how)
    try:
        assert await stopped_in_time(service) == exit_codes.DONE
    finally:
        engine.send(signal.SIGCONT)
        harness.make_engines_run()
    service.process.restart()
    await caught_up(group, log)
    ledgers = ledgers_of(harness, group, cards)
    assert {card: ledgers[card].reported for card in cards} == dict.fromkeys(cards, 10_000)
    assert service.process.terminate() == exit_codes.DONE


async def test_too_many_dead_letters_in_a_row_stop_the_service(harness: Harness, log: KafkaProducer) -> None:
    name = "flooded"
    await skip_earlier_records(harness, name)
    service = harness.service(name, dead_letter_limit="5", batch_records="3")
    service.process.restart()
    key = str(uuid4()).encode()
    await log.publish([Record(EARNINGS.name, key, b"{}", ()) for _ in range(50)])
    assert await ended(service) == exit_codes.STOPPED_ITSELF
    (stop,) = service.logged("runtime.stopped")
    assert stop["level"] == "critical"
    assert "5 records in a row" in stop["reason"]
    dead = [record for record in await read_all(harness.settings, EARNINGS.dead) if record.key == key]
    assert 0 < len(dead) < 5
    service.process.start()
    assert await ended(service) == exit_codes.STOPPED_ITSELF, "a restart drains no more than a limit's worth"
