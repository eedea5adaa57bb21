"""A card: what stands on it, what has happened to it, and who has looked."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from frikort_contracts.http.audit import AccessPage
from frikort_contracts.http.balances import Balances
from frikort_contracts.http.cards import CardResource
from frikort_contracts.http.employments import CardEmployments
from starlette.responses import Response

from services.gateway.documents.card import PhysicalCard, physical_card
from services.gateway.portals.caseworker.visit import CardVisit

router = APIRouter()

_REPORTING: Final = "/virksomhed/indberet"


@router.get("/kommune/frikort/{card_id}")
async def card(visit: CardVisit) -> Response:
    """The card at a glance: the citizen, what is left this year, and what can be done."""
    balances = await visit.get("/balances", Balances)
    return await visit.render("caseworker/card.html", balances=balances.balances)


@router.get("/kommune/frikort/{card_id}/ansaettelser")
async def employments(visit: CardVisit) -> Response:
    """Where the citizen works, and whom to ask there."""
    found = await visit.get("/employments", CardEmployments)
    return await visit.render("caseworker/employments.html", employments=found.employments)


@router.get("/kommune/frikort/{card_id}/historik")
async def history(visit: CardVisit) -> Response:
    """Everything that has happened to the card."""
    return await visit.render("caseworker/history.html")


@router.get("/kommune/frikort/{card_id}/opslag")
async def accesses(visit: CardVisit, cursor: Annotated[str, Query(max_length=400)] = "") -> Response:
    """Who has looked at the citizen's data, as the citizen sees it too."""
    found = await visit.get("/accesses", AccessPage, cursor=cursor or None)
    return await visit.render("caseworker/accesses.html", found=found, cursor=cursor)


@router.get("/kommune/frikort/{card_id}/fysisk-kort")
async def about_physical_card(visit: CardVisit) -> Response:
    """What to do with the physical card, and where to get it."""
    return await visit.render("caseworker/physical_card.html")


@router.get("/kommune/frikort/{card_id}/fysisk-kort/pdf")
async def download_physical_card(visit: CardVisit) -> Response:
    """The physical card to print."""
    page, shown = visit.page, await visit.get("", CardResource)
    pdf = await physical_card(
        PhysicalCard(
            number=shown.number,
            name=shown.name,
            municipality=shown.municipality.name,
            reporting=f"{page.request.app.state.public_url}{_REPORTING}",
        ),
        page.gettext,
        page.language,
    )
    # The file lies on a computer that others use: its name says nothing about the citizen.
    disposition = 'attachment; filename="frikort.pdf"'
    return Response(pdf, media_type="application/pdf", headers={"Content-Disposition": disposition})
