"""D9: post, redirect, get. The answer to a form has its own address, and what was typed is not lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import httpx2
import pytest
from frikort_contracts.http.roles import Role
from pymongo.errors import PyMongoError

from services.portals.login.session_store import EncryptedRecord
from services.portals.shown_pages import ShownPages
from services.portals.texts import LANGUAGE_COOKIE
from tests.portals.employer.resources import (
    EMPLOYMENT,
    PAYMENT,
    REPORT,
    employment,
    has_employments,
    has_reports,
    report,
)
from tests.portals.login.fakes import MemorySessionStore
from tests.portals.site import Site

PATH: Final = f"/virksomhed/indberet/{EMPLOYMENT}"
WRONG: Final = PAYMENT | {"components.wage_ore": "2.5oo,00"}
LATEST: Final = f"{PATH}?formular=seneste"


@pytest.fixture
def site(site: Site) -> Site:
    site.sign_in(Role.EMPLOYER)
    has_employments(site, employment())
    has_reports(site, report())
    site.answer("POST", "/v1/reports", report(), status=201)
    return site


def store_of(site: Site) -> MemorySessionStore:
    store = site.portals.shown_pages.store
    assert isinstance(store, MemorySessionStore)
    return store


async def sent(client: httpx2.AsyncClient, fields: dict[str, str]) -> str:
    """The address of the answer to a form."""
    response = await client.post(PATH, data=fields)
    assert response.status_code == 303
    return str(response.headers["location"])


async def test_the_answer_to_a_form_can_be_opened_again_and_sends_nothing(site: Site) -> None:
    async with site.client() as client:
        address = await sent(client, WRONG)
        before = len(site.requests)
        answers = [await client.get(address) for _ in range(2)]

    assert [(one.status_code, 'value="2.5oo,00"' in one.text) for one in answers] == [(422, True)] * 2
    assert len(site.requests) == before
    assert answers[0].headers["cache-control"] == "no-store"
    assert "content-security-policy" in answers[0].headers


async def test_the_address_of_an_answer_has_nothing_of_what_was_typed(site: Site) -> None:
    async with site.client() as client:
        address = await sent(client, WRONG)

    path, _, query = address.partition("?")
    assert path == PATH
    assert query.startswith("formular=")
    assert len(query) == len("formular=") + 36


async def test_the_language_switch_keeps_what_was_typed(site: Site) -> None:
    async with site.client() as client:
        address = await sent(client, WRONG)
        danish = await client.get(address)
        switch = f"/sprog/en?til={address.replace('/', '%2F').replace('?', '%3F').replace('=', '%3D')}"
        assert f'href="{switch}"' in danish.text
        back = await client.get(switch)
        english = await client.get(back.headers["location"])

    assert '<html lang="en">' in english.text
    assert 'value="2.5oo,00"' in english.text


async def test_another_session_does_not_see_an_answer(site: Site) -> None:
    async with site.client() as client:
        address = await sent(client, WRONG)
        assert site.session is not None
        site.session = replace(site.session, key="another")
        answer = await client.get(address)

    assert answer.status_code == 200
    assert "2.5oo,00" not in answer.text


async def test_an_anonymous_visitor_of_an_answer_must_log_in(site: Site) -> None:
    async with site.client() as client:
        address = await sent(client, WRONG)
        site.sign_out()
        answer = await client.get(address)

    assert answer.headers["location"].startswith("/login?next=")


async def test_back_to_the_form_shows_what_was_typed_until_it_is_done(site: Site) -> None:
    async with site.client() as client:
        await sent(client, WRONG)
        unfinished = await client.get(LATEST)
        receipt = await sent(client, PAYMENT | {"step": "send"})
        done = await client.get(LATEST)

    assert 'value="2.5oo,00"' in unfinished.text
    assert receipt == f"/virksomhed/indberetninger/{REPORT}/kvittering"
    assert "2.5oo,00" not in done.text


async def test_an_opened_form_is_empty_although_another_was_not_finished(site: Site) -> None:
    async with site.client() as client:
        await sent(client, WRONG)
        assert "2.5oo,00" not in (await client.get(PATH)).text


async def test_without_javascript_a_form_that_is_not_done_leads_to_what_was_typed(site: Site) -> None:
    async with site.client() as client:
        before = (await client.get(PATH)).text
        await sent(client, WRONG)
        unfinished = (await client.get(PATH)).text
        empty = (await client.get(f"{PATH}?formular=tom")).text
        await sent(client, PAYMENT | {"step": "send"})
        done = (await client.get(PATH)).text
    pages = before, unfinished, empty, done
    assert [LATEST in page.partition("</head>")[0] for page in pages] == [False, True, False, False]
    assert "2.5oo,00" not in empty


async def test_an_answer_is_stored_encrypted(site: Site) -> None:
    async with site.client() as client:
        await sent(client, WRONG)

    stored = [record.content for record in store_of(site).records.values()]
    assert len(stored) == 2
    assert not [content for content in stored if "2.5oo" in content or "html" in content]


async def test_a_form_that_is_not_the_sessions_own_is_not_stored(site: Site) -> None:
    async with site.client() as client:
        answer = await client.post(PATH, data=WRONG | {"form_token": "guessed"})

    assert answer.status_code == 403
    assert store_of(site).records == {}


async def test_a_stored_answer_of_the_english_page_is_english(site: Site) -> None:
    async with site.client() as client:
        client.cookies.set(LANGUAGE_COOKIE, "en")
        answer = await client.get(await sent(client, WRONG))

    assert answer.headers["content-language"] == "en"


class BrokenStore(MemorySessionStore):
    """A store that is away."""

    async def add(self, key: str, record: EncryptedRecord) -> bool:
        raise PyMongoError("away")

    async def take(self, key: str) -> EncryptedRecord | None:
        raise PyMongoError("away")


async def test_an_answer_that_cannot_be_stored_is_shown_at_once(site: Site) -> None:
    sessions = site.portals.shown_pages.sessions
    site.app.state.portals = replace(site.portals, shown_pages=ShownPages(BrokenStore(), sessions))
    async with site.client() as client:
        answer = await client.post(PATH, data=WRONG)
        done = await client.post(PATH, data=PAYMENT | {"step": "send"})

    assert answer.status_code == 422
    assert 'value="2.5oo,00"' in answer.text
    assert done.status_code == 303
