"""Routes for caseworkers: the cards of their own municipality. Other cards answer ``card-unknown``."""

from __future__ import annotations

from typing import Annotated, Final
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
from frikort_contracts.http.reports import (
    CardReportResource,
    CardReports,
    DisputeBody,
    DisputeDecisionBody,
    DisputedReports,
)
from frikort_contracts.http.roles import Role
from frikort_contracts.issuance import (
    DeactivateCard,
    HandOverCard,
    IssueCard,
    ReactivateCard,
    RecordControl,
    ReplaceCardNumber,
    card_id_of,
)
from frikort_contracts.rules.adults import is_adult
from frikort_contracts.values import CitizenSide, birth_date_of
from starlette.responses import Response

from services.gateway.api.dependencies import PENDING, CommandContext, RequestContext, command_in, require_reason
from services.gateway.api.json_route import JsonRoute
from services.gateway.api.paging import DEFAULT_LIMIT, Cursor, Limit, after, cursor_of, order_in, page
from services.gateway.audit.actions import (
    DISPUTE_REPORT,
    GRANT_MANDATE,
    READ_ACCESSES,
    READ_BALANCE,
    READ_CARD,
    READ_EMPLOYMENTS,
    READ_MANDATES,
    READ_REPORTS,
    WITHDRAW_DISPUTE,
    WITHDRAW_MANDATE,
)
from services.gateway.audit.routes import audited
from services.gateway.cards import disputes, mandates, queries
from services.gateway.cards.problem_codes import (
    CARD,
    DISPUTE,
    DISPUTE_DECISION,
    DISPUTE_WITHDRAWAL,
    GRANT,
    MANDATE_WITHDRAWAL,
)
from services.gateway.cards.queries import IncludeOwn
from services.gateway.caseworker import presenters
from services.gateway.caseworker.actions import (
    DEACTIVATE_CARD,
    DECIDE_DISPUTE,
    HAND_OVER_CARD,
    ISSUE_CARD,
    REACTIVATE_CARD,
    READ_CONTROLS_DUE,
    READ_DISPUTES,
    RECORD_CONTROL,
    REPLACE_NUMBER,
    SEARCH,
)
from services.gateway.caseworker.own_cards import own_card, own_or_unknown, submit_about
from services.gateway.operation_problems import problems
from services.gateway.person_encryption import Person
from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView
from services.gateway.read_models import get_all

router = APIRouter(route_class=JsonRoute, prefix="/v1", tags=["caseworker"])

_CONTROL_YEARS_AHEAD: Final = 2  # a card is controlled every second year

Caseworker = Annotated[RequestContext, Depends(require_reason(Role.CASEWORKER))]
CaseworkerCommand = Annotated[CommandContext, Depends(command_in(Role.CASEWORKER))]


@router.post(
    "/cards",
    status_code=201,
    response_model=CardResource,
    responses=PENDING,
    openapi_extra=problems(*CARD, "card-exists", "card-numbers-exhausted", "citizen-under-age"),
)
@audited(ISSUE_CARD)
async def issue_card(body: IssueCardBody, context: CaseworkerCommand) -> Response:
    """Issue a card to a citizen of 18 years or more. A person has one card, for life."""

    async def build(command_id: UUID) -> IssueCard:
        if not is_adult(birth_date_of(body.cpr), await context.container.clock.today()):
            raise ProblemError("citizen-under-age")
        persons = context.container.persons
        await persons.ensure_keys(body.cpr, context.container.producer)
        person = persons.encrypt(Person(body.cpr, body.name), card_id := card_id_of(command_id))
        return IssueCard(
            person=person,
            municipality=context.organisation,
            case_reference_ciphertext=persons.encrypt_case_reference(body.case_reference, person.cpr_hash, card_id),
            actor=context.caller.subject,
        )

    return await context.submit(body, build)


@router.post("/cards/search", response_model=CardResource, openapi_extra=problems(*CARD))
@audited(SEARCH)
async def search_card(body: SearchCardBody, context: Caseworker) -> CardResource:
    """Find a card by CPR number, or by its card number, now or before. No log of addresses has what is in the body."""
    models = context.container.read_models
    if body.cpr is not None:
        found = await models.card_of_person(context.container.persons.cpr_hash(body.cpr))
    else:
        found = await models.card_of_number(str(body.number)) or await models.card_of_previous_number(str(body.number))
    return _presented(context, own_or_unknown(context, found))


@router.get("/cards/{card_id}", response_model=CardResource, openapi_extra=problems(*CARD))
@audited(READ_CARD)
async def get_card(card_id: str, context: Caseworker) -> CardResource:
    """A card."""
    return _presented(context, await own_card(context, card_id))


