"""“This is not right”: a citizen, or who has a mandate to, says so of a report, and takes it back."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from frikort_contracts.http.reports import CardReportResource
from starlette.responses import Response

from services.portals.api import Refused
from services.portals.citizen.card_context import Card, CardContext
from services.portals.citizen.labels import DISPUTE
from services.portals.forms import Form, choice, text
from services.portals.problems import ProblemError
from services.portals.texts import N_

router = APIRouter(prefix="/loen/{report_id}/indsigelse")

_FIELDS: Final = {
    "reason": choice(*DISPUTE, missing=N_("Vælg, hvad der ikke er rigtigt.")),
    "message": text(optional=True, wrong=N_("Skriv højst 500 tegn, og skriv ikke et CPR-nummer.")),
}


@router.get("")
async def dispute(context: Card, report_id: UUID) -> Response:
    """The form."""
    return _form(context, await _disputable(context, report_id), context.page.form(_FIELDS))


@router.post("")
async def raise_dispute(context: Card, report_id: UUID) -> Response:
    """The form, what will be sent, or sent: the button says which."""
    report = await _disputable(context, report_id)
    form = await context.page.posted(_FIELDS)
    step = form.value("step")
    if not form.good or step == "edit":
        return _form(context, report, form)
    if step != "send":
        return context.render("citizen/dispute_check.html", report=report, form=form)
    try:
        await context.page.api.post(_api(context, report_id), form.body, CardReportResource, key=form.key)
    except Refused as refused:
        return _form(context, report, form.refuse(refused))
    return context.page.redirect(f"{context.home}/loen/{report_id}/indsigelse/kvittering")


@router.get("/traek-tilbage")
async def withdrawal(context: Card, report_id: UUID) -> Response:
    """Whether it is to be taken back."""
    return _withdrawal(context, await _disputable(context, report_id), context.page.form())


@router.post("/traek-tilbage")
async def withdraw(context: Card, report_id: UUID) -> Response:
    """It is taken back."""
    report = await _disputable(context, report_id)
    form = await context.page.posted()
    try:
        await context.page.api.post(f"{_api(context, report_id)}/withdrawal", None, CardReportResource, key=form.key)
    except Refused as refused:
        return _withdrawal(context, report, form.refuse(refused))
    return context.page.redirect(f"{context.home}/loen/{report_id}/indsigelse/kvittering")


@router.get("/kvittering")
async def receipt(context: Card, report_id: UUID) -> Response:
    """What was done, and what happens next."""
    return context.render("citizen/dispute_receipt.html", report=await _disputable(context, report_id))


def _form(context: CardContext, report: CardReportResource, form: Form) -> Response:
    return context.render("citizen/dispute.html", report=report, form=form)


def _withdrawal(context: CardContext, report: CardReportResource, form: Form) -> Response:
    return context.render("citizen/dispute_withdrawal.html", report=report, form=form)


def _api(context: CardContext, report_id: UUID) -> str:
    return f"{context.source}/reports/{report_id}/dispute"


async def _disputable(context: CardContext, report_id: UUID) -> CardReportResource:
    """The report. For who may only see the card, these pages do not exist."""
    if not context.may_dispute:
        raise ProblemError("not-found")
    return await context.report(report_id)
