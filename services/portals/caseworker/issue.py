"""Issue a card."""

from __future__ import annotations

import asyncio
from typing import Final

from fastapi import APIRouter
from frikort_contracts.http.balances import Balances
from frikort_contracts.http.cards import CardResource
from frikort_contracts.http.common import PersonName
from frikort_contracts.values import Reference
from starlette.responses import Response

from services.portals.api import Refused
from services.portals.caseworker import fields
from services.portals.caseworker.card_context import Card, begin, home
from services.portals.forms import Fields, cpr, text
from services.portals.page import CaseworkerPage
from services.portals.texts import N_

router = APIRouter()

_REFERENCE_WRONG: Final = N_("Skriv højst 64 tegn og intet CPR-nummer.")
ISSUE: Final[Fields] = {
    "cpr": cpr(),
    "name": text(
        PersonName, missing=N_("Skriv borgerens navn."), wrong=N_("Skriv navnet på én linje med højst 200 tegn.")
    ),
    "case_reference": text(Reference, missing=N_("Skriv sagens nummer."), wrong=_REFERENCE_WRONG),
}


@router.get("/kommune/nyt-frikort")
async def new_card(page: CaseworkerPage) -> Response:
    """Who gets the card, and in which case it was granted."""
    return page.render("caseworker/issue.html", form=page.form(ISSUE), summary=False, own_card=None)


@router.post("/kommune/nyt-frikort")
async def issue_card(page: CaseworkerPage) -> Response:
    """First the summary, then the card. A search without a match comes here with the CPR number, to begin."""
    form, own_card = await page.posted(ISSUE), None
    if form.step == "begin":
        begun = page.form(ISSUE, {"cpr": form.body["cpr"]} if "cpr" in form.body else {})
        return page.render("caseworker/issue.html", form=begun, summary=False, own_card=None)
    if form.valid and form.step == "send":
        try:
            card = await page.api.post("/v1/cards", form.body, CardResource, key=form.key)
        except Refused as refused:
            own_card = (refused.problem.facts or {}).get("card_id")
            form.refuse(refused, {"card-exists": "cpr", "citizen-under-age": "cpr"})
        else:
            return begin(page, card.card_id, fields.REASONS["grant"], f"{home(card.card_id)}/udstedt")
    summary = form.valid and form.step != "edit"
    return page.render("caseworker/issue.html", form=form, summary=summary, own_card=own_card)


@router.get("/kommune/frikort/{card_id}/udstedt")
async def issued(context: Card) -> Response:
    """The receipt: the number, and what happens next."""
    card, found = await asyncio.gather(context.card(), context.get("/balances", Balances))
    return context.render("caseworker/issued.html", card, balance=next(iter(found.balances), None))
