"""What has been kept as long as it is needed is deleted once a night, and nothing is booked twice afterwards."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from frikort_contracts.cloudevents import Envelope, decode
from frikort_contracts.http.roles import Role
from frikort_contracts.issuance import DeactivateCard
from frikort_contracts.retention import RetentionCompleted
from frikort_contracts.topics import RETENTION

from services.gateway.audit.chain import SigningKey
from services.gateway.audit.expiry import ExpirySigner
from services.gateway.auth import Caller
from services.gateway.commands.service import CommandRequest, CommandResponse, CommandService
from services.gateway.commands.store import SUBMISSIONS, CommandExpiry, MongoCommandStore
from services.gateway.payroll.store import CHUNKS, FILES
from services.gateway.problems import ProblemError
from services.gateway.projections import outcomes
from services.gateway.retention.job import RUNS, RetentionJob
from services.gateway.retention.periods import ANSWERS, LINES
from services.gateway.retention.periods import FILES as FILE_PERIOD
from services.runtime.file_store import FileStore
from services.runtime.mongo.driver import Database
from tests.gateway.build import CARD, persons
from tests.gateway.memory import MemoryTopic

NOW: Final = datetime(2026, 11, 29, 3, tzinfo=UTC)
OLD: Final = NOW - ANSWERS - timedelta(minutes=1)
DAY: Final = "2026-11-29"
CALLER: Final = Caller("issuer", "c", "worker-1", Role.CASEWORKER, "101")


class Topic(MemoryTopic):
    """What the job publishes."""

    @property
    def reports(self) -> list[RetentionCompleted]:
        of_job = [record for record in self.records if record.topic == RETENTION.name]
        return [decode(RETENTION, record.value, record.headers).data for record in of_job]


class Keeper:
    """The commands of a gateway over a database, and the job."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.topic = Topic()
        self.recorded: list[UUID] = []

    def job(self) -> RetentionJob:
        return RetentionJob(
            self.database,
            self.topic,
            CommandExpiry(self.database),
            ExpirySigner(self.database, self.topic, SigningKey(b"k" * 32)),
            FileStore(self.folder.as_uri()),
            pause=0,
        )

    async def send(self, key: str, at: datetime, body: str = "{}") -> CommandResponse:
        """Send a command until it is answered."""

        async def now() -> datetime:
            return at

        async def build(_: UUID) -> DeactivateCard:
            return DeactivateCard(card_id=CARD, municipality="101", actor="worker-1", case_reference="S-1")

        async def record(message: Envelope[Any]) -> None:
            self.recorded.append(message.id)

        service = CommandService(
            store=MongoCommandStore(self.database), producer=self.topic, now=now, persons=persons()
        )
        request = CommandRequest(CALLER, key, "POST", "/v1/cards", body, uuid4())
        submission = await service.submit(request, build, record)
        if submission.response is None:
            response = CommandResponse(status=200, body={"card_id": CARD}, language="en")
            return await service.store_response(submission, response, None)
        return submission.response

    async def decide(self, problem: str | None = None) -> None:
        """Give every command an outcome."""
        async for stored in self.database[SUBMISSIONS].find():
            state = {"state": {"command_id": stored["_id"], "problem": problem}}
            await self.database[outcomes.PROJECTION.name].replace_one({"_id": stored["_id"]}, state, upsert=True)

    async def problem_of(self, key: str, body: str = "{}") -> ProblemError:
        with pytest.raises(ProblemError) as refused:
            await self.send(key, NOW, body)
        return refused.value


@pytest.fixture
async def keeper(database: Database, tmp_path: Path) -> Keeper:
    keeper = Keeper(database, tmp_path)
    await keeper.job().prepare()
    return keeper


@pytest.mark.parametrize(("problem", "result"), [(None, "accepted"), ("card-already-deactivated", "refused")])
async def test_a_command_that_is_sent_again_after_its_retention_is_answered_and_not_published(
    keeper: Keeper, problem: str | None, result: str
) -> None:
    await keeper.send("key", OLD)
    await keeper.decide(problem)
    await keeper.job().run_once(DAY, NOW)
    published, recorded = len(keeper.topic.records), len(keeper.recorded)

    refused = await keeper.problem_of("key")

    (stored,) = await keeper.database[SUBMISSIONS].find().to_list(None)
    assert (refused.code, refused.facts) == ("answer-expired", {"command_id": stored["_id"], "result": result})
    assert len(keeper.topic.records) == published
    assert len(keeper.recorded) == recorded


