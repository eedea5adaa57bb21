"""An employer answers a dispute: the report is right, and why."""

from __future__ import annotations

import httpx2
import pytest
from frikort_contracts.http.reports import DisputeAnswerResource, DisputeDecisionResource, ReportPage
from frikort_contracts.http.roles import Role
from frikort_contracts.reporting import AnswerReason, DisputeDecision

from services.portals.employer.disputes import ANSWERS
from tests.portals.employer.resources import NOON, REPORT, dispute, has_reports, history_line, list_item, report
from tests.portals.reading import error_at, page_text
from tests.portals.site import KEY, Refusal, Site, send_form

PAGE = f"/virksomhed/indberetninger/{REPORT}"
ANSWER = f"{PAGE}/svar"
API = f"/v1/reports/{REPORT}/dispute/answer"
ANSWERED = dispute(answer=DisputeAnswerResource(reason=AnswerReason.MATCHES_PAYSLIP, answered_at=NOON))


def test_every_answer_of_the_contracts_has_words() -> None:
    assert set(ANSWERS) == set(AnswerReason)


async def test_a_disputed_report_leads_to_the_form(site: Site, client: httpx2.AsyncClient) -> None:
    has_reports(site, report(dispute=dispute()))
    assert f'href="{ANSWER}"' in (await client.get(PAGE)).text
    form = page_text(await client.get(ANSWER))
    for words in (*ANSWERS.values(), "Ingen penge flytter sig"):
        assert words in form


async def test_an_undisputed_report_offers_no_answer(site: Site, client: httpx2.AsyncClient) -> None:
    has_reports(site, report())
    assert ANSWER not in (await client.get(PAGE)).text


async def test_an_answer_is_sent_once_and_shown_on_the_report(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("POST", API, report(dispute=ANSWERED))
    done = await send_form(client, ANSWER, reason="matches-payslip")
    assert done.headers["location"] == PAGE
    (command,) = [request for request in site.requests if request.method == "POST"]
    assert (command.path, command.body, command.key) == (API, {"reason": "matches-payslip"}, KEY)

    has_reports(site, report(dispute=ANSWERED))
    page = await client.get(PAGE)
    assert "Du svarede 1. november 2026, at den er rigtig: Beløbet svarer til lønsedlen." in page_text(page)
    assert "Giv et andet svar" in page_text(page)


async def test_an_answer_needs_a_reason(site: Site, client: httpx2.AsyncClient) -> None:
    assert "Vælg, hvorfor indberetningen er rigtig." in error_at(await send_form(client, ANSWER), "reason")
    assert not [request for request in site.requests if request.method == "POST"]


async def test_an_answer_to_a_dispute_that_has_ended_says_so(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("POST", API, Refusal("report-not-disputed"))
    answer = await send_form(client, ANSWER, reason="other")
    assert (answer.status_code, "Der er ingen åben indsigelse" in page_text(answer)) == (409, True)


async def test_the_history_has_every_answer(site: Site, client: httpx2.AsyncClient) -> None:
    history = [
        history_line("reported"),
        history_line("dispute-answered", reason="worked-here", work=None, total_ore=None),
        history_line("dispute-answered", reason="wage-paid", work=None, total_ore=None),
    ]
    has_reports(site, report(history=history))
    text = page_text(await client.get(PAGE))
    assert text.count("Du svarede, at den er rigtig") == 2
    assert "Medarbejderen har arbejdet her" in text
    assert "Lønnen er betalt" in text


async def test_the_front_page_asks_only_about_disputes_without_an_answer(
    site: Site, client: httpx2.AsyncClient
) -> None:
    open_one = list_item(report(report_id="unanswered", dispute=dispute()))
    answered = list_item(report(report_id="answered", dispute=ANSWERED))
    site.answer("GET", "/v1/reports", ReportPage(reports=[open_one, answered], next=None), disputed="True")
    assert page_text(await client.get("/virksomhed")).count("Borgeren har en indsigelse") == 1


@pytest.mark.parametrize("role", [Role.CITIZEN, Role.CASEWORKER])
async def test_no_other_role_answers(site: Site, client: httpx2.AsyncClient, role: Role) -> None:
    site.sign_in(role)
    assert (await client.get(ANSWER)).status_code == 403
    assert (await send_form(client, ANSWER, reason="other")).status_code == 403
    assert site.requests == []


async def test_a_decision_of_the_municipality_says_what_to_do_and_takes_no_answer(
    site: Site, client: httpx2.AsyncClient
) -> None:
    decision = DisputeDecisionResource(decision=DisputeDecision.EMPLOYER_MUST_CORRECT, decided_at=NOON)
    history = [history_line("reported"), history_line("dispute-decided", reason="employer-must-correct")]
    has_reports(site, report(dispute=dispute(decision=decision), history=history))
    page = await client.get(PAGE)
    assert "at indberetningen skal rettes eller trækkes tilbage. Gør det nu" in page_text(page)
    assert "Kommunen har afgjort indsigelsen" in page_text(page)
    assert ANSWER not in page.text


async def test_a_decided_dispute_is_on_the_front_page_also_after_an_answer(
    site: Site, client: httpx2.AsyncClient
) -> None:
    decision = DisputeDecisionResource(decision=DisputeDecision.EMPLOYER_MUST_CORRECT, decided_at=NOON)
    decided = report(dispute=ANSWERED.model_copy(update={"decision": decision}))
    has_reports(site, decided)
    site.answer("GET", "/v1/reports", ReportPage(reports=[list_item(decided)], next=None), disputed="True")
    assert "Borgeren har en indsigelse mod indberetningen" in page_text(await client.get("/virksomhed"))
