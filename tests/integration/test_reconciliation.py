"""A reconciliation of the running system: differences planted in each database are found, reports in flight are not."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Set
from itertools import count
from threading import Event, Thread
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from frikort_contracts.balance import ReportSettled
from frikort_contracts.cloudevents import decode
from frikort_contracts.reconciliation import CardYearDiffered, Holder, ReconciliationCompleted
from frikort_contracts.reporting import EarningsReported
from frikort_contracts.topics import RECONCILIATION_RESULTS
from pymongo import AsyncMongoClient

from services.issuance.jobs import RECONCILE
from services.runtime.mongo.job_store import COLLECTION as JOBS
from services.runtime.processing.jobs import DEFAULT_RATE
from services.runtime.settings import REPOSITORY
from tests.integration.scene import Job, World, accepted
from tests.integration.topics import read_all
from tests.waiting import eventually

YEAR: Final = 2025
Database = AsyncMongoClient[dict[str, Any]]
Plant = Callable[[Database, Job], Any]


async def reconcile(world: World) -> tuple[ReconciliationCompleted, list[CardYearDiffered]]:
    """The result and the differences of a run that is started as an operator starts it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.issuance.jobs", "start", "reconcile", "--rate", "1000"),
        env={**os.environ, "FRIKORT_MONGODB": world.system.mongodb},
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    run_id = output.decode().split()[0]

    async def completed() -> tuple[ReconciliationCompleted, list[CardYearDiffered]] | None:
        records = await read_all(world.system.access, RECONCILIATION_RESULTS.name)
        events = [decode(RECONCILIATION_RESULTS, record.value, record.headers).data for record in records]
        differed = [event for event in events if event.run_id == run_id and isinstance(event, CardYearDiffered)]
        results = [event for event in events if event.run_id == run_id and isinstance(event, ReconciliationCompleted)]
        return (results[0], differed) if results else None

    return await eventually(completed, within=90, what="the reconciliation")


@pytest.fixture
async def database(world: World) -> AsyncIterator[Database]:
    async with AsyncMongoClient[dict[str, Any]](world.system.mongodb) as client:
        yield client


async def lose_the_card_in_reporting(database: Database, job: Job) -> None:
    await database["frikort_reporting"]["card_states"].delete_one({"_id": job.card.id})


async def change_the_ledger(database: Database, job: Job) -> None:
    ledgers = database["frikort_balance"]["ledgers"]
    await ledgers.update_one({"_id": f"{job.card.id}:{YEAR}"}, {"$inc": {"state.exempt": -1}})


async def change_the_statement(database: Database, job: Job) -> None:
    statements = database["frikort_exports"]["statements"]
    await statements.update_one({"_id": job.card.id}, {"$inc": {f"state.years.{YEAR}.statement.reported": 100}})


async def lose_a_report_in_the_gateway(database: Database, job: Job) -> None:
    await database["frikort_gateway"]["reports"].delete_one({"state.card_id": job.card.id})


PLANTED: Final = (
    (lose_the_card_in_reporting, Holder.REPORTING),
    (change_the_ledger, Holder.LEDGER),
    (change_the_statement, Holder.STATEMENT),
    (lose_a_report_in_the_gateway, Holder.REPORTS_VIEW),
)
COLLECTIONS: Final = (
    ("frikort_reporting", "card_states"),
    ("frikort_balance", "ledgers"),
    ("frikort_exports", "statements"),
    ("frikort_gateway", "reports"),
)


