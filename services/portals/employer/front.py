"""The employer's front page: what to do now, and what was reported lately."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from frikort_contracts.http.employments import EmploymentPage, Reminders
from frikort_contracts.http.payroll import BatchPage
from frikort_contracts.http.reports import ReportPage
from starlette.responses import Response

from services.portals.employer import helpers
from services.portals.employer.employments import NO_WORK
from services.portals.page import EmployerPage

router = APIRouter(prefix="/virksomhed")

_LATEST: Final = 5
_MOST_TOLD: Final = 20
_NEWS: Final = timedelta(days=60)  # for so long a moved split is told of on the front page


@router.get("")
async def front(page: EmployerPage) -> Response:
    """Questions, disputes, splits that others moved, cards near their allowance; then the latest reports."""
    first = await page.api.get("/v1/employments", EmploymentPage, limit=1)
    if not first.employments:
        return page.render("employer/welcome.html")
    reminders = await page.api.get("/v1/reminders", Reminders, limit=500)
    since = await helpers.today(page) - _NEWS
    about = {"newest": True, "limit": _MOST_TOLD}
    disputed = (await page.api.get("/v1/reports", ReportPage, disputed=True, **about)).reports
    moved = (await page.api.get("/v1/reports", ReportPage, moved_since=since.isoformat(), **about)).reports
    files = (await page.api.get("/v1/report-batches", BatchPage, limit=_LATEST)).batches
    latest = (await page.api.get("/v1/reports", ReportPage, newest=True, limit=_LATEST)).reports
    return page.render(
        "employer/front.html",
        questions=[
            (one, page.form(NO_WORK, {"first": one.days.first, "last": one.days.last}))
            for one in reminders.reminders
            if one.days is not None
        ],
        notices=[one for one in reminders.reminders if one.expected_payment_date is not None],
        files=[file for file in files if file.status in {"held", "booking"}],
        disputed=disputed,
        moved=[report for report in moved if report.dispute is None],
        latest=latest,
        names=await helpers.names_in(page, [*disputed, *moved, *latest])
        | {one.employment_id: helpers.name(page, one) for one in reminders.reminders},
    )