@router.post(
    "/cards/{card_id}/deactivation",
    response_model=CardResource,
    responses=PENDING,
    openapi_extra=problems(*CARD, "card-already-deactivated"),
)
@audited(DEACTIVATE_CARD)
async def deactivate_card(card_id: str, body: DecisionBody, context: CaseworkerCommand) -> Response:
    """Deactivate a card from today, not backwards: work up to and including today can still be reported."""
    return await submit_about(context, card_id, body, DeactivateCard)


@router.post(
    "/cards/{card_id}/reactivation",
    response_model=CardResource,
    responses=PENDING,
    openapi_extra=problems(*CARD, "card-already-active"),
)
@audited(REACTIVATE_CARD)
async def reactivate_card(card_id: str, body: DecisionBody, context: CaseworkerCommand) -> Response:
    """Make a deactivated card active again from today."""
    return await submit_about(context, card_id, body, ReactivateCard)


@router.post(
    "/cards/{card_id}/number",
    response_model=CardResource,
    responses=PENDING,
    openapi_extra=problems(*CARD, "card-numbers-exhausted"),
)
@audited(REPLACE_NUMBER)
async def replace_number(card_id: str, body: NewNumberBody, context: CaseworkerCommand) -> Response:
    """Give the card a new number; the card and its totals stay."""
    return await submit_about(context, card_id, body, ReplaceCardNumber)


@router.post(
    "/cards/{card_id}/hand-over",
    response_model=HandedOverResource,
    responses=PENDING,
    openapi_extra=problems(*CARD, "same-municipality"),
)
@audited(HAND_OVER_CARD)
async def hand_over_card(card_id: str, body: HandOverBody, context: CaseworkerCommand) -> Response:
    """Hand the card over to the municipality that the citizen moved to. It can no longer be seen here then."""
    return await submit_about(context, card_id, body, HandOverCard)


@router.post(
    "/cards/{card_id}/controls",
    response_model=CardResource,
    responses=PENDING,
    openapi_extra=problems(*CARD, "control-not-due"),
)
@audited(RECORD_CONTROL)
async def record_control(card_id: str, body: ControlBody, context: CaseworkerCommand) -> Response:
    """Record the result of this year's control. Its reasons stay in the municipality's own system."""
    return await submit_about(context, card_id, body, RecordControl)


@router.get("/cards/{card_id}/balances", response_model=Balances, openapi_extra=problems(*CARD))
@audited(READ_BALANCE)
async def card_balances(card_id: str, context: Caseworker) -> Balances:
    """The card's years."""
    return await queries.balances_of(context, await own_card(context, card_id))


@router.get("/cards/{card_id}/employments", response_model=CardEmployments, openapi_extra=problems(*CARD))
@audited(READ_EMPLOYMENTS)
async def card_employments(card_id: str, context: Caseworker) -> CardEmployments:
    """The card's employments, with the employers' contact persons."""
    return await queries.employments_of(context, await own_card(context, card_id), contacts=True)


@router.get("/cards/{card_id}/reports", response_model=CardReports, openapi_extra=problems(*CARD))
@audited(READ_REPORTS)
async def card_reports(card_id: str, context: Caseworker) -> CardReports:
    """The card's reports and their splits."""
    return await queries.reports_of(context, await own_card(context, card_id))


@router.post(
    "/cards/{card_id}/reports/{report_id}/dispute",
    response_model=CardReportResource,
    responses=PENDING,
    openapi_extra=problems(*DISPUTE),
)
@audited(DISPUTE_REPORT)
async def dispute_report(card_id: str, report_id: str, body: DisputeBody, context: CaseworkerCommand) -> Response:
    """Dispute a report for the citizen.

    It stays open until it is withdrawn, the employer corrects or withdraws the report, or you decide that it stands.
    """
    return await disputes.dispute_report(
        context, body, report_id, lambda: own_card(context, card_id), CitizenSide.MUNICIPALITY
    )


@router.post(
    "/cards/{card_id}/reports/{report_id}/dispute/withdrawal",
    response_model=CardReportResource,
    responses=PENDING,
    openapi_extra=problems(*DISPUTE_WITHDRAWAL),
)
@audited(WITHDRAW_DISPUTE)
async def withdraw_dispute(card_id: str, report_id: str, context: CaseworkerCommand) -> Response:
    """Withdraw a dispute that the citizen raised, or that was raised for them."""
    return await disputes.withdraw_dispute(
        context, report_id, lambda: own_card(context, card_id), CitizenSide.MUNICIPALITY
    )