@pytest.mark.verify
async def test_differences_in_each_database_are_found_and_the_reports_in_flight_are_not(
    world: World, database: Database
) -> None:
    jobs = [world.job() for _ in PLANTED]
    reports = {job.card.id: [job.report(100_000)["report_id"], job.report(200_000)["report_id"]] for job in jobs}
    before, found = await reconcile(world)
    assert not {event.card_id for event in found} & reports.keys()

    busy, stopped = world.job(), Event()

    def report_on() -> None:
        for amount in count(1_000):
            if stopped.is_set():
                return
            busy.report(amount)

    reporting = Thread(target=report_on)
    reporting.start()
    try:
        kept = [await _documents(database, *place, job) for place, job in zip(COLLECTIONS, jobs, strict=True)]
        for (plant, _), job in zip(PLANTED, jobs, strict=True):
            await plant(database, job)
        result, alarms = await reconcile(world)
    finally:
        stopped.set()
        reporting.join()

    by_card = {event.card_id: event for event in alarms if event.card_id in reports}
    assert by_card.keys() == reports.keys()
    assert busy.card.id not in {event.card_id for event in alarms}
    assert result.differences == before.differences + len(PLANTED)
    for (_, holder), job in zip(PLANTED, jobs, strict=True):
        alarm = by_card[job.card.id]
        figures = {one.holder: one for one in alarm.figures}
        assert alarm.year == YEAR
        assert figures[holder].model_dump(include={"total", "exempt"}) != figures[Holder.ENTRIES].model_dump(
            include={"total", "exempt"}
        )
        named = {report.report_id for one in alarm.figures for report in one.details}
        assert named <= set(reports[job.card.id])
    for job in jobs:
        await _assert_names_its_messages(world, by_card[job.card.id])
    lost = {report.report_id for one in by_card[jobs[3].card.id].figures for report in one.details}
    assert len(lost) == 1

    runs = accepted(world.authority("skat").get("/v1/reconciliations"), 200)["reconciliations"]
    assert {"differences": result.differences, "run_id": result.run_id}.items() <= runs[0].items()
    shown = {message["message_id"] for one in runs[0]["differing"] for message in one["messages"]}
    logged = await eventually(lambda: _logged(world, result.run_id, by_card.keys()), within=30, what="the log lines")
    for job in jobs:
        named_in_alarm = {place.message_id for place in by_card[job.card.id].messages}
        assert {place["message_id"] for place in logged[job.card.id]} == named_in_alarm
        assert named_in_alarm <= shown

    async def is_measured() -> bool:
        return f"frikort_reconciliation_differences {result.differences}.0" in world.metrics("exports")

    await eventually(is_measured, within=30, what="the metric")

    for place, job, documents in zip(COLLECTIONS, jobs, kept, strict=True):
        await _put_back(database, *place, job, documents)
    after, found = await reconcile(world)
    assert after.differences == before.differences
    assert not {event.card_id for event in found} & reports.keys()


async def _assert_names_its_messages(world: World, alarm: CardYearDiffered) -> None:
    """Each place is that of the record with this id, and the card's earnings and splits are among them."""
    consumer = AIOKafkaConsumer(**world.system.access.options(), enable_auto_commit=False)
    await consumer.start()
    try:
        types = set()
        for place in alarm.messages:
            partition = TopicPartition(place.topic, place.partition)
            consumer.assign([partition])
            consumer.seek(partition, place.offset)
            record = await consumer.getone()
            headers = dict(record.headers)
            assert (record.offset, record.key.decode()) == (place.offset, alarm.card_id)
            assert headers["ce_id"].decode() == place.message_id
            types.add(headers["ce_type"].decode())
        assert {EarningsReported.type, ReportSettled.type} <= types
    finally:
        await consumer.stop()


async def _logged(world: World, run_id: str, cards: Set[str]) -> dict[str, list[dict[str, Any]]] | None:
    """The messages in the log lines of the differences of a run, by card id."""
    lines = [json.loads(line) for line in world.system.config.log("exports").read_text().splitlines() if run_id in line]
    found = {line["card_id"]: line["messages"] for line in lines if line["event"] == "exports.card_year_differs"}
    return found if cards <= found.keys() else None


async def _documents(database: Database, name: str, collection: str, job: Job) -> list[dict[str, Any]]:
    return await database[name][collection].find({"state.card_id": job.card.id}).to_list()


async def _put_back(database: Database, name: str, collection: str, job: Job, documents: list[dict[str, Any]]) -> None:
    await database[name][collection].delete_many({"state.card_id": job.card.id})
    await database[name][collection].insert_many(documents)


async def test_a_run_starts_without_a_command(world: World, database: Database) -> None:
    jobs = database["frikort_issuance"][JOBS]

    async def started() -> bool:
        return await jobs.count_documents({"kind": RECONCILE.name, "rate": DEFAULT_RATE}) > 0

    await eventually(started, within=30, what="the nightly run, which is due at the first start")


async def test_an_authority_sees_the_result_of_a_reconciliation(world: World) -> None:
    result, _ = await reconcile(world)

    async def is_listed() -> bool:
        runs = accepted(world.authority("skat").get("/v1/reconciliations"), 200)["reconciliations"]
        return bool(runs) and {"differences": result.differences, "run_id": result.run_id}.items() <= runs[0].items()

    await eventually(is_listed, within=30, what="the result")
