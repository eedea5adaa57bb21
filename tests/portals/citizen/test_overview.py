"""The citizen's front page: balance, card, warnings and latest wage."""

from __future__ import annotations

import re
from datetime import date

import pytest
from frikort_contracts.http.balances import BalanceResource
from frikort_contracts.http.common import Days

from tests.portals import resources
from tests.portals.citizen.client import OWN, get
from tests.portals.reading import page_text
from tests.portals.site import Site


@pytest.mark.parametrize(
    ("balance", "sentence"),
    [
        (resources.balance(0), "Der er ikke indberettet løn på frikortet i 2025 endnu. Du kan tjene 42.766,00 kr."),
        (
            resources.balance(1_200_050),
            "Du har tjent 12.000,50 kr. på frikortet i 2025. Du kan tjene 30.765,50 kr. mere",
        ),
        (resources.balance(resources.ALLOWANCE), "Det er hele årets beløbsgrænse, og det hele er skattefrit."),
        (
            resources.balance(resources.ALLOWANCE + 100_000),
            "Heraf er 42.766,00 kr. skattefri. De sidste 1.000,00 kr. ligger over",
        ),
    ],
)
async def test_the_page_begins_with_the_balance_in_a_sentence(
    site: Site, balance: BalanceResource, sentence: str
) -> None:
    resources.has_card(site, balances=[balance])

    page = page_text(await get(site, OWN))

    assert sentence in page
    assert page.index(sentence) < page.index("Frikortet i 2025"), "the bar follows the sentence"


async def test_the_bar_shows_the_balance_and_describes_it_in_words(site: Site) -> None:
    resources.has_card(site, balances=[resources.balance(1_200_050)])

    page = await get(site, OWN)

    assert re.search(r'<svg id="balance"[^>]+data-used="1200050" data-excess="0" data-most="4276600"', page.text)
    assert "Du har tjent 12.000,50 kr. af beløbsgrænsen på 42.766,00 kr. Du har 30.765,50 kr. tilbage." in page_text(
        page
    )


async def test_the_page_shows_the_card_number_and_its_status(site: Site) -> None:
    resources.has_card(site)

    page = page_text(await get(site, OWN))

    assert "Frikortnummer 48213 Aktivt" in page
    assert "Ansvarlig kommune: København" in page


async def test_a_deactivated_card_shows_its_last_day_and_explains_the_effect(site: Site) -> None:
    days = [Days(first=date(2025, 1, 6), last=date(2025, 4, 30))]
    resources.has_card(
        site, card=resources.card(status="deactivated", active_periods=days), balances=[resources.balance(100)]
    )

    page = page_text(await get(site, OWN))

    assert "Ikke aktivt" in page
    assert "aktivt til og med 30. april 2025" in page
    assert "Frikortet er ikke aktivt. Løn for arbejde, der er gjort nu, kan ikke komme på frikortet." in page


@pytest.mark.parametrize(
    ("thresholds", "heading"),
    [
        (["near"], "Årets beløbsgrænse er snart brugt"),
        (["near", "reached"], "Årets beløbsgrænse er brugt"),
        (["reached", "exceeded", "near"], "Du har tjent mere end beløbsgrænsen"),
    ],
)
async def test_the_most_severe_warning_is_highlighted(site: Site, thresholds: list[str], heading: str) -> None:
    resources.has_card(
        site, balances=[resources.balance(4_000_000, warnings=[resources.warning(one) for one in thresholds])]
    )

    page = await get(site, OWN)

    assert re.findall(r'class="alert-heading">([^<]+)<', page.text) == [heading]


async def test_the_remaining_amount_is_explained_for_the_next_wage(site: Site) -> None:
    resources.has_card(site, balances=[resources.balance(4_000_000, warnings=[resources.warning("near")])])

    assert "Er den næste løn højst 2.766,00 kr., er den helt skattefri." in page_text(await get(site, OWN))


async def test_when_nothing_remains_the_page_explains_the_rest_of_the_year_and_the_next(site: Site) -> None:
    resources.has_card(site, balances=[resources.balance(5_000_000, warnings=[resources.warning("exceeded")])])

    page = page_text(await get(site, OWN))

    assert "Resten af lønnen i 2025 er almindelig løn." in page
    assert "1. januar 2026 begynder en ny beløbsgrænse." in page


async def test_a_withdrawn_warning_is_listed_but_not_highlighted(site: Site) -> None:
    resources.has_card(site, balances=[resources.balance(100, warnings=[resources.warning("near", withdrawn=True)])])

    page = await get(site, OWN)

    assert "alert-heading" not in page.text
    assert "Det gælder ikke længere fra 1. juni 2025" in page_text(page)


async def test_a_provisional_allowance_is_marked(site: Site) -> None:
    resources.has_card(site, balances=[resources.balance(0, provisional=True)])

    assert "Årets beløbsgrænse er foreløbig" in page_text(await get(site, OWN))


async def test_a_year_without_an_allowance_is_explained(site: Site) -> None:
    resources.has_card(site, balances=[])

    assert "Årets beløbsgrænse er ikke fastsat endnu." in page_text(await get(site, OWN))
    assert "Årets beløbsgrænse er ikke fastsat endnu." in page_text(await get(site, f"{OWN}/loen"))


async def test_the_latest_three_wages_are_listed(site: Site) -> None:
    reports = [resources.report(report_id=f"r{month}", payment_date=date(2025, month, 28)) for month in range(1, 6)]
    resources.has_card(site, reports=reports)

    page = await get(site, OWN)

    assert re.findall(r'href="/borger/loen/(\w+)"', page.text) == ["r5", "r4", "r3"]
