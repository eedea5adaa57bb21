"""For caseworkers: the cards of their own municipality. Another's do not exist here."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from contracts.issuance import (
    DeactivateCard,
    HandOverCard,
    IssueCard,
    MunicipalCardCommand,
    ReactivateCard,
    RecordControl,
    ReplaceCardNumber,
)
from contracts.outcomes import Problem
from services.gateway import showing
from services.gateway.accesses import telling
from services.gateway.accesses.extracts import extracts_with
from services.gateway.accesses.log import Span, of_card, of_person
from services.gateway.api import resources as r
from services.gateway.api.calling import (
    COMMAND_RESPONSES,
    FIND_RESPONSES,
    READ_RESPONSES,
    Calling,
    Commanding,
    commanding,
    saying_why,
)
from services.gateway.api.requests import (
    ControlBody,
    DecisionBody,
    HandOverBody,
    IssueCardBody,
    NewNumberBody,
    SearchCardBody,
)
from services.gateway.auth import Role
from services.gateway.paging import DEFAULT_LIMIT, Cursor, Limit, before, page
from services.gateway.persons import Person
from services.gateway.problems import ProblemError
from services.gateway.views.cards import CardView

router = APIRouter(prefix="/v1", tags=["caseworker"])

Caseworker = Annotated[Calling, Depends(saying_why(Role.CASEWORKER))]
Own = Annotated[bool, Query(description="Also what the person looked at.")]
CaseworkerCommand = Annotated[Commanding, Depends(commanding(Role.CASEWORKER))]


@router.post("/cards", status_code=201, response_model=r.CardResource, responses=COMMAND_RESPONSES)
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


@router.post("/cards/search", response_model=r.CardResource, responses=FIND_RESPONSES)
async def search_card(body: SearchCardBody, ask: Caseworker) -> r.CardResource:
    """Find a card by CPR number or card number. The CPR number is in the body, so that no log of addresses has it."""
    models = ask.gateway.models
    if body.cpr is not None:
        found = await models.card_of_person(ask.gateway.persons.cpr_hash(body.cpr))
    else:
        found = await models.card_of_number(str(body.number))
    return _shown(ask, _own(ask, found))


@router.get("/cards/{card_id}", response_model=r.CardResource, responses=FIND_RESPONSES)
async def get_card(card_id: str, ask: Caseworker) -> r.CardResource:
    """A card."""
    return _shown(ask, await _card(ask, card_id))


@router.post("/cards/{card_id}/deactivation", response_model=r.CardResource, responses=COMMAND_RESPONSES)
async def deactivate_card(card_id: str, body: DecisionBody, ask: CaseworkerCommand) -> Response:
    """Deactivate a card from today, not backwards: work up to and including today can still be reported."""

    async def build(_: UUID) -> MunicipalCardCommand:
        card = await _card(ask, card_id)
        return DeactivateCard(
            card_id=card.card_id,
            municipality=ask.organisation,
            actor=ask.caller.subject,
            case_reference=body.case_reference,
        )

    return await ask.submit(body, build)


@router.post("/cards/{card_id}/reactivation", response_model=r.CardResource, responses=COMMAND_RESPONSES)
async def reactivate_card(card_id: str, body: DecisionBody, ask: CaseworkerCommand) -> Response:
    """Make a deactivated card active again from today."""

    async def build(_: UUID) -> MunicipalCardCommand:
        card = await _card(ask, card_id)
        return ReactivateCard(
            card_id=card.card_id,
            municipality=ask.organisation,
            actor=ask.caller.subject,
            case_reference=body.case_reference,
        )

    return await ask.submit(body, build)


@router.post("/cards/{card_id}/number", response_model=r.CardResource, responses=COMMAND_RESPONSES)
async def replace_number(card_id: str, body: NewNumberBody, ask: CaseworkerCommand) -> Response:
    """Give the card a new number; the card and its totals stay."""

    async def build(_: UUID) -> MunicipalCardCommand:
        card = await _card(ask, card_id)
        return ReplaceCardNumber(
            card_id=card.card_id, municipality=ask.organisation, actor=ask.caller.subject, reason=body.reason
        )

    return await ask.submit(body, build)


@router.post("/cards/{card_id}/hand-over", response_model=r.HandedOverResource, responses=COMMAND_RESPONSES)
async def hand_over_card(card_id: str, body: HandOverBody, ask: CaseworkerCommand) -> Response:
    """Hand the card over to the municipality that the citizen moved to. It can no longer be seen here then."""

    async def build(_: UUID) -> MunicipalCardCommand:
        card = await _card(ask, card_id)
        return HandOverCard(
            card_id=card.card_id,
            municipality=ask.organisation,
            actor=ask.caller.subject,
            to_municipality=body.to_municipality,
        )

    return await ask.submit(body, build)


@router.post("/cards/{card_id}/controls", response_model=r.CardResource, responses=COMMAND_RESPONSES)
async def record_control(card_id: str, body: ControlBody, ask: CaseworkerCommand) -> Response:
    """Record the result of this year's control. Its reasons stay in the municipality's own system."""

    async def build(_: UUID) -> MunicipalCardCommand:
        card = await _card(ask, card_id)
        return RecordControl(
            card_id=card.card_id, municipality=ask.organisation, actor=ask.caller.subject, result=body.result
        )

    return await ask.submit(body, build)


@router.get("/cards/{card_id}/balances", response_model=r.Balances, responses=FIND_RESPONSES)
async def card_balances(card_id: str, ask: Caseworker) -> r.Balances:
    """The card's years."""
    card = await _card(ask, card_id)
    ledgers = await ask.gateway.models.ledgers.find({"card_id": card.card_id})
    return showing.balances(ledgers, await ask.gateway.present_year(), ask.gateway.allowances)


