"""A job over documents sends one message for each document, resumes at its cursor and has one runner at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from frikort_contracts.cloudevents import Record, decode
from frikort_contracts.extracts import RepublishStatements
from frikort_contracts.topics import EXPORTS_JOBS

from deploy.local.engines import Engines
from services.runtime.mongo.driver import Database, connect, durable_database
from services.runtime.mongo.job_store import MongoDocumentIds, MongoJobStore
from services.runtime.processing.jobs import JobKind, JobState, LeaseLost, message_id, run_job

KIND = JobKind("republish", documents="cards", message=lambda card_id: RepublishStatements(card_id=card_id))
JOB = JobState(UUID(int=1), KIND.name, rate=2.0, started_at=datetime(2026, 1, 1, tzinfo=UTC), total=5)
CARDS = ["a", "b", "c", "d", "e"]


class Crash(Exception):
    """The runner crashes."""


class Ports:
    """Document ids, a job store and a producer in memory; the producer fails at the given batch."""

    def __init__(self, *, fails_at: int | None = None) -> None:
        self.job = JOB
        self.batches: list[list[str]] = []
        self.records: list[Record] = []
        self.slept: list[float] = []
        self._fails_at = fails_at

    async def after(self, cursor: str | None, limit: int) -> Sequence[str]:
        return [name for name in CARDS if cursor is None or name > cursor][:limit]

    async def publish(self, records: Sequence[Record]) -> None:
        self.records += records
        self.batches.append([record.key.decode() for record in records])
        if len(self.batches) == self._fails_at:
            raise Crash

    async def claim(self) -> JobState | None:
        return self.job

    async def advance(self, job: JobState, *, cursor: str, count: int) -> JobState:
        self.job = job._replace(cursor=cursor, done=job.done + count)
        return self.job

    async def finish(self, job: JobState) -> None:
        self.job = job._replace(status="done")

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def run(self) -> None:
        await run_job("exports", KIND, self.job, ids=self, store=self, producer=self, sleep=self.sleep)


async def test_every_document_gets_one_message_at_the_rate_of_the_job() -> None:
    ports = Ports()
    await ports.run()
    assert ports.batches == [["a", "b"], ["c", "d"], ["e"]]
    assert ports.slept == [1.0, 1.0, 0.5]
    assert (ports.job.status, ports.job.done) == ("done", 5)


async def test_the_id_and_time_of_a_message_follow_from_the_job_and_the_document() -> None:
    ports = Ports()
    await ports.run()
    message = decode(EXPORTS_JOBS, ports.records[0].value, ports.records[0].headers)
    assert (message.id, message.time) == (message_id(JOB.job_id, "a"), JOB.started_at)
    assert message.correlation_id == JOB.job_id
    assert message.data == RepublishStatements(card_id="a")


async def test_a_runner_that_starts_again_repeats_the_ids_of_the_batch_without_acknowledgement() -> None:
    ports = Ports(fails_at=2)
    with pytest.raises(Crash):
        await ports.run()
    await ports.run()
    assert ports.batches == [["a", "b"], ["c", "d"], ["c", "d"], ["e"]]
    first, again = ports.records[2:4], ports.records[4:6]
    assert first == again


@pytest.fixture
async def database(engines: Engines) -> AsyncIterator[Database]:
    client = connect(engines.mongodb)
    name = f"test_jobs_{uuid4().hex}"
    database = durable_database(client, name)
    await database["cards"].insert_many([{"_id": name} for name in reversed(CARDS)])
    yield database
    await client.drop_database(name)
    client.close()


async def test_documents_are_walked_in_the_order_of_their_ids(database: Database) -> None:
    ids = MongoDocumentIds(database, "cards")
    assert await ids.after(None, 3) == ["a", "b", "c"]
    assert await ids.after("c", 3) == ["d", "e"]
    assert await ids.after("e", 3) == []


async def test_a_started_job_is_claimed_by_one_runner(database: Database) -> None:
    store = MongoJobStore(database)
    started = await store.start(KIND, rate=7)
    assert (started.total, started.done, started.status, started.rate) == (5, 0, "running", 7)
    claimed = await store.claim()
    assert claimed == started._replace(attempt=1)
    assert await store.claim() is None


async def test_a_job_with_an_expired_lease_continues_from_its_cursor_in_another_runner(database: Database) -> None:
    store = MongoJobStore(database, lease=0)
    await store.start(KIND, rate=7)
    silent = await store.claim()
    assert silent is not None
    silent = await store.advance(silent, cursor="b", count=2)

    successor = await store.claim()

    assert successor is not None
    assert (successor.cursor, successor.done, successor.attempt) == ("b", 2, 2)
    with pytest.raises(LeaseLost):
        await store.advance(silent, cursor="c", count=1)
    with pytest.raises(LeaseLost):
        await store.finish(silent)


async def test_a_finished_job_is_not_claimed_again(database: Database) -> None:
    store = MongoJobStore(database, lease=0)
    await store.start(KIND, rate=7)
    job = await store.claim()
    assert job is not None
    await store.finish(job)
    assert await store.claim() is None
    assert [job.status for job in await store.all()] == ["done"]


async def test_a_cancelled_job_stops_its_runner(database: Database) -> None:
    store = MongoJobStore(database)
    await store.start(KIND, rate=7)
    job = await store.claim()
    assert job is not None
    assert await store.cancel(str(job.job_id))
    assert not await store.cancel(str(job.job_id))
    with pytest.raises(LeaseLost):
        await store.advance(job, cursor="a", count=1)
