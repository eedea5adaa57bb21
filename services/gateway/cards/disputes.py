"""Commands about disputes that the citizen, a mandate holder and the municipality can all give.

``find`` returns the card that the caller may act on. It raises the ``ProblemError`` that the caller gets otherwise.
"""

from __future__ import annotations

from uuid import UUID

from frikort_contracts.http.reports import DisputeBody, DisputeDecisionBody
from frikort_contracts.outcomes import Problem
from frikort_contracts.reporting import DecideDispute, DisputeReport, WithdrawDispute
from frikort_contracts.values import CitizenSide
from starlette.responses import Response

from services.gateway.api.dependencies import CommandContext, RequestContext
from services.gateway.cards.queries import FindCard
from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView
from services.gateway.projections.reports import ReportView


async def dispute_report(
    context: CommandContext, body: DisputeBody, report_id: str, find: FindCard, side: CitizenSide
) -> Response:
    """Dispute a report of the card."""

    async def build(_: UUID) -> DisputeReport:
        card, persons, message = await find(), context.container.persons, None
        view = await _report_of(context, card, report_id)
        if body.message is not None:
            await persons.ensure_keys_of(card.person.cpr_hash, context.container.producer)
            message = persons.encrypt_message(body.message, card.person.cpr_hash, report_id)
        return DisputeReport(
            card_id=view.card_id,
            employment_id=view.employment_id,
            report_id=report_id,
            side=side,
            actor=context.caller.subject,
            reason=body.reason,
            message=message,
        )

    return await context.submit(body, build)


async def withdraw_dispute(context: CommandContext, report_id: str, find: FindCard, side: CitizenSide) -> Response:
    """Withdraw the dispute of a report of the card."""

    async def build(_: UUID) -> WithdrawDispute:
        view = await _report_of(context, await find(), report_id)
        return WithdrawDispute(
            card_id=view.card_id,
            employment_id=view.employment_id,
            report_id=report_id,
            side=side,
            actor=context.caller.subject,
        )

    return await context.submit(None, build)


async def decide_dispute(
    context: CommandContext, body: DisputeDecisionBody, report_id: str, find: FindCard
) -> Response:
    """Decide the dispute of a report of the card for the municipality."""

    async def build(_: UUID) -> DecideDispute:
        view = await _report_of(context, await find(), report_id)
        return DecideDispute(
            card_id=view.card_id,
            employment_id=view.employment_id,
            report_id=report_id,
            side=CitizenSide.MUNICIPALITY,
            actor=context.caller.subject,
            dispute_revision=body.dispute_revision or view.dispute_revision or None,
            decision=body.decision,
        )

    return await context.submit(body, build)


async def _report_of(context: RequestContext, card: CardView, report_id: str) -> ReportView:
    view = await context.container.read_models.reports.get(report_id)
    if view is None or view.booked is None or view.card_id != card.card_id:
        raise ProblemError(Problem.REPORT_UNKNOWN)
    return view
