"""The contract of the records, on memory and on a real MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from deploy.local.engines import Engines
from services.portals.login.session_store import MongoSessionStore, SealedRecord, SessionStore, key_of, new_secret
from services.runtime.mongo.document_store import connect, durable_database
from tests.portals.login.fakes import MemorySessionStore

SOON = datetime(2100, 1, 1, tzinfo=UTC)  # MongoDB keeps milliseconds


@pytest.fixture(params=["memory", "mongodb"])
async def records(request: pytest.FixtureRequest) -> AsyncIterator[SessionStore]:
    if request.param == "memory":
        yield MemorySessionStore()
        return
    engines: Engines = request.getfixturevalue("engines")
    client = connect(engines.mongodb)
    database = durable_database(client, f"records_{uuid4().hex}")
    kept = MongoSessionStore(database, "sessions")
    await kept.prepare()
    yield kept
    await client.drop_database(database.name)
    client.close()


async def test_what_is_added_is_there(records: SessionStore) -> None:
    record = SealedRecord("sealed", SOON)
    await records.add("one", record)

    assert await records.get("one") == record
    assert await records.get("two") is None


async def test_it_is_taken_once(records: SessionStore) -> None:
    await records.add("one", SealedRecord("sealed", SOON))

    taken = await asyncio.gather(*(records.take("one") for _ in range(8)))

    assert [record for record in taken if record is not None] == [SealedRecord("sealed", SOON)]
    assert await records.get("one") is None


async def test_it_can_be_kept_longer(records: SessionStore) -> None:
    await records.add("one", SealedRecord("sealed", SOON))
    await records.extend("one", SOON + timedelta(hours=1))

    assert await records.get("one") == SealedRecord("sealed", SOON + timedelta(hours=1))


async def test_what_is_gone_stays_gone(records: SessionStore) -> None:
    await records.extend("one", SOON)

    assert await records.get("one") is None
    assert await records.take("one") is None


async def test_mongodb_forgets_what_has_expired(engines: Engines) -> None:
    client = connect(engines.mongodb)
    database = durable_database(client, f"records_{uuid4().hex}")
    await MongoSessionStore(database, "sessions").prepare()

    indexes = await database["sessions"].index_information()

    assert any(
        index.get("expireAfterSeconds") == 0 and index["key"] == [("expires_at", 1)] for index in indexes.values()
    )
    await client.drop_database(database.name)
    client.close()


def test_a_secret_cannot_be_guessed_nor_read_from_its_key() -> None:
    secrets = {new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert all(len(secret) >= 43 and secret not in key_of(secret) for secret in secrets)
