"""For caseworkers: the cards of their own municipality. Another's do not exist here."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from frikort_contracts.http.audit import AccessPage
from frikort_contracts.http.balances import Balances
from frikort_contracts.http.cards import (
    CardResource,
    ControlBody,
    ControlsDue,
    DecisionBody,
    HandedOverResource,
    HandOverBody,
    IssueCardBody,
    NewNumberBody,
    SearchCardBody,
)
from frikort_contracts.http.employments import CardEmployments
from frikort_contracts.http.mandates import MandateBody, MandateResource, Mandates
from frikort_contracts.http.reports import CardReportResource, CardReports, DisputeBody
from frikort_contracts.issuance import (
    DeactivateCard,
    HandOverCard,
    IssueCard,
    MunicipalCardCommand,
    ReactivateCard,
    RecordControl,
    ReplaceCardNumber,
)
from frikort_contracts.outcomes import Problem
from frikort_contracts.values import CitizenSide
from pydantic import BaseModel
from starlette.responses import Response

from services.gateway import showing
from services.gateway.api import cards
from services.gateway.api.calling import (
    COMMAND_RESPONSES,
    FIND_RESPONSES,
    READ_RESPONSES,
    CommandContext,
    RequestContext,
    commanding,
    require_reason,
)
from services.gateway.audit import texts
from services.gateway.audit.extracts import extracts_with
from services.gateway.audit.log import Span, of_card, of_person
from services.gateway.auth import Role
from services.gateway.paging import DEFAULT_LIMIT, Cursor, Limit, before, page
from services.gateway.person_encryption import Person
from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView

router = APIRouter(prefix="/v1", tags=["caseworker"])

Caseworker = Annotated[RequestContext, Depends(require_reason(Role.CASEWORKER))]
Own = Annotated[bool, Query(description="Also what the person looked at.")]
CaseworkerCommand = Annotated[CommandContext, Depends(commanding(Role.CASEWORKER))]


@router.post("/cards", status_code=201, response_model=CardResource, responses=COMMAND_RESPONSES)
async def issue_card(body: IssueCardBody, ask: CaseworkerCommand) -> Response:
    """Issue a card to a citizen. A person has one card, for life."""

    async def build(_: UUID) -> IssueCard:
        return IssueCard(
            person=ask.gateway.persons.seal(Person(body.cpr, body.name)),
            municipality=ask.organisation,
            case_reference=body.case_reference,
            actor=ask.caller.subject,
        )

    return await ask.submit(body, build)


@router.post("/cards/search", response_model=CardResource, responses=FIND_RESPONSES)
async def search_card(body: SearchCardBody, ask: Caseworker) -> CardResource:
    """Find a card by CPR number or card number. The CPR number is in the body, so that no log of addresses has it."""
    models = ask.gateway.models
    if body.cpr is not None:
        found = await models.card_of_person(ask.gateway.persons.cpr_hash(body.cpr))
    else:
        found = await models.card_of_number(str(body.number))
    return _shown(ask, _own(ask, found))


@router.get("/cards/{card_id}", response_model=CardResource, responses=FIND_RESPONSES)
async def get_card(card_id: str, ask: Caseworker) -> CardResource:
    """A card."""
    return _shown(ask, await _card(ask, card_id))


@router.post("/cards/{card_id}/deactivation", response_model=CardResource, responses=COMMAND_RESPONSES)
async def deactivate_card(card_id: str, body: DecisionBody, ask: CaseworkerCommand) -> Response:
    """Deactivate a card from today, not backwards: work up to and including today can still be reported."""
    return await _submit(ask, card_id, body, DeactivateCard)


@router.post("/cards/{card_id}/reactivation", response_model=CardResource, responses=COMMAND_RESPONSES)
async def reactivate_card(card_id: str, body: DecisionBody, ask: CaseworkerCommand) -> Response:
    """Make a deactivated card active again from today."""
    return await _submit(ask, card_id, body, ReactivateCard)


@router.post("/cards/{card_id}/number", response_model=CardResource, responses=COMMAND_RESPONSES)
async def replace_number(card_id: str, body: NewNumberBody, ask: CaseworkerCommand) -> Response:
    """Give the card a new number; the card and its totals stay."""
    return await _submit(ask, card_id, body, ReplaceCardNumber)


@router.post("/cards/{card_id}/hand-over", response_model=HandedOverResource, responses=COMMAND_RESPONSES)
async def hand_over_card(card_id: str, body: HandOverBody, ask: CaseworkerCommand) -> Response:
    """Hand the card over to the municipality that the citizen moved to. It can no longer be seen here then."""
    return await _submit(ask, card_id, body, HandOverCard)


@router.post("/cards/{card_id}/controls", response_model=CardResource, responses=COMMAND_RESPONSES)
async def record_control(card_id: str, body: ControlBody, ask: CaseworkerCommand) -> Response:
    """Record the result of this year's control. Its reasons stay in the municipality's own system."""
    return await _submit(ask, card_id, body, RecordControl)


@router.get("/cards/{card_id}/balances", response_model=Balances, responses=FIND_RESPONSES)
async def card_balances(card_id: str, ask: Caseworker) -> Balances:
    """The card's years."""
    return await cards.balances_of(ask, await _card(ask, card_id))