@router.post(
    "/cards/{card_id}/reports/{report_id}/dispute/decision",
    response_model=CardReportResource,
    responses=PENDING,
    openapi_extra=problems(*DISPUTE_DECISION),
)
@audited(DECIDE_DISPUTE)
async def decide_dispute(
    card_id: str, report_id: str, body: DisputeDecisionBody, context: CaseworkerCommand
) -> Response:
    """Decide an open dispute: the report stands, which ends it, or the employer must correct it. No amount changes.

    A later decision replaces an earlier one; the history keeps both.
    """
    return await disputes.decide_dispute(context, body, report_id, lambda: own_card(context, card_id))


@router.get("/cards/{card_id}/mandates", response_model=Mandates, openapi_extra=problems(*CARD))
@audited(READ_MANDATES)
async def card_mandates(card_id: str, context: Caseworker) -> Mandates:
    """The people who may see the card, now and before."""
    return await queries.mandates_of(context, await own_card(context, card_id))


@router.post(
    "/cards/{card_id}/mandates",
    status_code=201,
    response_model=MandateResource,
    responses=PENDING,
    openapi_extra=problems(*GRANT),
)
@audited(GRANT_MANDATE)
async def grant_mandate(card_id: str, body: MandateBody, context: CaseworkerCommand) -> Response:
    """Let another person see the card, for a citizen who has no digital ID."""
    return await mandates.grant_mandate(
        context, body, lambda: own_card(context, card_id), municipality=context.organisation
    )


@router.post(
    "/cards/{card_id}/mandates/{mandate_id}/withdrawal",
    response_model=MandateResource,
    responses=PENDING,
    openapi_extra=problems(*MANDATE_WITHDRAWAL),
)
@audited(WITHDRAW_MANDATE)
async def withdraw_mandate(card_id: str, mandate_id: str, context: CaseworkerCommand) -> Response:
    """End a mandate for the citizen."""
    return await mandates.withdraw_mandate(
        context, mandate_id, lambda: own_card(context, card_id), municipality=context.organisation
    )


@router.get("/cards/{card_id}/accesses", response_model=AccessPage, openapi_extra=problems(*CARD))
@audited(READ_ACCESSES)
async def card_accesses(
    card_id: str, context: Caseworker, own: IncludeOwn = True, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = ""
) -> AccessPage:
    """The accesses to the citizen's data, newest first, as sentences for a citizen who cannot log in."""
    card = await own_card(context, card_id)
    return await queries.accesses_of(context, [card.person.cpr_hash], card, own=own, limit=limit, cursor=cursor)


@router.get("/controls-due", response_model=ControlsDue)
@audited(READ_CONTROLS_DUE)
async def controls_due(
    context: Caseworker,
    year: Annotated[
        int | None,
        Query(ge=2019, le=2200, description="This year if left out. At most two years ahead, as no control is later."),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = "",
) -> ControlsDue:
    """The municipality's active cards whose control is due by the end of ``year``, the most overdue first."""
    this_year = await context.container.clock.year()
    by = year or this_year
    if by > this_year + _CONTROL_YEARS_AHEAD:
        raise ProblemError("invalid-request", errors=[("query:/year", "less_than_equal", "")])
    found = await context.container.read_models.cards.find(
        {"municipality": context.organisation, "control_due": {"$lte": by}, "active": True, **after(cursor)},
        sort=[("order", 1)],
        limit=limit + 1,
    )
    shown, following = page(found, limit)
    decrypt = context.container.persons.decrypt
    return ControlsDue(
        year=by,
        cards=[presenters.control_due(card, decrypt(card.person, card.card_id)) for card in shown],
        next=following,
    )


@router.get("/disputes", response_model=DisputedReports)
@audited(READ_DISPUTES)
async def list_disputes(context: Caseworker, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = "") -> DisputedReports:
    """The open disputes about reports of the municipality's citizens, also those that the employer has answered."""
    container = context.container
    models, persons = container.read_models, container.persons
    open_disputes = await models.open_disputes(context.organisation, after=order_in(cursor), limit=limit + 1)
    listed = open_disputes[:limit]
    following = cursor_of(listed[-1].order) if len(open_disputes) > limit else None
    read = await get_all(models.reports, [one.report_id for one in listed])
    shown = sorted((view for view in read if view.dispute is not None), key=lambda view: view.order)
    card_ids = sorted({view.card_id for view in shown})
    cards = {card.card_id: card for card in await models.cards.find({"card_id": {"$in": card_ids}})}
    disputes = [
        presenters.disputed_report(card, persons.decrypt(card.person, card.card_id), view, persons.decrypt_message)
        for view in shown
        # Either may have changed since the ids were read.
        if view.dispute is not None and (card := cards[view.card_id]).municipality == context.organisation
    ]
    return DisputedReports(disputes=disputes, next=following)


def _presented(context: RequestContext, card: CardView) -> CardResource:
    return presenters.card(card, context.container.persons)