async def test_only_hashes_the_id_the_time_and_the_result_stay(keeper: Keeper) -> None:
    await keeper.send("key", OLD)
    await keeper.decide()
    await keeper.job().run_once(DAY, NOW)
    (stored,) = await keeper.database[SUBMISSIONS].find().to_list(None)
    assert set(stored) == {"_id", "client", "request", "at", "accepted"}


async def test_another_request_under_an_expired_key_is_still_refused(keeper: Keeper) -> None:
    await keeper.send("key", OLD)
    await keeper.decide()
    await keeper.job().run_once(DAY, NOW)
    assert (await keeper.problem_of("key", "another body")).code == "idempotency-key-reused"


async def test_an_answer_within_its_retention_is_given_again(keeper: Keeper) -> None:
    first = await keeper.send("key", OLD + timedelta(minutes=2))
    await keeper.decide()
    await keeper.job().run_once(DAY, NOW)
    assert await keeper.send("key", NOW) == first


async def test_a_command_without_an_outcome_is_kept_and_can_be_sent_again(keeper: Keeper) -> None:
    await keeper.send("key", OLD)
    await keeper.job().run_once(DAY, NOW)
    assert (await keeper.send("key", NOW)).status == 200


async def test_the_lines_of_old_files_are_deleted_and_the_files_stay(keeper: Keeper) -> None:
    old, new = NOW - LINES - timedelta(days=1), NOW - LINES + timedelta(days=1)
    for name, status, at in (("old", "done", old), ("new", "done", new), ("booking", "booking", old)):
        await keeper.database[FILES].insert_one({"_id": name, "status": status, "created_at": at})
        await keeper.database[CHUNKS].insert_one({"_id": f"{name}:0", "batch_id": name})
    await keeper.job().run_once(DAY, NOW)
    assert {one["_id"] async for one in keeper.database[CHUNKS].find()} == {"new:0", "booking:0"}
    assert {one["_id"] async for one in keeper.database[FILES].find({"lines_deleted": True})} == {"old"}
    assert await keeper.database[FILES].count_documents({}) == 3


async def test_a_night_has_one_run_and_one_report(keeper: Keeper) -> None:
    await keeper.send("key", OLD)
    await keeper.decide()
    keeper.topic.unreachable = True
    with pytest.raises(ConnectionError):
        await keeper.job().run_once(DAY, NOW)
    keeper.topic.unreachable = False
    for _ in range(2):
        await keeper.job().run_once(DAY, NOW)

    (report,) = keeper.topic.reports
    assert report.expired == {
        "stored-answers": 1,
        "payroll-lines": 0,
        "extract-files": 0,
        "unusual-findings": 0,
        "audit-entries": 0,
    }
    assert await keeper.database[RUNS].count_documents({}) == 1


async def test_files_of_extracts_are_deleted_when_they_are_too_old(keeper: Keeper) -> None:
    old, young = keeper.folder / "old" / "1.csv", keeper.folder / "young" / "1.csv"
    for file, age in ((old, FILE_PERIOD + timedelta(minutes=1)), (young, FILE_PERIOD - timedelta(minutes=1))):
        file.parent.mkdir()
        file.write_text("kort;")
        moment = (NOW - age).timestamp()
        os.utime(file, (moment, moment))

    await keeper.job().run_once(DAY, NOW)

    assert [path for path in keeper.folder.rglob("*") if path.is_file()] == [young]
    assert keeper.topic.reports[0].expired["extract-files"] == 1


async def test_a_run_that_was_interrupted_is_continued(keeper: Keeper) -> None:
    for number in range(3):
        await keeper.send(f"key {number}", OLD)
    await keeper.decide()
    ids = [one["_id"] async for one in keeper.database[SUBMISSIONS].find()]
    await CommandExpiry(keeper.database).expire(ids[:1])
    await keeper.job().run_once(DAY, NOW)
    assert keeper.topic.reports[0].expired["stored-answers"] == 2
    assert await keeper.database[SUBMISSIONS].count_documents({"unexpired": True}) == 0
