"""A citizen gives and withdraws mandates."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

import pytest
from frikort_contracts.http.mandates import Mandates
from frikort_contracts.issuance import MandateScope
from frikort_contracts.values import CitizenSide

from tests.portals import citizens as c
from tests.portals.citizen.helpers import (
    KEY,
    OWN,
    get,
    post,
    said,
    sent,
)
from tests.portals.site import Refusal, Site

MANDATE: Final = {
    "name": "Mikkel Eksempel",
    "cpr": "730185-4321",
    "scope": "represent",
    "until-day": "31",
    "until-month": "12",
    "until-year": "2026",
}


async def test_mandates_in_force_can_be_withdrawn_and_those_that_are_over_are_remembered(site: Site) -> None:
    c.has_card(site)
    over = c.mandate(mandate_id="over", name="Nina Før", status="expired", until=date(2025, 1, 31))
    gone = c.mandate(mandate_id="gone", name="Ole Væk", status="withdrawn", withdrawn_at=c.NOON)
    municipal = c.mandate(granted_by=CitizenSide.MUNICIPALITY, scope=MandateScope.REPRESENT)
    site.answer("GET", "/v1/me/mandates", Mandates(mandates=[over, gone, municipal]))

    page = await get(site, f"{OWN}/fuldmagter")

    words = said(page)
    assert "Mikkel Eksempel Se frikortet og tale med arbejdsgivere 31. december 2026 1. juni 2025 af kommunen" in words
    assert "Ole Væk Se frikortet 1. juni 2025 Trukket tilbage 1. juni 2025" in words
    assert "Nina Før Se frikortet 1. juni 2025 Udløb 31. januar 2025" in words
    assert re.findall(r"/fuldmagter/([\w-]+)/traek-tilbage", page.text) == [c.MANDATE]


async def test_a_mandate_is_checked_before_it_is_given(site: Site) -> None:
    c.has_card(site)

    check = said(await post(site, f"{OWN}/fuldmagter/ny", **MANDATE))

    assert "Mikkel Eksempel" in check
    assert "730185-4321" in check, "so that a slip is seen"
    assert "31. december 2026" in check
    assert sent(site) == []


async def test_a_mandate_is_given_under_the_forms_key_and_has_a_receipt(site: Site) -> None:
    c.has_card(site)
    site.answer("POST", "/v1/me/mandates", c.mandate(), status=201)

    answer = await post(site, f"{OWN}/fuldmagter/ny", **MANDATE, step="send")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{OWN}/fuldmagter/{c.MANDATE}/kvittering")
    body = {"name": "Mikkel Eksempel", "cpr": "730185-4321", "scope": "represent", "until": "2026-12-31"}
    assert sent(site) == [("/v1/me/mandates", body, KEY)]


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
    c.has_card(site)
    site.answer("POST", "/v1/me/mandates", Refusal(code, facts=facts))

    form = await post(site, f"{OWN}/fuldmagter/ny", **MANDATE, step="send")

    assert re.search(rf'href="#{target}">{words}', form.text)


async def test_a_mandate_is_withdrawn(site: Site) -> None:
    c.has_card(site)
    site.answer("GET", "/v1/me/mandates", Mandates(mandates=[c.mandate()]))
    site.answer("POST", f"/v1/me/mandates/{c.MANDATE}/withdrawal", c.mandate(status="withdrawn"))
    path = f"{OWN}/fuldmagter/{c.MANDATE}"

    assert "Mikkel Eksempel har fuldmagt til dit frikort" in said(await get(site, f"{path}/traek-tilbage"))
    answer = await post(site, f"{path}/traek-tilbage")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}/kvittering")
    assert sent(site) == [(f"/v1/me/mandates/{c.MANDATE}/withdrawal", None, KEY)]


@pytest.mark.parametrize("what", ["traek-tilbage", "kvittering"])
async def test_somebody_elses_mandate_does_not_exist(site: Site, what: str) -> None:
    c.has_card(site)

    assert (await get(site, f"{OWN}/fuldmagter/{c.MANDATE}/{what}")).status_code == 404
