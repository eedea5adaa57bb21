"""Routes for citizens: their own card, found by the CPR number in the token, and its mandates."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from frikort_contracts.http.audit import AccessPage
from frikort_contracts.http.balances import Balances, Warnings
from frikort_contracts.http.cards import OwnCardResource
from frikort_contracts.http.employments import CardEmployments
from frikort_contracts.http.mandates import MandateBody, MandateResource, Mandates
from frikort_contracts.http.reports import CardReportResource, CardReports, DisputeBody
from frikort_contracts.http.roles import Role
from frikort_contracts.outcomes import Problem
from frikort_contracts.values import CitizenSide
from starlette.responses import Response

from services.gateway.api.dependencies import PENDING, Citizen, CommandContext, RequestContext, command_in
from services.gateway.api.json_route import JsonRoute
from services.gateway.api.paging import DEFAULT_LIMIT, Cursor, Limit
from services.gateway.audit.actions import (
    DISPUTE_REPORT,
    GRANT_MANDATE,
    READ_ACCESSES,
    READ_BALANCE,
    READ_CARD,
    READ_EMPLOYMENTS,
    READ_MANDATES,
    READ_REPORTS,
    READ_WARNINGS,
    WITHDRAW_DISPUTE,
    WITHDRAW_MANDATE,
)
from services.gateway.audit.routes import audited
from services.gateway.cards import disputes, mandates, queries
from services.gateway.cards.problem_codes import CARD, DISPUTE, DISPUTE_WITHDRAWAL, GRANT, MANDATE_WITHDRAWAL
from services.gateway.cards.queries import IncludeOwn
from services.gateway.citizen import presenters
from services.gateway.citizen.server_sent_events import EventStream, StreamSeconds, StreamSlot, stream_changes
from services.gateway.event_streams import LONGEST
from services.gateway.operation_problems import problems
from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView

router = APIRouter(route_class=JsonRoute, prefix="/v1/me", tags=["citizen"])

CitizenCommand = Annotated[CommandContext, Depends(command_in(Role.CITIZEN))]


@router.get("/card", response_model=OwnCardResource, openapi_extra=problems(*CARD))
@audited(READ_CARD)
async def own_card(context: Citizen) -> OwnCardResource:
    """Your card."""
    card = await _own(context)
    return presenters.own_card(card, context.container.persons.decrypt(card.person, card.card_id))


@router.get("/balances", response_model=Balances, openapi_extra=problems(*CARD))
@audited(READ_BALANCE)
async def own_balances(context: Citizen) -> Balances:
    """What you have earned on your card, by year, and what is left."""
    return await queries.balances_of(context, await _own(context))


@router.get("/employments", response_model=CardEmployments, openapi_extra=problems(*CARD))
@audited(READ_EMPLOYMENTS)
async def own_employments(context: Citizen) -> CardEmployments:
    """The employers who registered that you work for them."""
    return await queries.employments_of(context, await _own(context))


@router.get("/reports", response_model=CardReports, openapi_extra=problems(*CARD))
@audited(READ_REPORTS)
async def own_reports(context: Citizen) -> CardReports:
    """What your employers reported, and how it was split."""
    return await queries.reports_of(context, await _own(context))


@router.post(
    "/reports/{report_id}/dispute",
    response_model=CardReportResource,
    responses=PENDING,
    openapi_extra=problems(*DISPUTE),
)
@audited(DISPUTE_REPORT)
async def dispute_own_report(report_id: str, body: DisputeBody, context: CitizenCommand) -> Response:
    """Dispute a report. Its employer, your municipality and the authorities see the dispute; no amount changes.

    It stays open until you withdraw it, the employer corrects or withdraws the report, or the municipality decides that
    the report stands.
    """
    return await disputes.dispute_report(context, body, report_id, lambda: _own(context), CitizenSide.CITIZEN)


@router.post(
    "/reports/{report_id}/dispute/withdrawal",
    response_model=CardReportResource,
    responses=PENDING,
    openapi_extra=problems(*DISPUTE_WITHDRAWAL),
)
@audited(WITHDRAW_DISPUTE)
async def withdraw_own_dispute(report_id: str, context: CitizenCommand) -> Response:
    """Withdraw a dispute that you raised, or that was raised for you."""
    return await disputes.withdraw_dispute(context, report_id, lambda: _own(context), CitizenSide.CITIZEN)


@router.get("/warnings", response_model=Warnings, openapi_extra=problems(*CARD))
@audited(READ_WARNINGS)
async def own_warnings(context: Citizen) -> Warnings:
    """When you came near the allowance, reached it or went above it."""
    return await queries.warnings_of(context, await _own(context))


@router.get("/changes", response_class=EventStream, openapi_extra=problems(*CARD, "too-many-streams"))
@audited(READ_CARD)
async def own_changes(context: Citizen, _: StreamSlot, seconds: StreamSeconds = LONGEST) -> Response:
    """Server-sent events: `changed` at once, and whenever something about your card changes.

    The event does not contain what changed.

    The stream ends after some minutes at the latest; open it again then.
    """
    return await stream_changes(context, lambda: _own(context), seconds)


@router.get("/mandates", response_model=Mandates, openapi_extra=problems(*CARD))
@audited(READ_MANDATES)
async def own_mandates(context: Citizen) -> Mandates:
    """The people who may see your card, now and before."""
    return await queries.mandates_of(context, await _own(context))


@router.post(
    "/mandates", status_code=201, response_model=MandateResource, responses=PENDING, openapi_extra=problems(*GRANT)
)
@audited(GRANT_MANDATE)
async def grant_own_mandate(body: MandateBody, context: CitizenCommand) -> Response:
    """Let another person see your card (`view`), or also talk to employers about it (`represent`), through a day.

    At least today and at most five years ahead; at most twenty people at a time.
    """
    return await mandates.grant_mandate(context, body, lambda: _own(context), municipality=None)


@router.post(
    "/mandates/{mandate_id}/withdrawal",
    response_model=MandateResource,
    responses=PENDING,
    openapi_extra=problems(*MANDATE_WITHDRAWAL),
)
@audited(WITHDRAW_MANDATE)
async def withdraw_own_mandate(mandate_id: str, context: CitizenCommand) -> Response:
    """End a mandate from now on."""
    return await mandates.withdraw_mandate(context, mandate_id, lambda: _own(context), municipality=None)


@router.get("/accesses", response_model=AccessPage)
@audited(READ_ACCESSES)
async def own_accesses(
    context: Citizen, own: IncludeOwn = True, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = ""
) -> AccessPage:
    """Accesses to your data, newest first: who read or changed them, and why. You need no card."""
    card = await context.container.read_models.card_of_person(context.organisation)
    hashes = (context.organisation, *context.caller.other_hashes)
    return await queries.accesses_of(context, hashes, card, own=own, limit=limit, cursor=cursor)


async def _own(context: RequestContext) -> CardView:
    card = await context.container.read_models.card_of_person(context.organisation)
    if card is None:
        raise ProblemError(Problem.CARD_UNKNOWN)
    return card
