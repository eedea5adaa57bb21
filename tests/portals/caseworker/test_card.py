"""The pages about a card, as a caseworker reads them."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from frikort_contracts.http.balances import Balances
from frikort_contracts.http.cards import PreviousNumberResource
from frikort_contracts.http.employments import CardEmployments, ContactResource
from frikort_contracts.http.mandates import Mandates
from frikort_contracts.http.reports import CardReports

from tests.portals import resources
from tests.portals.caseworker.resources import API, CPR, DEACTIVATED, HOME, OTHER, card
from tests.portals.reading import page_text
from tests.portals.site import Refusal, Site


async def test_the_overview_shows_the_card_and_its_balance(client_with_reason: httpx2.AsyncClient) -> None:
    page = await client_with_reason.get(HOME)
    text = page_text(page)
    for expected in (
        "Karla Eksempel",
        "650790-1234",
        "48213",
        "København",
        "12.000,50 kr. af 42.766,00 kr. er brugt",
        "Aktivt",
    ):
        assert expected in text
    assert f'href="{HOME}/beslutning/deaktivering"' in page.text
    assert CPR not in page.text.partition("</title>")[0]


async def test_an_open_dispute_is_marked_on_the_card(site: Site, client_with_reason: httpx2.AsyncClient) -> None:
    """D2."""
    reports = [resources.report(), resources.report(report_id=OTHER, dispute=resources.dispute())]
    site.answer("GET", f"{API}/reports", CardReports(reports=reports))

    page = await client_with_reason.get(HOME)

    assert "Der er en indsigelse 7.500,00 kr., betalt 31. marts 2025 : Beløbet er forkert" in page_text(page)
    assert f'href="{HOME}/indberetninger/{OTHER}"' in page.text


async def test_the_page_of_a_card_calls_the_api_concurrently(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    site.answer_together(2)
    assert (await client_with_reason.get(HOME)).status_code == 200


async def test_a_deactivated_card_offers_its_reactivation(site: Site, client_with_reason: httpx2.AsyncClient) -> None:
    site.answer("GET", API, DEACTIVATED)
    page = await client_with_reason.get(HOME)
    assert "Deaktiveret" in page_text(page)
    assert f'href="{HOME}/beslutning/genaktivering"' in page.text
    assert f'href="{HOME}/beslutning/deaktivering"' not in page.text


async def test_a_warning_in_force_is_shown_and_a_withdrawn_one_is_not(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    warnings = [resources.warning("near", withdrawn=True), resources.warning("reached")]
    site.answer(
        "GET", f"{API}/balances", Balances(balances=[resources.balance(resources.ALLOWANCE, warnings=warnings)])
    )
    text = page_text(await client_with_reason.get(HOME))
    assert "Beløbsgrænsen er nået" in text
    assert "80 procent" not in text


async def test_several_warnings_in_force_make_one_alert(site: Site, client_with_reason: httpx2.AsyncClient) -> None:
    warnings = [resources.warning(one) for one in ("near", "reached", "exceeded")]
    site.answer("GET", f"{API}/balances", Balances(balances=[resources.balance(4_300_000, warnings=warnings)]))

    page = await client_with_reason.get(HOME)

    assert page.text.count('class="alert alert-warning"') == 1
    assert page_text(page).index("Beløbsgrænsen er overskredet") < page_text(page).index("Tidligere advarsler")


async def test_employments_are_listed_with_their_contact_persons(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    contact = ContactResource(name="Bo Kontakt", email="bo@example.dk", phone="12 34 56 78")
    site.answer("GET", f"{API}/employments", CardEmployments(employments=[resources.employment(contact=contact)]))
    text = page_text(await client_with_reason.get(f"{HOME}/ansaettelser"))
    for expected in ("99000007", "fra 10. januar 2025", "Bo Kontakt", "bo@example.dk", "12 34 56 78"):
        assert expected in text


@pytest.mark.parametrize(
    ("path", "answer", "text"),
    [
        ("ansaettelser", ("employments", CardEmployments(employments=[])), "ikke registreret nogen ansættelser"),
        ("indberetninger", ("reports", CardReports(reports=[])), "ikke indberettet noget"),
        ("fuldmagter", ("mandates", Mandates(mandates=[])), "ikke givet nogen fuldmagt"),
        ("opslag", ("accesses", resources.accesses()), "ingen opslag"),
    ],
)
async def test_an_empty_list_says_that_it_is_empty(
    site: Site, client_with_reason: httpx2.AsyncClient, path: str, answer: tuple[str, Any], text: str
) -> None:
    site.answer("GET", f"{API}/{answer[0]}", answer[1])
    assert text in page_text(await client_with_reason.get(f"{HOME}/{path}"))


async def test_the_history_of_a_card_is_written_in_words(client_with_reason: httpx2.AsyncClient) -> None:
    text = page_text(await client_with_reason.get(f"{HOME}/historik"))
    assert "1. juni 2025 kl. 12.00 Frikortet er udstedt København S-1" in text


async def test_the_audit_log_shows_reader_and_reason_and_has_pages(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    """D10: the reads of a visit are one line."""
    description = "har set borgerens frikort"
    lines = [resources.access(description=description) for _ in range(12)]
    site.answer("GET", f"{API}/accesses", resources.accesses(*lines, next_cursor="abc="))
    page = await client_with_reason.get(f"{HOME}/opslag")
    assert f"Københavns Kommune, sagsbehandler {description} Opfølgning på samtale" in page_text(page)
    assert page.text.count(description) == 1
    assert f'href="{HOME}/opslag?cursor=abc%3D"' in page.text

    await client_with_reason.get(f"{HOME}/opslag?cursor=abc%3D")
    assert [request.query for request in site.requests if request.path.endswith("accesses")] == [{}, {"cursor": "abc="}]


async def test_a_card_of_another_municipality_is_not_found(site: Site, client_with_reason: httpx2.AsyncClient) -> None:
    site.answer("GET", API, Refusal("card-unknown"))
    page = await client_with_reason.get(f"{HOME}/historik")
    assert page.status_code == 404
    assert "en anden kommune er ansvarlig for" in page_text(page)


async def test_a_card_names_the_numbers_that_it_had_before(site: Site, client_with_reason: httpx2.AsyncClient) -> None:
    previous = PreviousNumberResource(number="08131", replaced_at=resources.NOON)
    site.answer("GET", API, card(previous_numbers=[previous]))
    assert "Tidligere frikortnumre 08131, erstattet 1. juni 2025" in page_text(await client_with_reason.get(HOME))
