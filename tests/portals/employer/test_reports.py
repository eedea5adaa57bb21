"""An employer reads, corrects and withdraws reports, and answers disputes."""

from __future__ import annotations

import httpx2
import pytest
from frikort_contracts.http.reports import (
    ReportPage,
)
from frikort_contracts.reporting import CorrectionReason, DisputeReason

from services.portals.employer.reports import DISPUTED, ENDS, REASONS, moved
from tests.portals.employer.helpers import (
    JOB,
    KEYS,
    PAID,
    REPORT,
    dispute,
    error_at,
    line,
    report,
    reported,
    said,
    send,
    shown,
    split,
)
from tests.portals.site import Refusal, Site


class TestReports:
    async def test_the_list_asks_for_what_was_chosen(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        found = ReportPage(reports=[line(report())], next="Zm9v")
        site.answer("GET", "/v1/reports", found)
        page = await visitor.get(f"/virksomhed/indberetninger?ansaettelse={JOB}&aar=2026")
        asked = next(one.query for one in site.asked if one.path == "/v1/reports")
        assert asked == {"employment_id": JOB, "year": "2026", "newest": "True", "limit": "25", "cursor": ""}
        assert f"?ansaettelse={JOB}&amp;aar=2026&amp;cursor=Zm9v" in page.text

    async def test_a_dispute_is_explained_with_the_next_step(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        reported(site, report(dispute=dispute()))
        said = shown(await visitor.get(f"/virksomhed/indberetninger/{REPORT}"))
        assert "En, som borgeren har givet fuldmagt, 1. november 2026: Beløbet er forkert." in said
        assert "Jeg fik 2.000 kr." in said
        assert "ret indberetningen, eller tilbagekald den" in said

    @pytest.mark.parametrize(
        ("now", "words"),
        [
            (50_000, "1.500,00 kr., som var uden skat, er nu almindelig løn"),
            (250_000, "500,00 kr., som var almindelig løn, er nu uden skat"),
        ],
    )
    async def test_a_split_that_another_report_moved_says_what_to_do(
        self, site: Site, visitor: httpx2.AsyncClient, now: int, words: str
    ) -> None:
        changed = split(now, 250_000 - now, by=None)
        reported(site, report(split=changed, splits=[split(200_000, 50_000), changed]))
        assert words in shown(await visitor.get(f"/virksomhed/indberetninger/{REPORT}"))

    def test_a_split_is_not_moved_by_ones_own_correction(self) -> None:
        assert moved(report()) is None
        assert moved(report(splits=[split(1), split(2)])) is None
        assert moved(report(splits=[split(1), split(5, by=None), split(4, by=None)])) == 3
        assert moved(report(splits=[split(1), split(5, by=None)], status="withdrawn")) is None

    async def test_a_history_shows_every_event(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        history = [
            said("reported"),
            said("disputed", reason="not-paid", message="Ingen penge", work=None, total_ore=None),
            said("dispute-ended", reason="report-corrected", work=None, total_ore=None),
            said("corrected", 2, reason="wrong-amount"),
            said("withdrawn", 3, reason="reported-twice", work=None, total_ore=None),
        ]
        reported(site, report(status="withdrawn", history=history))
        text = shown(await visitor.get(f"/virksomhed/indberetninger/{REPORT}"))
        for words in (
            "Lønnen er ikke betalt",
            "Ingen penge",
            "Du rettede indberetningen",
            "Den var indberettet to gange",
        ):
            assert words in text

    def test_every_reason_of_the_contracts_has_words(self) -> None:
        assert set(REASONS) == set(CorrectionReason)
        assert set(DISPUTED) == set(DisputeReason)
        assert len(ENDS) == 3

    async def test_a_correction_is_shown_before_and_after_and_then_sent(
        self, site: Site, visitor: httpx2.AsyncClient
    ) -> None:
        site.answer("POST", f"/v1/reports/{REPORT}/correction", report(revision=2))
        form = PAID | {"components.wage_ore": "2.000,00", "reason": "wrong-amount"}

        summary = await send(visitor, f"/virksomhed/indberetninger/{REPORT}/ret", form)

        assert not [one for one in site.asked if one.method == "POST"]
        assert "2.500,00 kr. 2.000,00 kr." in shown(summary)
        done = await send(visitor, f"/virksomhed/indberetninger/{REPORT}/ret", form | {"step": "send"})
        assert done.headers["location"] == f"/virksomhed/indberetninger/{REPORT}/kvittering"
        assert site.asked[-1].body == {
            "payment_date": "2026-10-31",
            "work": {"first": "2026-10-01", "last": "2026-10-31"},
            "components": {"wage_ore": 200_000},
            "reason": "wrong-amount",
        }

    async def test_a_refused_correction_stands_at_its_field(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        site.answer("POST", f"/v1/reports/{REPORT}/correction", Refusal("payment-year-changed", {"year": 2026}))
        form = PAID | {"reason": "wrong-amount", "step": "send"}
        answer = await send(visitor, f"/virksomhed/indberetninger/{REPORT}/ret", form)
        assert "Betalingsåret er 2026" in error_at(answer, "payment_date")

    async def test_a_withdrawal_needs_a_reason_and_says_what_it_means(
        self, site: Site, visitor: httpx2.AsyncClient
    ) -> None:
        path = f"/virksomhed/indberetninger/{REPORT}/tilbagekald"
        assert "Vælg, hvorfor" in error_at(await send(visitor, path, KEYS), "reason")
        site.answer("POST", f"/v1/reports/{REPORT}/withdrawal", report(status="withdrawn", revision=2))
        done = await send(visitor, path, KEYS | {"reason": "not-paid"})
        reported(site, report(status="withdrawn", revision=2))
        assert "tæller ikke længere med" in shown(await visitor.get(done.headers["location"]))

    async def test_a_second_withdrawal_is_explained(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        site.answer("POST", f"/v1/reports/{REPORT}/withdrawal", Refusal("report-withdrawn"))
        answer = await send(visitor, f"/virksomhed/indberetninger/{REPORT}/tilbagekald", KEYS | {"reason": "other"})
        assert (answer.status_code, "Indberetningen er tilbagekaldt" in shown(answer)) == (409, True)

    async def test_a_report_of_somebody_else_does_not_exist(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        site.answer("GET", f"/v1/reports/{JOB}", Refusal("report-unknown"))
        for page in ("", "/kvittering", "/kvittering.pdf", "/kvittering.csv", "/ret", "/tilbagekald"):
            assert (await visitor.get(f"/virksomhed/indberetninger/{JOB}{page}")).status_code == 404
