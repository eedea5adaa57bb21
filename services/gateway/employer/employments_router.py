"""Routes for employers: their employments. Other employments answer ``employment-unknown``."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from frikort_contracts.http.balances import AllowanceLeft
from frikort_contracts.http.employments import (
    ChangeEmploymentBody,
    ContactBody,
    EmploymentPage,
    EmploymentResource,
    EndEmploymentBody,
    NoWorkBody,
    RegisterEmploymentBody,
)
from frikort_contracts.outcomes import Problem
from frikort_contracts.reporting import ChangeEmployment, DeclareNoWork, RegisterEmployment
from frikort_contracts.rules.reading import LAST_BEFORE_FIRST
from frikort_contracts.values import Period
from starlette.responses import Response

from services.gateway.api.dependencies import PENDING, Employer, EmployerCommand, RequestContext
from services.gateway.api.json_route import JsonRoute
from services.gateway.api.paging import DEFAULT_LIMIT, Cursor, Limit, Newest, after, page
from services.gateway.attempts import rules as attempts
from services.gateway.attempts.rules import Attempt
from services.gateway.audit.actions import READ_BALANCE, READ_EMPLOYMENTS
from services.gateway.audit.routes import audited
from services.gateway.employer import presenters
from services.gateway.employer.actions import CHANGE_EMPLOYMENT, DECLARE_NO_WORK, REGISTER_EMPLOYMENT
from services.gateway.employer.problem_codes import ALLOWANCE, EMPLOYMENT
from services.gateway.employer.queries import card_of, own_employment
from services.gateway.former_employers import is_employed
from services.gateway.operation_problems import problems
from services.gateway.people.texts import Contact
from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView
from services.gateway.projections.employments import EmploymentView

router = APIRouter(route_class=JsonRoute, prefix="/v1", tags=["employer"])


@router.post(
    "/employments",
    status_code=201,
    response_model=EmploymentResource,
    responses=PENDING,
    openapi_extra=problems(
        "number-or-birth-date-wrong", "own-business", "employment-exists", "card-not-active", "too-many-attempts"
    ),
)
@audited(REGISTER_EMPLOYMENT)
async def register_employment(body: RegisterEmploymentBody, context: EmployerCommand) -> Response:
    """Register that a citizen works here, best before work begins.

    An unknown number, a wrong birth date and a card that cannot be used in the period get the same answer.
    """

    async def build(_: UUID) -> RegisterEmployment:
        card, birth_check = await _identified_card(context, body)
        return RegisterEmployment(
            card_id=card.card_id,
            cvr=context.organisation,
            actor=context.caller.subject,
            card_revision=card.revision,
            number=body.card_number,
            birth_check=birth_check,
            owners=context.caller.owners,
            period=body.period.value(),
            contact=await _encrypted_contact(context, body.contact, card.card_id),
            label=await _encrypted_label(context, body.label, card),
        )

    return await context.submit(body, build, check_key_first=True)  # a wrong attempt is counted


@router.get("/employments", response_model=EmploymentPage)
@audited(READ_EMPLOYMENTS)
async def list_employments(
    context: Employer, newest: Newest = False, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = ""
) -> EmploymentPage:
    """All own present and former employments, by registration."""
    found = await context.container.read_models.employments.find(
        {"cvr": context.organisation, **after(cursor, newest=newest)},
        sort=[("order", -1 if newest else 1)],
        limit=limit + 1,
    )
    shown, following = page(found, limit)
    card_ids = sorted({view.card_id for view in shown})
    cards = {
        card.card_id: card for card in await context.container.read_models.cards.find({"card_id": {"$in": card_ids}})
    }
    return EmploymentPage(
        employments=[_presented(context, view, cards.get(view.card_id)) for view in shown], next=following
    )


@router.get("/employments/{employment_id}", response_model=EmploymentResource, openapi_extra=problems(*EMPLOYMENT))
@audited(READ_EMPLOYMENTS)
async def get_employment(employment_id: str, context: Employer) -> EmploymentResource:
    """An own employment."""
    view = await own_employment(context, employment_id)
    return _presented(context, view, await context.container.read_models.cards.get(view.card_id))


@router.put(
    "/employments/{employment_id}",
    response_model=EmploymentResource,
    responses=PENDING,
    openapi_extra=problems(*EMPLOYMENT, "employment-exists", "employment-has-reports-outside", "card-not-active"),
)
@audited(CHANGE_EMPLOYMENT)
async def change_employment(employment_id: str, body: ChangeEmploymentBody, context: EmployerCommand) -> Response:
    """Change the period, and the contact person and the label if they are given."""

    async def build(_: UUID) -> ChangeEmployment:
        employment = await own_employment(context, employment_id)
        return ChangeEmployment(
            card_id=employment.card_id,
            cvr=context.organisation,
            actor=context.caller.subject,
            employment_id=employment_id,
            period=body.period.value(),
            contact=await _encrypted_contact(context, body.contact, employment.card_id) if body.contact else None,
            label=await _encrypted_label(context, body.label, await card_of(context, employment)),
        )

    return await context.submit(body, build)


@router.post(
    "/employments/{employment_id}/end",
    response_model=EmploymentResource,
    responses=PENDING,
    openapi_extra=problems(*EMPLOYMENT, "employment-exists", "employment-has-reports-outside", "card-not-active"),
)
@audited(CHANGE_EMPLOYMENT)
async def end_employment(employment_id: str, body: EndEmploymentBody, context: EmployerCommand) -> Response:
    """Give the employment its last day. Work before it can still be reported."""

    async def build(_: UUID) -> ChangeEmployment:
        employment = await own_employment(context, employment_id)
        if body.last < employment.period.first:
            error = ("/last", "value_error", LAST_BEFORE_FIRST)
            raise ProblemError("invalid-request", errors=[error])
        return ChangeEmployment(
            card_id=employment.card_id,
            cvr=context.organisation,
            actor=context.caller.subject,
            employment_id=employment_id,
            period=Period(first=employment.period.first, last=body.last),
        )

    return await context.submit(body, build)


@router.post(
    "/employments/{employment_id}/no-work",
    response_model=EmploymentResource,
    responses=PENDING,
    openapi_extra=problems(*EMPLOYMENT, "no-work-outside-employment", "no-work-in-future"),
)
@audited(DECLARE_NO_WORK)
async def declare_no_work(employment_id: str, body: NoWorkBody, context: EmployerCommand) -> Response:
    """Declare days up to today without work, so that no reminder asks for a report of them."""

    async def build(_: UUID) -> DeclareNoWork:
        employment = await own_employment(context, employment_id)
        return DeclareNoWork(
            card_id=employment.card_id,
            cvr=context.organisation,
            actor=context.caller.subject,
            employment_id=employment_id,
            days=body.value(),
        )

    return await context.submit(body, build)


@router.get(
    "/employments/{employment_id}/allowance",
    response_model=AllowanceLeft,
    openapi_extra=problems(*EMPLOYMENT, *ALLOWANCE, "not-found"),
)
@audited(READ_BALANCE)
async def allowance_left(
    employment_id: str,
    context: Employer,
    year: Annotated[int | None, Query(ge=2019, le=2200, description="This year if left out.")] = None,
) -> AllowanceLeft:
    """What is left of the card's allowance; nothing about other employers.

    Shown for the years of the employment and the one after. `remaining_ore` is null after the last day: a former
    employer learns nothing about what others pay.
    """
    employment = await own_employment(context, employment_id)
    today = await context.container.clock.today()
    asked, last = year or today.year, employment.period.last
    if asked < employment.period.first.year or (last is not None and asked > last.year + 1):
        raise ProblemError(Problem.EMPLOYMENT_UNKNOWN)
    row = context.container.allowances.in_force(asked, today)
    if row is None:
        raise ProblemError(Problem.YEAR_WITHOUT_ALLOWANCE, facts={"year": asked})
    ledger = await context.container.read_models.ledger(employment.card_id, asked)
    is_current = is_employed(employment.period, today)
    return presenters.allowance_left(employment_id, asked, row, ledger, is_current=is_current)


async def _identified_card(context: RequestContext, body: RegisterEmploymentBody) -> tuple[CardView, str]:
    """The card with a number and birth date, and the proof of the date. Takes the same work whatever is wrong."""
    container, persons = context.container, context.container.persons
    acquired = await container.attempt_limiter.acquire(
        Attempt(
            context.organisation,
            context.caller.owners,
            (
                attempts.number(persons.fingerprint("number", body.card_number)),
                attempts.birth_date(persons.fingerprint("birth-date", body.birth_date.isoformat())),
            ),
        )
    )
    card = await container.read_models.card_of_number(body.card_number)
    birth_check, right = persons.check_birth_date(None if card is None else card.person, body.birth_date)
    if card is None or not right or not card.active_during(body.period.value()):
        await container.attempt_limiter.record_wrong(acquired)
        raise ProblemError(Problem.NUMBER_OR_BIRTH_DATE_WRONG)
    await container.attempt_limiter.release(acquired)
    return card, birth_check


async def _encrypted_contact(context: RequestContext, contact: ContactBody, card_id: str) -> str:
    persons, person = context.container.persons, Contact(contact.name, contact.email, contact.phone)
    await persons.ensure_keys_of_contact(person, context.organisation, context.container.producer)
    return persons.encrypt_contact(person, card_id, context.organisation)


async def _encrypted_label(context: RequestContext, label: str | None, card: CardView) -> str | None:
    if label is None:
        return None
    persons, person = context.container.persons, card.person.cpr_hash
    await persons.ensure_keys_of(person, context.container.producer)
    return persons.encrypt_label(label, person, card.card_id, context.organisation)


def _presented(context: RequestContext, view: EmploymentView, card: CardView | None) -> EmploymentResource:
    persons = context.container.persons
    contact = persons.decrypt_contact(view.contact, view.card_id, view.cvr)
    return presenters.employment(view, contact, persons.decrypt_label(view.label, view.card_id, view.cvr), card)
