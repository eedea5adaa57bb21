"""For whom a citizen gave a mandate: that citizen's card, as the citizen sees it, as long as the mandate is in force.

A mandate that is over, another's, or none at all get the same answer. One needs no card of one's own here.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from frikort_contracts.http.balances import Balances, Warnings
from frikort_contracts.http.cards import OwnCardResource
from frikort_contracts.http.employments import CardEmployments
from frikort_contracts.http.mandates import Represented
from frikort_contracts.http.reports import CardReportResource, CardReports, DisputeBody
from frikort_contracts.issuance import MandateScope
from frikort_contracts.outcomes import Problem
from frikort_contracts.values import CitizenSide
from starlette.responses import Response

from services.gateway import showing
from services.gateway.api import cards
from services.gateway.api.calling import (
    COMMAND_RESPONSES,
    FIND_RESPONSES,
    READ_RESPONSES,
    STREAM_RESPONSES,
    CommandContext,
    RequestContext,
    commanding,
)
from services.gateway.api.cards import Citizen, EventStream, Place, StreamSeconds
from services.gateway.auth import Role
from services.gateway.event_streams import LONGEST
from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView, Mandate

router = APIRouter(prefix="/v1/represented", tags=["citizen"])

HolderCommand = Annotated[CommandContext, Depends(commanding(Role.CITIZEN))]


@router.get("", response_model=Represented, responses=READ_RESPONSES)
async def list_represented(ask: Citizen) -> Represented:
    """The cards that you may see today for others."""
    found = await ask.gateway.models.represented_by(ask.organisation, await ask.gateway.today())
    open_person = ask.gateway.persons.open
    return Represented(represented=[showing.represented(mandate, open_person(card.person)) for card, mandate in found])


@router.get("/{mandate_id}/card", response_model=OwnCardResource, responses=FIND_RESPONSES)
async def represented_card(mandate_id: str, ask: Citizen) -> OwnCardResource:
    """The citizen's card."""
    return cards.own_card(ask, await _card(ask, mandate_id))


@router.get("/{mandate_id}/balances", response_model=Balances, responses=FIND_RESPONSES)
async def represented_balances(mandate_id: str, ask: Citizen) -> Balances:
    """What the citizen has earned on the card, by year, and what is left."""
    return await cards.balances_of(ask, await _card(ask, mandate_id))


@router.get("/{mandate_id}/employments", response_model=CardEmployments, responses=FIND_RESPONSES)
async def represented_employments(mandate_id: str, ask: Citizen) -> CardEmployments:
    """The employers who registered that the citizen works for them."""
    return await cards.employments_of(ask, await _card(ask, mandate_id))


@router.get("/{mandate_id}/reports", response_model=CardReports, responses=FIND_RESPONSES)
async def represented_reports(mandate_id: str, ask: Citizen) -> CardReports:
    """What the citizen's employers reported, and how it was split."""
    return await cards.reports_of(ask, await _card(ask, mandate_id))


@router.get("/{mandate_id}/warnings", response_model=Warnings, responses=FIND_RESPONSES)
async def represented_warnings(mandate_id: str, ask: Citizen) -> Warnings:
    """When the citizen came near the allowance, reached it or went above it."""
    return await cards.warnings_of(ask, await _card(ask, mandate_id))


@router.get("/{mandate_id}/changes", response_class=EventStream, responses=STREAM_RESPONSES)
async def represented_changes(mandate_id: str, ask: Citizen, _: Place, seconds: StreamSeconds = LONGEST) -> Response:
    """Server-sent events: `changed` at once, and whenever something about the citizen's card changes.

    The stream ends with the mandate, and after some minutes at the latest; open it again then.
    """
    return await cards.changes_of(ask, lambda: _card(ask, mandate_id), seconds)


@router.post(
    "/{mandate_id}/reports/{report_id}/dispute", response_model=CardReportResource, responses=COMMAND_RESPONSES
)
async def dispute_represented_report(
    mandate_id: str, report_id: str, body: DisputeBody, ask: HolderCommand
) -> Response:
    """Say for the citizen that a report is not right. Only with the scope `represent`."""
    return await cards.dispute_report(
        ask, body, report_id, lambda: _card_to_represent(ask, mandate_id), CitizenSide.MANDATE_HOLDER
    )


@router.post(
    "/{mandate_id}/reports/{report_id}/dispute/withdrawal",
    response_model=CardReportResource,
    responses=COMMAND_RESPONSES,
)
async def withdraw_represented_dispute(mandate_id: str, report_id: str, ask: HolderCommand) -> Response:
    """Take back what was said about a report, by the citizen or for them. Only with the scope `represent`."""
    return await cards.withdraw_dispute(
        ask, report_id, lambda: _card_to_represent(ask, mandate_id), CitizenSide.MANDATE_HOLDER
    )


async def _found(ask: RequestContext, mandate_id: str) -> tuple[CardView, Mandate]:
    for found in await ask.gateway.models.represented_by(ask.organisation, await ask.gateway.today(), mandate_id):
        return found
    raise ProblemError(Problem.MANDATE_UNKNOWN)


async def _card(ask: RequestContext, mandate_id: str) -> CardView:
    card, _ = await _found(ask, mandate_id)
    return card


async def _card_to_represent(ask: RequestContext, mandate_id: str) -> CardView:
    card, mandate = await _found(ask, mandate_id)
    if mandate.scope is not MandateScope.REPRESENT:
        raise ProblemError("mandate-view-only")
    return card
