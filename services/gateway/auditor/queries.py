"""What an auditor searches for in the audit log, and the pages of what is found."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from frikort_contracts.http.audit import AuditEntryResource, AuditSearchBody
from frikort_contracts.http.roles import Role
from frikort_contracts.values import danish_midnight

from services.gateway.api.dependencies import RequestContext
from services.gateway.api.paging import before, page
from services.gateway.audit.context import current_audit
from services.gateway.audit.log import WHOLE_LOG, Criteria, Span
from services.gateway.auditor import presenters
from services.gateway.cards.queries import spans_of
from services.gateway.ordering import LAST, stamp


class Found(NamedTuple):
    """A page of entries, and the cursor of the next."""

    entries: list[AuditEntryResource]
    next: str | None


async def criteria_of(context: RequestContext, body: AuditSearchBody) -> Criteria:
    """The criteria of a search. The search itself is recorded, also if it finds nothing."""
    spans = await _spans(context, body)
    if spans is None:
        current_audit().add_subject(WHOLE_LOG)
    return Criteria(
        spans=spans,
        role=None if body.role is None else Role(body.role),
        organisation=body.organisation,
        actor=body.actor,
        reason=body.reason,
        since="" if body.first is None else stamp(danish_midnight(body.first)),
        until=LAST if body.last is None else stamp(danish_midnight(body.last + timedelta(days=1))),
    )


async def found(context: RequestContext, criteria: Criteria, *, limit: int, cursor: str) -> Found:
    """A page of the entries, newest first. Each person in it gets an entry about the auditor."""
    container = context.container
    entries, following = page(await container.audit_log.search(criteria, before=before(cursor), limit=limit + 1), limit)
    audit = current_audit()
    for entry in entries:
        if presenters.subject_of(entry).about in {"card", "person"}:
            audit.add_subject(entry.subject)
    commands = [entry.command for entry in entries if entry.command is not None]
    refused = await container.read_models.refusals(commands)
    shown = [presenters.entry(entry, context.language, refused, container.persons.pseudonym) for entry in entries]
    return Found(shown, following)


async def _spans(context: RequestContext, body: AuditSearchBody) -> list[Span] | None:
    """The entries about the person of a search; of none if its criteria name different people. None: no criterion."""
    models, persons = context.container.read_models, context.container.persons
    cards = []
    if body.cpr is not None:
        cards.append(await models.card_of_person(persons.cpr_hash(body.cpr)))
    if body.card_number is not None:
        number = body.card_number
        cards.append(await models.card_of_number(number) or await models.card_of_previous_number(number))
    if body.card_id is not None:
        cards.append(await models.cards.get(body.card_id))
    if not cards:
        return None
    if (card := cards[0]) is not None and all(one is not None and one.card_id == card.card_id for one in cards):
        hashes = (card.person.cpr_hash,) if body.cpr is None else persons.cpr_hashes(body.cpr)
        return await spans_of(context, hashes, card)
    if body.cpr is not None and len(cards) == 1:
        return await spans_of(context, persons.cpr_hashes(body.cpr), None)
    return []
