"""The citizen's front page: balance, card, warnings and latest wage."""

from __future__ import annotations

import re
from datetime import date

import pytest
from frikort_contracts.http.balances import BalanceResource
from frikort_contracts.http.common import Days

from tests.portals import citizens as c
from tests.portals.citizen.helpers import (
    OWN,
    get,
    said,
)
from tests.portals.site import Site


@pytest.mark.parametrize(
    ("balance", "sentence"),
    [
        (c.balance(0), "Der er ikke indberettet løn på frikortet i 2025 endnu. Der kan tjenes 42.766,00 kr."),
        (c.balance(1_200_050), "Der er tjent 12.000,50 kr. på frikortet i 2025. Der kan tjenes 30.765,50 kr. mere"),
        (c.balance(c.ALLOWANCE), "Det er hele årets beløb, og det hele er skattefrit."),
        (c.balance(c.ALLOWANCE + 100_000), "Heraf er 42.766,00 kr. skattefri. De sidste 1.000,00 kr. ligger over"),
    ],
)
async def test_the_balance_is_said_in_a_sentence_first(site: Site, balance: BalanceResource, sentence: str) -> None:
    c.has_card(site, balances=[balance])

    page = said(await get(site, OWN))

    assert sentence in page
    assert page.index(sentence) < page.index("Frikortet i 2025"), "the bar comes after"


async def test_the_bar_is_the_balance_and_says_it(site: Site) -> None:
    c.has_card(site, balances=[c.balance(1_200_050)])

    page = await get(site, OWN)

    assert re.search(r'<progress id="balance" max="4276600" value="1200050"', page.text)
    assert "Tjent 12.000,50 kr. af årets beløb på 42.766,00 kr. Tilbage er der 30.765,50 kr." in said(page)


async def test_the_number_and_whether_it_is_active(site: Site) -> None:
    c.has_card(site)

    page = said(await get(site, OWN))

    assert "Frikortnummer 48213 Aktivt" in page
    assert "Ansvarlig kommune: København" in page


async def test_a_deactivated_card_says_until_when_it_was_active_and_what_that_means(site: Site) -> None:
    days = [Days(first=date(2025, 1, 6), last=date(2025, 4, 30))]
    c.has_card(site, card=c.card(status="deactivated", active_periods=days), balances=[c.balance(100)])

    page = said(await get(site, OWN))

    assert "Ikke aktivt" in page
    assert "aktivt til og med 30. april 2025" in page
    assert "Frikortet er ikke aktivt. Løn for arbejde, der er gjort nu, kan ikke komme på frikortet." in page


@pytest.mark.parametrize(
    ("thresholds", "heading"),
    [
        (["near"], "Årets beløb er snart brugt"),
        (["near", "reached"], "Årets beløb er brugt"),
        (["reached", "exceeded", "near"], "Der er tjent mere end årets beløb"),
    ],
)
async def test_the_severest_warning_stands_out(site: Site, thresholds: list[str], heading: str) -> None:
    c.has_card(site, balances=[c.balance(4_000_000, warnings=[c.warning(one) for one in thresholds])])

    page = await get(site, OWN)

    assert re.findall(r'class="alert-heading">([^<]+)<', page.text) == [heading]


async def test_what_is_left_is_what_the_next_wage_may_be(site: Site) -> None:
    c.has_card(site, balances=[c.balance(4_000_000, warnings=[c.warning("near")])])

    assert "Er den næste løn højst 2.766,00 kr., er den helt skattefri." in said(await get(site, OWN))


async def test_with_nothing_left_the_next_wage_is_ordinary_and_a_new_year_comes(site: Site) -> None:
    c.has_card(site, balances=[c.balance(5_000_000, warnings=[c.warning("exceeded")])])

    page = said(await get(site, OWN))

    assert "Resten af lønnen i 2025 er almindelig løn." in page
    assert "1. januar 2026 begynder et nyt beløb." in page


async def test_a_warning_that_is_not_true_any_more_is_only_remembered(site: Site) -> None:
    c.has_card(site, balances=[c.balance(100, warnings=[c.warning("near", withdrawn=True)])])

    page = await get(site, OWN)

    assert "alert-heading" not in page.text
    assert "Det gælder ikke længere fra 1. juni 2025" in said(page)


async def test_a_provisional_allowance_is_said(site: Site) -> None:
    c.has_card(site, balances=[c.balance(0, provisional=True)])

    assert "Årets beløb er foreløbigt" in said(await get(site, OWN))


async def test_a_year_without_an_allowance_is_said(site: Site) -> None:
    c.has_card(site, balances=[])

    assert "Årets beløb er ikke fastsat endnu." in said(await get(site, OWN))
    assert "Årets beløb er ikke fastsat endnu." in said(await get(site, f"{OWN}/loen"))


async def test_the_latest_wage_is_on_the_page(site: Site) -> None:
    reports = [c.report(report_id=f"r{month}", payment_date=date(2025, month, 28)) for month in range(1, 6)]
    c.has_card(site, reports=reports)

    page = await get(site, OWN)

    assert re.findall(r'href="/borger/loen/(\w+)"', page.text) == ["r5", "r4", "r3"]
