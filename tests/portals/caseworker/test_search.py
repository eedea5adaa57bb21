"""A caseworker finds a card and states the reason for reading it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import httpx2
import pytest

from services.portals.caseworker.card_context import COOKIE
from services.portals.texts import LANGUAGE_COOKIE
from tests.portals.caseworker.resources import CPR, HOME, OTHER, WHY, card, confirm_form
from tests.portals.reading import error_at, page_text
from tests.portals.site import FORM, Refusal, Site, send_form


@pytest.mark.parametrize(
    ("typed", "body"),
    [
        ("6507901234", {"cpr": CPR}),
        ("650790-1234", {"cpr": CPR}),
        (" 650790 1234 ", {"cpr": CPR}),
        ("48213", {"number": "48213"}),
    ],
)
async def test_a_citizen_is_found_by_cpr_or_card_number_for_a_stated_reason(
    site: Site, client: httpx2.AsyncClient, typed: str, body: Mapping[str, str]
) -> None:
    site.answer("POST", "/v1/cards/search", card())
    found = await send_form(client, "/kommune", person=typed, why="contact", why_text="sag S-1")
    page = await client.get(found.headers["location"])

    assert found.headers["location"] == HOME
    assert (site.requests[0].path, site.requests[0].body) == ("/v1/cards/search", body)
    assert {request.reason for request in site.requests} == {f"{WHY}: sag S-1"}
    assert "Karla Eksempel" in page_text(page)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"person": "48213"}, "why"),
        ({"person": "", "why": "contact"}, "person"),
        ({"person": "4821", "why": "contact"}, "person"),
        ({"person": "3113901234", "why": "contact"}, "person"),
        ({"person": "48213", "why": "other"}, "why_text"),
        ({"person": "48213", "why": "other", "why_text": "angår 650790-1234"}, "why_text"),
        ({"person": "48213", "why": "other", "why_text": "x" * 300}, "why_text"),
    ],
)
async def test_an_invalid_search_shows_the_error_at_its_field_and_reads_no_card(
    site: Site, client: httpx2.AsyncClient, typed: dict[str, str], field: str
) -> None:
    page = await send_form(client, "/kommune", **typed)
    assert page.status_code == 422
    assert error_at(page, field)
    assert site.requests == []


async def test_a_search_without_a_match_is_no_error_and_leads_to_issuing_a_card(
    site: Site, client: httpx2.AsyncClient
) -> None:
    site.answer("POST", "/v1/cards/search", Refusal("card-unknown"))
    page = await send_form(client, "/kommune", person=CPR, why="grant")

    assert page.status_code == 200
    assert "alert-error" not in page.text
    assert page_text(page).count("en anden kommune ansvarlig") == 1


@pytest.mark.parametrize(("person", "carried"), [(CPR, CPR), ("48213", "")])
async def test_a_search_without_a_match_carries_the_cpr_number_to_the_issue_form(
    site: Site, client: httpx2.AsyncClient, person: str, carried: str
) -> None:
    site.answer("POST", "/v1/cards/search", Refusal("card-unknown"))
    page = await send_form(client, "/kommune", person=person, why="grant")
    assert ('<input type="hidden" name="cpr"' in page.text) is bool(carried)

    begun = await send_form(client, "/kommune/nyt-frikort", cpr=carried, step="begin")

    assert begun.status_code == 200
    assert re.search(rf'name="cpr" value="{carried}"', begun.text)
    assert "alert-error" not in begun.text


async def test_opening_a_card_by_its_address_asks_for_a_reason_first(site: Site, client: httpx2.AsyncClient) -> None:
    redirect = await client.get(HOME)
    assert redirect.headers["location"] == f"{HOME}/begrundelse"
    assert site.requests == []

    stated = await send_form(client, f"{HOME}/begrundelse", why="other", why_text="Tilsyn")
    assert (await client.get(stated.headers["location"])).status_code == 200
    assert {request.reason for request in site.requests} == {"Andet: Tilsyn"}


@pytest.mark.parametrize("typed", [{}, {"why": "other"}])
async def test_a_reason_is_required(client: httpx2.AsyncClient, typed: dict[str, str]) -> None:
    page = await send_form(client, f"{HOME}/begrundelse", **typed)
    assert page.status_code == 422
    assert (await client.get(HOME)).status_code == 303


async def test_a_reason_is_valid_for_one_card(client_with_reason: httpx2.AsyncClient) -> None:
    reason = client_with_reason.cookies[COOKIE]
    client_with_reason.cookies.set(COOKIE, reason, path=f"/kommune/frikort/{OTHER}")
    assert (await client_with_reason.get(HOME)).status_code == 200
    assert (await client_with_reason.get(f"/kommune/frikort/{OTHER}")).status_code == 303


async def test_a_reason_is_not_valid_in_another_session(site: Site, client_with_reason: httpx2.AsyncClient) -> None:
    assert site.session is not None
    site.session = replace(site.session, name="En anden", form_token="another-sessions-token")
    assert (await client_with_reason.get(HOME)).status_code == 303


async def test_a_reason_is_not_readable_in_cookies_and_addresses(client_with_reason: httpx2.AsyncClient) -> None:
    answer = await send_form(client_with_reason, f"{HOME}/begrundelse", why="other", why_text="Tilsyn")
    cookie = answer.headers["set-cookie"]

    assert "Tilsyn" not in cookie
    assert "Tilsyn" not in answer.headers["location"]
    assert {"HttpOnly", "SameSite=strict", f"Path={HOME}"} <= set(cookie.split("; "))


async def test_a_form_without_a_reason_sends_no_command(site: Site, client: httpx2.AsyncClient) -> None:
    path = f"{HOME}/beslutning/deaktivering"
    answer = await confirm_form(client, path, case_reference="S-2")
    assert answer.headers["location"].startswith(f"{HOME}/begrundelse?videre=")
    assert site.requests == []

    stated = await send_form(client, answer.headers["location"], why="grant")
    form = await client.get(stated.headers["location"])

    assert stated.headers["location"].startswith(f"{path}?genoptag=")
    assert 'value="S-2"' in form.text


@pytest.mark.parametrize("following", ["https://evil.test/", "/kommune", f"/kommune/frikort/{OTHER}", "//evil.test"])
async def test_a_reason_leads_to_pages_of_its_card_only(client: httpx2.AsyncClient, following: str) -> None:
    stated = await client.post(f"{HOME}/begrundelse", params={"videre": following}, data={**FORM, "why": "grant"})

    assert stated.headers["location"] == HOME


async def test_a_reason_is_sent_in_danish_from_an_english_page(site: Site, client: httpx2.AsyncClient) -> None:
    client.cookies.set(LANGUAGE_COOKIE, "en")
    stated = await send_form(client, f"{HOME}/begrundelse", why="grant")
    await client.get(stated.headers["location"])
    assert {request.reason for request in site.requests} == {"Ny bevilling"}


@pytest.mark.parametrize("path", ["/kommune", f"{HOME}/begrundelse"])
async def test_a_caseworker_reads_how_the_municipality_writes_its_case_numbers(
    site: Site, client: httpx2.AsyncClient, path: str
) -> None:
    refusal = Refusal("case-number-required", {"example": "S-2025-000042"})
    site.answer("POST", "/v1/cards/search", refusal)
    site.answer("GET", HOME.replace("/kommune/frikort", "/v1/cards"), refusal)
    page = await send_form(client, path, person="48213", why="control")
    assert "S-2025-000042" in page_text(page)
    assert COOKIE not in client.cookies
