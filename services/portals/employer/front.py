"""The employer's front page: what to do now, and what was reported lately."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from frikort_contracts.http.employments import EmploymentPage, Reminders
from frikort_contracts.http.payroll import BatchPage
from frikort_contracts.http.reports import ReportPage, ReportResource
from starlette.responses import Response

from services.portals.employer import helpers
from services.portals.employer import reminders as reminder_pages
from services.portals.page import EmployerPage, Page

router = APIRouter(prefix="/virksomhed")

_LATEST: Final = 5
_MOST_LISTED: Final = 20
_MOST_SHOWN: Final = 8  # of each kind
_NEWS: Final = timedelta(days=60)  # how long the front page shows that a split has moved


@router.get("")
async def front(page: EmployerPage) -> Response:
    """Questions, disputes, splits that others moved, cards near their allowance; then the latest reports."""
    get = page.api.get
    employments, reminders, disputed, moved, files, latest = await asyncio.gather(
        get("/v1/employments", EmploymentPage, newest=True, limit=_MOST_LISTED),
        get("/v1/reminders", Reminders, limit=500),
        get("/v1/reports", ReportPage, disputed=True, newest=True, limit=_MOST_LISTED),
        _moved_lately(page),
        get("/v1/report-batches", BatchPage, limit=_LATEST),
        get("/v1/reports", ReportPage, newest=True, limit=_LATEST),
    )
    if not employments.employments:
        return page.render("employer/welcome.html")
    questions = reminder_pages.questions(page, reminders.reminders)
    shown = [*disputed.reports, *moved.reports, *latest.reports]
    return page.render(
        "employer/front.html",
        form=page.form(),
        questions=questions[:_MOST_SHOWN],
        more_questions=len(questions) > _MOST_SHOWN or reminders.next is not None,
        notices=[one for one in reminders.reminders if one.expected_payment_date is not None][:_MOST_SHOWN],
        files=[file for file in files.batches if file.status in {"held", "booking"}],
        disputed=[one for one in disputed.reports if _waits_for_employer(one)][:_MOST_SHOWN],
        moved=[one for one in moved.reports if one.dispute is None][:_MOST_SHOWN],
        latest=latest.reports,
        names=await helpers.names_in(page, shown, employments.employments)
        | {one.employment_id: helpers.name(page, one) for one in reminders.reminders},
    )


def _waits_for_employer(report: ReportResource) -> bool:
    """Whether the next step in the dispute is the employer's: an answer, or what the municipality decided."""
    dispute = report.dispute
    return dispute is None or dispute.answer is None or dispute.decision is not None


async def _moved_lately(page: Page) -> ReportPage:
    """The reports whose split another report has changed lately."""
    since = await helpers.today(page) - _NEWS
    return await page.api.get("/v1/reports", ReportPage, moved_since=since.isoformat(), newest=True, limit=_MOST_LISTED)
