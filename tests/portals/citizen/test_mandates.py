"""A citizen gives and withdraws mandates."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

import pytest
from frikort_contracts.http.mandates import Mandates
from frikort_contracts.issuance import MandateScope
from frikort_contracts.values import CitizenSide

from tests.portals import resources
from tests.portals.citizen.client import OWN, get, post
from tests.portals.reading import page_text
from tests.portals.site import KEY, Refusal, Site

MANDATE: Final = {
    "name": "Mikkel Eksempel",
    "cpr": "730185-4321",
    "scope": "represent",
    "until-day": "31",
    "until-month": "12",
    "until-year": "2026",
}


async def test_active_mandates_can_be_withdrawn_and_ended_ones_are_listed(site: Site) -> None:
    resources.has_card(site)
    expired = resources.mandate(mandate_id="over", name="Nina Før", status="expired", until=date(2025, 1, 31))
    withdrawn = resources.mandate(mandate_id="gone", name="Ole Væk", status="withdrawn", withdrawn_at=resources.NOON)
    municipal = resources.mandate(granted_by=CitizenSide.MUNICIPALITY, scope=MandateScope.REPRESENT)
    site.answer("GET", "/v1/me/mandates", Mandates(mandates=[expired, withdrawn, municipal]))

    page = await get(site, f"{OWN}/fuldmagter")

    words = page_text(page)
    assert "Mikkel Eksempel Se frikortet og tale med arbejdsgivere 31. december 2026 1. juni 2025 af kommunen" in words
    assert "Ole Væk Se frikortet 1. juni 2025 Trukket tilbage 1. juni 2025" in words
    assert "Nina Før Se frikortet 1. juni 2025 Udløb 31. januar 2025" in words
    assert re.findall(r"/fuldmagter/([\w-]+)/traek-tilbage", page.text) == [resources.MANDATE]


async def test_a_mandate_has_a_summary_before_it_is_given(site: Site) -> None:
    resources.has_card(site)

    check = page_text(await post(site, f"{OWN}/fuldmagter/ny", **MANDATE))

    assert "Mikkel Eksempel" in check
    assert "730185-4321" in check, "the summary shows the number, so that a mistake can be seen"
    assert "31. december 2026" in check
    assert site.commands() == []


async def test_a_mandate_is_given_with_the_key_of_the_form_and_has_a_receipt(site: Site) -> None:
    resources.has_card(site)
    site.answer("POST", "/v1/me/mandates", resources.mandate(), status=201)

    answer = await post(site, f"{OWN}/fuldmagter/ny", **MANDATE, step="send")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{OWN}/fuldmagter/{resources.MANDATE}/kvittering")
    body = {"name": "Mikkel Eksempel", "cpr": "7301854321", "scope": "represent", "until": "2026-12-31"}
    assert site.commands() == [("/v1/me/mandates", body, KEY)]


@pytest.mark.parametrize(
    ("code", "facts", "target", "words"),
    [
        ("mandate-to-self", {}, "cpr", "Fuldmagten er til borgeren selv"),
        (
            "mandate-date-out-of-range",
            {"first_day": "2025-06-01", "last_day": "2030-06-01"},
            "until-day",
            "Fuldmagten kan ikke slutte den dag",
        ),
    ],
)
async def test_a_refused_mandate_shows_the_error_at_its_field(
    site: Site, code: str, facts: dict[str, str], target: str, words: str
) -> None:
    resources.has_card(site)
    site.answer("POST", "/v1/me/mandates", Refusal(code, facts=facts))

    form = await post(site, f"{OWN}/fuldmagter/ny", **MANDATE, step="send")

    assert re.search(rf'href="#{target}">{words}', form.text)


async def test_a_mandate_is_withdrawn(site: Site) -> None:
    resources.has_card(site)
    site.answer("GET", "/v1/me/mandates", Mandates(mandates=[resources.mandate()]))
    site.answer("POST", f"/v1/me/mandates/{resources.MANDATE}/withdrawal", resources.mandate(status="withdrawn"))
    path = f"{OWN}/fuldmagter/{resources.MANDATE}"

    assert "Mikkel Eksempel har fuldmagt til dit frikort" in page_text(await get(site, f"{path}/traek-tilbage"))
    answer = await post(site, f"{path}/traek-tilbage")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}/kvittering")
    assert site.commands() == [(f"/v1/me/mandates/{resources.MANDATE}/withdrawal", None, KEY)]


@pytest.mark.parametrize("what", ["traek-tilbage", "kvittering"])
async def test_an_unknown_mandate_is_not_found(site: Site, what: str) -> None:
    resources.has_card(site)

    assert (await get(site, f"{OWN}/fuldmagter/{resources.MANDATE}/{what}")).status_code == 404
