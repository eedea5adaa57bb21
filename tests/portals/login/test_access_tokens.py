"""The access token of a session: it is refreshed once, never lost, and revoked with the session."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from frikort_contracts.http.roles import Role

from services.portals.login.access_tokens import AccessTokens, SessionEnded
from services.portals.login.claims import RoleGrant
from services.portals.login.oidc import ApiTokens
from services.portals.login.session import Session
from services.portals.login.session_store import new_secret
from services.portals.login.sessions import Sessions
from services.portals.problems import ProblemError
from tests.portals.login.fakes import FakeProvider, ManualClock, MemorySessionStore, memory_sessions, open_id_provider


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def store() -> MemorySessionStore:
    return MemorySessionStore()


@pytest.fixture
def sessions(clock: ManualClock, store: MemorySessionStore) -> Sessions:
    return memory_sessions(clock, store)


@pytest.fixture
def tokens(provider: FakeProvider, sessions: Sessions) -> AccessTokens:
    return AccessTokens(sessions, open_id_provider(provider))


async def begin_session(sessions: Sessions) -> str:
    first = ApiTokens("access-0", "refresh-0", sessions.now() + timedelta(minutes=5))
    return await sessions.begin(
        Role.EMPLOYER,
        RoleGrant("99000007"),
        "Karla",
        id_token="id",
        tokens=first,
        subject="someone",
        form_token=new_secret(),
    )


async def find_session(sessions: Sessions, secret: str) -> Session:
    session = await sessions.find(secret)
    assert session is not None
    return session


async def test_a_token_far_from_its_expiry_is_used_unchanged(
    tokens: AccessTokens, sessions: Sessions, provider: FakeProvider
) -> None:
    assert await tokens.of(await find_session(sessions, await begin_session(sessions))) == "access-0"
    assert provider.token_requests == []


async def test_a_token_near_its_expiry_is_refreshed_and_the_new_one_stored(
    tokens: AccessTokens, sessions: Sessions, clock: ManualClock, provider: FakeProvider
) -> None:
    secret = await begin_session(sessions)
    clock.advance(minutes=4, seconds=30)

    assert await tokens.of(await find_session(sessions, secret)) == "access-1"

    stored = await find_session(sessions, secret)
    assert (stored.tokens.access, stored.tokens.refresh) == ("access-1", "refresh-1")
    assert provider.token_requests[0]["scope"] == "portal:employer"


async def test_requests_at_the_same_time_refresh_once(
    tokens: AccessTokens, sessions: Sessions, clock: ManualClock, provider: FakeProvider
) -> None:
    session = await find_session(sessions, await begin_session(sessions))
    clock.advance(minutes=6)

    assert set(await asyncio.gather(*(tokens.of(session) for _ in range(8)))) == {"access-1"}
    assert provider.refreshed == ["refresh-0"]


async def test_instances_at_the_same_time_refresh_once(
    tokens: AccessTokens, sessions: Sessions, clock: ManualClock, provider: FakeProvider
) -> None:
    session = await find_session(sessions, await begin_session(sessions))
    other = AccessTokens(sessions, open_id_provider(provider))
    clock.advance(minutes=6)
    provider.refreshing.clear()
    both = asyncio.gather(tokens.of(session), other.of(session))
    await provider.refresh_began.wait()
    provider.refreshing.set()

    assert set(await both) == {"access-1"}
    assert provider.refreshed == ["refresh-0"]


async def test_while_another_instance_refreshes_a_token_that_is_still_valid_is_used(
    tokens: AccessTokens, sessions: Sessions, clock: ManualClock, store: MemorySessionStore, provider: FakeProvider
) -> None:
    session = await find_session(sessions, await begin_session(sessions))
    clock.advance(minutes=4, seconds=30)
    await store.claim_refresh(session.key, session.encrypted_tokens, clock(), clock() + timedelta(seconds=10))

    assert await tokens.of(session) == "access-0"
    assert provider.token_requests == []


async def test_the_refresh_claim_of_a_dead_instance_expires(
    tokens: AccessTokens, sessions: Sessions, clock: ManualClock, store: MemorySessionStore
) -> None:
    session = await find_session(sessions, await begin_session(sessions))
    clock.advance(minutes=6)
    await store.claim_refresh(session.key, session.encrypted_tokens, clock(), clock() + timedelta(seconds=10))
    waiting = asyncio.ensure_future(tokens.of(session))
    await asyncio.sleep(0)
    clock.advance(seconds=9)
    assert not waiting.done()
    clock.advance(seconds=1)

    assert await waiting == "access-1"


async def test_a_request_that_is_cancelled_does_not_lose_the_new_token(
    tokens: AccessTokens, sessions: Sessions, clock: ManualClock, provider: FakeProvider
) -> None:
    secret = await begin_session(sessions)
    session = await find_session(sessions, secret)
    clock.advance(minutes=6)
    provider.refreshing.clear()
    request = asyncio.ensure_future(tokens.of(session))
    await provider.refresh_began.wait()
    request.cancel()
    provider.refreshing.set()

    assert await tokens.of(session) == "access-1"
    assert (await find_session(sessions, secret)).tokens.refresh == "refresh-1"


async def test_while_the_provider_is_down_a_token_is_used_until_it_expires(
    tokens: AccessTokens, sessions: Sessions, clock: ManualClock, provider: FakeProvider
) -> None:
    secret = await begin_session(sessions)
    provider.down = True
    clock.advance(minutes=4, seconds=30)
    assert await tokens.of(await find_session(sessions, secret)) == "access-0"

    clock.advance(minutes=1)
    with pytest.raises(ProblemError, match="login-unavailable"):
        await tokens.of(await find_session(sessions, secret))

    provider.down = False
    assert await tokens.of(await find_session(sessions, secret)) == "access-1"


async def test_a_revoked_refresh_token_ends_the_session(
    tokens: AccessTokens, sessions: Sessions, clock: ManualClock, provider: FakeProvider
) -> None:
    secret = await begin_session(sessions)
    provider.revoked.append("refresh-0")
    session = await find_session(sessions, secret)
    clock.advance(minutes=6)

    with pytest.raises(SessionEnded):
        await tokens.of(session)
    assert await sessions.find(secret) is None


async def test_a_withdrawn_role_ends_the_session_within_a_minute(
    tokens: AccessTokens, sessions: Sessions, clock: ManualClock, provider: FakeProvider
) -> None:
    provider.lifetime = 60
    secret = await begin_session(sessions)
    clock.advance(minutes=5)
    assert await tokens.of(await find_session(sessions, secret)) == "access-1"

    provider.without_role = True
    clock.advance(seconds=31)

    with pytest.raises(SessionEnded):
        await tokens.of(await find_session(sessions, secret))
    assert await sessions.find(secret) is None


async def test_a_token_that_the_api_refuses_is_renewed_once_for_all_requests(
    tokens: AccessTokens, sessions: Sessions, provider: FakeProvider
) -> None:
    secret = await begin_session(sessions)
    session = await find_session(sessions, secret)

    renewed = await asyncio.gather(*(tokens.renewed(session, "access-0") for _ in range(4)))

    assert [*renewed, await tokens.renewed(session, "access-0")] == ["access-1"] * 5
    assert provider.refreshed == ["refresh-0"]


async def test_a_refused_token_is_not_used_while_the_provider_is_down(
    tokens: AccessTokens, sessions: Sessions, provider: FakeProvider
) -> None:
    session = await find_session(sessions, await begin_session(sessions))
    provider.down = True

    with pytest.raises(ProblemError, match="login-unavailable"):
        await tokens.renewed(session, "access-0")


async def test_a_token_of_a_session_that_ended_is_not_renewed(tokens: AccessTokens, sessions: Sessions) -> None:
    secret = await begin_session(sessions)
    session = await find_session(sessions, secret)
    await sessions.end(secret)

    with pytest.raises(SessionEnded):
        await tokens.renewed(session, "access-0")


async def test_a_logout_during_a_refresh_revokes_the_new_token(
    tokens: AccessTokens, sessions: Sessions, clock: ManualClock, provider: FakeProvider
) -> None:
    secret = await begin_session(sessions)
    session = await find_session(sessions, secret)
    clock.advance(minutes=6)
    provider.refreshing.clear()
    request = asyncio.ensure_future(tokens.of(session))
    await provider.refresh_began.wait()
    await sessions.end(secret)
    provider.refreshing.set()

    with pytest.raises(SessionEnded):
        await request
    assert provider.revoked == ["refresh-1"]


async def test_expired_sessions_are_deleted_and_their_tokens_revoked(
    tokens: AccessTokens, sessions: Sessions, clock: ManualClock, store: MemorySessionStore, provider: FakeProvider
) -> None:
    await begin_session(sessions)
    clock.advance(minutes=20)
    alive = await begin_session(sessions)
    clock.advance(minutes=15)

    await tokens.end_expired_sessions()

    assert provider.revoked == ["refresh-0"]
    assert list(store.records) == [(await find_session(sessions, alive)).key]
