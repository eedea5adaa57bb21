"""The auditor's page: what it asks the API for, and what it shows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from frikort_contracts.http.audit import AuditEntries, AuditEntryResource
from frikort_contracts.http.roles import Role

from tests.portals.resources import access
from tests.portals.site import Refusal, Site, send_form

SEARCH = "/v1/audit/search"


@pytest.fixture
def site(site: Site) -> Site:
    site.sign_in(Role.AUDITOR)
    return site


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    async with site.client() as browser:
        yield browser


def entries(*, following: str | None = None) -> AuditEntries:
    shown = AuditEntryResource(
        **access(reason="S-1").model_dump(),
        organisation="101",
        actor="worker-7",
        about="card",
        card_id="8f0c3a52-7b8e-4a53-9c59-0d6f4c6a1b11",
        person=None,
        command_id=None,
    )
    return AuditEntries(entries=[shown], next=following)


async def test_a_search_is_sent_with_its_reason_and_without_a_person_in_the_address(
    site: Site, client: httpx2.AsyncClient
) -> None:
    site.answer("POST", SEARCH, entries())
    page = await send_form(client, "/revision", {"why": "Tilsyn 7", "person": "730185-4321", "organisation": "101"})

    (sent,) = [one for one in site.requests if one.path == SEARCH]
    assert (sent.reason, sent.body) == ("Tilsyn 7", {"cpr": "7301854321", "organisation": "101"})
    assert "7301854321" not in str(page.url)
    for shown in ("worker-7", "har set dit frikort", "S-1", "8f0c3a52"):
        assert shown in page.text


@pytest.mark.parametrize(
    ("typed", "body"),
    [
        ("12345", {"card_number": "12345"}),
        ("8f0c3a52-7b8e-4a53-9c59-0d6f4c6a1b11", {"card_id": "8f0c3a52-7b8e-4a53-9c59-0d6f4c6a1b11"}),
    ],
)
async def test_a_citizen_is_found_by_card(
    site: Site, client: httpx2.AsyncClient, typed: str, body: dict[str, str]
) -> None:
    site.answer("POST", SEARCH, entries())
    await send_form(client, "/revision", {"why": "Tilsyn 7", "person": typed})
    assert site.requests[-1].body == body


async def test_a_search_without_a_reason_is_not_sent(site: Site, client: httpx2.AsyncClient) -> None:
    page = await send_form(client, "/revision", {"organisation": "101"})
    assert "Skriv, hvorfor du gennemgår loggen." in page.text
    assert site.requests == []


async def test_more_entries_are_fetched_with_the_same_search(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("POST", SEARCH, entries(following="abc"))
    typed = {"why": "Tilsyn 7", "organisation": "101"}
    page = await send_form(client, "/revision", typed)
    assert 'name="cursor" value="abc"' in page.text
    await send_form(client, "/revision", typed, cursor="abc")
    assert (site.requests[-1].query["cursor"], site.requests[-1].body) == ("abc", {"organisation": "101"})


async def test_the_entries_are_fetched_as_a_file(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("POST", "/v1/audit/export", entries())
    answer = await send_form(client, "/revision", {"why": "Tilsyn 7", "actor": "worker-7"}, step="export")
    assert answer.status_code == 200
    assert (site.requests[-1].path, site.requests[-1].body) == ("/v1/audit/export", {"actor": "worker-7"})


async def test_a_refusal_is_shown_at_the_form(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("POST", SEARCH, Refusal("temporarily-unavailable"))
    page = await send_form(client, "/revision", {"why": "Tilsyn 7"})
    assert page.status_code == 503


async def test_the_page_is_for_auditors(site: Site, client: httpx2.AsyncClient) -> None:
    site.sign_in(Role.CASEWORKER)
    assert (await client.get("/revision")).status_code == 403
