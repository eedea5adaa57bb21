"""A session: whose it is, when it ends, and what stands in the database."""

from __future__ import annotations

import pytest

from services.gateway.auth import Caller, Role
from services.portals.login.session_store import SealedRecord, key_of
from services.portals.login.sessions import Sessions
from tests.gateway.build import persons
from tests.portals.login.fakes import HandClock, MemorySessionStore, sessions

CALLER = Caller("https://issuer.test", "frikort-portal", "owner", Role.EMPLOYER, "99000007", owners=("hash of owner",))
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
    return await kept.begin(CALLER, NAME, signatory=True, id_token="an.id.token")


async def test_a_session_is_who_logged_on(kept: Sessions) -> None:
    session = await kept.find(await begun(kept))

    assert session is not None
    assert (session.caller, session.name, session.signatory) == (CALLER, NAME, True)
    assert session.caller.client == CALLER.client


async def test_every_login_makes_a_new_session(kept: Sessions) -> None:
    one, two = await begun(kept), await begun(kept)

    first, second = await kept.find(one), await kept.find(two)

    assert one != two
    assert first is not None
    assert second is not None
    assert first.form_token != second.form_token


async def test_a_pause_ends_it(kept: Sessions, clock: HandClock) -> None:
    secret = await begun(kept)
    clock.pass_by(minutes=29)
    assert await kept.find(secret, active=False) is not None
    clock.pass_by(minutes=1)

    assert await kept.find(secret) is None


async def test_who_goes_on_stays_signed_in_until_the_day_is_over(kept: Sessions, clock: HandClock) -> None:
    secret = await begun(kept)
    left = []
    for _ in range(23):
        clock.pass_by(minutes=20)
        session = await kept.find(secret)
        assert session is not None
        left.append((session.ends_at - clock.time).total_seconds() / 60)
    assert left == [30] * 22 + [20]
    clock.pass_by(minutes=20)

    assert await kept.find(secret) is None


async def test_what_a_page_asks_by_itself_keeps_no_session_going(kept: Sessions, clock: HandClock) -> None:
    secret = await begun(kept)
    for _ in range(3):
        clock.pass_by(minutes=10)
        last = await kept.find(secret, active=False)

    assert last is None


async def test_a_request_soon_after_another_writes_nothing(
    kept: Sessions, clock: HandClock, records: MemorySessionStore
) -> None:
    secret = await begun(kept)
    before = dict(records.kept)
    clock.pass_by(seconds=59)
    await kept.find(secret)
    assert records.kept == before
    clock.pass_by(seconds=2)
    await kept.find(secret)

    assert records.kept != before


async def test_logging_out_ends_it_for_all_who_have_the_cookie(kept: Sessions) -> None:
    secret = await begun(kept)

    assert await kept.end(secret) == "an.id.token"
    assert await kept.end(secret) is None
    assert await kept.find(secret) is None


@pytest.mark.parametrize("secret", ["", "x", "\u00e6", "0" * 10_000])
async def test_a_made_up_cookie_is_no_session(kept: Sessions, secret: str) -> None:
    await begun(kept)

    assert await kept.find(secret) is None
    assert await kept.end(secret) is None


async def test_nothing_of_it_can_be_read_in_the_database(kept: Sessions, records: MemorySessionStore) -> None:
    secret = await begun(kept)

    stored = str(records.kept)

    assert key_of(secret) in records.kept
    for readable in (secret, NAME, "hash of owner", "an.id.token", "99000007"):
        assert readable not in stored


async def test_nobody_gets_anothers_session_by_a_change_in_the_database(
    kept: Sessions, records: MemorySessionStore
) -> None:
    mine, theirs = await begun(kept), await begun(kept)
    records.kept[key_of(mine)] = records.kept[key_of(theirs)]

    assert await kept.find(mine) is None


async def test_a_session_sealed_with_a_key_that_is_gone_has_ended(kept: Sessions, records: MemorySessionStore) -> None:
    secret = await begun(kept)
    record = records.kept[key_of(secret)]
    records.kept[key_of(secret)] = SealedRecord(record.content.replace("test.", "gone."), record.expires_at)

    assert await kept.find(secret) is None


def test_what_is_sealed_for_a_login_opens_as_nothing_else() -> None:
    sealed = persons().seal_login("content", "key")

    assert persons().open_login(sealed, "key") == "content"
    with pytest.raises(ValueError, match="belongs to something else"):
        persons().open_answer(sealed, "key")
