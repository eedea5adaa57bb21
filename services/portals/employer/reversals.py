"""Withdraws the reports that negative lines of a payroll file reverse, as Danish payroll systems correct.

A report that was corrected since the file was sent is shown and not offered: the line may not be the same any more.
"""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID, uuid5

from fastapi import APIRouter
from frikort_contracts.http.payroll import BatchLinePage, BatchLineResource
from frikort_contracts.http.reports import ReportDetail
from starlette.responses import Response

from services.portals.api import Refused
from services.portals.employer.reports import REASONS, WITHDRAWAL, WITHDRAWS
from services.portals.forms import Form, text
from services.portals.page import EmployerPage, Page

router = APIRouter(prefix="/virksomhed/filer/{batch_id}/tilbagekald")

_MOST: Final = 25
_LINES: Final = 500
_FIELDS: Final = {"reason": WITHDRAWAL["reason"], "seen": text(optional=True)}  # hidden: report ids and revisions
_REVERSES: Final = "reverses-report"


@router.get("")
async def reversals(batch_id: UUID, page: EmployerPage) -> Response:
    """The reports that the file reverses, and a button that withdraws them."""
    return await _shown(page, batch_id, page.form(_FIELDS))


@router.post("")
async def withdraw_reversed(batch_id: UUID, page: EmployerPage) -> Response:
    """Withdraw the reports that the page showed, each as it was shown. Those that cannot be are shown again."""
    form = await page.posted(_FIELDS)
    if form.valid:
        try:
            for report_id, revision in _seen(form):
                await page.api.post(
                    f"/v1/reports/{report_id}/withdrawal",
                    {"reason": form.body["reason"], "revision": revision},
                    ReportDetail,
                    key=str(uuid5(UUID(form.key), report_id)),
                )
        except Refused as refused:
            form.refuse(refused)
        else:
            return page.redirect(f"/virksomhed/filer/{batch_id}/tilbagekald")
    return await _shown(page, batch_id, form)


async def reversing_lines(page: Page, batch_id: UUID) -> list[BatchLineResource]:
    """The lines among the first with errors that reverse an accepted report."""
    found = await page.api.get(f"/v1/report-batches/{batch_id}/lines", BatchLinePage, result="error", limit=_LINES)
    return [line for line in found.lines if any(error.code == _REVERSES for error in line.errors)]


async def _shown(page: Page, batch_id: UUID, form: Form) -> Response:
    lines = await reversing_lines(page, batch_id)
    revisions = {line.report_id: line.report_revision for line in lines if line.report_id}
    ids = list(revisions)
    corrected: list[ReportDetail] = []
    found: list[ReportDetail] = []
    open_reports: list[ReportDetail] = []
    while ids and not open_reports:  # those that were withdrawn before are passed over
        some, ids = ids[:_MOST], ids[_MOST:]
        found = await asyncio.gather(*(page.api.get(f"/v1/reports/{one}", ReportDetail) for one in some))
        accepted = [report for report in found if report.status == "accepted"]
        open_reports = [report for report in accepted if report.revision == revisions[report.report_id]]
        corrected += [report for report in accepted if report not in open_reports]
    return page.render(
        "employer/reversals.html",
        form=form,
        address=f"/virksomhed/filer/{batch_id}",
        numbers={line.report_id: line.number for line in reversed(lines)},
        reports=[report for report in found if report not in corrected],
        open_reports=open_reports,
        corrected=corrected,
        more=bool(ids),
        seen=" ".join(f"{report.report_id}={report.revision}" for report in open_reports),
        reasons=[(reason.value, page.gettext(REASONS[reason])) for reason in WITHDRAWS],
    )


def _seen(form: Form) -> list[tuple[str, int]]:
    """The ids and revisions of the reports that the page showed; what is no such pair is left out."""
    pairs = (pair.partition("=") for pair in form.body.get("seen", "").split()[:_MOST])
    return [(one, int(revision)) for one, _, revision in pairs if _is_id(one) and revision.isdecimal()]


def _is_id(written: str) -> bool:
    try:
        return str(UUID(written)) == written
    except ValueError:
        return False
