"""Routes for employers: reminders about missing reports and used-up allowances."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from fastapi import APIRouter
from frikort_contracts.http.employments import ReminderResource, Reminders

from services.gateway.api.dependencies import Employer, RequestContext
from services.gateway.api.json_route import JsonRoute
from services.gateway.api.paging import DEFAULT_LIMIT, Cursor, Limit, after, page
from services.gateway.audit.routes import audited
from services.gateway.employer import presenters
from services.gateway.employer.actions import READ_REMINDERS
from services.gateway.employer.reminder_rules import notice, question
from services.gateway.known_allowance import known_remaining
from services.gateway.presenters import amounts, remaining
from services.gateway.projections.employments import EmploymentView
from services.gateway.projections.reports import ReportView

router = APIRouter(route_class=JsonRoute, prefix="/v1", tags=["employer"])


@router.get("/reminders", response_model=Reminders)
@audited(READ_REMINDERS)
async def list_reminders(context: Employer, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = "") -> Reminders:
    """What to think of today, for own present employments; `limit` is how many employments are looked through.

    A question where reports came and come no more: report now, or say that there was no work. A notice where the usual
    wage may go above what is left of the card's allowance.
    """
    models, today = context.container.read_models, await context.container.clock.today()
    found = await models.employments.find(
        {"cvr": context.organisation, **after(cursor)}, sort=[("order", 1)], limit=limit + 1
    )
    shown, following = page(found, limit)
    present = [view for view in shown if view.period.last is None or view.period.last >= today]
    card_ids = sorted({view.card_id for view in present})
    cards = {card.card_id: card for card in await models.cards.find({"card_id": {"$in": card_ids}})}
    ledgers = await context.container.read_models.ledgers_of(card_ids)
    reports = await _reports_of(context, present, since=today.year - 1)
    reminders: list[ReminderResource] = []
    for view in present:
        card, own = cards.get(view.card_id), reports[view.employment_id]
        if card is None:
            continue
        years = {
            year: (row, ledgers.get((card.card_id, year)))
            for year in (today.year, today.year + 1)
            if (row := context.container.allowances.in_force(year, today)) is not None
        }
        left = {year: known_remaining(remaining(row, ledger)) for year, (row, ledger) in years.items()}
        provisional = [year for year, (row, ledger) in years.items() if amounts(row, ledger).provisional]
        label = context.container.persons.decrypt_label(view.label, view.card_id, view.cvr)
        found_now = (question(view, card, own, today), notice(view, card, own, left, today, provisional))
        reminders += [presenters.reminder(view, label, one, context.language) for one in found_now if one is not None]
    return Reminders(reminders=reminders, next=following)


async def _reports_of(
    context: RequestContext, employments: Sequence[EmploymentView], *, since: int
) -> defaultdict[str, list[ReportView]]:
    """The reports of each employment, from the year ``since`` on."""
    ids = [employment.employment_id for employment in employments]
    found = await context.container.read_models.reports.find({"employment_id": {"$in": ids}, "year": {"$gte": since}})
    by_employment: defaultdict[str, list[ReportView]] = defaultdict(list)
    for report in found:
        by_employment[report.employment_id].append(report)
    return by_employment
