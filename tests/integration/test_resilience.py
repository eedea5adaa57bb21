"""Processes are killed, join and leave while reports arrive: nothing is lost and nothing is counted twice.

The tests stop processes that all integration tests share, and start them again.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from frikort_contracts.access import OPERATOR
from frikort_contracts.outcomes import CommandAccepted
from frikort_contracts.reporting import EarningsReported
from frikort_contracts.topics import OUTCOMES
from pymongo import MongoClient

from deploy.local.client import Answer
from deploy.local.process import terminate_all
from services.runtime import exit_codes
from services.runtime.settings import RuntimeSettings
from tests.integration.scene import ALLOWANCE, Job, World, accepted
from tests.integration.topics import message_record, publish, records_about
from tests.operations import command
from tests.waiting import eventually

OTHERS = ("issuance", "reporting", "balance", "exports")
SENDERS = 8
DEAD_LETTER_LIMIT = RuntimeSettings.model_fields["dead_letter_limit"].default


@pytest.fixture(autouse=True)
def _restored(world: World) -> Iterator[None]:
    """Restart every process that a test stopped, before other fixtures are torn down."""
    yield
    revive(world, *OTHERS, "gateway", "projections", "payroll")


def revive(world: World, *names: str) -> None:
    """Start those that are not running and wait until they are ready."""
    processes = [world.system.processes[name] for name in names]
    for process in processes:
        if not process.alive:
            process.start()
    for process in processes:
        process.wait_ready()


def kill(world: World, *names: str) -> None:
    for name in names:
        world.system.processes[name].kill()


@dataclass
class Burst:
    """Reports that are sent at the same time, each under a key of its own that every retry uses again."""

    jobs: Sequence[Job]
    bodies: list[tuple[Job, str, dict[str, Any]]] = field(init=False)

    def __post_init__(self) -> None:
        self.bodies = [(job, str(uuid4()), job.body(10_000 + n)) for n in range(15) for job in self.jobs]

    async def send(self, meanwhile: Callable[[], None]) -> None:
        """Send all; ``meanwhile`` begins when a third has been acknowledged. Retries until each is booked."""
        with ThreadPoolExecutor(SENDERS) as pool:
            senders = asyncio.Semaphore(SENDERS)
            sending = [asyncio.ensure_future(self._until(pool, senders, {201, 202}, 0, *sent)) for sent in self.bodies]
            await asyncio.gather(*sending[: len(sending) // 3])
            await asyncio.to_thread(meanwhile)
            await asyncio.gather(*sending)
            await asyncio.gather(*(self._until(pool, senders, {201}, 5, *sent) for sent in self.bodies))

    async def _until(
        self,
        pool: ThreadPoolExecutor,
        senders: asyncio.Semaphore,
        good: set[int],
        wait: int,
        job: Job,
        key: str,
        body: dict[str, Any],
    ) -> None:
        """Send it, as often as it takes, until the answer is ``good``. 202 is an acknowledgement, 201 the end."""

        def attempt() -> bool:
            try:
                answer = job.employer.post("/v1/reports", body, key=key, wait=wait)
            except httpx2.TransportError:
                return False  # the gateway is down: the client cannot know whether it got the report
            assert answer.status in {201, 202, 503}, repr(answer)
            return answer.status in good

        async def probe() -> bool:
            return await asyncio.get_running_loop().run_in_executor(pool, attempt)

        async with senders:
            await eventually(probe, within=60, what="a report that is acknowledged")

    async def check(self, world: World) -> None:
        """Each report is booked once, on the topic and in the ledger."""
        wanted = {job.id for job in self.jobs}
        records = await records_about(world.system.access, EarningsReported, lambda e: e.employment_id in wanted)
        assert len({dict(record.headers)["ce_id"] for record in records}) == len(self.bodies)
        for job in self.jobs:
            amounts = sorted(body["components"]["wage_ore"] for j, _, body in self.bodies if j is job)
            reports = job.card.reports()
            assert sorted(report["total_ore"] for report in reports) == amounts
            balance = job.card.balance()
            assert balance["reported_ore"] == sum(amounts)
            assert balance["exempt_ore"] == min(sum(amounts), ALLOWANCE)
            assert sum(report["split"]["exempt_ore"] for report in reports) == balance["exempt_ore"]


@pytest.fixture
def burst(world: World) -> Burst:
    return Burst([world.job() for _ in range(4)])


async def test_with_every_other_service_down_reports_are_accepted_and_balances_shown(world: World, job: Job) -> None:
    job.report(100_000)
    before = job.all_views()
    key, body = str(uuid4()), job.body(50_000)
    terminate_all([world.system.processes[name] for name in OTHERS])
    pending = accepted(job.employer.post("/v1/reports", body, key=key, wait=1), 202)
    assert accepted(job.employer.get(pending.headers["location"]), 200)["status"] == "pending"
    assert accepted(job.employer.post("/v1/reports", body, key=key, wait=0), 202).body == pending.body
    assert job.all_views() == before
    revive(world, *OTHERS)

    async def settled() -> Answer | None:
        outcome = accepted(job.employer.get(pending.headers["location"]), 200)
        return outcome if outcome["status"] == "done" else None

    outcome = await eventually(settled, within=60)
    assert outcome["result"]["split"]["exempt_ore"] == 50_000
    assert accepted(job.employer.post("/v1/reports", body, key=key), 201).body == outcome["result"]
    assert job.card.balance()["reported_ore"] == 150_000
    assert len(job.card.reports()) == 2


async def test_services_killed_during_a_burst_lose_and_double_nothing(world: World, burst: Burst) -> None:
    def murder() -> None:
        kill(world, "reporting", "balance")
        revive(world, "reporting", "balance")

    await burst.send(murder)
    await burst.check(world)


async def test_a_second_balance_joins_and_leaves_during_a_burst(world: World, burst: Burst) -> None:
    instance = SystemRandom().randrange(2, 10**6)

    def join_and_leave() -> None:
        second = world.system.start_service("balance", instance)
        try:
            for _ in range(20):
                job = world.job()
                job.report(100_000)
                assert job.card.balance()["reported_ore"] == 100_000
                if _applied(world, f"balance-{instance}"):
                    return
            raise AssertionError("the second instance got nothing to do")
        finally:
            second.terminate()

    await burst.send(join_and_leave)
    await burst.check(world)


def _applied(world: World, name: str) -> float:
    found = re.findall(r"^frikort_messages_applied_total\{.*\} (\S+)$", world.metrics(name), re.MULTILINE)
    return sum(float(value) for value in found)


@pytest.mark.verify
async def test_without_projections_the_api_serves_stored_state_accepts_commands_and_says_so(
    world: World, job: Job
) -> None:
    job.report(100_000)
    before = job.all_views()
    await _projections_are(world, "ok", 0)

    kill(world, "projections")
    pending = accepted(job.employer.post("/v1/reports", job.body(50_000), key=str(uuid4()), wait=1), 202)
    assert accepted(job.employer.get(pending.headers["location"]), 200)["status"] == "pending"
    assert job.all_views() == before
    await _projections_are(world, "stale", 1)

    revive(world, "projections")

    async def settled() -> bool:
        return bool(accepted(job.employer.get(pending.headers["location"]), 200)["status"] == "done")

    await eventually(settled, within=60)
    assert job.all_views() != before
    await _projections_are(world, "ok", 0)


@pytest.mark.verify
async def test_projections_stopped_by_invalid_records_recover_by_a_restart_and_a_replay(
    world: World, job: Job, tmp_path: Path
) -> None:
    """The recovery of docs/operations.md, "70, `DeadLetterLimitExceeded`": start, then replay."""
    job.report(100_000)
    before = job.all_views()
    await _projections_are(world, "ok", 0)
    projections = world.system.processes["projections"]

    correct = message_record(CommandAccepted(command_id=str(uuid4())), at=datetime(2025, 9, 30, tzinfo=UTC))
    invalid = correct._replace(value=b"{}")  # one key: all are in one partition
    await publish(world.system.access, [invalid] * (DEAD_LETTER_LIMIT + 200))

    async def stopped() -> bool:
        return not projections.alive

    await eventually(stopped, within=60, what="projections that have stopped")
    assert projections.exit_code == exit_codes.STOPPED_ITSELF
    assert "DeadLetterLimitExceeded" in projections.log_tail(200)
    await _projections_are(world, "stale", 1)
    assert job.all_views() == before
    pending = accepted(job.employer.post("/v1/reports", job.body(50_000), key=str(uuid4()), wait=1), 202)

    projections.restart()
    await _projections_are(world, "ok", 0)
    job.employer.wait_for(pending.headers["location"], "status", "done", within=60)
    assert job.card.balance()["reported_ore"] == 150_000

    body = tmp_path / "corrected.json"
    body.write_bytes(correct.value)
    origins = await _origins_of(world, correct.key.decode())
    assert len(origins) == DEAD_LETTER_LIMIT + 200
    arguments = ("replay", origins[0], "--body", str(body), "--by", "ops on call", "--reason", "writer corrected")
    code, _, errors = await _dead_letter_command(world, *arguments)
    assert code == exit_codes.DONE, errors
    with MongoClient[dict[str, Any]](world.system.mongodb) as client:
        read_model = client["frikort_gateway"]["outcomes"]

        async def replayed() -> bool:
            return read_model.find_one({"_id": correct.key.decode()}) is not None

        await eventually(replayed, what="the replayed outcome in its read model")


async def _origins_of(world: World, key: str) -> list[str]:
    """The origins of the dead letters of the projections with this key."""
    arguments = ("list", "--json", "--topic", OUTCOMES.name, "--service", "gateway")
    code, rows, errors = await _dead_letter_command(world, *arguments)
    assert code == exit_codes.DONE, errors
    return [row["origin"] for row in json.loads(rows) if row["key"] == key]


async def _dead_letter_command(world: World, *arguments: str) -> tuple[int, str, str]:
    """``python -m services.runtime.kafka.dead_letters`` as the operator."""
    environment = world.system.environment(OPERATOR, ())
    return await asyncio.to_thread(command.run, command.DEAD_LETTERS, arguments, environment)


async def _projections_are(world: World, status: str, stale: int) -> None:
    """Wait until the ready API reports this state of the projections, in its readiness and its metrics."""

    async def reported() -> bool:
        answer = world.readiness()
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "ready"
        return bool(answer.json()["projections"]["status"] == status)

    await eventually(reported, within=60, what=f"projections that are {status}")
    assert f"frikort_gateway_projections_stale {stale}.0" in world.metrics()


async def test_without_a_payroll_worker_a_file_is_accepted_and_booked_later(world: World, job: Job) -> None:
    kill(world, "payroll")
    headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/jsonl"}
    sent = accepted(job.employer.raw("POST", "/v1/report-batches", json.dumps(job.body(70_000)), headers), 202)
    assert accepted(job.employer.get(sent.headers["location"]), 200)["status"] == "booking"

    revive(world, "payroll")
    counts = job.employer.wait_for(sent.headers["location"], "status", "done", within=60)["counts"]

    assert (counts["lines"], counts["accepted"]) == (1, 1)


async def test_a_gateway_killed_during_a_burst_books_each_retried_report_once(world: World, burst: Burst) -> None:
    def murder() -> None:
        kill(world, "gateway")
        revive(world, "gateway")

    await burst.send(murder)
    await burst.check(world)


@pytest.mark.verify
async def test_a_payroll_file_that_is_half_booked_when_the_payroll_worker_dies_is_booked_once(world: World) -> None:
    employer = world.employer()
    jobs = [world.job(world.card(), employer=employer) for _ in range(8)]
    good = [jobs[n % 8].body(10_000 + n) for n in range(1_998)]
    content = "\n".join(json.dumps(body) for body in [jobs[0].body(-1), *good, jobs[0].body(0)])
    headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/jsonl"}
    sent = accepted(employer.raw("POST", "/v1/report-batches", content, headers), 202)

    async def under_way() -> bool:
        counts = accepted(employer.get(sent.headers["location"]), 200)["counts"]
        assert counts["pending"], "all was booked before the worker could be killed"
        return bool(counts["accepted"])

    await eventually(under_way, within=60)
    kill(world, "payroll")
    revive(world, "payroll")

    counts = employer.wait_for(sent.headers["location"], "status", "done", within=120)["counts"]
    assert counts == {"lines": 2_000, "errors": 1, "accepted": 1_998, "already_reported": 0, "refused": 1, "pending": 0}
    ids = {job.id for job in jobs}
    records = await records_about(world.system.access, EarningsReported, lambda e: e.employment_id in ids)
    assert len({dict(record.headers)["ce_id"] for record in records}) == len(good)
    for number, job in enumerate(jobs):
        amounts = [body["components"]["wage_ore"] for body in good[number::8]]
        assert [report["total_ore"] for report in job.card.reports()] == amounts
        assert job.card.balance()["reported_ore"] == sum(amounts)

    headers["Idempotency-Key"] = "a-month-later"
    again = accepted(employer.raw("POST", "/v1/report-batches", content, headers), 202)
    counts = employer.wait_for(again.headers["location"], "status", "done", within=60)["counts"]
    assert counts == {"lines": 2_000, "errors": 1, "accepted": 0, "already_reported": 1_998, "refused": 1, "pending": 0}
    assert sum(len(job.card.reports()) for job in jobs) == len(good)
