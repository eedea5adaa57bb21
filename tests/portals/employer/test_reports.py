"""An employer reads, corrects and withdraws reports, and answers disputes."""

from __future__ import annotations

import re

import httpx2
import pytest
from frikort_contracts.http.reports import (
    ReportPage,
)
from frikort_contracts.reporting import CorrectionReason, DisputeEnd, DisputeReason

from services.portals.employer.reports import DISPUTED, ENDS, REASONS, moved
from tests.portals.employer.resources import (
    EMPLOYMENT,
    PAYMENT,
    REPORT,
    dispute,
    has_reports,
    history_line,
    list_item,
    report,
    split,
)
from tests.portals.reading import error_at, page_text
from tests.portals.site import FORM, Refusal, Site, send_form

ADDRESS = f"/virksomhed/indberetninger/{REPORT}"


class TestReports:
    async def test_the_list_is_filtered_by_employment_and_year(self, site: Site, client: httpx2.AsyncClient) -> None:
        found = ReportPage(reports=[list_item(report())], next="Zm9v")
        site.answer("GET", "/v1/reports", found)
        page = await client.get(f"/virksomhed/indberetninger?ansaettelse={EMPLOYMENT}&aar=2026")
        query = next(request.query for request in site.requests if request.path == "/v1/reports")
        assert query == {"employment_id": EMPLOYMENT, "year": "2026", "newest": "True", "limit": "25", "cursor": ""}
        assert f"?ansaettelse={EMPLOYMENT}&amp;aar=2026&amp;cursor=Zm9v" in page.text

    async def test_a_dispute_is_explained_with_the_next_step(self, site: Site, client: httpx2.AsyncClient) -> None:
        has_reports(site, report(dispute=dispute()))
        text = page_text(await client.get(f"/virksomhed/indberetninger/{REPORT}"))
        assert "En, som borgeren har givet fuldmagt, 1. november 2026: Beløbet er forkert." in text
        assert "Jeg fik 2.000 kr." in text
        assert "ret indberetningen, eller træk den tilbage" in text

    @pytest.mark.parametrize(
        ("now", "words"),
        [
            (50_000, "1.500,00 kr., som var skattefri, er nu almindelig løn"),
            (250_000, "500,00 kr., som var almindelig løn, er nu skattefri"),
        ],
    )
    async def test_a_split_changed_by_another_report_explains_what_to_do(
        self, site: Site, client: httpx2.AsyncClient, now: int, words: str
    ) -> None:
        changed = split(now, 250_000 - now, by=None)
        has_reports(site, report(split=changed, splits=[split(200_000, 50_000), changed]))
        assert words in page_text(await client.get(f"/virksomhed/indberetninger/{REPORT}"))

    def test_only_the_change_of_a_split_by_another_report_is_shown(self) -> None:
        assert moved(report()) is None
        assert moved(report(splits=[split(1), split(2)])) is None
        assert moved(report(splits=[split(1), split(5, by=None), split(4, by=None)])) == 3
        assert moved(report(splits=[split(1), split(5, by=None)], status="withdrawn")) is None

    async def test_a_history_shows_every_event(self, site: Site, client: httpx2.AsyncClient) -> None:
        history = [
            history_line("reported"),
            history_line("disputed", reason="not-paid", message="Ingen penge", work=None, total_ore=None),
            history_line("dispute-ended", reason="report-corrected", work=None, total_ore=None),
            history_line("corrected", 2, reason="wrong-amount"),
            history_line("withdrawn", 3, reason="reported-twice", work=None, total_ore=None),
        ]
        has_reports(site, report(status="withdrawn", history=history))
        text = page_text(await client.get(f"/virksomhed/indberetninger/{REPORT}"))
        for words in (
            "Lønnen er ikke betalt",
            "Ingen penge",
            "Du rettede indberetningen",
            "Den var indberettet to gange",
        ):
            assert words in text

    def test_every_reason_of_the_contracts_has_a_text(self) -> None:
        assert set(REASONS) == set(CorrectionReason)
        assert set(DISPUTED) == set(DisputeReason)
        assert set(ENDS) == set(DisputeEnd)

    async def test_a_correction_shows_old_and_new_amounts_before_it_is_sent(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        site.answer("POST", f"/v1/reports/{REPORT}/correction", report(revision=2))
        form = PAYMENT | {"components.wage_ore": "2.000,00", "reason": "wrong-amount"}

        summary = await send_form(client, f"/virksomhed/indberetninger/{REPORT}/ret", form)

        assert site.commands() == []
        assert "2.500,00 kr. 2.000,00 kr." in page_text(summary)
        done = await send_form(client, f"/virksomhed/indberetninger/{REPORT}/ret", form | {"step": "send"})
        assert done.headers["location"] == f"/virksomhed/indberetninger/{REPORT}/kvittering"
        assert site.requests[-1].body == {
            "payment_date": "2026-10-31",
            "work": {"first": "2026-10-01", "last": "2026-10-31"},
            "components": {"wage_ore": 200_000},
            "reason": "wrong-amount",
        }

    async def test_a_refused_correction_shows_the_error_at_its_field(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        site.answer("POST", f"/v1/reports/{REPORT}/correction", Refusal("payment-year-changed", {"year": 2026}))
        form = PAYMENT | {"reason": "wrong-amount", "step": "send"}
        answer = await send_form(client, f"/virksomhed/indberetninger/{REPORT}/ret", form)
        assert "Betalingsåret er 2026" in error_at(answer, "payment_date")

    async def test_a_withdrawal_needs_a_reason_and_explains_its_effect(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        path = f"/virksomhed/indberetninger/{REPORT}/tilbagekald"
        assert "Vælg, hvorfor" in error_at(await send_form(client, path, FORM), "reason")
        site.answer("POST", f"/v1/reports/{REPORT}/withdrawal", report(status="withdrawn", revision=2))
        done = await send_form(client, path, FORM | {"reason": "not-paid"})
        has_reports(site, report(status="withdrawn", revision=2))
        assert "tæller ikke længere med" in page_text(await client.get(done.headers["location"]))

    async def test_correcting_and_withdrawing_have_their_own_reasons(self, client: httpx2.AsyncClient) -> None:
        offered = {
            path: set(re.findall(r'<option value="([a-z-]+)"', (await client.get(f"{ADDRESS}/{path}")).text))
            for path in ("ret", "tilbagekald")
        }
        assert offered == {
            "ret": {"wrong-amount", "wrong-period", "other"},
            "tilbagekald": {"wrong-card", "not-paid", "reported-twice", "other"},
        }

    async def test_a_second_withdrawal_is_explained(self, site: Site, client: httpx2.AsyncClient) -> None:
        site.answer("POST", f"/v1/reports/{REPORT}/withdrawal", Refusal("report-withdrawn"))
        answer = await send_form(client, f"/virksomhed/indberetninger/{REPORT}/tilbagekald", FORM | {"reason": "other"})
        assert (answer.status_code, "Indberetningen er trukket tilbage" in page_text(answer)) == (409, True)

    async def test_a_report_of_another_employer_is_not_found(self, site: Site, client: httpx2.AsyncClient) -> None:
        site.answer("GET", f"/v1/reports/{EMPLOYMENT}", Refusal("report-unknown"))
        for page in ("", "/kvittering", "/kvittering.pdf", "/kvittering.csv", "/ret", "/tilbagekald"):
            assert (await client.get(f"/virksomhed/indberetninger/{EMPLOYMENT}{page}")).status_code == 404