@router.get("/cards/{card_id}/employments", response_model=r.CardEmployments, responses=FIND_RESPONSES)
async def card_employments(card_id: str, ask: Caseworker) -> r.CardEmployments:
    """The card's employments, with the employers' contact persons."""
    card = await _card(ask, card_id)
    found = await ask.gateway.models.employments.find({"card_id": card.card_id}, sort=[("order", 1)])
    open_contact = ask.gateway.persons.open_contact
    return r.CardEmployments(
        employments=[showing.card_employment(view, open_contact(view.contact, view.cvr)) for view in found]
    )


@router.get("/cards/{card_id}/reports", response_model=r.CardReports, responses=FIND_RESPONSES)
async def card_reports(card_id: str, ask: Caseworker) -> r.CardReports:
    """The card's reports and their splits."""
    card = await _card(ask, card_id)
    return await reports_of_card(ask, card)


@router.get("/cards/{card_id}/accesses", response_model=r.AccessPage, responses=FIND_RESPONSES)
async def card_accesses(
    card_id: str, ask: Caseworker, own: Own = True, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = ""
) -> r.AccessPage:
    """Who has looked at the citizen's data, newest first; for a citizen who cannot sign in, in words meant for them."""
    card = await _card(ask, card_id)
    return await accesses_of(ask, card.person.cpr_hash, card, own=own, limit=limit, cursor=cursor)


@router.get("/controls-due", response_model=r.ControlsDue, responses=READ_RESPONSES)
async def controls_due(
    ask: Caseworker, year: Annotated[int | None, Query(ge=2019, le=2200, description="This year if left out.")] = None
) -> r.ControlsDue:
    """The municipality's active cards whose control is due by the end of ``year``."""
    by = year or await ask.gateway.present_year()
    found = await ask.gateway.models.cards.find(
        {"municipality": ask.organisation, "control_due": {"$lte": by}, "active": True},
        sort=[("control_due", 1), ("card_id", 1)],
    )
    return r.ControlsDue(
        year=by, cards=[showing.control_due(card, ask.gateway.persons.open(card.person)) for card in found]
    )


async def reports_of_card(ask: Calling, card: CardView) -> r.CardReports:
    """The reports of a card, by acceptance."""
    found = await ask.gateway.models.reports.find({"card_id": card.card_id, "order": {"$gt": ""}}, sort=[("order", 1)])
    return r.CardReports(reports=[showing.card_report(view) for view in found])


async def accesses_of(
    ask: Calling, cpr_hash: str, card: CardView | None, *, own: bool, limit: int, cursor: str
) -> r.AccessPage:
    """A page of a person's access log: what concerns them by their CPR number, by their card, and by extracts."""
    spans = [Span(of_person(cpr_hash))]
    if card is not None:
        reports = await ask.gateway.models.reports.find({"card_id": card.card_id})
        spans += [Span(of_card(card.card_id)), *extracts_with(card, reports)]
    found = await ask.gateway.accesses.latest(spans, own=own, before=before(cursor), limit=limit + 1)
    shown, following = page(found, limit)
    return telling.page(shown, following, ask.language)


async def _card(ask: Calling, card_id: str) -> CardView:
    return _own(ask, await ask.gateway.models.cards.get(card_id))


def _own(ask: Calling, card: CardView | None) -> CardView:
    if card is None or card.municipality != ask.organisation:
        raise ProblemError(Problem.CARD_UNKNOWN)
    return card


def _shown(ask: Calling, card: CardView) -> r.CardResource:
    return showing.card(card, ask.gateway.persons.open(card.person))
