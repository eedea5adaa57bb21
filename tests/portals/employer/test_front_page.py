"""The employer's front page: reminders, disputes, changed splits and files."""

from __future__ import annotations

import re
from datetime import date

import httpx2
from frikort_contracts.http.common import Days
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
    employment,
    has_employments,
    list_item,
    report,
    split,
)
from tests.portals.reading import page_text
from tests.portals.site import Site, send_form


class TestFrontPage:
    async def test_an_employer_without_employments_sees_how_to_begin(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        has_employments(site)
        assert "Registrér ansættelsen" in page_text(await client.get("/virksomhed"))

    async def test_a_reminder_is_a_question_with_two_answers(self, site: Site, client: httpx2.AsyncClient) -> None:
        question = ReminderResource(
            kind="no-recent-report",
            employment_id=EMPLOYMENT,
            card_number="48213",
            label=None,
            text="Har der været arbejde fra den 1. oktober til den 20. november?",
            days=Days(first=date(2026, 10, 1), last=date(2026, 11, 20)),
        )
        site.answer("GET", "/v1/reminders", Reminders(reminders=[question], next=None))
        site.answer("POST", f"/v1/employments/{EMPLOYMENT}/no-work", employment())

        page = await client.get("/virksomhed")
        assert question.text in page_text(page)
        assert f'href="/virksomhed/indberet/{EMPLOYMENT}"' in page.text
        form = page.text.split(f'action="/virksomhed/ansaettelser/{EMPLOYMENT}/intet-arbejde"', 1)[1].split(
            "</form>", 1
        )[0]
        sent = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))
        thanks = await send_form(client, f"/virksomhed/ansaettelser/{EMPLOYMENT}/intet-arbejde", sent)

        assert thanks.headers["location"] == f"/virksomhed/ansaettelser/{EMPLOYMENT}?sket=intet-arbejde"
        assert site.requests[-1].body == {"first": "2026-10-01", "last": "2026-11-20"}
        assert site.requests[-1].key == sent["key"]

    async def test_a_card_near_its_allowance_has_a_notice(self, site: Site, client: httpx2.AsyncClient) -> None:
        notice = ReminderResource(
            kind="allowance-low",
            employment_id=EMPLOYMENT,
            card_number="48213",
            label=None,
            text="Der er 500,00 kr. tilbage af årets beløbsgrænse.",
            expected_payment_date=date(2026, 11, 30),
            remaining_ore=50_000,
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

        assert "Borgeren siger, at noget er galt" in page_text(page)
        assert "En anden indberetning på kortet er ændret" in page_text(page)
        for one in (disputed, changed):
            assert f'href="/virksomhed/indberetninger/{one.report_id}"' in page.text

    async def test_a_file_that_waits_for_a_decision_has_a_notice(self, site: Site, client: httpx2.AsyncClient) -> None:
        files = [batch("held", pending=1), batch("booking", pending=1), batch("done", accepted=1)]
        site.answer("GET", "/v1/report-batches", BatchPage(batches=files, next=None))
        page = await client.get("/virksomhed")
        assert page.text.count(f'href="{FILE}"') == 2
        assert "Den bliver ikke indberettet, før du siger til." in page_text(page)
