"""Wages, years, employments and the history of a report."""

from __future__ import annotations

import re
from datetime import date

import pytest
from frikort_contracts.http.common import Days
from frikort_contracts.http.reports import CardReportResource
from frikort_contracts.values import CitizenSide

from tests.portals import citizens as c
from tests.portals.citizen.helpers import (
    OWN,
    REPORT,
    get,
    said,
)
from tests.portals.site import Site


async def test_a_year_month_by_month_and_step_by_step_with_the_same_figures_in_tables(site: Site) -> None:
    march = c.report(report_id="a", exempt=4_000_000)
    may = c.report(report_id="b", exempt=276_600, excess=23_400, payment_date=date(2025, 5, 30))
    c.has_card(site, balances=[c.balance(4_300_000)], reports=[may, march])

    page = await get(site, f"{OWN}/loen")

    assert re.findall(r'<rect[^>]+data-ore="(\d+)"', page.text) == ["4000000", "276600", "23400"]
    assert re.findall(r'<circle[^>]+data-ore="(\d+)"', page.text) == ["4000000", "300000"]
    words = said(page)
    assert "maj 2.766,00 kr. 234,00 kr. 3.000,00 kr." in words
    assert "30. maj 2025 3.000,00 kr. 43.000,00 kr. 0,00 kr." in words
    assert "234,00 kr. ligger over årets beløb og er almindelig løn med skat." in words


async def test_what_is_withdrawn_or_of_another_year_is_in_no_picture(site: Site) -> None:
    reports = [c.report(status="withdrawn"), c.report(report_id="old", year=2024, payment_date=date(2024, 3, 31))]
    c.has_card(site, reports=reports)

    page = await get(site, f"{OWN}/loen")

    assert 'data-ore="750000"' not in page.text
    assert "Trukket tilbage" in said(page), "but what is withdrawn stays in the list"
    assert "/borger/loen/old" not in page.text


async def test_former_years_can_be_chosen_and_others_do_not_exist(site: Site) -> None:
    old = c.report(report_id="old", year=2024, payment_date=date(2024, 3, 31))
    c.has_card(site, balances=[c.balance(), c.balance(750_000, year=2024)], reports=[old])

    assert "/borger/loen/old" in (await get(site, f"{OWN}/loen?aar=2024")).text
    assert (await get(site, f"{OWN}/loen?aar=2023")).status_code == 404
    years = said(await get(site, f"{OWN}/aar"))
    assert "2024 42.766,00 kr. 7.500,00 kr. 7.500,00 kr. 0,00 kr. 35.266,00 kr." in years


async def test_employments_with_their_days(site: Site) -> None:
    ended = c.employment(cvr="25063864", period=Days(first=date(2024, 2, 1), last=date(2024, 6, 30)))
    c.has_card(site, employments=[ended, c.employment()])

    page = said(await get(site, f"{OWN}/arbejde"))

    assert page.index("CVR-nummer 99000007 10. januar 2025 Ikke aftalt") < page.index(
        "CVR-nummer 25063864 1. februar 2024 30. juni 2024"
    )


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        (c.report(750_000), "Det hele, 7.500,00 kr., er skattefri frikortløn."),
        (c.report(0, 750_000), "Det hele, 7.500,00 kr., ligger over årets beløb for 2025."),
        (c.report(700_000, 50_000), "7.000,00 kr. er skattefri frikortløn. 500,00 kr. ligger over årets beløb"),
        (c.report(split=None), "Vi er ved at regne ud, hvor meget der er skattefrit."),
        (c.report(status="withdrawn"), "Arbejdsgiveren har trukket den tilbage. Den tæller ikke med"),
    ],
)
async def test_what_a_report_means_in_words(site: Site, report: CardReportResource, sentence: str) -> None:
    c.has_card(site, reports=[report])

    page = said(await get(site, REPORT))

    assert sentence in page
    assert "CVR-nummer 99000007 har indberettet 7.500,00 kr. for arbejde fra 1. marts 2025 til 31. marts 2025" in page


async def test_a_reports_history_in_words(site: Site) -> None:
    lines = [
        c.history("reported", total_ore=900_000),
        c.history("disputed", reason="not-paid", message="Intet er kommet", by=CitizenSide.CITIZEN),
        c.history("dispute-ended", reason="dispute-withdrawn", by=CitizenSide.MANDATE_HOLDER),
        c.history("disputed", reason="wrong-amount", by=CitizenSide.MUNICIPALITY),
        c.history("corrected", total_ore=750_000, reason="wrong-amount"),
        c.history("dispute-ended", reason="report-corrected"),
        c.history("withdrawn", reason="reported-twice"),
    ]
    c.has_card(site, reports=[c.report(history=lines)])

    page = said(await get(site, REPORT))

    for sentence in (
        "Arbejdsgiveren indberettede 9.000,00 kr. i løn.",
        "Du sagde, at det ikke er rigtigt. Grund: Pengene er ikke udbetalt. Intet er kommet",
        "En, der har fuldmagt, trak det tilbage, der var sagt.",
        "Kommunen sagde, at det ikke er rigtigt. Grund: Beløbet er forkert.",
        "Arbejdsgiveren rettede lønnen til 7.500,00 kr. i alt. Grund: beløbet var forkert.",
        "Det, der var sagt, faldt bort, fordi arbejdsgiveren svarede.",
        "Arbejdsgiveren trak indberetningen tilbage. Grund: lønnen var indberettet to gange.",
    ):
        assert sentence in page


@pytest.mark.parametrize(
    "path", ["/loen/00000000-0000-4000-8000-000000000000", "/loen/00000000-0000-4000-8000-000000000000/indsigelse"]
)
async def test_an_unknown_report_and_a_report_of_another_card_are_not_found(site: Site, path: str) -> None:
    c.has_card(site)

    page = await get(site, OWN + path)

    assert page.status_code == 404
    assert "Vi kan ikke finde siden" in said(page)
