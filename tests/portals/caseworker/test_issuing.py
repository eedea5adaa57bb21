"""A caseworker issues a card."""

from __future__ import annotations

from typing import Final

import httpx2
import pytest

from tests.portals.caseworker.resources import CARD, CPR, HOME, card, confirm_form, open_summary
from tests.portals.reading import error_at, page_text
from tests.portals.site import KEY, Refusal, Site, send_form

PERSON: Final = {"cpr": "650790-1234", "name": "Karla Eksempel", "case_reference": "S-1"}


async def test_a_card_is_issued_after_a_summary_and_the_receipt_says_what_happens_next(
    site: Site, client: httpx2.AsyncClient
) -> None:
    site.answer("POST", "/v1/cards", card(), 201)
    checked = await open_summary(client, site, "/kommune/nyt-frikort", **PERSON)
    assert "650790-1234" in checked
    assert "Karla Eksempel" in checked

    issued = await confirm_form(client, "/kommune/nyt-frikort", **PERSON)
    receipt = page_text(await client.get(issued.headers["location"]))

    assert site.commands() == [("/v1/cards", {"cpr": CPR, "name": "Karla Eksempel", "case_reference": "S-1"}, KEY)]
    assert issued.headers["location"] == f"{HOME}/udstedt"
    assert "Karla Eksempel har fået et frikort. Frikortnummer 48213" in receipt
    assert "42.766,00 kr. i 2025 skattefrit" in receipt
    assert "kontrol med frikortet senest i 2027" in receipt


async def test_going_back_from_the_summary_keeps_the_input(site: Site, client: httpx2.AsyncClient) -> None:
    page = await send_form(client, "/kommune/nyt-frikort", **PERSON, step="edit")
    assert 'value="Karla Eksempel"' in page.text
    assert "Fortsæt" in page_text(page)
    assert site.commands() == []


@pytest.mark.parametrize(("field", "typed"), [("cpr", "12"), ("cpr", ""), ("name", ""), ("case_reference", "")])
async def test_a_missing_or_invalid_field_shows_the_error_at_the_field(
    client: httpx2.AsyncClient, field: str, typed: str
) -> None:
    page = await send_form(client, "/kommune/nyt-frikort", **PERSON | {field: typed})
    assert page.status_code == 422
    assert error_at(page, field)


@pytest.mark.parametrize(
    ("refusal", "field"),
    [
        (Refusal("card-exists", {"municipality": "849"}), "cpr"),
        (Refusal("invalid-request", errors=(("/case_reference", "value_error", ""),)), "case_reference"),
        (Refusal("invalid-request", errors=(("/name", "string_too_long", ""),)), "name"),
    ],
)
async def test_a_refused_card_shows_the_error_at_its_field(
    site: Site, client: httpx2.AsyncClient, refusal: Refusal, field: str
) -> None:
    site.answer("POST", "/v1/cards", refusal)
    page = await confirm_form(client, "/kommune/nyt-frikort", **PERSON)
    assert page.status_code in (409, 422)
    assert error_at(page, field)


async def test_a_refused_issue_names_the_municipality_that_has_the_citizens_card(
    site: Site, client: httpx2.AsyncClient
) -> None:
    site.answer("POST", "/v1/cards", Refusal("card-exists", {"municipality": "849"}))
    page = await confirm_form(client, "/kommune/nyt-frikort", **PERSON)
    assert "Jammerbugt" in page_text(page)
    assert "Åbn borgerens frikort" not in page_text(page)


async def test_a_refused_issue_links_to_the_citizens_card_of_this_municipality(
    site: Site, client: httpx2.AsyncClient
) -> None:
    site.answer("POST", "/v1/cards", Refusal("card-exists", {"municipality": "101", "card_id": CARD}))
    page = await confirm_form(client, "/kommune/nyt-frikort", **PERSON)
    assert f'href="{HOME}"' in page.text
