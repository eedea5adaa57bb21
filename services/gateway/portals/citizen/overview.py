"""The card at a glance: its number, the year's balance, what it means for the next wage. It changes while one looks."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query
from frikort_contracts.http.balances import BalanceResource, Balances
from frikort_contracts.http.cards import OwnCardResource
from frikort_contracts.http.reports import CardReportResource, CardReports
from pydantic import BaseModel
from starlette.responses import Response

from services.gateway.portals.citizen import figures
from services.gateway.portals.citizen.whose import Card, Whose, represented_by
from services.gateway.portals.page import CitizenPage, Page

router = APIRouter()
"""The pages of a card, own or another's."""

others = APIRouter()
"""Whose cards there are to see."""

_LATEST: Final = 3


class Glance(BaseModel):
    """All that the page shows of the card."""

    card: OwnCardResource
    balance: BalanceResource | None
    latest: list[CardReportResource]


@router.get("")
async def overview(card: Card) -> Response:
    """The page."""
    represented = await represented_by(card.page) if card.own else []
    glance = await _glance(card)
    return _shown(card, "citizen/overview.html", glance, represented=represented, fresh=False)


@router.get("/overblik")
async def glance_again(card: Card, vist: Annotated[str, Query(max_length=64)] = "") -> Response:
    """The changing part of the page, for the page itself; nothing where ``vist`` says that it stands there already."""
    glance = await _glance(card)
    if hmac.compare_digest(vist.encode(), _mark(card.page, glance).encode()):
        return Response(status_code=204)
    return _shown(card, "citizen/glance.html", glance, fresh=True)


@router.get("/aendringer")
async def changes(card: Card) -> Response:
    """A stream of events for the page: that something changed. It ends with the session."""
    ends_at = datetime.now(UTC) if card.page.session is None else card.page.session.ends_at
    left = max(1, int((ends_at - datetime.now(UTC)).total_seconds()))
    return card.page.api.forward(f"{card.source}/changes", seconds=left)


@others.get("/paa-vegne-af")
async def represented(page: CitizenPage) -> Response:
    """Whose cards one may see."""
    return page.render("citizen/represented.html", represented=await represented_by(page))


async def _glance(card: Whose) -> Glance:
    balances = (await card.get("balances", Balances)).balances
    reports = (await card.get("reports", CardReports)).reports
    return Glance(card=card.card, balance=balances[0] if balances else None, latest=figures.latest(reports, _LATEST))


def _shown(card: Whose, template: str, glance: Glance, **context: object) -> Response:
    return card.render(
        template,
        glance=glance,
        warning=None if glance.balance is None else figures.standing(glance.balance),
        active_through=figures.active_through(card.card),
        mark=_mark(card.page, glance),
        **context,
    )


def _mark(page: Page, glance: Glance) -> str:
    """What a page shows, as a mark that tells nobody else anything: it stands in an address."""
    secret = "" if page.session is None else page.session.form_token
    said = f"{page.language}{glance.model_dump_json()}"
    return hmac.new(secret.encode(), said.encode(), hashlib.sha256).hexdigest()
