"""Drafts are for one person, role and page, and end by time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from frikort_contracts.http.roles import Role

from services.portals.login.drafts import Drafts, FormOwner, FormTokens
from tests.portals.build import session_keys
from tests.portals.login.fakes import ManualClock, MemorySessionStore
from tests.tokens import falsified

PATH = "/borger/fuldmagter/ny"
OWNER = FormOwner("citizen-1", Role.CITIZEN)
TYPED = [("name", "Vera Ven"), ("scope", "view"), ("scope", "represent")]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store() -> MemorySessionStore:
    return MemorySessionStore()


@pytest.fixture
def drafts(clock: ManualClock, store: MemorySessionStore) -> Drafts:
    return Drafts(store, session_keys(), timedelta(hours=8), clock)


async def test_a_draft_is_found_by_its_person_until_it_is_discarded(drafts: Drafts, store: MemorySessionStore) -> None:
    draft_id = await drafts.keep(OWNER, PATH, TYPED)

    assert await drafts.find(draft_id, OWNER, PATH) == TYPED
    assert await drafts.find(draft_id, OWNER, PATH) == TYPED
    assert "Vera" not in str(store.records)
    assert draft_id not in str(store.records)

    await drafts.discard(draft_id)
    assert await drafts.find(draft_id, OWNER, PATH) is None
    assert store.records == {}


@pytest.mark.parametrize(
    ("owner", "path"),
    [
        (FormOwner("citizen-2", Role.CITIZEN), PATH),
        (FormOwner("citizen-1", Role.EMPLOYER), PATH),
        (OWNER, "/borger/mine-data"),
    ],
)
async def test_a_draft_is_not_shown_to_others_or_on_other_pages(drafts: Drafts, owner: FormOwner, path: str) -> None:
    draft_id = await drafts.keep(OWNER, PATH, TYPED)

    assert await drafts.find(draft_id, owner, path) is None
    assert await drafts.find("another", OWNER, PATH) is None


async def test_a_draft_ends_after_its_time(drafts: Drafts, clock: ManualClock) -> None:
    draft_id = await drafts.keep(OWNER, PATH, TYPED)
    clock.advance(hours=8)

    assert await drafts.find(draft_id, OWNER, PATH) is None


def test_a_form_token_proves_for_whom_the_form_was_made_until_it_is_too_old(clock: ManualClock) -> None:
    tokens = FormTokens(session_keys(), timedelta(hours=16), clock)
    token = tokens.new(OWNER)

    assert tokens.owner_of(token) == OWNER
    assert token != tokens.new(OWNER)
    assert "citizen" not in token
    assert tokens.owner_of(falsified(token)) is None
    assert tokens.owner_of("guessed") is None
    clock.advance(hours=16)
    assert tokens.owner_of(token) is None
