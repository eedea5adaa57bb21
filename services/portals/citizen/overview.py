"""The card at a glance: its number, the year's balance, what it means for the next wage. It changes while one looks."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query
from frikort_contracts.http.balances import BalanceResource, Balances
from frikort_contracts.http.cards import OwnCardResource
from frikort_contracts.http.mandates import RepresentedResource
from frikort_contracts.http.reports import CardReportResource, CardReports
from pydantic import BaseModel
from starlette.responses import Response

from services.portals.citizen import figures
from services.portals.citizen.card_context import Card, CardContext, represented_by
from services.portals.page import CitizenPage, Page

router = APIRouter()
"""The pages of a card, own or another's."""

others = APIRouter()
"""The cards of others that there are to see."""

_LATEST: Final = 3


class Glance(BaseModel):
    """All that the page shows of the card."""

    card: OwnCardResource
    balance: BalanceResource | None
    latest: list[CardReportResource]


@router.get("")
async def overview(context: Card) -> Response:
    """The page."""
    glance, represented = await asyncio.gather(_glance(context), _represented(context))
    return _shown(context, "citizen/overview.html", glance, represented=represented, fresh=False)


@router.get("/overblik")
async def glance_again(context: Card, vist: Annotated[str, Query(max_length=64)] = "") -> Response:
    """The changing part of the page, for the page itself; nothing where ``vist`` says that it stands there already."""
    glance = await _glance(context)
    if hmac.compare_digest(vist.encode(), _mark(context.page, glance).encode()):
        return Response(status_code=204)
    return _shown(context, "citizen/glance.html", glance, fresh=True)


@router.get("/aendringer")
async def changes(context: Card) -> Response:
    """A stream of events for the page: that something changed. It ends with the session."""
    ends_at = datetime.now(UTC) if context.page.session is None else context.page.session.ends_at
    left = max(1, int((ends_at - datetime.now(UTC)).total_seconds()))
    return await context.page.forward_events(f"{context.source}/changes", seconds=left)


@others.get("/paa-vegne-af")
async def represented(page: CitizenPage) -> Response:
    """The cards of others that one may see."""
    return page.render("citizen/represented.html", represented=await represented_by(page))


async def _glance(context: CardContext) -> Glance:
    found, reported = await asyncio.gather(context.get("balances", Balances), context.get("reports", CardReports))
    balance = found.balances[0] if found.balances else None
    return Glance(card=context.card, balance=balance, latest=figures.latest(reported.reports, _LATEST))


async def _represented(context: CardContext) -> list[RepresentedResource]:
    """The cards of others, which only the page about one's own card lists."""
    return await represented_by(context.page) if context.own else []


def _shown(context: CardContext, template: str, glance: Glance, **values: object) -> Response:
    return context.render(
        template,
        glance=glance,
        warning=None if glance.balance is None else figures.standing(glance.balance),
        active_through=figures.active_through(context.card),
        mark=_mark(context.page, glance),
        **values,
    )


def _mark(page: Page, glance: Glance) -> str:
    """An HMAC of what a page shows. It is part of a URL, so only the session's key can connect it to the content."""
    secret = "" if page.session is None else page.session.form_token
    said = f"{page.language}{glance.model_dump_json()}"
    return hmac.new(secret.encode(), said.encode(), hashlib.sha256).hexdigest()
