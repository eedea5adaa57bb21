"""What a card's citizen, mandate holders and municipality may read of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated

from fastapi import Query
from frikort_contracts.http.audit import AccessPage
from frikort_contracts.http.balances import Balances, Warnings
from frikort_contracts.http.employments import CardEmployments
from frikort_contracts.http.mandates import Mandates
from frikort_contracts.http.reports import CardReports

from services.gateway.api.dependencies import RequestContext
from services.gateway.api.paging import before, page
from services.gateway.audit import texts
from services.gateway.audit.extracts import extracts_with
from services.gateway.audit.log import Span, of_card, of_person
from services.gateway.cards import presenters
from services.gateway.projections.cards import CardView

FindCard = Callable[[], Awaitable[CardView]]
"""Returns the card that the caller may see. Raises the ``ProblemError`` that the caller gets otherwise."""

IncludeOwn = Annotated[bool, Query(alias="own", description="Also what the person looked at.")]


async def balances_of(context: RequestContext, card: CardView) -> Balances:
    """The card's years, newest first."""
    ledgers = await context.container.read_models.ledgers.find({"card_id": card.card_id})
    return presenters.balances(ledgers, await context.container.clock.today(), context.container.allowances)


async def employments_of(context: RequestContext, card: CardView, *, contacts: bool = False) -> CardEmployments:
    """The card's employments, by registration. ``contacts`` includes the employers' contact persons."""
    found = await context.container.read_models.employments.find({"card_id": card.card_id}, sort=[("order", 1)])
    decrypt_contact = context.container.persons.decrypt_contact
    return CardEmployments(
        employments=[
            presenters.card_employment(
                view, decrypt_contact(view.contact, view.card_id, view.cvr) if contacts else None
            )
            for view in found
        ]
    )


async def reports_of(context: RequestContext, card: CardView) -> CardReports:
    """The card's reports and their splits, by acceptance."""
    found = await context.container.read_models.reports.find(
        {"card_id": card.card_id, "order": {"$gt": ""}}, sort=[("order", 1)]
    )
    ledgers = await context.container.read_models.ledgers_of([card.card_id])
    decrypt_message = context.container.persons.decrypt_message
    return CardReports(
        reports=[
            presenters.card_report(view, ledgers.get((card.card_id, view.year)), decrypt_message) for view in found
        ]
    )


async def warnings_of(context: RequestContext, card: CardView) -> Warnings:
    """The card's warnings, newest year first."""
    return presenters.warnings(await context.container.read_models.ledgers.find({"card_id": card.card_id}))


async def mandates_of(context: RequestContext, card: CardView) -> Mandates:
    """The card's mandates, in the order in which they were granted."""
    today, persons = await context.container.clock.today(), context.container.persons
    return Mandates(
        mandates=[
            presenters.mandate(mandate, persons.decrypt_holder(mandate.holder, card.card_id), today)
            for mandate in card.mandates
        ]
    )


async def spans_of(context: RequestContext, cpr_hashes: Iterable[str], card: CardView | None) -> list[Span]:
    """The entries of the audit log about a person, the person's card, and extracts with the card."""
    known = context.container.persons.hashes_of(card.person.cpr_hash) if card is not None else ()
    spans = [Span(of_person(one)) for one in dict.fromkeys((*cpr_hashes, *known))]
    if card is not None:
        reports = await context.container.read_models.reports.find({"card_id": card.card_id})
        spans += [Span(of_card(card.card_id)), *extracts_with(card, reports)]
    return spans


async def accesses_of(
    context: RequestContext, cpr_hashes: Iterable[str], card: CardView | None, *, own: bool, limit: int, cursor: str
) -> AccessPage:
    """A page of a person's audit log, newest first: entries about the person, the card, and extracts with the card.

    ``own`` includes the person's own reads.
    """
    spans = await spans_of(context, cpr_hashes, card)
    found = await context.container.audit_log.latest(spans, own=own, before=before(cursor), limit=limit + 1)
    entries, following = page(found, limit)
    commands = [entry.command for entry in entries if entry.command is not None]
    refused = await context.container.read_models.refusals(commands)
    return texts.page(entries, following, context.language, reader=context.caller.role, refused=refused)
