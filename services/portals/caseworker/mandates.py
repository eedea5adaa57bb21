"""Mandates given and withdrawn for a citizen who has no digital ID."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from frikort_contracts.http.common import PersonName
from frikort_contracts.http.mandates import MandateResource, Mandates
from frikort_contracts.issuance import MandateScope
from starlette.responses import Response

from services.portals.api import Refused
from services.portals.caseworker.card_context import Card, CardContext
from services.portals.forms import Fields, Form, choice, cpr, day, text
from services.portals.problems import ProblemError
from services.portals.texts import N_

router = APIRouter()

MANDATE: Final[Fields] = {
    "cpr": cpr(),
    "name": text(PersonName, missing=N_("Skriv navnet."), wrong=N_("Skriv navnet på én linje med højst 200 tegn.")),
    "scope": choice(*MandateScope, missing=N_("Vælg, hvad fuldmagten skal gælde.")),
    "until": day(missing=N_("Skriv den sidste dag, fuldmagten skal gælde.")),
}
_CONCERNS: Final = {"mandate-to-self": "cpr", "mandate-date-out-of-range": "until"}


@router.get("/kommune/frikort/{card_id}/fuldmagter")
async def mandates(context: Card) -> Response:
    """Whom the citizen lets see the card, now and before."""
    card, found = await asyncio.gather(context.card(), context.get("/mandates", Mandates))
    return context.render("caseworker/mandates.html", card, mandates=found.mandates)


@router.get("/kommune/frikort/{card_id}/fuldmagter/ny")
async def new_mandate(context: Card) -> Response:
    """To whom, for what and how long."""
    return await _show_new(context, context.page.form(MANDATE), summary=False)


@router.post("/kommune/frikort/{card_id}/fuldmagter/ny")
async def grant_mandate(context: Card) -> Response:
    """First the summary, then the mandate."""
    form = await context.page.posted(MANDATE)
    if form.valid and form.step == "send":
        try:
            made = await context.post("/mandates", form, MandateResource)
        except Refused as refused:
            form.refuse(refused, _CONCERNS)
        else:
            return context.redirect(f"/fuldmagter/{made.mandate_id}")
    return await _show_new(context, form, summary=form.valid and form.step != "edit")


@router.get("/kommune/frikort/{card_id}/fuldmagter/{mandate_id}")
async def mandate(mandate_id: UUID, context: Card) -> Response:
    """One mandate: the receipt of what was done with it, and the way to end it."""
    return await _show(context, mandate_id, context.page.form())


@router.post("/kommune/frikort/{card_id}/fuldmagter/{mandate_id}")
async def withdraw_mandate(mandate_id: UUID, context: Card) -> Response:
    """End a mandate before its last day."""
    form = await context.page.posted()
    try:
        await context.post(f"/mandates/{mandate_id}/withdrawal", form, MandateResource)
    except Refused as refused:
        form.refuse(refused)
        return await _show(context, mandate_id, form)
    return context.redirect(f"/fuldmagter/{mandate_id}")


async def _show_new(context: CardContext, form: Form, *, summary: bool) -> Response:
    return context.render("caseworker/new_mandate.html", await context.card(), form=form, summary=summary)


async def _show(context: CardContext, mandate_id: UUID, form: Form) -> Response:
    card, found = await asyncio.gather(context.card(), _found(context, mandate_id))
    return context.render("caseworker/mandate.html", card, mandate=found, form=form)


async def _found(context: CardContext, mandate_id: UUID) -> MandateResource:
    found = await context.get("/mandates", Mandates)
    for one in found.mandates:
        if one.mandate_id == str(mandate_id):
            return one
    raise ProblemError("not-found")
