"""A caseworker gives and withdraws mandates for a citizen."""

from __future__ import annotations

from typing import Final

import httpx2
import pytest
from frikort_contracts.http.mandates import Mandates
from frikort_contracts.issuance import MandateScope
from frikort_contracts.values import CitizenSide

from tests.portals import citizens as c
from tests.portals.caseworker.helpers import (
    API,
    HOME,
    KEY,
    commands,
    error_at,
    post,
    send,
    summary,
)
from tests.portals.site import Refusal, Site, said

HOLDER: Final = {
    "cpr": "730185-4321",
    "name": "Mikkel Eksempel",
    "scope": "view",
    "until-day": "31",
    "until-month": "12",
    "until-year": "2026",
}


async def test_a_mandate_is_given_for_the_citizen_after_a_summary(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("POST", f"{API}/mandates", c.mandate(granted_by=CitizenSide.MUNICIPALITY), 201)
    path = f"{HOME}/fuldmagter/ny"
    checked = await summary(visiting, site, path, **HOLDER)
    assert "Mikkel Eksempel" in checked
    assert "31. december 2026" in checked

    done = await send(visiting, path, **HOLDER)
    body = {"cpr": "7301854321", "name": "Mikkel Eksempel", "scope": "view", "until": "2026-12-31"}
    assert commands(site) == [(f"{API}/mandates", body, KEY)]
    assert "Mikkel Eksempel Må Se frikortet" in said(await visiting.get(done.headers["location"]))


@pytest.mark.parametrize(
    ("refusal", "field"),
    [
        (Refusal("mandate-to-self"), "cpr"),
        (Refusal("mandate-date-out-of-range", {"first_day": "2026-11-22", "last_day": "2031-11-22"}), "until"),
        (Refusal("invalid-request", errors=(("/name", "string_too_long", ""),)), "name"),
    ],
)
async def test_a_refused_mandate_shows_the_error_at_its_field(
    site: Site, visiting: httpx2.AsyncClient, refusal: Refusal, field: str
) -> None:
    site.answer("POST", f"{API}/mandates", refusal)
    assert error_at(await send(visiting, f"{HOME}/fuldmagter/ny", **HOLDER), field)


@pytest.mark.parametrize("field", ["cpr", "name", "scope", "until-day"])
async def test_what_is_missing_for_a_mandate_stands_at_its_field(visiting: httpx2.AsyncClient, field: str) -> None:
    page = await post(visiting, f"{HOME}/fuldmagter/ny", **HOLDER | {field: ""})
    assert page.status_code == 422
    assert error_at(page, field.removesuffix("-day"))


async def test_a_mandate_is_withdrawn(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("POST", f"{API}/mandates/{c.MANDATE}/withdrawal", c.mandate(status="withdrawn"))
    path = f"{HOME}/fuldmagter/{c.MANDATE}"
    assert "Træk fuldmagten tilbage" in said(await visiting.get(path))

    done = await post(visiting, path)
    site.answer("GET", f"{API}/mandates", Mandates(mandates=[c.mandate(status="withdrawn", withdrawn_at=c.NOON)]))
    assert commands(site) == [(f"{API}/mandates/{c.MANDATE}/withdrawal", None, KEY)]
    assert "Fuldmagten blev trukket tilbage 1. juni 2025" in said(await visiting.get(done.headers["location"]))


async def test_a_mandate_that_is_over_already_says_so(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("POST", f"{API}/mandates/{c.MANDATE}/withdrawal", Refusal("mandate-ended"))
    assert "Fuldmagten gælder ikke længere" in said(await post(visiting, f"{HOME}/fuldmagter/{c.MANDATE}"))


async def test_mandates_with_what_they_allow_and_whether_they_are_in_force(
    site: Site, visiting: httpx2.AsyncClient
) -> None:
    over = c.mandate(scope=MandateScope.REPRESENT, status="expired")
    site.answer("GET", f"{API}/mandates", Mandates(mandates=[c.mandate(), over]))
    text = said(await visiting.get(f"{HOME}/fuldmagter"))
    assert "Se frikortet 31. december 2026 Gælder" in text
    assert "tale med arbejdsgivere om det 31. december 2026 Udløbet" in text
