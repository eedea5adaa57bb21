"""For citizens: what is theirs, found by the CPR number in the token."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from contracts.outcomes import Problem
from services.gateway import showing
from services.gateway.api import resources as r
from services.gateway.api.calling import FIND_RESPONSES, READ_RESPONSES, Calling, calling
from services.gateway.api.caseworker import Own, accesses_of, reports_of_card
from services.gateway.auth import Role
from services.gateway.paging import DEFAULT_LIMIT, Cursor, Limit
from services.gateway.problems import ProblemError
from services.gateway.views.cards import CardView

router = APIRouter(prefix="/v1/me", tags=["citizen"])

Citizen = Annotated[Calling, Depends(calling(Role.CITIZEN))]


@router.get("/card", response_model=r.OwnCardResource, responses=FIND_RESPONSES)
async def own_card(ask: Citizen) -> r.OwnCardResource:
    """Your card."""
    card = await _own(ask)
    return showing.own_card(card, ask.gateway.persons.open(card.person))


@router.get("/balances", response_model=r.Balances, responses=FIND_RESPONSES)
async def own_balances(ask: Citizen) -> r.Balances:
    """What you have earned on your card, by year, and what is left."""
    card = await _own(ask)
    ledgers = await ask.gateway.models.ledgers.find({"card_id": card.card_id})
    return showing.balances(ledgers, await ask.gateway.present_year(), ask.gateway.allowances)


@router.get("/employments", response_model=r.CardEmployments, responses=FIND_RESPONSES)
async def own_employments(ask: Citizen) -> r.CardEmployments:
    """The employers who registered that you work for them."""
    card = await _own(ask)
    found = await ask.gateway.models.employments.find({"card_id": card.card_id}, sort=[("order", 1)])
    return r.CardEmployments(employments=[showing.card_employment(view, None) for view in found])


@router.get("/reports", response_model=r.CardReports, responses=FIND_RESPONSES)
async def own_reports(ask: Citizen) -> r.CardReports:
    """What your employers reported, and how it was split."""
    return await reports_of_card(ask, await _own(ask))


@router.get("/warnings", response_model=r.Warnings, responses=FIND_RESPONSES)
async def own_warnings(ask: Citizen) -> r.Warnings:
    """When you came near the allowance, reached it or went above it."""
    card = await _own(ask)
    return showing.warnings(await ask.gateway.models.ledgers.find({"card_id": card.card_id}))


@router.get("/accesses", response_model=r.AccessPage, responses=READ_RESPONSES)
async def own_accesses(
    ask: Citizen, own: Own = True, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = ""
) -> r.AccessPage:
    """Who has looked at your data, what for, and what was changed; newest first. Also if you have no card."""
    card = await ask.gateway.models.card_of_person(ask.organisation)
    return await accesses_of(ask, ask.organisation, card, own=own, limit=limit, cursor=cursor)


async def _own(ask: Calling) -> CardView:
    card = await ask.gateway.models.card_of_person(ask.organisation)
    if card is None:
        raise ProblemError(Problem.CARD_UNKNOWN)
    return card
