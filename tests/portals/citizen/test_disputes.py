"""A citizen disputes a report and withdraws the dispute."""

from __future__ import annotations

import re

import pytest
from frikort_contracts.http.reports import CardReportResource
from frikort_contracts.reporting import DisputeReason

from tests.portals import citizens as c
from tests.portals.citizen.helpers import (
    KEY,
    REPORT,
    get,
    post,
    said,
    sent,
)
from tests.portals.site import Refusal, Site


async def test_a_dispute_is_checked_before_it_is_sent(site: Site) -> None:
    c.has_card(site, reports=[c.report()])

    check = await post(site, f"{REPORT}/indsigelse", reason="wrong-amount", message="Kun <b>5.000</b> kr.")

    assert "Se efter, før du sender" in said(check)
    assert "Beløbet er forkert" in said(check)
    assert "Kun &lt;b&gt;5.000&lt;/b&gt; kr." in check.text
    assert sent(site) == []


async def test_a_dispute_is_sent_under_the_forms_key_and_has_a_receipt(site: Site) -> None:
    c.has_card(site, reports=[c.report()])
    path = f"/v1/me/reports/{c.REPORT}/dispute"
    site.answer("POST", path, c.report(dispute=c.dispute()))

    answer = await post(site, f"{REPORT}/indsigelse", reason="wrong-amount", message="Kun 5.000", step="send")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{REPORT}/indsigelse/kvittering")
    assert sent(site) == [(path, {"reason": "wrong-amount", "message": "Kun 5.000"}, KEY)]


async def test_one_can_go_back_from_the_check_with_what_was_written(site: Site) -> None:
    c.has_card(site, reports=[c.report()])

    form = await post(site, f"{REPORT}/indsigelse", reason="not-paid", message="Intet", step="edit")

    assert re.search(r'value="not-paid" checked', form.text)
    assert ">\nIntet</textarea>" in form.text
    assert sent(site) == []


async def test_a_dispute_without_a_reason_says_what_is_missing(site: Site) -> None:
    c.has_card(site, reports=[c.report()])

    form = await post(site, f"{REPORT}/indsigelse", message="Intet")

    assert form.status_code == 422
    assert "Vælg, hvad der ikke er rigtigt." in said(form)


async def test_what_the_api_says_of_a_message_stands_at_the_message(site: Site) -> None:
    c.has_card(site, reports=[c.report()])
    refusal = Refusal("invalid-request", errors=(("/message", "string_too_long", "too long"),))
    site.answer("POST", f"/v1/me/reports/{c.REPORT}/dispute", refusal)

    form = await post(site, f"{REPORT}/indsigelse", reason="other", message="x" * 501, step="send")

    assert form.status_code == 422
    assert '<a class="function-link" href="#message">Skriv højst 500 tegn, og skriv ikke et CPR-nummer.' in form.text


async def test_a_dispute_that_stands_already_is_said(site: Site) -> None:
    c.has_card(site, reports=[c.report()])
    site.answer("POST", f"/v1/me/reports/{c.REPORT}/dispute", Refusal("report-already-disputed"))

    form = await post(site, f"{REPORT}/indsigelse", reason="other", step="send")

    assert form.status_code == 409
    assert "Der er allerede gjort opmærksom på, at indberetningen ikke er rigtig" in said(form)


async def test_a_disputed_report_shows_it_and_offers_to_take_it_back(site: Site) -> None:
    c.has_card(site, reports=[c.report(dispute=c.dispute(reason=DisputeReason.NOT_PAID))])

    page = await get(site, REPORT)

    assert "Du har sagt det 1. juni 2025. Pengene er ikke udbetalt. Jeg fik kun 5.000 kr." in said(page)
    assert f'href="{REPORT}/indsigelse/traek-tilbage"' in page.text
    assert f'href="{REPORT}/indsigelse"' not in page.text


async def test_a_dispute_is_taken_back(site: Site) -> None:
    c.has_card(site, reports=[c.report(dispute=c.dispute())])
    path = f"/v1/me/reports/{c.REPORT}/dispute/withdrawal"
    site.answer("POST", path, c.report())

    answer = await post(site, f"{REPORT}/indsigelse/traek-tilbage")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{REPORT}/indsigelse/kvittering")
    assert sent(site) == [(path, None, KEY)]


@pytest.mark.parametrize(
    ("report", "heading"), [(c.report(dispute=c.dispute()), "Det er sendt"), (c.report(), "Det er trukket tilbage")]
)
async def test_the_receipt_says_how_it_stands(site: Site, report: CardReportResource, heading: str) -> None:
    c.has_card(site, reports=[report])

    assert said(await get(site, f"{REPORT}/indsigelse/kvittering")).startswith(heading)


async def test_what_is_withdrawn_cannot_be_disputed(site: Site) -> None:
    c.has_card(site, reports=[c.report(status="withdrawn")])

    assert "indsigelse" not in (await get(site, REPORT)).text
