"""A caseworker reads a card's reports, and raises and withdraws disputes for the citizen."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

import httpx2
import pytest
from frikort_contracts.http.reports import CardReports
from frikort_contracts.values import CitizenSide

from tests.portals import citizens as c
from tests.portals.caseworker.helpers import (
    API,
    HOME,
    KEY,
    OTHER,
    commands,
    error_at,
    post,
    send,
    summary,
)
from tests.portals.site import Refusal, Site, said

REPORT: Final = f"{HOME}/indberetninger/{c.REPORT}"


async def test_reports_year_by_year_with_their_splits(site: Site, visiting: httpx2.AsyncClient) -> None:
    last_year = c.report(200_000, 55_000, year=2024, payment_date=date(2024, 12, 31), status="withdrawn")
    site.answer("GET", f"{API}/reports", CardReports(reports=[last_year, c.report(dispute=c.dispute())]))
    text = said(await visiting.get(f"{HOME}/indberetninger"))
    assert text.index("Løn udbetalt i 2025") < text.index("Løn udbetalt i 2024")
    assert "7.500,00 kr. 7.500,00 kr. 0,00 kr. Indsigelse" in text
    assert "2.550,00 kr. 2.000,00 kr. 550,00 kr. Tilbagekaldt" in text


async def test_a_dispute_is_raised_for_the_citizen_after_a_summary(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("POST", f"{API}/reports/{c.REPORT}/dispute", c.report(dispute=c.dispute()))
    typed = {"reason": "wrong-amount", "message": "Kun 5.000 kr. i marts."}
    checked = await summary(visiting, site, f"{REPORT}/indsigelse", **typed)
    assert "Beløbet er forkert" in checked
    assert "Ingen beløb bliver ændret" in checked

    done = await send(visiting, f"{REPORT}/indsigelse", **typed)
    assert commands(site) == [(f"{API}/reports/{c.REPORT}/dispute", typed, KEY)]
    assert done.headers["location"] == REPORT


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (Refusal("report-already-disputed"), "allerede gjort opmærksom på"),
        (Refusal("report-withdrawn"), "Indberetningen er tilbagekaldt"),
        (Refusal("invalid-request", errors=(("/message", "value_error", ""),)), "højst 500 tegn og intet CPR-nummer"),
    ],
)
async def test_a_refused_dispute_says_why(
    site: Site, visiting: httpx2.AsyncClient, refusal: Refusal, text: str
) -> None:
    site.answer("POST", f"{API}/reports/{c.REPORT}/dispute", refusal)
    assert text in said(await send(visiting, f"{REPORT}/indsigelse", reason="other", message="Ikke rigtigt"))


async def test_a_dispute_needs_a_reason(visiting: httpx2.AsyncClient) -> None:
    assert error_at(await post(visiting, f"{REPORT}/indsigelse"), "reason")


async def test_a_dispute_is_taken_back(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("GET", f"{API}/reports", CardReports(reports=[c.report(dispute=c.dispute())]))
    site.answer("POST", f"{API}/reports/{c.REPORT}/dispute/withdrawal", c.report())
    text = said(await visiting.get(REPORT))
    assert "Jeg fik kun 5.000 kr." in text
    assert "Rejst af Borgeren" in text

    done = await post(visiting, REPORT)
    assert commands(site) == [(f"{API}/reports/{c.REPORT}/dispute/withdrawal", None, KEY)]
    assert done.headers["location"] == REPORT


async def test_a_dispute_that_the_employer_has_answered_cannot_be_taken_back(
    site: Site, visiting: httpx2.AsyncClient
) -> None:
    site.answer("POST", f"{API}/reports/{c.REPORT}/dispute/withdrawal", Refusal("report-not-disputed"))
    assert "Der er ingen åben indsigelse" in said(await post(visiting, REPORT))


async def test_the_history_of_a_report_in_words(site: Site, visiting: httpx2.AsyncClient) -> None:
    history = [
        c.history("reported", total_ore=800_000),
        c.history("disputed", reason="wrong-amount", message="For meget", by=CitizenSide.CITIZEN),
        c.history("corrected", reason="wrong-amount", total_ore=750_000),
        c.history("dispute-ended", reason="report-corrected"),
    ]
    site.answer("GET", f"{API}/reports", CardReports(reports=[c.report(history=history)]))
    text = said(await visiting.get(REPORT))
    assert re.search(r"Indsigelse rejst . Beløbet er forkert For meget", text)
    assert "Rettet af arbejdsgiveren 7.500,00 kr. Beløbet er forkert" in text
    assert re.search(r"Indsigelsen er slut . Arbejdsgiveren rettede indberetningen", text)


@pytest.mark.parametrize(
    "path", [f"indberetninger/{OTHER}", f"indberetninger/{OTHER}/indsigelse", f"fuldmagter/{OTHER}"]
)
async def test_what_is_not_of_this_card_does_not_exist(visiting: httpx2.AsyncClient, path: str) -> None:
    assert (await visiting.get(f"{HOME}/{path}")).status_code == 404
