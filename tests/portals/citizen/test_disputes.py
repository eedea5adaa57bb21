"""A citizen disputes a report and withdraws the dispute."""

from __future__ import annotations

import re

import pytest
from frikort_contracts.http.reports import CardReportResource, DisputeAnswerResource, DisputeDecisionResource
from frikort_contracts.reporting import AnswerReason, DisputeDecision, DisputeReason

from services.portals.citizen.labels import ANSWER
from tests.portals import resources
from tests.portals.citizen.client import REPORT, get, post
from tests.portals.reading import page_text
from tests.portals.site import KEY, Refusal, Site


async def test_a_dispute_has_a_summary_before_it_is_sent(site: Site) -> None:
    resources.has_card(site, reports=[resources.report()])

    check = await post(site, f"{REPORT}/indsigelse", reason="wrong-amount", message="Kun <b>5.000</b> kr.")

    assert "Se efter, før du sender" in page_text(check)
    assert "Beløbet er forkert" in page_text(check)
    assert "Kun &lt;b&gt;5.000&lt;/b&gt; kr." in check.text
    assert site.commands() == []


async def test_a_dispute_is_sent_with_the_key_of_the_form_and_has_a_receipt(site: Site) -> None:
    resources.has_card(site, reports=[resources.report()])
    path = f"/v1/me/reports/{resources.REPORT}/dispute"
    site.answer("POST", path, resources.report(dispute=resources.dispute()))

    answer = await post(site, f"{REPORT}/indsigelse", reason="wrong-amount", message="Kun 5.000", step="send")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{REPORT}/indsigelse/kvittering")
    assert site.commands() == [(path, {"reason": "wrong-amount", "message": "Kun 5.000"}, KEY)]


async def test_going_back_from_the_summary_keeps_the_input(site: Site) -> None:
    resources.has_card(site, reports=[resources.report()])

    form = await post(site, f"{REPORT}/indsigelse", reason="not-paid", message="Intet", step="edit")

    assert re.search(r'value="not-paid" checked', form.text)
    assert ">\nIntet</textarea>" in form.text
    assert site.commands() == []


async def test_a_dispute_without_a_reason_asks_for_one(site: Site) -> None:
    resources.has_card(site, reports=[resources.report()])

    form = await post(site, f"{REPORT}/indsigelse", message="Intet")

    assert form.status_code == 422
    assert "Vælg, hvad der ikke er rigtigt." in page_text(form)


async def test_an_error_of_the_api_is_shown_at_its_field(site: Site) -> None:
    resources.has_card(site, reports=[resources.report()])
    refusal = Refusal("invalid-request", errors=(("/message", "string_too_long", "too long"),))
    site.answer("POST", f"/v1/me/reports/{resources.REPORT}/dispute", refusal)

    form = await post(site, f"{REPORT}/indsigelse", reason="other", message="x" * 501, step="send")

    assert form.status_code == 422
    assert '<a class="function-link" href="#message">Skriv højst 500 tegn, og skriv ikke et CPR-nummer.' in form.text


async def test_a_second_dispute_is_refused_with_an_explanation(site: Site) -> None:
    resources.has_card(site, reports=[resources.report()])
    site.answer("POST", f"/v1/me/reports/{resources.REPORT}/dispute", Refusal("report-already-disputed"))

    form = await post(site, f"{REPORT}/indsigelse", reason="other", step="send")

    assert form.status_code == 409
    assert "Der er allerede gjort opmærksom på, at indberetningen ikke er rigtig" in page_text(form)


async def test_a_disputed_report_shows_its_dispute_and_offers_to_withdraw_it(site: Site) -> None:
    resources.has_card(site, reports=[resources.report(dispute=resources.dispute(reason=DisputeReason.NOT_PAID))])

    page = await get(site, REPORT)

    assert (
        "Du sagde 1. juni 2025, at indberetningen ikke er rigtig. Pengene er ikke udbetalt. Jeg fik kun 5.000 kr."
        in page_text(page)
    )
    assert f'href="{REPORT}/indsigelse/traek-tilbage"' in page.text
    assert f'href="{REPORT}/indsigelse"' not in page.text


async def test_a_dispute_is_withdrawn(site: Site) -> None:
    resources.has_card(site, reports=[resources.report(dispute=resources.dispute())])
    path = f"/v1/me/reports/{resources.REPORT}/dispute/withdrawal"
    site.answer("POST", path, resources.report())

    answer = await post(site, f"{REPORT}/indsigelse/traek-tilbage")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{REPORT}/indsigelse/kvittering")
    assert site.commands() == [(path, None, KEY)]


@pytest.mark.parametrize(
    ("report", "heading"),
    [
        (resources.report(dispute=resources.dispute()), "Din indsigelse er sendt"),
        (resources.report(), "Indsigelsen er trukket tilbage"),
    ],
)
async def test_the_receipt_says_whether_the_dispute_was_sent_or_withdrawn(
    site: Site, report: CardReportResource, heading: str
) -> None:
    resources.has_card(site, reports=[report])

    assert page_text(await get(site, f"{REPORT}/indsigelse/kvittering")).startswith(heading)


async def test_a_withdrawn_report_cannot_be_disputed(site: Site) -> None:
    resources.has_card(site, reports=[resources.report(status="withdrawn")])

    assert "indsigelse" not in (await get(site, REPORT)).text


async def test_the_employers_answer_is_shown_with_what_can_be_done(site: Site) -> None:
    answer = DisputeAnswerResource(reason=AnswerReason.MATCHES_WORK_RECORDS, answered_at=resources.NOON)
    resources.has_card(site, reports=[resources.report(dispute=resources.dispute(answer=answer))])

    page = page_text(await get(site, REPORT))

    assert "at indberetningen er rigtig: dagene svarer til vagtplanen eller timesedlen." in page
    assert "Er du stadig uenig, så ring til arbejdsgiveren eller til kommunen." in page
    assert "Træk indsigelsen tilbage, hvis indberetningen alligevel er rigtig" in page


async def test_without_an_answer_none_is_mentioned(site: Site) -> None:
    resources.has_card(site, reports=[resources.report(dispute=resources.dispute())])

    assert "at indberetningen er rigtig" not in page_text(await get(site, REPORT))


def test_every_answer_of_the_contracts_has_words() -> None:
    assert set(ANSWER) == set(AnswerReason)


async def test_a_decision_of_the_municipality_says_where_the_dispute_stands(site: Site) -> None:
    decision = DisputeDecisionResource(decision=DisputeDecision.EMPLOYER_MUST_CORRECT, decided_at=resources.NOON)
    resources.has_card(site, reports=[resources.report(dispute=resources.dispute(decision=decision))])
    text = page_text(await get(site, REPORT))
    assert "at arbejdsgiveren skal rette indberetningen eller trække den tilbage" in text
    assert "Nu er det arbejdsgiverens tur." in text


async def test_a_report_that_stands_cannot_be_disputed_again(site: Site) -> None:
    resources.has_card(site, reports=[resources.report(stands_since=resources.NOON)])
    page = await get(site, REPORT)
    assert "Kommunen har afgjort 1. juni 2025, at indberetningen er rigtig." in page_text(page)
    assert f"{REPORT}/indsigelse" not in page.text
