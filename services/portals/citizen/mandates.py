"""Mandates: the people who may see a citizen's card; granting and withdrawing them."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from frikort_contracts.http.common import PersonName
from frikort_contracts.http.mandates import MandateResource, Mandates
from starlette.responses import Response

from services.portals.api import Refused
from services.portals.citizen.card_context import HOME, Card, CardContext, CardRequest
from services.portals.forms import Form, choice, cpr, day, text
from services.portals.problems import ProblemError
from services.portals.texts import N_

router = APIRouter(prefix="/fuldmagter")

_FIELDS: Final = {
    "name": text(PersonName, missing=N_("Skriv navnet på den, der skal have fuldmagten."), wrong=N_("Skriv et navn.")),
    "cpr": cpr(missing=N_("Skriv CPR-nummeret på den, der skal have fuldmagten.")),
    "scope": choice("view", "represent", missing=N_("Vælg, hvad fuldmagten giver lov til.")),
    "until": day(missing=N_("Skriv den sidste dag, fuldmagten skal gælde.")),
}
_CONCERNS: Final = {"mandate-to-self": "cpr", "mandate-date-out-of-range": "until"}


@router.get("")
async def mandates(request: Card) -> Response:
    """All mandates of the card, those in force first."""
    context, found = await asyncio.gather(request.context(), _all(request))
    in_force = [one for one in found if one.status == "active"]
    over = [one for one in reversed(found) if one.status != "active"]
    return context.render("citizen/mandates.html", in_force=in_force, over=over)


@router.get("/ny")
async def new_mandate(request: Card) -> Response:
    """The form."""
    context = await request.context()
    return _form(context, context.page.form(_FIELDS))


@router.post("/ny")
async def grant_mandate(request: Card) -> Response:
    """Show the form again, or the summary, or grant the mandate: the button that was pressed decides."""
    context, form = await asyncio.gather(request.context(), request.page.posted(_FIELDS))
    if not form.valid or form.step == "edit":
        return _form(context, form)
    if form.step != "send":
        return context.render("citizen/mandate_check.html", form=form)
    try:
        made = await context.page.api.post("/v1/me/mandates", form.body, MandateResource, key=form.key)
    except Refused as refused:
        return _form(context, form.refuse(refused, _CONCERNS))
    return context.page.redirect(f"{HOME}/fuldmagter/{made.mandate_id}/kvittering")


@router.get("/{mandate_id}/traek-tilbage")
async def withdrawal(request: Card, mandate_id: UUID) -> Response:
    """The form to withdraw a mandate."""
    context, mandate = await asyncio.gather(request.context(), _one(request, mandate_id))
    return _withdrawal(context, mandate, context.page.form())


@router.post("/{mandate_id}/traek-tilbage")
async def withdraw(request: Card, mandate_id: UUID) -> Response:
    """Withdraw a mandate."""
    context, mandate = await asyncio.gather(request.context(), _one(request, mandate_id))
    form = await context.page.posted()
    try:
        await context.page.api.post(f"/v1/me/mandates/{mandate_id}/withdrawal", None, MandateResource, key=form.key)
    except Refused as refused:
        return _withdrawal(context, mandate, form.refuse(refused))
    return context.page.redirect(f"{HOME}/fuldmagter/{mandate_id}/kvittering")


@router.get("/{mandate_id}/kvittering")
async def receipt(request: Card, mandate_id: UUID) -> Response:
    """What was done, and what it means."""
    context, mandate = await asyncio.gather(request.context(), _one(request, mandate_id))
    return context.render("citizen/mandate_receipt.html", mandate=mandate)


def _form(context: CardContext, form: Form) -> Response:
    return context.render("citizen/new_mandate.html", form=form)


def _withdrawal(context: CardContext, mandate: MandateResource, form: Form) -> Response:
    return context.render("citizen/mandate_withdrawal.html", mandate=mandate, form=form)


async def _all(request: CardRequest) -> list[MandateResource]:
    return (await request.get("mandates", Mandates)).mandates


async def _one(request: CardRequest, mandate_id: UUID) -> MandateResource:
    for mandate in await _all(request):
        if mandate.mandate_id == str(mandate_id):
            return mandate
    raise ProblemError("not-found")
