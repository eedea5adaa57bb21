"""The decisions about a card that exists: what it means, a summary, and a receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from fastapi import APIRouter
from frikort_contracts.http.cards import CardResource
from frikort_contracts.issuance import ControlResult, ReplacementReason
from starlette.responses import Response

from services.portals.api import Refused
from services.portals.caseworker.card_context import Card, CardContext
from services.portals.caseworker.issue import ISSUE
from services.portals.forms import Fields, Form, choice
from services.portals.texts import N_

router = APIRouter()


class Kind(StrEnum):
    """The decisions, as their pages' addresses name them."""

    DEACTIVATION = "deaktivering"
    REACTIVATION = "genaktivering"
    NUMBER = "nyt-nummer"
    CONTROL = "kontrol"


@dataclass(frozen=True)
class Decision:
    """``command`` is the last step of the API's address, ``concerns`` the fields of its problems."""

    command: str
    template: str
    fields: Fields
    concerns: Mapping[str, str] = field(default_factory=dict)


_CASE: Final[Fields] = {"case_reference": ISSUE["case_reference"]}
DECISIONS: Final = {
    Kind.DEACTIVATION: Decision("deactivation", "caseworker/deactivation.html", _CASE),
    Kind.REACTIVATION: Decision("reactivation", "caseworker/reactivation.html", _CASE),
    Kind.NUMBER: Decision(
        "number",
        "caseworker/number.html",
        {"reason": choice(*ReplacementReason, missing=N_("Vælg, hvorfor nummeret skal skiftes."))},
    ),
    Kind.CONTROL: Decision(
        "controls",
        "caseworker/control.html",
        {"result": choice(*ControlResult, missing=N_("Vælg kontrollens resultat."))},
        {"control-not-due": "result"},
    ),
}


@router.get("/kommune/frikort/{card_id}/beslutning/{kind}")
async def decision(kind: Kind, context: Card) -> Response:
    """What the decision means, and what it needs."""
    return await _show(context, kind, context.page.form(DECISIONS[kind].fields), stage="form")


@router.post("/kommune/frikort/{card_id}/beslutning/{kind}")
async def decide(kind: Kind, context: Card) -> Response:
    """First the summary, then the decision."""
    chosen = DECISIONS[kind]
    form = await context.page.posted(chosen.fields)
    if form.valid and form.step == "send":
        try:
            await context.post(f"/{chosen.command}", form, CardResource)
            return context.redirect(f"/beslutning/{kind}/kvittering")
        except Refused as refused:
            form.refuse(refused, chosen.concerns)
    return await _show(context, kind, form, stage="summary" if form.valid and form.step != "edit" else "form")


@router.get("/kommune/frikort/{card_id}/beslutning/{kind}/kvittering")
async def receipt(kind: Kind, context: Card) -> Response:
    """What was decided, and what happens next."""
    return await _show(context, kind, None, stage="receipt")


async def _show(context: CardContext, kind: Kind, form: Form | None, *, stage: str) -> Response:
    values: dict[str, Any] = {} if form is None else {"form": form}
    return context.render(DECISIONS[kind].template, await context.card(), stage=stage, **values)
