"""A caseworker finds a card and states the reason for reading it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import httpx2
import pytest

from services.portals.caseworker.card_context import COOKIE
from services.portals.texts import LANGUAGE_COOKIE
from tests.portals.caseworker.helpers import (
    CPR,
    HOME,
    OTHER,
    WHY,
    card,
    error_at,
    post,
    send,
)
from tests.portals.site import Refusal, Site, said


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
    found = await post(client, "/kommune", person=typed, why="contact", why_text="sag S-1")
    page = await client.get(found.headers["location"])

    assert found.headers["location"] == HOME
    assert (site.asked[0].path, site.asked[0].body) == ("/v1/cards/search", body)
    assert {asked.reason for asked in site.asked} == {f"{WHY}: sag S-1"}
    assert "Karla Eksempel" in said(page)


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
    page = await post(client, "/kommune", **typed)
    assert page.status_code == 422
    assert error_at(page, field)
    assert site.asked == []


async def test_a_card_that_is_not_ours_is_explained_and_what_to_do_next(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("POST", "/v1/cards/search", Refusal("card-unknown"))
    page = await post(client, "/kommune", person=CPR, why="contact")

    assert page.status_code == 404
    assert error_at(page, "person")
    assert "en anden kommune ansvarlig" in said(page)
    assert 'href="/kommune/nyt-frikort"' in page.text


async def test_who_comes_to_a_card_by_another_way_says_why_first(site: Site, client: httpx2.AsyncClient) -> None:
    asked = await client.get(HOME)
    assert asked.headers["location"] == f"{HOME}/begrundelse"
    assert site.asked == []

    stated = await post(client, f"{HOME}/begrundelse", why="other", why_text="Tilsyn")
    assert (await client.get(stated.headers["location"])).status_code == 200
    assert {one.reason for one in site.asked} == {"Andet: Tilsyn"}


@pytest.mark.parametrize("typed", [{}, {"why": "other"}])
async def test_a_reason_must_be_said(client: httpx2.AsyncClient, typed: dict[str, str]) -> None:
    page = await post(client, f"{HOME}/begrundelse", **typed)
    assert page.status_code == 422
    assert (await client.get(HOME)).status_code == 303


async def test_a_reason_is_for_one_card(visiting: httpx2.AsyncClient) -> None:
    reason = visiting.cookies[COOKIE]
    visiting.cookies.set(COOKIE, reason, path=f"/kommune/frikort/{OTHER}")
    assert (await visiting.get(HOME)).status_code == 200
    assert (await visiting.get(f"/kommune/frikort/{OTHER}")).status_code == 303


async def test_a_reason_ends_with_the_session_and_is_no_one_elses(site: Site, visiting: httpx2.AsyncClient) -> None:
    assert site.session is not None
    site.session = replace(site.session, name="En anden", form_token="another-sessions-token")
    assert (await visiting.get(HOME)).status_code == 303


async def test_a_reason_can_be_read_in_no_cookie_and_no_address(visiting: httpx2.AsyncClient) -> None:
    answer = await post(visiting, f"{HOME}/begrundelse", why="other", why_text="Tilsyn")
    cookie = answer.headers["set-cookie"]

    assert "Tilsyn" not in cookie
    assert "Tilsyn" not in answer.headers["location"]
    assert {"HttpOnly", "SameSite=strict", f"Path={HOME}"} <= set(cookie.split("; "))


async def test_a_form_without_a_reason_does_nothing(site: Site, client: httpx2.AsyncClient) -> None:
    answer = await send(client, f"{HOME}/beslutning/deaktivering", case_reference="S-2")
    assert answer.headers["location"] == f"{HOME}/begrundelse"
    assert site.asked == []


async def test_a_reason_is_kept_in_danish_for_the_citizen_whatever_the_page_speaks(
    site: Site, client: httpx2.AsyncClient
) -> None:
    client.cookies.set(LANGUAGE_COOKIE, "en")
    stated = await post(client, f"{HOME}/begrundelse", why="grant")
    await client.get(stated.headers["location"])
    assert {asked.reason for asked in site.asked} == {"Ny bevilling"}
