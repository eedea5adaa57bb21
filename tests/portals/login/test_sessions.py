"""Sessions: their content, their end, and their encrypted form in the database."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta

import pytest
from frikort_contracts.http.roles import Role

from services.portals.login.claims import RoleGrant
from services.portals.login.oidc import ApiTokens
from services.portals.login.session_store import key_of, new_secret
from services.portals.login.sessions import SessionKeys, Sessions
from tests.portals.build import session_keys
from tests.portals.login.fakes import ManualClock, MemorySessionStore, memory_sessions

GRANT = RoleGrant("99000007", signatory=True)
NAME = "Karla Hemmelig"
CPR = "6101800101"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def records() -> MemorySessionStore:
    return MemorySessionStore()


@pytest.fixture
def sessions(clock: ManualClock, records: MemorySessionStore) -> Sessions:
    return memory_sessions(clock, records)


async def begin_session(sessions: Sessions) -> str:
    tokens = ApiTokens("an.access.token", "a-refresh-token", sessions.now() + timedelta(minutes=5))
    return await sessions.begin(
        Role.EMPLOYER, GRANT, NAME, id_token="an.id.token", tokens=tokens, subject="someone", form_token=new_secret()
    )


async def test_a_session_holds_the_person_the_role_and_the_tokens(sessions: Sessions) -> None:
    session = await sessions.find(await begin_session(sessions))

    assert session is not None
    assert (session.role, session.organisation, session.name) == (Role.EMPLOYER, "99000007", NAME)
    assert session.signatory
    assert (session.tokens.access, session.tokens.refresh) == ("an.access.token", "a-refresh-token")
    assert "token" not in repr(session.tokens)


async def test_a_person_is_found_by_the_first_and_by_older_keys_and_is_not_stored_in_clear(
    clock: ManualClock, records: MemorySessionStore
) -> None:
    old, new = (f"{name}:{b64encode(name.encode() * 8).decode()}" for name in ("old1", "new1"))
    before = replace(memory_sessions(clock, records), keys=SessionKeys.from_setting(old))
    after = replace(before, keys=SessionKeys.from_setting(f"{new},{old}"))
    tokens = ApiTokens("access", "refresh", clock())
    for sessions in (before, after):
        await sessions.begin(
            Role.CITIZEN,
            RoleGrant(""),
            NAME,
            id_token="id",
            tokens=tokens,
            subject=CPR,
            provider_session="s",
            form_token="form",
        )

    assert CPR not in str(records.records)
    assert len(await after.end_of_person(subject=CPR, provider_session=None)) == 2
    assert await after.end_of_person(subject=None, provider_session=None) == []


async def test_every_login_starts_a_new_session(sessions: Sessions) -> None:
    one, two = await begin_session(sessions), await begin_session(sessions)

    first, second = await sessions.find(one), await sessions.find(two)

    assert one != two
    assert first is not None
    assert second is not None
    assert first.form_token != second.form_token


async def test_an_idle_session_ends(sessions: Sessions, clock: ManualClock) -> None:
    secret = await begin_session(sessions)
    clock.advance(minutes=29)
    assert await sessions.find(secret, active=False) is not None
    clock.advance(minutes=1)

    assert await sessions.find(secret) is None


async def test_an_active_session_ends_after_its_maximum_lifetime(sessions: Sessions, clock: ManualClock) -> None:
    secret = await begin_session(sessions)
    left = []
    for _ in range(23):
        clock.advance(minutes=20)
        session = await sessions.find(secret)
        assert session is not None
        left.append((session.ends_at - clock.time).total_seconds() / 60)
    assert left == [30] * 22 + [20]
    clock.advance(minutes=20)

    assert await sessions.find(secret) is None


async def test_background_requests_do_not_extend_the_session(sessions: Sessions, clock: ManualClock) -> None:
    secret = await begin_session(sessions)
    for _ in range(3):
        clock.advance(minutes=10)
        last = await sessions.find(secret, active=False)

    assert last is None


async def test_a_request_within_a_minute_of_another_writes_nothing(
    sessions: Sessions, clock: ManualClock, records: MemorySessionStore
) -> None:
    secret = await begin_session(sessions)
    before = dict(records.records)
    clock.advance(seconds=59)
    await sessions.find(secret)
    assert records.records == before
    clock.advance(seconds=2)
    await sessions.find(secret)

    assert records.records != before


async def test_logout_ends_the_session_for_every_holder_of_the_cookie(sessions: Sessions) -> None:
    secret = await begin_session(sessions)

    ended = await sessions.end(secret)

    assert ended is not None
    assert (ended.id_token, ended.tokens.refresh) == ("an.id.token", "a-refresh-token")
    assert await sessions.end(secret) is None
    assert await sessions.find(secret) is None


@pytest.mark.parametrize("secret", ["", "x", "\u00e6", "0" * 10_000])
async def test_an_invented_cookie_is_no_session(sessions: Sessions, secret: str) -> None:
    await begin_session(sessions)

    assert await sessions.find(secret) is None
    assert await sessions.end(secret) is None


async def test_the_database_holds_nothing_readable_of_a_session(
    sessions: Sessions, records: MemorySessionStore
) -> None:
    secret = await begin_session(sessions)

    stored = str(records.records)

    assert key_of(secret) in records.records
    for readable in (secret, NAME, "an.id.token", "99000007", "an.access.token", "a-refresh-token"):
        assert readable not in stored


async def test_the_content_of_another_session_cannot_be_decrypted(
    sessions: Sessions, records: MemorySessionStore
) -> None:
    mine, theirs = await begin_session(sessions), await begin_session(sessions)
    records.records[key_of(mine)] = records.records[key_of(theirs)]

    assert await sessions.find(mine) is None


async def test_a_session_encrypted_with_a_removed_key_has_ended(
    sessions: Sessions, records: MemorySessionStore
) -> None:
    secret = await begin_session(sessions)
    record = records.records[key_of(secret)]
    records.records[key_of(secret)] = replace(record, content=record.content.replace("test.", "gone."))

    assert await sessions.find(secret) is None


async def test_the_tokens_of_another_session_cannot_be_decrypted(
    sessions: Sessions, records: MemorySessionStore
) -> None:
    mine, theirs = await begin_session(sessions), await begin_session(sessions)
    own = records.records[key_of(mine)]
    records.records[key_of(mine)] = replace(own, tokens=records.records[key_of(theirs)].tokens)

    assert await sessions.find(mine) is None


def test_text_encrypted_for_one_purpose_cannot_be_decrypted_for_another() -> None:
    encrypted = session_keys().encryptor.encrypt("content", "session", "key")

    with pytest.raises(ValueError, match="another purpose"):
        session_keys().encryptor.decrypt(encrypted, "tokens", "key")
