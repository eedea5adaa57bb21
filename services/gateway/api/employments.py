"""For employers: their employments. Another employer's do not exist here."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
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
from frikort_contracts.values import Period
from starlette.responses import Response

from services.gateway import showing
from services.gateway.api.calling import (
    COMMAND_RESPONSES,
    FIND_RESPONSES,
    READ_RESPONSES,
    REGISTER_RESPONSES,
    CommandContext,
    RequestContext,
    calling,
    commanding,
)
from services.gateway.attempt_limiter import WRONG
from services.gateway.auth import Role
from services.gateway.paging import DEFAULT_LIMIT, Cursor, Limit, Newest, after, page
from services.gateway.person_encryption import Contact
from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView
from services.gateway.projections.employments import EmploymentView

router = APIRouter(prefix="/v1", tags=["employer"])

Employer = Annotated[RequestContext, Depends(calling(Role.EMPLOYER))]
EmployerCommand = Annotated[CommandContext, Depends(commanding(Role.EMPLOYER))]


@router.post("/employments", status_code=201, response_model=EmploymentResource, responses=REGISTER_RESPONSES)
async def register_employment(body: RegisterEmploymentBody, ask: EmployerCommand) -> Response:
    """Register that a citizen works here, best before work begins.

    An unknown number, a wrong birth date and a card that cannot be used in the period get the same answer.
    """

    async def build(_: UUID) -> RegisterEmployment:
        card, birth_check = await _guess(ask, body)
        return RegisterEmployment(
            card_id=card.card_id,
            cvr=ask.organisation,
            actor=ask.caller.subject,
            card_revision=card.revision,
            number=body.card_number,
            birth_check=birth_check,
            owners=ask.caller.owners,
            period=body.period.value(),
            contact=_sealed(ask, body.contact),
            label=_sealed_label(ask, body.label),
        )

    return await ask.submit(body, build, tried_once=True)  # a wrong guess is counted


@router.get("/employments", response_model=EmploymentPage, responses=READ_RESPONSES)
async def list_employments(
    ask: Employer, newest: Newest = False, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = ""
) -> EmploymentPage:
    """All own present and former employments, by registration."""
    found = await ask.gateway.models.employments.find(
        {"cvr": ask.organisation, **after(cursor, newest=newest)},
        sort=[("order", -1 if newest else 1)],
        limit=limit + 1,
    )
    shown, following = page(found, limit)
    return EmploymentPage(employments=[_shown(ask, view) for view in shown], next=following)


@router.get("/employments/{employment_id}", response_model=EmploymentResource, responses=FIND_RESPONSES)
async def get_employment(employment_id: str, ask: Employer) -> EmploymentResource:
    """An own employment."""
    return _shown(ask, await own_employment(ask, employment_id))


@router.put("/employments/{employment_id}", response_model=EmploymentResource, responses=COMMAND_RESPONSES)
async def change_employment(employment_id: str, body: ChangeEmploymentBody, ask: EmployerCommand) -> Response:
    """Change the period, and the contact person and the label if they are given."""

    async def build(_: UUID) -> ChangeEmployment:
        employment = await own_employment(ask, employment_id)
        return ChangeEmployment(
            card_id=employment.card_id,
            cvr=ask.organisation,
            actor=ask.caller.subject,
            employment_id=employment_id,
            period=body.period.value(),
            contact=None if body.contact is None else _sealed(ask, body.contact),
            label=_sealed_label(ask, body.label),
        )

    return await ask.submit(body, build)


@router.post("/employments/{employment_id}/end", response_model=EmploymentResource, responses=COMMAND_RESPONSES)
async def end_employment(employment_id: str, body: EndEmploymentBody, ask: EmployerCommand) -> Response:
    """Give the employment its last day. Work before it can still be reported."""

    async def build(_: UUID) -> ChangeEmployment:
        employment = await own_employment(ask, employment_id)
        if body.last < employment.period.first:
            error = ("/last", "value_error", "the last day lies before the first")
            raise ProblemError("invalid-request", errors=[error])
        return ChangeEmployment(
            card_id=employment.card_id,
            cvr=ask.organisation,
            actor=ask.caller.subject,
            employment_id=employment_id,
            period=Period(first=employment.period.first, last=body.last),
        )

    return await ask.submit(body, build)


@router.post("/employments/{employment_id}/no-work", response_model=EmploymentResource, responses=COMMAND_RESPONSES)
async def declare_no_work(employment_id: str, body: NoWorkBody, ask: EmployerCommand) -> Response:
    """Say that nothing was worked on some days up to today, so that nobody waits for a report of them."""

    async def build(_: UUID) -> DeclareNoWork:
        employment = await own_employment(ask, employment_id)
        return DeclareNoWork(
            card_id=employment.card_id,
            cvr=ask.organisation,
            actor=ask.caller.subject,
            employment_id=employment_id,
            days=body.value(),
        )

    return await ask.submit(body, build)


@router.get("/employments/{employment_id}/allowance", response_model=AllowanceLeft, responses=FIND_RESPONSES)
async def allowance_left(
    employment_id: str,
    ask: Employer,
    year: Annotated[int | None, Query(ge=2019, le=2200, description="This year if left out.")] = None,
) -> AllowanceLeft:
    """What is left of the card's allowance; nothing about other employers.

    Shown for the years of the employment and the one after, in which its last wage may be paid.
    """
    employment = await own_employment(ask, employment_id)
    asked = year or await ask.gateway.current_year()
    last = employment.period.last
    if asked < employment.period.first.year or (last is not None and asked > last.year + 1):
        raise ProblemError(Problem.EMPLOYMENT_UNKNOWN)
    row = ask.gateway.allowances.get(asked)
    if row is None:
        raise ProblemError(Problem.YEAR_WITHOUT_ALLOWANCE, facts={"year": asked})
    ledger = await ask.gateway.models.ledger(employment.card_id, asked)
    return showing.allowance_left(employment_id, asked, row, ledger)


async def own_employment(ask: RequestContext, employment_id: str) -> EmploymentView:
    """The employer's own employment. Raises the problem ``employment-unknown``."""
    employment = await ask.gateway.models.employments.get(employment_id)
    if employment is None or employment.cvr != ask.organisation:
        raise ProblemError(Problem.EMPLOYMENT_UNKNOWN)
    return employment


async def _guess(ask: RequestContext, body: RegisterEmploymentBody) -> tuple[CardView, str]:
    """The card behind a number and birth date, and what proves the date; the same work whatever is wrong."""
    gateway = ask.gateway
    number_hash = gateway.persons.fingerprint("number", body.card_number)
    taken = await gateway.guesses.take(ask.organisation, number_hash)
    card = await gateway.models.card_of_number(body.card_number)
    birth_check, right = gateway.persons.check_birth_date(None if card is None else card.person, body.birth_date)
    if card is None or not right or not card.active_during(body.period.value()):
        WRONG.inc()
        raise ProblemError(Problem.NUMBER_OR_BIRTH_DATE_WRONG)
    await gateway.guesses.give_back(taken)
    return card, birth_check


def _sealed(ask: RequestContext, contact: ContactBody) -> str:
    return ask.gateway.persons.seal_contact(Contact(contact.name, contact.email, contact.phone), ask.organisation)


def _sealed_label(ask: RequestContext, label: str | None) -> str | None:
    return None if label is None else ask.gateway.persons.seal_label(label, ask.organisation)


def _shown(ask: RequestContext, view: EmploymentView) -> EmploymentResource:
    persons = ask.gateway.persons
    contact = persons.open_contact(view.contact, view.cvr)
    return showing.employment(view, contact, persons.open_label(view.label, view.cvr))
