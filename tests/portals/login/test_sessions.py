"""A session: its content, its end, and what the database holds of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from frikort_contracts.http.roles import Role

from services.portals.login.claims import RoleGrant
from services.portals.login.oidc import ApiTokens
from services.portals.login.session_store import key_of
from services.portals.login.sessions import Sessions
from tests.portals.build import encryptor
from tests.portals.login.fakes import HandClock, MemorySessionStore, sessions

GRANT = RoleGrant("99000007", signatory=True)
NAME = "Karla Hemmelig"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def records() -> MemorySessionStore:
    return MemorySessionStore()


@pytest.fixture
def kept(clock: HandClock, records: MemorySessionStore) -> Sessions:
    return sessions(clock, records)


async def begun(kept: Sessions) -> str:
    tokens = ApiTokens("an.access.token", "a-refresh-token", kept.now() + timedelta(minutes=5))
    return await kept.begin(Role.EMPLOYER, GRANT, NAME, id_token="an.id.token", tokens=tokens)


async def test_a_session_holds_the_person_the_role_and_the_tokens(kept: Sessions) -> None:
    session = await kept.find(await begun(kept))

    assert session is not None
    assert (session.role, session.organisation, session.name) == (Role.EMPLOYER, "99000007", NAME)
    assert session.signatory
    assert (session.tokens.access, session.tokens.refresh) == ("an.access.token", "a-refresh-token")
    assert "token" not in repr(session.tokens)


async def test_every_login_starts_a_new_session(kept: Sessions) -> None:
    one, two = await begun(kept), await begun(kept)

    first, second = await kept.find(one), await kept.find(two)

    assert one != two
    assert first is not None
    assert second is not None
    assert first.form_token != second.form_token


async def test_an_idle_session_ends(kept: Sessions, clock: HandClock) -> None:
    secret = await begun(kept)
    clock.advance(minutes=29)
    assert await kept.find(secret, active=False) is not None
    clock.advance(minutes=1)

    assert await kept.find(secret) is None


async def test_an_active_session_ends_after_its_longest_time(kept: Sessions, clock: HandClock) -> None:
    secret = await begun(kept)
    left = []
    for _ in range(23):
        clock.advance(minutes=20)
        session = await kept.find(secret)
        assert session is not None
        left.append((session.ends_at - clock.time).total_seconds() / 60)
    assert left == [30] * 22 + [20]
    clock.advance(minutes=20)

    assert await kept.find(secret) is None


async def test_requests_that_a_page_makes_by_itself_do_not_extend_the_session(kept: Sessions, clock: HandClock) -> None:
    secret = await begun(kept)
    for _ in range(3):
        clock.advance(minutes=10)
        last = await kept.find(secret, active=False)

    assert last is None


async def test_a_request_within_a_minute_of_another_writes_nothing(
    kept: Sessions, clock: HandClock, records: MemorySessionStore
) -> None:
    secret = await begun(kept)
    before = dict(records.records)
    clock.advance(seconds=59)
    await kept.find(secret)
    assert records.records == before
    clock.advance(seconds=2)
    await kept.find(secret)

    assert records.records != before


async def test_logout_ends_the_session_for_every_holder_of_the_cookie(kept: Sessions) -> None:
    secret = await begun(kept)

    ended = await kept.end(secret)

    assert ended is not None
    assert (ended.id_token, ended.tokens.refresh) == ("an.id.token", "a-refresh-token")
    assert await kept.end(secret) is None
    assert await kept.find(secret) is None


@pytest.mark.parametrize("secret", ["", "x", "\u00e6", "0" * 10_000])
async def test_an_invented_cookie_is_no_session(kept: Sessions, secret: str) -> None:
    await begun(kept)

    assert await kept.find(secret) is None
    assert await kept.end(secret) is None


async def test_the_database_holds_nothing_readable_of_a_session(kept: Sessions, records: MemorySessionStore) -> None:
    secret = await begun(kept)

    stored = str(records.records)

    assert key_of(secret) in records.records
    for readable in (secret, NAME, "an.id.token", "99000007", "an.access.token", "a-refresh-token"):
        assert readable not in stored


async def test_content_moved_to_another_session_in_the_database_opens_nothing(
    kept: Sessions, records: MemorySessionStore
) -> None:
    mine, theirs = await begun(kept), await begun(kept)
    records.records[key_of(mine)] = records.records[key_of(theirs)]

    assert await kept.find(mine) is None


async def test_a_session_encrypted_with_a_removed_key_has_ended(kept: Sessions, records: MemorySessionStore) -> None:
    secret = await begun(kept)
    record = records.records[key_of(secret)]
    records.records[key_of(secret)] = replace(record, content=record.content.replace("test.", "gone."))

    assert await kept.find(secret) is None


async def test_tokens_moved_to_another_session_in_the_database_open_nothing(
    kept: Sessions, records: MemorySessionStore
) -> None:
    mine, theirs = await begun(kept), await begun(kept)
    own = records.records[key_of(mine)]
    records.records[key_of(mine)] = replace(own, tokens=records.records[key_of(theirs)].tokens)

    assert await kept.find(mine) is None


def test_text_encrypted_for_one_purpose_cannot_be_decrypted_for_another() -> None:
    encrypted = encryptor().encrypt("content", "session:key")

    with pytest.raises(ValueError, match="other associated data"):
        encryptor().decrypt(encrypted, "tokens:key")
