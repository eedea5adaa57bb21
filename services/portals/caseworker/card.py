"""The pages about a card: its overview, its history, and the log of accesses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from fastapi import APIRouter
from frikort_contracts.http.audit import AccessPage
from frikort_contracts.http.balances import BalanceResource, Balances, WarningResource
from frikort_contracts.http.employments import CardEmployments
from frikort_contracts.http.reports import CardReports
from starlette.responses import Response

from services.portals.caseworker.card_context import Card
from services.portals.common.accesses import PURPOSES, visits
from services.portals.container import container_of
from services.portals.documents.card import PhysicalCard, physical_card
from services.portals.paging import Cursor

router = APIRouter()

_SEVERITY: Final = {"near": 1, "reached": 2, "exceeded": 3}
_REPORTING: Final = "/virksomhed/indberet"


@router.get("/kommune/frikort/{card_id}")
async def card(context: Card) -> Response:
    """The card at a glance: the citizen, open disputes, what is left this year, and what can be done."""
    shown, found, reported = await asyncio.gather(
        context.card(), context.get("/balances", Balances), context.get("/reports", CardReports)
    )
    return context.render(
        "caseworker/card.html",
        shown,
        balances=found.balances,
        warnings=standing_warnings(found.balances),
        disputed=[report for report in reported.reports if report.dispute is not None],
    )


def standing_warnings(balances: Iterable[BalanceResource]) -> list[WarningResource]:
    """The warnings that no correction has made untrue: the latest year first, in it the severest."""
    standing = [one for balance in balances for one in balance.warnings if one.withdrawn_at is None]
    return sorted(standing, key=lambda one: (one.year, _SEVERITY.get(one.threshold, 0)), reverse=True)


@router.get("/kommune/frikort/{card_id}/ansaettelser")
async def employments(context: Card) -> Response:
    """Where the citizen works, and the contact persons there."""
    shown, found = await asyncio.gather(context.card(), context.get("/employments", CardEmployments))
    return context.render("caseworker/employments.html", shown, employments=found.employments)


@router.get("/kommune/frikort/{card_id}/historik")
async def history(context: Card) -> Response:
    """Everything that has happened to the card."""
    return context.render("caseworker/history.html", await context.card())


@router.get("/kommune/frikort/{card_id}/opslag")
async def accesses(context: Card, cursor: Cursor = "") -> Response:
    """The log of accesses to the citizen's data, which the citizen sees too."""
    shown, found = await asyncio.gather(context.card(), context.get("/accesses", AccessPage, cursor=cursor or None))
    return context.render(
        "caseworker/accesses.html",
        shown,
        visits=visits(found.accesses),
        purposes=PURPOSES,
        following=found.next,
        cursor=cursor,
    )


@router.get("/kommune/frikort/{card_id}/fysisk-kort")
async def about_physical_card(context: Card) -> Response:
    """What to do with the physical card, and where to get it."""
    return context.render("caseworker/physical_card.html", await context.card())


@router.get("/kommune/frikort/{card_id}/fysisk-kort/pdf")
async def download_physical_card(context: Card) -> Response:
    """The physical card to print."""
    page, shown = context.page, await context.card()
    pdf = await physical_card(
        PhysicalCard(
            number=shown.number,
            name=shown.name or page.gettext("Slettet"),
            municipality=shown.municipality.name,
            reporting=f"{container_of(page.request).settings.public_url}{_REPORTING}",
        ),
        page.gettext,
        page.language,
    )
    # The file lies on a computer that others use: its name says nothing about the citizen.
    disposition = 'attachment; filename="frikort.pdf"'
    return Response(pdf, media_type="application/pdf", headers={"Content-Disposition": disposition})
