"""Wages, years, employments and the history of a report."""

from __future__ import annotations

import re
from datetime import date

import pytest
from frikort_contracts.http.common import Days
from frikort_contracts.http.reports import CardReportResource
from frikort_contracts.values import CitizenSide

from tests.portals import resources
from tests.portals.citizen.client import OWN, REPORT, get
from tests.portals.reading import page_text
from tests.portals.site import Site


async def test_charts_and_tables_show_the_same_figures(site: Site) -> None:
    march = resources.report(report_id="a", exempt=4_000_000)
    may = resources.report(report_id="b", exempt=276_600, excess=23_400, payment_date=date(2025, 5, 30))
    resources.has_card(site, balances=[resources.balance(4_300_000)], reports=[may, march])

    page = await get(site, f"{OWN}/loen")

    assert re.findall(r'<rect[^>]+data-ore="(\d+)"', page.text) == ["4000000", "276600", "23400"]
    assert re.findall(r'<circle[^>]+data-ore="(\d+)"', page.text) == ["4000000", "300000"]
    words = page_text(page)
    assert "maj 2.766,00 kr. 234,00 kr. 3.000,00 kr." in words
    assert "30. maj 2025 3.000,00 kr. 43.000,00 kr. 0,00 kr." in words
    assert "234,00 kr. ligger over beløbsgrænsen og er almindelig løn med skat." in words


async def test_charts_leave_out_withdrawn_reports_and_other_years(site: Site) -> None:
    reports = [
        resources.report(status="withdrawn"),
        resources.report(report_id="old", year=2024, payment_date=date(2024, 3, 31)),
    ]
    resources.has_card(site, reports=reports)

    page = await get(site, f"{OWN}/loen")

    assert 'data-ore="750000"' not in page.text
    assert "Trukket tilbage" in page_text(page), "the list keeps a withdrawn report"
    assert "/borger/loen/old" not in page.text


async def test_an_earlier_year_can_be_chosen_and_an_unknown_year_is_not_found(site: Site) -> None:
    old = resources.report(report_id="old", year=2024, payment_date=date(2024, 3, 31))
    resources.has_card(site, balances=[resources.balance(), resources.balance(750_000, year=2024)], reports=[old])

    assert "/borger/loen/old" in (await get(site, f"{OWN}/loen?aar=2024")).text
    assert (await get(site, f"{OWN}/loen?aar=2023")).status_code == 404
    years = page_text(await get(site, f"{OWN}/aar"))
    assert "2024 42.766,00 kr. 7.500,00 kr. 7.500,00 kr. 0,00 kr. 35.266,00 kr." in years


async def test_employments_are_listed_with_their_days(site: Site) -> None:
    ended = resources.employment(cvr="25063864", period=Days(first=date(2024, 2, 1), last=date(2024, 6, 30)))
    resources.has_card(site, employments=[ended, resources.employment()])

    page = page_text(await get(site, f"{OWN}/arbejde"))

    assert page.index("CVR-nummer 99000007 10. januar 2025 Ikke aftalt") < page.index(
        "CVR-nummer 25063864 1. februar 2024 30. juni 2024"
    )


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        (resources.report(750_000), "Det hele, 7.500,00 kr., er skattefri frikortløn."),
        (resources.report(0, 750_000), "Det hele, 7.500,00 kr., ligger over beløbsgrænsen for 2025."),
        (
            resources.report(700_000, 50_000),
            "7.000,00 kr. er skattefri frikortløn. 500,00 kr. ligger over",
        ),
        (resources.report(split=None), "Vi er ved at regne ud, hvor meget der er skattefrit."),
        (resources.report(status="withdrawn"), "Arbejdsgiveren har trukket den tilbage. Den tæller ikke med"),
    ],
)
async def test_a_report_is_explained_in_words(site: Site, report: CardReportResource, sentence: str) -> None:
    resources.has_card(site, reports=[report])

    page = page_text(await get(site, REPORT))

    assert sentence in page
    assert "CVR-nummer 99000007 har indberettet 7.500,00 kr. for arbejde fra 1. marts 2025 til 31. marts 2025" in page


async def test_a_report_of_one_day_names_the_day_once(site: Site) -> None:
    day = date(2025, 3, 28)
    resources.has_card(site, reports=[resources.report(work=Days(first=day, last=day))])

    assert "for arbejde 28. marts 2025." in page_text(await get(site, REPORT))


async def test_the_history_of_a_report_is_written_in_words(site: Site) -> None:
    lines = [
        resources.history("reported", total_ore=900_000),
        resources.history("disputed", reason="not-paid", message="Intet er kommet", by=CitizenSide.CITIZEN),
        resources.history("dispute-ended", reason="dispute-withdrawn", by=CitizenSide.MANDATE_HOLDER),
        resources.history("disputed", reason="wrong-amount", by=CitizenSide.MUNICIPALITY),
        resources.history("dispute-answered", reason="matches-payslip"),
        resources.history("corrected", total_ore=750_000, reason="wrong-amount"),
        resources.history("dispute-ended", reason="report-corrected"),
        resources.history("withdrawn", reason="reported-twice"),
    ]
    resources.has_card(site, reports=[resources.report(history=lines)])

    page = page_text(await get(site, REPORT))

    for sentence in (
        "Arbejdsgiveren indberettede 9.000,00 kr. i løn.",
        "Du sagde, at det ikke er rigtigt. Grund: Pengene er ikke udbetalt. Intet er kommet",
        "En, der har fuldmagt, trak indsigelsen tilbage.",
        "Kommunen sagde, at det ikke er rigtigt. Grund: Beløbet er forkert.",
        "Arbejdsgiveren svarede, at indberetningen er rigtig. Grund: beløbet svarer til lønsedlen.",
        "Arbejdsgiveren rettede lønnen til 7.500,00 kr. i alt. Grund: beløbet var forkert.",
        "Indsigelsen er slut. Grund: arbejdsgiveren rettede indberetningen.",
        "Arbejdsgiveren trak indberetningen tilbage. Grund: lønnen var indberettet to gange.",
    ):
        assert sentence in page


@pytest.mark.parametrize(
    "path", ["/loen/00000000-0000-4000-8000-000000000000", "/loen/00000000-0000-4000-8000-000000000000/indsigelse"]
)
async def test_an_unknown_report_and_a_report_of_another_card_are_not_found(site: Site, path: str) -> None:
    resources.has_card(site)

    page = await get(site, OWN + path)

    assert page.status_code == 404
    assert "Vi kan ikke finde siden" in page_text(page)
