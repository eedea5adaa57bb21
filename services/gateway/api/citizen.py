"""For citizens: what is theirs, found by the CPR number in the token, and whom they let see it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from frikort_contracts.http.audit import AccessPage
from frikort_contracts.http.balances import Balances, Warnings
from frikort_contracts.http.cards import OwnCardResource
from frikort_contracts.http.employments import CardEmployments
from frikort_contracts.http.mandates import MandateBody, MandateResource, Mandates
from frikort_contracts.http.reports import CardReportResource, CardReports, DisputeBody
from frikort_contracts.outcomes import Problem
from frikort_contracts.values import CitizenSide
from starlette.responses import Response

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
from services.gateway.api.caseworker import Own, accesses_of
from services.gateway.auth import Role
from services.gateway.event_streams import LONGEST
from services.gateway.paging import DEFAULT_LIMIT, Cursor, Limit
from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView

router = APIRouter(prefix="/v1/me", tags=["citizen"])

CitizenCommand = Annotated[CommandContext, Depends(commanding(Role.CITIZEN))]


@router.get("/card", response_model=OwnCardResource, responses=FIND_RESPONSES)
async def own_card(ask: Citizen) -> OwnCardResource:
    """Your card."""
    return cards.own_card(ask, await _own(ask))


@router.get("/balances", response_model=Balances, responses=FIND_RESPONSES)
async def own_balances(ask: Citizen) -> Balances:
    """What you have earned on your card, by year, and what is left."""
    return await cards.balances_of(ask, await _own(ask))


@router.get("/employments", response_model=CardEmployments, responses=FIND_RESPONSES)
async def own_employments(ask: Citizen) -> CardEmployments:
    """The employers who registered that you work for them."""
    return await cards.employments_of(ask, await _own(ask))


@router.get("/reports", response_model=CardReports, responses=FIND_RESPONSES)
async def own_reports(ask: Citizen) -> CardReports:
    """What your employers reported, and how it was split."""
    return await cards.reports_of(ask, await _own(ask))


@router.post("/reports/{report_id}/dispute", response_model=CardReportResource, responses=COMMAND_RESPONSES)
async def dispute_own_report(report_id: str, body: DisputeBody, ask: CitizenCommand) -> Response:
    """Say that a report is not right. Its employer, your municipality and the authorities see it; no amount changes.

    It stands until you take it back, or the employer corrects or withdraws the report.
    """
    return await cards.dispute_report(ask, body, report_id, lambda: _own(ask), CitizenSide.CITIZEN)


@router.post("/reports/{report_id}/dispute/withdrawal", response_model=CardReportResource, responses=COMMAND_RESPONSES)
async def withdraw_own_dispute(report_id: str, ask: CitizenCommand) -> Response:
    """Take back what was said about a report, by you or for you."""
    return await cards.withdraw_dispute(ask, report_id, lambda: _own(ask), CitizenSide.CITIZEN)


@router.get("/warnings", response_model=Warnings, responses=FIND_RESPONSES)
async def own_warnings(ask: Citizen) -> Warnings:
    """When you came near the allowance, reached it or went above it."""
    return await cards.warnings_of(ask, await _own(ask))


@router.get("/changes", response_class=EventStream, responses=STREAM_RESPONSES)
async def own_changes(ask: Citizen, _: Place, seconds: StreamSeconds = LONGEST) -> Response:
    """Server-sent events: `changed` at once, and whenever something about your card changes. What, is for you to ask.

    The stream ends after some minutes at the latest; open it again then.
    """
    return await cards.changes_of(ask, lambda: _own(ask), seconds)


@router.get("/mandates", response_model=Mandates, responses=FIND_RESPONSES)
async def own_mandates(ask: Citizen) -> Mandates:
    """Whom you let see your card, now and before."""
    return await cards.mandates_of(ask, await _own(ask))


@router.post("/mandates", status_code=201, response_model=MandateResource, responses=COMMAND_RESPONSES)
async def grant_own_mandate(body: MandateBody, ask: CitizenCommand) -> Response:
    """Let another person see your card (`view`), or also talk to employers about it (`represent`), through a day.

    At least today and at most five years ahead; at most twenty people at a time.
    """
    return await cards.grant_mandate(ask, body, lambda: _own(ask), municipality=None)


@router.post("/mandates/{mandate_id}/withdrawal", response_model=MandateResource, responses=COMMAND_RESPONSES)
async def withdraw_own_mandate(mandate_id: str, ask: CitizenCommand) -> Response:
    """Let somebody see your card no more, from now on."""
    return await cards.withdraw_mandate(ask, mandate_id, lambda: _own(ask), municipality=None)


@router.get("/accesses", response_model=AccessPage, responses=READ_RESPONSES)
async def own_accesses(ask: Citizen, own: Own = True, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = "") -> AccessPage:
    """Who has looked at your data, what for, and what was changed; newest first. Also if you have no card."""
    card = await ask.gateway.models.card_of_person(ask.organisation)
    return await accesses_of(ask, ask.organisation, card, own=own, limit=limit, cursor=cursor)


async def _own(ask: RequestContext) -> CardView:
    card = await ask.gateway.models.card_of_person(ask.organisation)
    if card is None:
        raise ProblemError(Problem.CARD_UNKNOWN)
    return card
