"""Routes for the holder of a mandate: the card of the citizen who granted it, while the mandate is in force.

A mandate that has ended, belongs to another holder or does not exist answers ``mandate-unknown``. The holder needs no
card.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from frikort_contracts.http.balances import Balances, Warnings
from frikort_contracts.http.cards import OwnCardResource
from frikort_contracts.http.employments import CardEmployments
from frikort_contracts.http.mandates import Represented
from frikort_contracts.http.reports import CardReportResource, CardReports, DisputeBody
from frikort_contracts.http.roles import Role
from frikort_contracts.issuance import MandateScope
from frikort_contracts.outcomes import Problem
from frikort_contracts.values import CitizenSide
from starlette.responses import Response

from services.gateway.api.dependencies import PENDING, Citizen, CommandContext, RequestContext, command_in
from services.gateway.api.json_route import JsonRoute
from services.gateway.audit.actions import (
    DISPUTE_REPORT,
    READ_BALANCE,
    READ_CARD,
    READ_EMPLOYMENTS,
    READ_REPORTS,
    READ_WARNINGS,
    WITHDRAW_DISPUTE,
)
from services.gateway.audit.routes import audited
from services.gateway.cards import disputes, queries
from services.gateway.cards.problem_codes import DISPUTE, DISPUTE_WITHDRAWAL
from services.gateway.citizen import presenters
from services.gateway.citizen.server_sent_events import EventStream, StreamSeconds, StreamSlot, stream_changes
from services.gateway.event_streams import LONGEST
from services.gateway.operation_problems import problems
from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView, MandateView

router = APIRouter(route_class=JsonRoute, prefix="/v1/represented", tags=["citizen"])

_MANDATE: Final = ("mandate-unknown",)
_REPRESENTED: Final = ("mandate-unknown", "card-unknown")

HolderCommand = Annotated[CommandContext, Depends(command_in(Role.CITIZEN))]


@router.get("", response_model=Represented)
@audited(READ_CARD)
async def list_represented(context: Citizen) -> Represented:
    """The cards of others that you may see today."""
    found = await context.container.read_models.represented_by(
        context.organisation, await context.container.clock.today()
    )
    decrypt = context.container.persons.decrypt
    return Represented(
        represented=[presenters.represented(mandate, decrypt(card.person, card.card_id)) for card, mandate in found]
    )


@router.get("/{mandate_id}/card", response_model=OwnCardResource, openapi_extra=problems(*_REPRESENTED))
@audited(READ_CARD)
async def represented_card(mandate_id: str, context: Citizen) -> OwnCardResource:
    """The citizen's card."""
    card = await _card(context, mandate_id)
    return presenters.own_card(card, context.container.persons.decrypt(card.person, card.card_id))


@router.get("/{mandate_id}/balances", response_model=Balances, openapi_extra=problems(*_REPRESENTED))
@audited(READ_BALANCE)
async def represented_balances(mandate_id: str, context: Citizen) -> Balances:
    """What the citizen has earned on the card, by year, and what is left."""
    return await queries.balances_of(context, await _card(context, mandate_id))


@router.get("/{mandate_id}/employments", response_model=CardEmployments, openapi_extra=problems(*_REPRESENTED))
@audited(READ_EMPLOYMENTS)
async def represented_employments(mandate_id: str, context: Citizen) -> CardEmployments:
    """The employers who registered that the citizen works for them."""
    return await queries.employments_of(context, await _card(context, mandate_id))


@router.get("/{mandate_id}/reports", response_model=CardReports, openapi_extra=problems(*_REPRESENTED))
@audited(READ_REPORTS)
async def represented_reports(mandate_id: str, context: Citizen) -> CardReports:
    """What the citizen's employers reported, and how it was split."""
    return await queries.reports_of(context, await _card(context, mandate_id))


@router.get("/{mandate_id}/warnings", response_model=Warnings, openapi_extra=problems(*_REPRESENTED))
@audited(READ_WARNINGS)
async def represented_warnings(mandate_id: str, context: Citizen) -> Warnings:
    """When the citizen came near the allowance, reached it or went above it."""
    return await queries.warnings_of(context, await _card(context, mandate_id))


@router.get(
    "/{mandate_id}/changes", response_class=EventStream, openapi_extra=problems(*_REPRESENTED, "too-many-streams")
)
@audited(READ_CARD)
async def represented_changes(
    mandate_id: str, context: Citizen, _: StreamSlot, seconds: StreamSeconds = LONGEST
) -> Response:
    """Server-sent events: `changed` at once, and whenever something about the citizen's card changes.

    The stream ends with the mandate, and after some minutes at the latest; open it again then.
    """
    return await stream_changes(context, lambda: _card(context, mandate_id), seconds)


@router.post(
    "/{mandate_id}/reports/{report_id}/dispute",
    response_model=CardReportResource,
    responses=PENDING,
    openapi_extra=problems(*_MANDATE, "mandate-view-only", *DISPUTE),
)
@audited(DISPUTE_REPORT)
async def dispute_represented_report(
    mandate_id: str, report_id: str, body: DisputeBody, context: HolderCommand
) -> Response:
    """Dispute a report for the citizen. Only with the scope `represent`."""
    return await disputes.dispute_report(
        context, body, report_id, lambda: _card_to_represent(context, mandate_id), CitizenSide.MANDATE_HOLDER
    )


@router.post(
    "/{mandate_id}/reports/{report_id}/dispute/withdrawal",
    response_model=CardReportResource,
    responses=PENDING,
    openapi_extra=problems(*_MANDATE, "mandate-view-only", *DISPUTE_WITHDRAWAL),
)
@audited(WITHDRAW_DISPUTE)
async def withdraw_represented_dispute(mandate_id: str, report_id: str, context: HolderCommand) -> Response:
    """Withdraw a dispute that the citizen raised, or that was raised for them. Only with the scope `represent`."""
    return await disputes.withdraw_dispute(
        context, report_id, lambda: _card_to_represent(context, mandate_id), CitizenSide.MANDATE_HOLDER
    )


async def _found(context: RequestContext, mandate_id: str) -> tuple[CardView, MandateView]:
    for found in await context.container.read_models.represented_by(
        context.organisation, await context.container.clock.today(), mandate_id
    ):
        return found
    raise ProblemError(Problem.MANDATE_UNKNOWN)


async def _card(context: RequestContext, mandate_id: str) -> CardView:
    card, _ = await _found(context, mandate_id)
    return card


async def _card_to_represent(context: RequestContext, mandate_id: str) -> CardView:
    card, mandate = await _found(context, mandate_id)
    if mandate.scope is not MandateScope.REPRESENT:
        raise ProblemError("mandate-view-only")
    return card
