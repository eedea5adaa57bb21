"""“This is not right”: a citizen, or who has a mandate to, says so of a report, and takes it back."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from frikort_contracts.http.reports import CardReportResource
from starlette.responses import Response

from services.gateway.portals.api import Refused
from services.gateway.portals.citizen.whose import Card, Whose
from services.gateway.portals.citizen.words import DISPUTE
from services.gateway.portals.forms import Form, choice, text
from services.gateway.portals.texts import N_
from services.gateway.problems import ProblemError

router = APIRouter(prefix="/loen/{report_id}/indsigelse")

_FIELDS: Final = {
    "reason": choice(*DISPUTE, missing=N_("Vælg, hvad der ikke er rigtigt.")),
    "message": text(optional=True, wrong=N_("Skriv højst 500 tegn, og skriv ikke et CPR-nummer.")),
}


@router.get("")
async def dispute(card: Card, report_id: UUID) -> Response:
    """The form."""
    return _form(card, await _disputable(card, report_id), card.page.form(_FIELDS))


@router.post("")
async def raise_dispute(card: Card, report_id: UUID) -> Response:
    """The form, what will be sent, or sent: the button says which."""
    report = await _disputable(card, report_id)
    form = await card.page.posted(_FIELDS)
    step = form.value("step")
    if not form.good or step == "edit":
        return _form(card, report, form)
    if step != "send":
        return card.render("citizen/dispute_check.html", report=report, form=form)
    try:
        await card.page.api.post(_api(card, report_id), form.body, CardReportResource, key=form.key)
    except Refused as refused:
        return _form(card, report, form.refuse(refused))
    return card.page.redirect(f"{card.home}/loen/{report_id}/indsigelse/kvittering")


@router.get("/traek-tilbage")
async def withdrawal(card: Card, report_id: UUID) -> Response:
    """Whether it is to be taken back."""
    return _withdrawal(card, await _disputable(card, report_id), card.page.form())


@router.post("/traek-tilbage")
async def withdraw(card: Card, report_id: UUID) -> Response:
    """It is taken back."""
    report = await _disputable(card, report_id)
    form = await card.page.posted()
    try:
        await card.page.api.post(f"{_api(card, report_id)}/withdrawal", None, CardReportResource, key=form.key)
    except Refused as refused:
        return _withdrawal(card, report, form.refuse(refused))
    return card.page.redirect(f"{card.home}/loen/{report_id}/indsigelse/kvittering")


@router.get("/kvittering")
async def receipt(card: Card, report_id: UUID) -> Response:
    """What was done, and what happens next."""
    return card.render("citizen/dispute_receipt.html", report=await _disputable(card, report_id))


def _form(card: Whose, report: CardReportResource, form: Form) -> Response:
    return card.render("citizen/dispute.html", report=report, form=form)


def _withdrawal(card: Whose, report: CardReportResource, form: Form) -> Response:
    return card.render("citizen/dispute_withdrawal.html", report=report, form=form)


def _api(card: Whose, report_id: UUID) -> str:
    return f"{card.source}/reports/{report_id}/dispute"


async def _disputable(card: Whose, report_id: UUID) -> CardReportResource:
    """The report. For who may only see the card, these pages do not exist."""
    if not card.may_dispute:
        raise ProblemError("not-found")
    return await card.report(report_id)
