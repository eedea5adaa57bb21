"""The pages about a card, as a caseworker reads them."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from frikort_contracts.http.balances import Balances
from frikort_contracts.http.employments import CardEmployments, ContactResource
from frikort_contracts.http.mandates import Mandates
from frikort_contracts.http.reports import CardReports

from tests.portals import citizens as c
from tests.portals.caseworker.helpers import (
    API,
    CPR,
    DEACTIVATED,
    HOME,
)
from tests.portals.site import Refusal, Site, said


async def test_the_card_at_a_glance(visiting: httpx2.AsyncClient) -> None:
    page = await visiting.get(HOME)
    text = said(page)
    for shown in ("Karla Eksempel", CPR, "48213", "København", "12.000,50 kr. af 42.766,00 kr. er brugt", "Aktivt"):
        assert shown in text
    assert f'href="{HOME}/beslutning/deaktivering"' in page.text
    assert CPR not in page.text.partition("</title>")[0]


async def test_the_page_of_a_card_makes_its_calls_side_by_side(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer_together(2)
    assert (await visiting.get(HOME)).status_code == 200


async def test_a_deactivated_card_offers_to_be_activated_again(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("GET", API, DEACTIVATED)
    page = await visiting.get(HOME)
    assert "Deaktiveret" in said(page)
    assert f'href="{HOME}/beslutning/genaktivering"' in page.text
    assert f'href="{HOME}/beslutning/deaktivering"' not in page.text


async def test_a_warning_in_force_stands_out_and_one_taken_back_does_not(
    site: Site, visiting: httpx2.AsyncClient
) -> None:
    warnings = [c.warning("near", withdrawn=True), c.warning("reached")]
    site.answer("GET", f"{API}/balances", Balances(balances=[c.balance(c.ALLOWANCE, warnings=warnings)]))
    text = said(await visiting.get(HOME))
    assert "Beløbsgrænsen er nået" in text
    assert "80 procent" not in text


async def test_employments_with_their_contact_persons(site: Site, visiting: httpx2.AsyncClient) -> None:
    contact = ContactResource(name="Bo Kontakt", email="bo@example.dk", phone="12 34 56 78")
    site.answer("GET", f"{API}/employments", CardEmployments(employments=[c.employment(contact=contact)]))
    text = said(await visiting.get(f"{HOME}/ansaettelser"))
    for shown in ("99000007", "fra 10. januar 2025", "Bo Kontakt", "bo@example.dk", "12 34 56 78"):
        assert shown in text


@pytest.mark.parametrize(
    ("path", "answer", "text"),
    [
        ("ansaettelser", ("employments", CardEmployments(employments=[])), "ikke registreret nogen ansættelser"),
        ("indberetninger", ("reports", CardReports(reports=[])), "ikke indberettet noget"),
        ("fuldmagter", ("mandates", Mandates(mandates=[])), "ikke givet nogen fuldmagt"),
        ("opslag", ("accesses", c.accesses()), "ingen opslag"),
    ],
)
async def test_where_there_is_nothing_it_is_said(
    site: Site, visiting: httpx2.AsyncClient, path: str, answer: tuple[str, Any], text: str
) -> None:
    site.answer("GET", f"{API}/{answer[0]}", answer[1])
    assert text in said(await visiting.get(f"{HOME}/{path}"))


async def test_the_history_of_a_card_in_words(visiting: httpx2.AsyncClient) -> None:
    text = said(await visiting.get(f"{HOME}/historik"))
    assert "1. juni 2025 kl. 12.00 Frikortet er udstedt København S-1" in text


async def test_who_has_looked_and_why_page_by_page(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("GET", f"{API}/accesses", c.accesses(c.access(), following="abc="))
    page = await visiting.get(f"{HOME}/opslag")
    assert "Københavns Kommune, sagsbehandler har set dit frikort Opfølgning på samtale" in said(page)
    assert f'href="{HOME}/opslag?cursor=abc%3D"' in page.text

    await visiting.get(f"{HOME}/opslag?cursor=abc%3D")
    assert [asked.query for asked in site.asked if asked.path.endswith("accesses")] == [{}, {"cursor": "abc="}]


async def test_a_card_that_cannot_be_seen_says_so(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("GET", API, Refusal("card-unknown"))
    page = await visiting.get(f"{HOME}/historik")
    assert page.status_code == 404
    assert "en anden kommune er ansvarlig for" in said(page)
