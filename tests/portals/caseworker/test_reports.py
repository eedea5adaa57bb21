"""A caseworker reads a card's reports, and raises and withdraws disputes for the citizen."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

import httpx2
import pytest
from frikort_contracts.http.reports import CardReports, DisputeAnswerResource, DisputeDecisionResource
from frikort_contracts.reporting import AnswerReason, DisputeDecision
from frikort_contracts.values import CitizenSide

from services.portals.caseworker.labels import ANSWER_REASONS, DECISIONS
from tests.portals import resources
from tests.portals.caseworker.resources import API, HOME, OTHER, confirm_form, open_summary
from tests.portals.reading import error_at, page_text
from tests.portals.site import KEY, Refusal, Site, send_form

REPORT: Final = f"{HOME}/indberetninger/{resources.REPORT}"


async def test_reports_are_listed_by_year_with_their_splits(site: Site, client_with_reason: httpx2.AsyncClient) -> None:
    last_year = resources.report(200_000, 55_000, year=2024, payment_date=date(2024, 12, 31), status="withdrawn")
    site.answer(
        "GET", f"{API}/reports", CardReports(reports=[last_year, resources.report(dispute=resources.dispute())])
    )
    text = page_text(await client_with_reason.get(f"{HOME}/indberetninger"))
    assert text.index("Løn udbetalt i 2025") < text.index("Løn udbetalt i 2024")
    assert "7.500,00 kr. 7.500,00 kr. 0,00 kr. Indsigelse" in text
    assert "2.550,00 kr. 2.000,00 kr. 550,00 kr. Trukket tilbage" in text


async def test_a_dispute_is_raised_for_the_citizen_after_a_summary(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    site.answer("POST", f"{API}/reports/{resources.REPORT}/dispute", resources.report(dispute=resources.dispute()))
    typed = {"reason": "wrong-amount", "message": "Kun 5.000 kr. i marts."}
    checked = await open_summary(client_with_reason, site, f"{REPORT}/indsigelse", **typed)
    assert "Beløbet er forkert" in checked
    assert "Ingen beløb bliver ændret" in checked

    done = await confirm_form(client_with_reason, f"{REPORT}/indsigelse", **typed)
    assert site.commands() == [(f"{API}/reports/{resources.REPORT}/dispute", typed, KEY)]
    assert done.headers["location"] == REPORT


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (Refusal("report-already-disputed"), "allerede gjort opmærksom på"),
        (Refusal("report-withdrawn"), "Indberetningen er trukket tilbage"),
        (Refusal("invalid-request", errors=(("/message", "value_error", ""),)), "højst 500 tegn og intet CPR-nummer"),
    ],
)
async def test_a_refused_dispute_shows_the_reason(
    site: Site, client_with_reason: httpx2.AsyncClient, refusal: Refusal, text: str
) -> None:
    site.answer("POST", f"{API}/reports/{resources.REPORT}/dispute", refusal)
    assert text in page_text(
        await confirm_form(client_with_reason, f"{REPORT}/indsigelse", reason="other", message="Ikke rigtigt")
    )


async def test_a_dispute_needs_a_reason(client_with_reason: httpx2.AsyncClient) -> None:
    assert error_at(await send_form(client_with_reason, f"{REPORT}/indsigelse"), "reason")


@pytest.mark.parametrize("decision", DisputeDecision)
async def test_a_dispute_is_decided_for_the_municipality(
    site: Site, client_with_reason: httpx2.AsyncClient, decision: DisputeDecision
) -> None:
    site.answer("GET", f"{API}/reports", CardReports(reports=[resources.report(dispute=resources.dispute())]))
    path = f"{API}/reports/{resources.REPORT}/dispute/decision"
    site.answer("POST", path, resources.report())
    assert f'href="{REPORT}/afgoerelse"' in (await client_with_reason.get(REPORT)).text
    form = page_text(await client_with_reason.get(f"{REPORT}/afgoerelse"))
    for words in ("Jeg fik kun 5.000 kr.", "Intet svar endnu", *DECISIONS.values()):
        assert words in form

    done = await send_form(client_with_reason, f"{REPORT}/afgoerelse", decision=decision)

    assert site.commands() == [(path, {"decision": decision}, KEY)]
    assert done.headers["location"] == REPORT


async def test_a_decision_is_chosen_from_the_list(site: Site, client_with_reason: httpx2.AsyncClient) -> None:
    site.answer("GET", f"{API}/reports", CardReports(reports=[resources.report(dispute=resources.dispute())]))
    assert error_at(await send_form(client_with_reason, f"{REPORT}/afgoerelse"), "decision")
    assert site.commands() == []


async def test_a_decided_dispute_shows_where_it_stands_and_the_next_step(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    decision = DisputeDecisionResource(decision=DisputeDecision.EMPLOYER_MUST_CORRECT, decided_at=resources.NOON)
    waiting = resources.report(dispute=resources.dispute(decision=decision))
    site.answer("GET", f"{API}/reports", CardReports(reports=[waiting]))
    text = page_text(await client_with_reason.get(REPORT))
    assert "at arbejdsgiveren skal rette indberetningen" in text
    assert "Næste skridt er arbejdsgiverens." in text
    site.answer("GET", f"{API}/reports", CardReports(reports=[resources.report(stands_since=resources.NOON)]))
    assert "at indberetningen er rigtig og står ved magt" in page_text(await client_with_reason.get(REPORT))


async def test_a_dispute_is_withdrawn(site: Site, client_with_reason: httpx2.AsyncClient) -> None:
    site.answer("GET", f"{API}/reports", CardReports(reports=[resources.report(dispute=resources.dispute())]))
    site.answer("POST", f"{API}/reports/{resources.REPORT}/dispute/withdrawal", resources.report())
    text = page_text(await client_with_reason.get(REPORT))
    assert "Jeg fik kun 5.000 kr." in text
    assert "Rejst af Borgeren" in text

    done = await send_form(client_with_reason, REPORT)
    assert site.commands() == [(f"{API}/reports/{resources.REPORT}/dispute/withdrawal", None, KEY)]
    assert done.headers["location"] == REPORT


async def test_the_employers_answer_is_shown_at_the_dispute(site: Site, client_with_reason: httpx2.AsyncClient) -> None:
    answer = DisputeAnswerResource(reason=AnswerReason.WAGE_PAID, answered_at=resources.NOON)
    disputed = resources.report(dispute=resources.dispute(answer=answer))
    site.answer("GET", f"{API}/reports", CardReports(reports=[disputed]))
    text = page_text(await client_with_reason.get(REPORT))
    assert "at indberetningen er rigtig: Lønnen er betalt." in text
    assert "Træk indsigelsen tilbage" in text


def test_every_answer_of_the_contracts_has_words() -> None:
    assert set(ANSWER_REASONS) == set(AnswerReason)


async def test_a_dispute_that_the_employer_has_answered_cannot_be_withdrawn(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    site.answer("POST", f"{API}/reports/{resources.REPORT}/dispute/withdrawal", Refusal("report-not-disputed"))
    assert "Der er ingen åben indsigelse" in page_text(await send_form(client_with_reason, REPORT))


async def test_the_history_of_a_report_is_written_in_words(site: Site, client_with_reason: httpx2.AsyncClient) -> None:
    history = [
        resources.history("reported", total_ore=800_000),
        resources.history("disputed", reason="wrong-amount", message="For meget", by=CitizenSide.CITIZEN),
        resources.history("dispute-answered", reason="matches-payslip"),
        resources.history("corrected", reason="wrong-amount", total_ore=750_000),
        resources.history("dispute-ended", reason="report-corrected"),
    ]
    site.answer("GET", f"{API}/reports", CardReports(reports=[resources.report(history=history)]))
    text = page_text(await client_with_reason.get(REPORT))
    assert re.search(r"Indsigelse rejst . Beløbet er forkert For meget", text)
    assert re.search(r"Arbejdsgiveren svarede, at indberetningen er rigtig . Beløbet svarer til lønsedlen", text)
    assert "Rettet af arbejdsgiveren 7.500,00 kr. Beløbet er forkert" in text
    assert re.search(r"Indsigelsen er slut . Arbejdsgiveren rettede indberetningen", text)


@pytest.mark.parametrize(
    "path", [f"indberetninger/{OTHER}", f"indberetninger/{OTHER}/indsigelse", f"fuldmagter/{OTHER}"]
)
async def test_a_report_or_mandate_of_another_card_is_not_found(
    client_with_reason: httpx2.AsyncClient, path: str
) -> None:
    assert (await client_with_reason.get(f"{HOME}/{path}")).status_code == 404
