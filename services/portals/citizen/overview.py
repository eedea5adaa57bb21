"""The card at a glance: its number, the year's balance, what it means for the next wage. The page updates itself."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import Annotated, Final

from fastapi import APIRouter, Query
from frikort_contracts.http.balances import BalanceResource, Balances
from frikort_contracts.http.cards import OwnCardResource
from frikort_contracts.http.mandates import RepresentedResource
from frikort_contracts.http.reports import CardReportResource, CardReports
from pydantic import BaseModel
from starlette.responses import Response

from services.portals.citizen import figures
from services.portals.citizen.card_context import Card, CardContext, CardRequest, represented_by
from services.portals.page import CitizenPage, Page

router = APIRouter()
"""The pages of a card, the person's own or another's."""

others = APIRouter()
"""The list of the cards of others."""

_LATEST: Final = 3


class Glance(BaseModel):
    """All that the page shows of the card."""

    card: OwnCardResource
    balance: BalanceResource | None
    latest: list[CardReportResource]


@router.get("")
async def overview(request: Card) -> Response:
    """The page."""
    (context, glance), represented = await asyncio.gather(_glance(request), _represented(request))
    return _shown(context, "citizen/overview.html", glance, represented=represented, fresh=False)


@router.get("/overblik")
async def updated_glance(request: Card, vist: Annotated[str, Query(max_length=64)] = "") -> Response:
    """The part of the page that changes; 204 if it is the version that the page shows, whose mark is ``vist``."""
    context, glance = await _glance(request)
    if hmac.compare_digest(vist.encode(), _mark(context.page, glance).encode()):
        return Response(status_code=204)
    return _shown(context, "citizen/glance.html", glance, fresh=True)


@router.get("/aendringer")
async def changes(request: Card) -> Response:
    """Server-sent events that something about the card changed. The stream ends with the session."""
    seconds = max(1, request.page.seconds_left)
    return await request.page.forward_events(f"{request.api_path}/changes", seconds=seconds)


@others.get("/paa-vegne-af")
async def represented(page: CitizenPage) -> Response:
    """The cards of others that the person may see."""
    return page.render("citizen/represented.html", represented=await represented_by(page))


async def _glance(request: CardRequest) -> tuple[CardContext, Glance]:
    context, found, reported = await asyncio.gather(
        request.context(), request.get("balances", Balances), request.get("reports", CardReports)
    )
    balance = found.balances[0] if found.balances else None
    return context, Glance(card=context.card, balance=balance, latest=figures.latest(reported.reports, _LATEST))


async def _represented(request: CardRequest) -> list[RepresentedResource]:
    """The cards of others, which only the page about the person's own card lists."""
    return await represented_by(request.page) if request.mandate_id is None else []


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
    content = f"{page.language}{glance.model_dump_json()}"
    return hmac.new(secret.encode(), content.encode(), hashlib.sha256).hexdigest()
