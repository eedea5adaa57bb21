"""Hand a card over to the municipality that the citizen has moved to."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from frikort_contracts.http.cards import HandedOverResource
from frikort_contracts.municipalities import MUNICIPALITIES
from frikort_contracts.values import MunicipalityCode
from starlette.responses import Response

from services.portals.api import Refused
from services.portals.caseworker.card_context import Card, CardContext
from services.portals.common.municipalities import by_name
from services.portals.forms import Fields, Form, choice
from services.portals.page import CaseworkerPage
from services.portals.texts import N_

router = APIRouter()

HAND_OVER: Final[Fields] = {
    "to_municipality": choice(*MUNICIPALITIES, missing=N_("Vælg den kommune, som borgeren er flyttet til."))
}


@router.get("/kommune/frikort/{card_id}/overdragelse")
async def hand_over(context: Card) -> Response:
    """Where the citizen has moved to."""
    return await _show(context, context.page.form(HAND_OVER), summary=False)


@router.post("/kommune/frikort/{card_id}/overdragelse")
async def hand_card_over(context: Card) -> Response:
    """First the summary, then the hand-over. The card can no longer be seen here then."""
    form = await context.page.posted(HAND_OVER)
    if form.valid and form.step == "send":
        try:
            done = await context.post("/hand-over", form, HandedOverResource)
        except Refused as refused:
            form.refuse(refused, {"same-municipality": "to_municipality"})
        else:
            return context.page.redirect(f"/kommune/overdraget/{done.handed_over_to.code}")
    return await _show(context, form, summary=form.valid and form.step != "edit")


@router.get("/kommune/overdraget/{municipality}")
async def handed_over(municipality: MunicipalityCode, page: CaseworkerPage) -> Response:
    """The receipt, with nothing about the citizen."""
    return page.render("caseworker/handed_over.html", municipality=MUNICIPALITIES[municipality])


async def _show(context: CardContext, form: Form, *, summary: bool) -> Response:
    return context.render(
        "caseworker/hand_over.html",
        await context.card(),
        form=form,
        summary=summary,
        municipalities=by_name(),
        names=MUNICIPALITIES,
    )
