"""Disputes: the citizen, or the holder of a mandate to represent them, disputes a report and withdraws the dispute."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from frikort_contracts.http.common import Text
from frikort_contracts.http.reports import CardReportResource
from starlette.responses import Response

from services.portals.api import Refused
from services.portals.citizen.card_context import Card, CardContext, CardRequest
from services.portals.citizen.labels import DISPUTE
from services.portals.forms import Form, choice, text
from services.portals.problems import ProblemError
from services.portals.texts import N_

router = APIRouter(prefix="/loen/{report_id}/indsigelse")

_FIELDS: Final = {
    "reason": choice(*DISPUTE, missing=N_("Vælg, hvad der ikke er rigtigt.")),
    "message": text(Text, optional=True, wrong=N_("Skriv højst 500 tegn, og skriv ikke et CPR-nummer.")),
}


@router.get("")
async def dispute(request: Card, report_id: UUID) -> Response:
    """The form."""
    context, report = await _disputable(request, report_id)
    return _form(context, report, context.page.form(_FIELDS))


@router.post("")
async def raise_dispute(request: Card, report_id: UUID) -> Response:
    """Show the form again, or the summary, or raise the dispute: the button that was pressed decides."""
    context, report = await _disputable(request, report_id)
    form = await context.page.posted(_FIELDS)
    if not form.valid or form.step == "edit":
        return _form(context, report, form)
    if form.step != "send":
        return context.render("citizen/dispute_check.html", report=report, form=form)
    try:
        await context.page.api.post(_api_path(request, report_id), form.body, CardReportResource, key=form.key)
    except Refused as refused:
        return _form(context, report, form.refuse(refused))
    return context.page.redirect(f"{context.home}/loen/{report_id}/indsigelse/kvittering")


@router.get("/traek-tilbage")
async def withdrawal(request: Card, report_id: UUID) -> Response:
    """The form to withdraw the dispute."""
    context, report = await _disputable(request, report_id)
    return _withdrawal(context, report, context.page.form())


@router.post("/traek-tilbage")
async def withdraw(request: Card, report_id: UUID) -> Response:
    """Withdraw the dispute."""
    context, report = await _disputable(request, report_id)
    form = await context.page.posted()
    try:
        path = f"{_api_path(request, report_id)}/withdrawal"
        await context.page.api.post(path, None, CardReportResource, key=form.key)
    except Refused as refused:
        return _withdrawal(context, report, form.refuse(refused))
    return context.page.redirect(f"{context.home}/loen/{report_id}/indsigelse/kvittering")


@router.get("/kvittering")
async def receipt(request: Card, report_id: UUID) -> Response:
    """What was done, and what happens next."""
    context, report = await _disputable(request, report_id)
    return context.render("citizen/dispute_receipt.html", report=report)


def _form(context: CardContext, report: CardReportResource, form: Form) -> Response:
    return context.render("citizen/dispute.html", report=report, form=form)


def _withdrawal(context: CardContext, report: CardReportResource, form: Form) -> Response:
    return context.render("citizen/dispute_withdrawal.html", report=report, form=form)


def _api_path(request: CardRequest, report_id: UUID) -> str:
    return f"{request.api_path}/reports/{report_id}/dispute"


async def _disputable(request: CardRequest, report_id: UUID) -> tuple[CardContext, CardReportResource]:
    """The report. Raises ``ProblemError`` if there is none, or if the mandate only lets its holder see the card."""
    context, report = await asyncio.gather(request.context(), request.report(report_id))
    if not context.may_dispute:
        raise ProblemError("not-found")
    return context, report
