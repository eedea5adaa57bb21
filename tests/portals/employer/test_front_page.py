"""The employer's front page: reminders, disputes, changed splits and files."""

from __future__ import annotations

from datetime import date

import httpx2
from frikort_contracts.http.employments import (
    ReminderResource,
    Reminders,
)
from frikort_contracts.http.payroll import (
    BatchPage,
)
from frikort_contracts.http.reports import (
    ReportPage,
)

from tests.portals.employer.resources import (
    EMPLOYMENT,
    FILE,
    batch,
    dispute,
    has_employments,
    list_item,
    report,
    split,
)
from tests.portals.reading import page_text
from tests.portals.site import Site


class TestFrontPage:
    async def test_an_employer_without_employments_sees_how_to_begin(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        has_employments(site)
        assert "Registrér ansættelsen" in page_text(await client.get("/virksomhed"))

    async def test_a_card_near_its_allowance_has_a_notice(self, site: Site, client: httpx2.AsyncClient) -> None:
        notice = ReminderResource(
            kind="allowance-low",
            employment_id=EMPLOYMENT,
            card_number="48213",
            label=None,
            text="Der er under 1.000,00 kr. tilbage af årets beløbsgrænse.",
            expected_payment_date=date(2026, 11, 30),
            remaining_ore=0,
            usual_pay_ore=250_000,
        )
        site.answer("GET", "/v1/reminders", Reminders(reminders=[notice], next=None))
        assert notice.text in page_text(await client.get("/virksomhed"))

    async def test_a_dispute_and_a_changed_split_link_to_their_reports(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        disputed = list_item(report(report_id="d", dispute=dispute()))
        changed = list_item(report(report_id="m", split=split(0, 250_000, by=None)))
        site.answer("GET", "/v1/reports", ReportPage(reports=[disputed], next=None), disputed="True")
        site.answer("GET", "/v1/reports", ReportPage(reports=[changed], next=None), moved_since="2026-09-22")

        page = await client.get("/virksomhed")

        assert "Borgeren har en indsigelse" in page_text(page)
        assert "En anden indberetning på kortet er ændret" in page_text(page)
        for one in (disputed, changed):
            assert f'href="/virksomhed/indberetninger/{one.report_id}"' in page.text

    async def test_a_file_that_waits_for_a_decision_has_a_notice(self, site: Site, client: httpx2.AsyncClient) -> None:
        files = [batch("held", pending=1), batch("booking", pending=1), batch("done", accepted=1)]
        site.answer("GET", "/v1/report-batches", BatchPage(batches=files, next=None))
        page = await client.get("/virksomhed")
        assert page.text.count(f'href="{FILE}"') == 2
        assert "Den bliver ikke indberettet, før du siger til." in page_text(page)
