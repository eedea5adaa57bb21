"""Reports and their splits, and disputes that the municipality raises for the citizen, or decides."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from frikort_contracts.http.common import Text
from frikort_contracts.http.reports import CardReportResource, CardReports
from frikort_contracts.reporting import DisputeDecision, DisputeReason
from starlette.responses import Response

from services.portals.api import Refused
from services.portals.caseworker.card_context import Card, CardContext
from services.portals.forms import Fields, Form, choice, text, whole_number
from services.portals.problems import ProblemError
from services.portals.texts import N_

router = APIRouter()

DISPUTE: Final[Fields] = {
    "reason": choice(*DisputeReason, missing=N_("Vælg, hvad der ikke er rigtigt.")),
    "message": text(Text, optional=True, wrong=N_("Skriv højst 500 tegn og intet CPR-nummer.")),
}
DECISION: Final[Fields] = {
    "decision": choice(*DisputeDecision, missing=N_("Vælg, hvad kommunen har afgjort.")),
    "dispute_revision": whole_number(optional=True),  # hidden: the revision that the page shows
}


@router.get("/kommune/frikort/{card_id}/indberetninger")
async def reports(context: Card) -> Response:
    """The card's reports, newest first."""
    card, found = await asyncio.gather(context.card(), context.get("/reports", CardReports))
    return context.render("caseworker/reports.html", card, reports=found.reports[::-1])


@router.get("/kommune/frikort/{card_id}/indberetninger/{report_id}")
async def report(report_id: UUID, context: Card) -> Response:
    """A report, what became of it, and whether somebody says that it is not right."""
    return await _show(context, report_id, context.page.form())


@router.post("/kommune/frikort/{card_id}/indberetninger/{report_id}")
async def withdraw_dispute(report_id: UUID, context: Card) -> Response:
    """Withdraw the dispute."""
    form = await context.page.posted()
    try:
        await context.post(f"/reports/{report_id}/dispute/withdrawal", form, CardReportResource)
    except Refused as refused:
        form.refuse(refused)
        return await _show(context, report_id, form)
    return context.redirect(f"/indberetninger/{report_id}")


@router.get("/kommune/frikort/{card_id}/indberetninger/{report_id}/indsigelse")
async def new_dispute(report_id: UUID, context: Card) -> Response:
    """What is not right."""
    return await _ask(context, report_id, context.page.form(DISPUTE), summary=False)


@router.post("/kommune/frikort/{card_id}/indberetninger/{report_id}/indsigelse")
async def dispute(report_id: UUID, context: Card) -> Response:
    """Show the summary first; the confirmed form raises the dispute."""
    form = await context.page.posted(DISPUTE)
    if form.valid and form.step == "send":
        try:
            await context.post(f"/reports/{report_id}/dispute", form, CardReportResource)
        except Refused as refused:
            form.refuse(refused)
        else:
            return context.redirect(f"/indberetninger/{report_id}")
    return await _ask(context, report_id, form, summary=form.valid and form.step != "edit")


@router.get("/kommune/frikort/{card_id}/indberetninger/{report_id}/afgoerelse")
async def new_decision(report_id: UUID, context: Card) -> Response:
    """What the municipality can decide about the open dispute."""
    return await _ask_decision(context, report_id, context.page.form(DECISION))


@router.post("/kommune/frikort/{card_id}/indberetninger/{report_id}/afgoerelse")
async def decide_dispute(report_id: UUID, context: Card) -> Response:
    """Record the decision and show the report, which has it."""
    form = await context.page.posted(DECISION)
    if form.valid:
        try:
            await context.post(f"/reports/{report_id}/dispute/decision", form, CardReportResource)
        except Refused as refused:
            form.refuse(refused)
            if refused.code == "dispute-changed":
                form.typed = {**form.typed, "dispute_revision": ""}  # the form shows the dispute as it is now
        else:
            return context.redirect(f"/indberetninger/{report_id}")
    return await _ask_decision(context, report_id, form)


async def _ask_decision(context: CardContext, report_id: UUID, form: Form) -> Response:
    card, found = await asyncio.gather(context.card(), _found(context, report_id))
    return context.render("caseworker/dispute_decision.html", card, report=found, form=form)


async def _show(context: CardContext, report_id: UUID, form: Form) -> Response:
    card, found = await asyncio.gather(context.card(), _found(context, report_id))
    return context.render("caseworker/report.html", card, report=found, form=form)


async def _ask(context: CardContext, report_id: UUID, form: Form, *, summary: bool) -> Response:
    card, found = await asyncio.gather(context.card(), _found(context, report_id))
    return context.render("caseworker/dispute.html", card, report=found, form=form, summary=summary)


async def _found(context: CardContext, report_id: UUID) -> CardReportResource:
    found = await context.get("/reports", CardReports)
    for one in found.reports:
        if one.report_id == str(report_id):
            return one
    raise ProblemError("not-found")