@router.get("/cards/{card_id}/employments", response_model=CardEmployments, responses=FIND_RESPONSES)
async def card_employments(card_id: str, ask: Caseworker) -> CardEmployments:
    """The card's employments, with the employers' contact persons."""
    return await cards.employments_of(ask, await _card(ask, card_id), contacts=True)


@router.get("/cards/{card_id}/reports", response_model=CardReports, responses=FIND_RESPONSES)
async def card_reports(card_id: str, ask: Caseworker) -> CardReports:
    """The card's reports and their splits."""
    return await cards.reports_of(ask, await _card(ask, card_id))


@router.post(
    "/cards/{card_id}/reports/{report_id}/dispute", response_model=CardReportResource, responses=COMMAND_RESPONSES
)
async def dispute_report(card_id: str, report_id: str, body: DisputeBody, ask: CaseworkerCommand) -> Response:
    """Say for the citizen that a report is not right. It stands until taken back, or until the employer answers it."""
    return await cards.dispute_report(ask, body, report_id, lambda: _card(ask, card_id), CitizenSide.MUNICIPALITY)


@router.post(
    "/cards/{card_id}/reports/{report_id}/dispute/withdrawal",
    response_model=CardReportResource,
    responses=COMMAND_RESPONSES,
)
async def withdraw_dispute(card_id: str, report_id: str, ask: CaseworkerCommand) -> Response:
    """Take back what was said about a report, by the citizen or for them."""
    return await cards.withdraw_dispute(ask, report_id, lambda: _card(ask, card_id), CitizenSide.MUNICIPALITY)


@router.get("/cards/{card_id}/mandates", response_model=Mandates, responses=FIND_RESPONSES)
async def card_mandates(card_id: str, ask: Caseworker) -> Mandates:
    """Whom the citizen lets see the card, now and before."""
    return await cards.mandates_of(ask, await _card(ask, card_id))


@router.post("/cards/{card_id}/mandates", status_code=201, response_model=MandateResource, responses=COMMAND_RESPONSES)
async def grant_mandate(card_id: str, body: MandateBody, ask: CaseworkerCommand) -> Response:
    """Let another person see the card, for a citizen who has no digital ID."""
    return await cards.grant_mandate(ask, body, lambda: _card(ask, card_id), municipality=ask.organisation)


@router.post(
    "/cards/{card_id}/mandates/{mandate_id}/withdrawal", response_model=MandateResource, responses=COMMAND_RESPONSES
)
async def withdraw_mandate(card_id: str, mandate_id: str, ask: CaseworkerCommand) -> Response:
    """End a mandate for the citizen."""
    return await cards.withdraw_mandate(ask, mandate_id, lambda: _card(ask, card_id), municipality=ask.organisation)


@router.get("/cards/{card_id}/accesses", response_model=AccessPage, responses=FIND_RESPONSES)
async def card_accesses(
    card_id: str, ask: Caseworker, own: Own = True, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = ""
) -> AccessPage:
    """Who has looked at the citizen's data, newest first; for a citizen who cannot sign in, in words meant for them."""
    card = await _card(ask, card_id)
    return await accesses_of(ask, card.person.cpr_hash, card, own=own, limit=limit, cursor=cursor)


@router.get("/controls-due", response_model=ControlsDue, responses=READ_RESPONSES)
async def controls_due(
    ask: Caseworker, year: Annotated[int | None, Query(ge=2019, le=2200, description="This year if left out.")] = None
) -> ControlsDue:
    """The municipality's active cards whose control is due by the end of ``year``."""
    by = year or await ask.gateway.current_year()
    found = await ask.gateway.models.cards.find(
        {"municipality": ask.organisation, "control_due": {"$lte": by}, "active": True},
        sort=[("control_due", 1), ("card_id", 1)],
    )
    return ControlsDue(
        year=by, cards=[showing.control_due(card, ask.gateway.persons.open(card.person)) for card in found]
    )


async def _submit(ask: CommandContext, card_id: str, body: BaseModel, command: type[MunicipalCardCommand]) -> Response:
    """Submit a command about an own card; the body has the fields of the command beside those of every one."""

    async def build(_: UUID) -> MunicipalCardCommand:
        card = await _card(ask, card_id)
        return command(
            card_id=card.card_id, municipality=ask.organisation, actor=ask.caller.subject, **body.model_dump()
        )

    return await ask.submit(body, build)


async def accesses_of(
    ask: RequestContext, cpr_hash: str, card: CardView | None, *, own: bool, limit: int, cursor: str
) -> AccessPage:
    """A page of a person's access log: what concerns them by their CPR number, by their card, and by extracts."""
    spans = [Span(of_person(cpr_hash))]
    if card is not None:
        reports = await ask.gateway.models.reports.find({"card_id": card.card_id})
        spans += [Span(of_card(card.card_id)), *extracts_with(card, reports)]
    found = await ask.gateway.accesses.latest(spans, own=own, before=before(cursor), limit=limit + 1)
    shown, following = page(found, limit)
    return texts.page(shown, following, ask.language)


async def _card(ask: RequestContext, card_id: str) -> CardView:
    return _own(ask, await ask.gateway.models.cards.get(card_id))


def _own(ask: RequestContext, card: CardView | None) -> CardView:
    if card is None or card.municipality != ask.organisation:
        raise ProblemError(Problem.CARD_UNKNOWN)
    return card


def _shown(ask: RequestContext, card: CardView) -> CardResource:
    return showing.card(card, ask.gateway.persons.open(card.person))
