"""The contract of the session store, in memory and on a real MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from deploy.local.engines import Engines
from services.portals.login.session_store import EncryptedRecord, MongoSessionStore, SessionStore, key_of, new_secret
from services.runtime.mongo.driver import connect, durable_database
from tests.portals.login.fakes import MemorySessionStore

SOON = datetime(2100, 1, 1, tzinfo=UTC)
NOW = datetime(2099, 12, 31, tzinfo=UTC)
RECORD = EncryptedRecord("content", SOON, "tokens")


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


async def test_a_stored_record_is_found_by_its_key(records: SessionStore) -> None:
    await records.add("one", RECORD)

    assert await records.get("one") == RECORD
    assert await records.get("two") is None


async def test_one_of_several_callers_takes_a_record(records: SessionStore) -> None:
    await records.add("one", RECORD)

    taken = await asyncio.gather(*(records.take("one") for _ in range(8)))

    assert [record for record in taken if record is not None] == [RECORD]
    assert await records.get("one") is None


async def test_the_expiry_of_a_record_can_be_extended(records: SessionStore) -> None:
    await records.add("one", RECORD)
    await records.extend("one", SOON + timedelta(hours=1))

    assert await records.get("one") == replace(RECORD, expires_at=SOON + timedelta(hours=1))


async def test_extending_a_missing_record_creates_none(records: SessionStore) -> None:
    await records.extend("one", SOON)

    assert await records.get("one") is None
    assert await records.take("one") is None


async def test_one_of_several_callers_claims_a_refresh(records: SessionStore) -> None:
    await records.add("one", RECORD)

    claims = [records.claim_refresh("one", "tokens", NOW, NOW + timedelta(seconds=10)) for _ in range(8)]

    assert sorted(await asyncio.gather(*claims)) == [False] * 7 + [True]


async def test_a_claim_ends_by_time_by_release_and_by_new_tokens(records: SessionStore) -> None:
    await records.add("one", RECORD)
    until = NOW + timedelta(seconds=10)
    assert await records.claim_refresh("one", "tokens", NOW, until)
    assert not await records.claim_refresh("one", "tokens", until - timedelta(seconds=1), until)
    assert await records.claim_refresh("one", "tokens", until, until + timedelta(seconds=10))

    await records.release_refresh("one", "tokens")
    assert await records.claim_refresh("one", "tokens", until, until + timedelta(seconds=10))

    assert await records.replace_tokens("one", "tokens", "new")
    assert await records.get("one") == replace(RECORD, tokens="new")
    assert not await records.claim_refresh("one", "tokens", until, until + timedelta(seconds=10))
    assert await records.claim_refresh("one", "new", until, until + timedelta(seconds=10))


async def test_tokens_that_changed_meanwhile_are_not_replaced(records: SessionStore) -> None:
    await records.add("one", RECORD)

    assert not await records.replace_tokens("one", "others", "new")
    assert not await records.replace_tokens("two", "tokens", "new")
    assert await records.get("one") == RECORD


async def test_expired_records_are_listed(records: SessionStore) -> None:
    await records.add("one", RECORD)
    await records.add("two", replace(RECORD, expires_at=SOON + timedelta(hours=1)))

    assert await records.expired(SOON - timedelta(seconds=1), 10) == []
    assert await records.expired(SOON, 10) == ["one"]


async def test_a_key_is_stored_once(records: SessionStore) -> None:
    assert await records.add("one", RECORD)
    assert not await records.add("one", replace(RECORD, content="other"))

    assert await records.get("one") == RECORD


async def test_records_are_found_by_person_and_by_session_of_the_provider(records: SessionStore) -> None:
    for key, subject, session in (("one", "a", "x"), ("two", "a", "y"), ("three", "b", "z"), ("four", "", "")):
        await records.add(key, replace(RECORD, subject=subject, provider_session=session))

    assert sorted(await records.found_by(subjects=["a"], provider_sessions=None)) == ["one", "two"]
    assert sorted(await records.found_by(subjects=["old", "b"], provider_sessions=None)) == ["three"]
    assert await records.found_by(subjects=None, provider_sessions=["y", "old"]) == ["two"]
    assert await records.found_by(subjects=["a"], provider_sessions=["z"]) == []


async def test_mongodb_deletes_expired_records_after_an_hour(engines: Engines) -> None:
    client = connect(engines.mongodb)
    database = durable_database(client, f"records_{uuid4().hex}")
    await MongoSessionStore(database, "sessions").prepare()

    indexes = await database["sessions"].index_information()

    assert any(
        index.get("expireAfterSeconds") == 3600 and index["key"] == [("expires_at", 1)] for index in indexes.values()
    )
    await client.drop_database(database.name)
    client.close()


def test_a_secret_is_random_and_does_not_follow_from_its_key() -> None:
    secrets = {new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert all(len(secret) >= 43 and secret not in key_of(secret) for secret in secrets)
