"""A caseworker gives and withdraws mandates for a citizen."""

from __future__ import annotations

from typing import Final

import httpx2
import pytest
from frikort_contracts.http.mandates import Mandates
from frikort_contracts.issuance import MandateScope
from frikort_contracts.values import CitizenSide

from tests.portals import resources
from tests.portals.caseworker.resources import API, HOME, confirm_form, open_summary
from tests.portals.reading import error_at, page_text
from tests.portals.site import KEY, Refusal, Site, send_form

HOLDER: Final = {
    "cpr": "730185-4321",
    "name": "Mikkel Eksempel",
    "scope": "view",
    "until-day": "31",
    "until-month": "12",
    "until-year": "2026",
}


async def test_a_mandate_is_given_for_the_citizen_after_a_summary(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    site.answer("POST", f"{API}/mandates", resources.mandate(granted_by=CitizenSide.MUNICIPALITY), 201)
    path = f"{HOME}/fuldmagter/ny"
    checked = await open_summary(client_with_reason, site, path, **HOLDER)
    assert "Mikkel Eksempel" in checked
    assert "31. december 2026" in checked

    done = await confirm_form(client_with_reason, path, **HOLDER)
    body = {"cpr": "7301854321", "name": "Mikkel Eksempel", "scope": "view", "until": "2026-12-31"}
    assert site.commands() == [(f"{API}/mandates", body, KEY)]
    assert "Mikkel Eksempel Må Se frikortet" in page_text(await client_with_reason.get(done.headers["location"]))


@pytest.mark.parametrize(
    ("refusal", "field"),
    [
        (Refusal("mandate-to-self"), "cpr"),
        (Refusal("mandate-date-out-of-range", {"first_day": "2026-11-22", "last_day": "2031-11-22"}), "until"),
        (Refusal("invalid-request", errors=(("/name", "string_too_long", ""),)), "name"),
    ],
)
async def test_a_refused_mandate_shows_the_error_at_its_field(
    site: Site, client_with_reason: httpx2.AsyncClient, refusal: Refusal, field: str
) -> None:
    site.answer("POST", f"{API}/mandates", refusal)
    assert error_at(await confirm_form(client_with_reason, f"{HOME}/fuldmagter/ny", **HOLDER), field)


@pytest.mark.parametrize("field", ["cpr", "name", "scope", "until-day"])
async def test_a_missing_field_shows_the_error_at_the_field(client_with_reason: httpx2.AsyncClient, field: str) -> None:
    page = await send_form(client_with_reason, f"{HOME}/fuldmagter/ny", **HOLDER | {field: ""})
    assert page.status_code == 422
    assert error_at(page, field.removesuffix("-day"))


async def test_a_mandate_is_withdrawn(site: Site, client_with_reason: httpx2.AsyncClient) -> None:
    site.answer("POST", f"{API}/mandates/{resources.MANDATE}/withdrawal", resources.mandate(status="withdrawn"))
    path = f"{HOME}/fuldmagter/{resources.MANDATE}"
    assert "Træk fuldmagten tilbage" in page_text(await client_with_reason.get(path))

    done = await send_form(client_with_reason, path)
    site.answer(
        "GET",
        f"{API}/mandates",
        Mandates(mandates=[resources.mandate(status="withdrawn", withdrawn_at=resources.NOON)]),
    )
    assert site.commands() == [(f"{API}/mandates/{resources.MANDATE}/withdrawal", None, KEY)]
    assert "Fuldmagten blev trukket tilbage 1. juni 2025" in page_text(
        await client_with_reason.get(done.headers["location"])
    )


async def test_withdrawing_an_ended_mandate_says_that_it_has_ended(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    site.answer("POST", f"{API}/mandates/{resources.MANDATE}/withdrawal", Refusal("mandate-ended"))
    assert "Fuldmagten gælder ikke længere" in page_text(
        await send_form(client_with_reason, f"{HOME}/fuldmagter/{resources.MANDATE}")
    )


async def test_mandates_are_listed_with_scope_and_status(site: Site, client_with_reason: httpx2.AsyncClient) -> None:
    over = resources.mandate(scope=MandateScope.REPRESENT, status="expired")
    site.answer("GET", f"{API}/mandates", Mandates(mandates=[resources.mandate(), over]))
    text = page_text(await client_with_reason.get(f"{HOME}/fuldmagter"))
    assert "Se frikortet 31. december 2026 Gælder" in text
    assert "tale med arbejdsgivere om det 31. december 2026 Udløbet" in text
