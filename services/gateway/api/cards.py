"""What is shown of a card, and what its citizen's side does, whoever that is: citizen, caseworker or mandate holder.

Whoever asks says by ``find`` which card it is and that they may: it raises the problem that they are told otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from frikort_contracts.http.balances import Balances, Warnings
from frikort_contracts.http.cards import OwnCardResource
from frikort_contracts.http.employments import CardEmployments
from frikort_contracts.http.mandates import MandateBody, Mandates
from frikort_contracts.http.reports import CardReports, DisputeBody
from frikort_contracts.issuance import GrantMandate, WithdrawMandate
from frikort_contracts.outcomes import Problem
from frikort_contracts.reporting import DisputeReport, WithdrawDispute
from frikort_contracts.values import CitizenSide
from starlette.responses import Response, StreamingResponse

from services.gateway import showing
from services.gateway.api.calling import CommandContext, RequestContext, calling
from services.gateway.audit.context import current_audit
from services.gateway.auth import Role
from services.gateway.event_streams import LONGEST
from services.gateway.person_encryption import Person
from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView
from services.gateway.projections.reports import ReportView

Find = Callable[[], Awaitable[CardView]]
Citizen = Annotated[RequestContext, Depends(calling(Role.CITIZEN))]
StreamSeconds = Annotated[int, Query(ge=1, description="The stream ends after so many seconds, if not before.")]


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


async def _place(ask: Citizen) -> AsyncIterator[None]:
    with ask.gateway.changes.place(ask.caller):
        yield


Place = Annotated[None, Depends(_place)]
"""A place for a stream, given back when the stream has ended."""


def own_card(ask: RequestContext, card: CardView) -> OwnCardResource:
    """The card as its citizen sees it."""
    return showing.own_card(card, ask.gateway.persons.open(card.person))


async def balances_of(ask: RequestContext, card: CardView) -> Balances:
    """The card's years."""
    ledgers = await ask.gateway.models.ledgers.find({"card_id": card.card_id})
    return showing.balances(ledgers, await ask.gateway.current_year(), ask.gateway.allowances)


async def employments_of(ask: RequestContext, card: CardView, *, contacts: bool = False) -> CardEmployments:
    """The card's employments, by registration; ``contacts``: with the employers' contact persons."""
    found = await ask.gateway.models.employments.find({"card_id": card.card_id}, sort=[("order", 1)])
    open_contact = ask.gateway.persons.open_contact
    return CardEmployments(
        employments=[
            showing.card_employment(view, open_contact(view.contact, view.cvr) if contacts else None) for view in found
        ]
    )


async def reports_of(ask: RequestContext, card: CardView) -> CardReports:
    """The card's reports and their splits, by acceptance."""
    found = await ask.gateway.models.reports.find({"card_id": card.card_id, "order": {"$gt": ""}}, sort=[("order", 1)])
    open_message = ask.gateway.persons.open_message
    return CardReports(reports=[showing.card_report(view, open_message) for view in found])


async def warnings_of(ask: RequestContext, card: CardView) -> Warnings:
    """The card's warnings, newest year first."""
    return showing.warnings(await ask.gateway.models.ledgers.find({"card_id": card.card_id}))


async def changes_of(ask: RequestContext, find: Find, seconds: int) -> EventStream:
    """Says ``changed`` at once and whenever something about the card changes, while the caller may see it."""
    look = current_audit()
    card = await find()
    look.forget(card)  # that something changed shows nothing of it

    async def may() -> None:
        await ask.check_token()
        look.forget(await find())

    async def said() -> AsyncIterator[bytes]:
        async for changed in ask.gateway.changes.of_card(card.card_id, may, seconds=min(seconds, LONGEST)):
            yield b"event: changed\ndata: {}\n\n" if changed else b":\n\n"

    return EventStream(said(), headers={"X-Accel-Buffering": "no"})


async def mandates_of(ask: RequestContext, card: CardView) -> Mandates:
    """The card's mandates, in the order in which they were given."""
    today, persons = await ask.gateway.today(), ask.gateway.persons
    return Mandates(
        mandates=[showing.mandate(mandate, persons.open(mandate.holder), today) for mandate in card.mandates]
    )


async def grant_mandate(ask: CommandContext, body: MandateBody, find: Find, *, municipality: str | None) -> Response:
    """Let somebody see the card; ``municipality`` is that of a caseworker who does it for the citizen."""

    async def build(_: UUID) -> GrantMandate:
        card = await find()
        return GrantMandate(
            card_id=card.card_id,
            municipality=municipality,
            actor=ask.caller.subject,
            holder=ask.gateway.persons.seal(Person(body.cpr, body.name)),
            scope=body.scope,
            until=body.until,
        )

    return await ask.submit(body, build)


async def withdraw_mandate(ask: CommandContext, mandate_id: str, find: Find, *, municipality: str | None) -> Response:
    """End a mandate."""

    async def build(_: UUID) -> WithdrawMandate:
        card = await find()
        return WithdrawMandate(
            card_id=card.card_id, municipality=municipality, actor=ask.caller.subject, mandate_id=mandate_id
        )

    return await ask.submit(None, build)


async def dispute_report(
    ask: CommandContext, body: DisputeBody, report_id: str, find: Find, side: CitizenSide
) -> Response:
    """Say that a report of the card is not right."""

    async def build(_: UUID) -> DisputeReport:
        view = await _report_of(ask, await find(), report_id)
        message = None if body.message is None else ask.gateway.persons.seal_message(body.message, report_id)
        return DisputeReport(
            card_id=view.card_id,
            employment_id=view.employment_id,
            report_id=report_id,
            side=side,
            actor=ask.caller.subject,
            reason=body.reason,
            message=message,
        )

    return await ask.submit(body, build)


async def withdraw_dispute(ask: CommandContext, report_id: str, find: Find, side: CitizenSide) -> Response:
    """Take the dispute of a report of the card back."""

    async def build(_: UUID) -> WithdrawDispute:
        view = await _report_of(ask, await find(), report_id)
        return WithdrawDispute(
            card_id=view.card_id,
            employment_id=view.employment_id,
            report_id=report_id,
            side=side,
            actor=ask.caller.subject,
        )

    return await ask.submit(None, build)


async def _report_of(ask: RequestContext, card: CardView, report_id: str) -> ReportView:
    view = await ask.gateway.models.reports.get(report_id)
    if view is None or view.booked is None or view.card_id != card.card_id:
        raise ProblemError(Problem.REPORT_UNKNOWN)
    return view
