"""An employer answers a dispute: the report is right, and why."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from frikort_contracts.http.reports import ReportDetail
from frikort_contracts.reporting import AnswerReason
from starlette.responses import Response

from services.portals.api import Refused
from services.portals.employer import helpers
from services.portals.forms import Form, choice
from services.portals.page import EmployerPage, Page
from services.portals.texts import N_

router = APIRouter(prefix="/virksomhed/indberetninger/{report_id}/svar")

ANSWERS: Final = {
    AnswerReason.MATCHES_PAYSLIP: N_("Beløbet svarer til lønsedlen"),
    AnswerReason.MATCHES_WORK_RECORDS: N_("Dagene svarer til vagtplanen eller timesedlen"),
    AnswerReason.WAGE_PAID: N_("Lønnen er betalt"),
    AnswerReason.WORKED_HERE: N_("Medarbejderen har arbejdet her"),
    AnswerReason.OTHER: N_("Der er en anden grund"),
}
"""Why a disputed report is right."""
_FIELDS: Final = {"reason": choice(*ANSWERS, missing=N_("Vælg, hvorfor indberetningen er rigtig."))}


@router.get("")
async def answer(report_id: UUID, page: EmployerPage) -> Response:
    """The form."""
    return await _shown(page, page.form(_FIELDS), report_id)


@router.post("")
async def answer_dispute(report_id: UUID, page: EmployerPage) -> Response:
    """Send the answer and show the report, which has it."""
    form = await page.posted(_FIELDS)
    if form.valid:
        try:
            await page.api.post(f"/v1/reports/{report_id}/dispute/answer", form.body, ReportDetail, key=form.key)
        except Refused as refused:
            form.refuse(refused)
        else:
            return page.redirect(f"/virksomhed/indberetninger/{report_id}")
    return await _shown(page, form, report_id)


async def _shown(page: Page, form: Form, report_id: UUID) -> Response:
    report, employment = await helpers.report_and_employment(page, report_id)
    reasons = [(reason.value, page.gettext(text)) for reason, text in ANSWERS.items()]
    return page.render(
        "employer/answer.html", form=form, report=report, name=helpers.name(page, employment), reasons=reasons
    )
