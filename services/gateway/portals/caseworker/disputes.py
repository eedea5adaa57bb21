"""Reports and their splits, and what is said about a report on the citizen's behalf."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from frikort_contracts.http.reports import CardReportResource, CardReports
from frikort_contracts.reporting import DisputeReason
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.gateway.portals.api import Refused
from services.gateway.portals.caseworker.visit import CardVisit, Visit
from services.gateway.portals.forms import Fields, Form, choice, text
from services.gateway.portals.texts import N_

router = APIRouter()

DISPUTE: Final[Fields] = {
    "reason": choice(*DisputeReason, missing=N_("Vælg, hvad der ikke er rigtigt.")),
    "message": text(optional=True, wrong=N_("Skriv højst 500 tegn og intet CPR-nummer.")),
}


@router.get("/kommune/frikort/{card_id}/indberetninger")
async def reports(visit: CardVisit) -> Response:
    """The card's reports, newest first."""
    found = await visit.get("/reports", CardReports)
    return await visit.render("caseworker/reports.html", reports=found.reports[::-1])


@router.get("/kommune/frikort/{card_id}/indberetninger/{report_id}")
async def report(report_id: UUID, visit: CardVisit) -> Response:
    """A report, what became of it, and whether somebody says that it is not right."""
    return await _show(visit, report_id, visit.page.form())


@router.post("/kommune/frikort/{card_id}/indberetninger/{report_id}")
async def withdraw_dispute(report_id: UUID, visit: CardVisit) -> Response:
    """Take back what was said."""
    form = await visit.page.posted()
    try:
        await visit.post(f"/reports/{report_id}/dispute/withdrawal", form, CardReportResource)
    except Refused as refused:
        form.refuse(refused)
        return await _show(visit, report_id, form)
    return visit.redirect(f"/indberetninger/{report_id}")


@router.get("/kommune/frikort/{card_id}/indberetninger/{report_id}/indsigelse")
async def new_dispute(report_id: UUID, visit: CardVisit) -> Response:
    """What is not right."""
    return await _ask(visit, report_id, visit.page.form(DISPUTE), summary=False)


@router.post("/kommune/frikort/{card_id}/indberetninger/{report_id}/indsigelse")
async def dispute(report_id: UUID, visit: CardVisit) -> Response:
    """First the summary, then it is said."""
    form = await visit.page.posted(DISPUTE)
    if form.good and form.step == "send":
        try:
            await visit.post(f"/reports/{report_id}/dispute", form, CardReportResource)
        except Refused as refused:
            form.refuse(refused)
        else:
            return visit.redirect(f"/indberetninger/{report_id}")
    return await _ask(visit, report_id, form, summary=form.good and form.step != "edit")


async def _show(visit: Visit, report_id: UUID, form: Form) -> Response:
    return await visit.render("caseworker/report.html", report=await _found(visit, report_id), form=form)


async def _ask(visit: Visit, report_id: UUID, form: Form, *, summary: bool) -> Response:
    found = await _found(visit, report_id)
    return await visit.render("caseworker/dispute.html", report=found, form=form, summary=summary)


async def _found(visit: Visit, report_id: UUID) -> CardReportResource:
    found = await visit.get("/reports", CardReports)
    for one in found.reports:
        if one.report_id == str(report_id):
            return one
    raise HTTPException(404)
