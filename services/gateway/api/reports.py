"""For employers: their reports. Another employer's do not exist here."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from frikort_contracts.http.common import Day
from frikort_contracts.http.reports import (
    CorrectionBody,
    DryRunResource,
    ReportBody,
    ReportDetail,
    ReportPage,
    WithdrawalBody,
)
from frikort_contracts.outcomes import Problem
from frikort_contracts.reporting import CorrectReport, ReportEarnings, WithdrawReport
from starlette.responses import Response

from services.gateway import showing
from services.gateway.api.calling import COMMAND_RESPONSES, FIND_RESPONSES, READ_RESPONSES, RequestContext
from services.gateway.api.employments import Employer, EmployerCommand, own_employment
from services.gateway.api.quick import QuickRoute
from services.gateway.paging import DEFAULT_LIMIT, Cursor, Limit, Newest, after, page
from services.gateway.problems import ProblemError
from services.gateway.projections.ledgers import LedgerView
from services.gateway.projections.reports import ReportView

router = APIRouter(prefix="/v1", tags=["employer"])
quick = APIRouter(prefix="/v1", tags=["employer"], route_class=QuickRoute)


@quick.post(
    "/reports",
    status_code=201,
    response_model=ReportDetail,
    responses={**COMMAND_RESPONSES, 200: {"description": "Known: booked before", "model": ReportDetail}},
)
async def report_earnings(body: ReportBody, ask: EmployerCommand) -> Response:
    """Report what was paid. The answer says what is exempt, and what to pay as ordinary wage.

    The same report again (same employment, reference and content) is answered 200 with ``already_reported``; nothing
    is booked twice. A report that looks like an earlier one is refused with ``possible-duplicate`` unless
    ``allow_duplicate`` is true.
    """
    return await ask.submit(body, lambda _: _reporting(ask, body, dry_run=False))


@quick.post("/reports/dry-run", response_model=DryRunResource, responses=COMMAND_RESPONSES)
async def dry_run(body: ReportBody, ask: EmployerCommand) -> Response:
    """What would happen if this were reported now. Every rule of reporting applies, and nothing is booked."""
    return await ask.submit(body, lambda _: _reporting(ask, body, dry_run=True))


@router.get("/reports", response_model=ReportPage, responses=READ_RESPONSES)
async def list_reports(
    ask: Employer,
    employment_id: Annotated[str | None, Query(max_length=64)] = None,
    year: Annotated[int | None, Query(ge=2019, le=2200, description="Year of the payment date.")] = None,
    disputed: Annotated[bool, Query(description="Only those in dispute.")] = False,
    moved_since: Annotated[
        Day | None, Query(description="Only those whose split another report moved on this day or later.")
    ] = None,
    newest: Newest = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = "",
) -> ReportPage:
    """Own reports, by acceptance."""
    query = {
        "cvr": ask.organisation,
        "employment_id": employment_id,
        "year": year,
        "dispute.raised_at": {"$gt": ""} if disputed else None,
        "moved_at": None if moved_since is None else {"$gte": moved_since.isoformat()},
    }
    wanted = {name: value for name, value in query.items() if value is not None}
    found = await ask.gateway.models.reports.find(
        {**wanted, **after(cursor, newest=newest)}, sort=[("order", -1 if newest else 1)], limit=limit + 1
    )
    shown, following = page(found, limit)
    ledgers = await ledgers_of(ask, {view.card_id for view in shown})
    open_message = ask.gateway.persons.open_message
    lines = [
        showing.report_line(view, ledgers.get((view.card_id, view.year)), ask.language, open_message) for view in shown
    ]
    return ReportPage(reports=lines, next=following)


@router.get("/reports/{report_id}", response_model=ReportDetail, responses=FIND_RESPONSES)
async def get_report(report_id: str, ask: Employer) -> ReportDetail:
    """An own report with its history."""
    view = await _own_report(ask, report_id)
    ledger = await ask.gateway.models.ledger(view.card_id, view.year)
    return showing.report(view, ledger, ask.language, ask.gateway.persons.open_message)


@router.post("/reports/{report_id}/correction", response_model=ReportDetail, responses=COMMAND_RESPONSES)
async def correct_report(report_id: str, body: CorrectionBody, ask: EmployerCommand) -> Response:
    """Replace what the report said. It keeps its reference and its place in the order; the history stays."""

    async def build(_: UUID) -> CorrectReport:
        view = await _own_report(ask, report_id)
        return CorrectReport(
            card_id=view.card_id,
            cvr=ask.organisation,
            actor=ask.caller.subject,
            employment_id=view.employment_id,
            card_revision=await _card_revision(ask, view.card_id),
            report_id=report_id,
            work=body.work.value(),
            payment_date=body.payment_date,
            components=body.components.value(),
            reason=body.reason,
        )

    return await ask.submit(body, build)


@router.post("/reports/{report_id}/withdrawal", response_model=ReportDetail, responses=COMMAND_RESPONSES)
async def withdraw_report(report_id: str, body: WithdrawalBody, ask: EmployerCommand) -> Response:
    """Take the report back; it no longer counts. Its reference stays used."""

    async def build(_: UUID) -> WithdrawReport:
        view = await _own_report(ask, report_id)
        return WithdrawReport(
            card_id=view.card_id,
            cvr=ask.organisation,
            actor=ask.caller.subject,
            employment_id=view.employment_id,
            report_id=report_id,
            reason=body.reason,
        )

    return await ask.submit(body, build)


async def _reporting(ask: RequestContext, body: ReportBody, *, dry_run: bool) -> ReportEarnings:
    employment = await own_employment(ask, body.employment_id)
    return ReportEarnings(
        card_id=employment.card_id,
        cvr=ask.organisation,
        actor=ask.caller.subject,
        employment_id=employment.employment_id,
        card_revision=await _card_revision(ask, employment.card_id),
        reference=body.reference,
        work=body.work.value(),
        payment_date=body.payment_date,
        components=body.components.value(),
        allow_duplicate=body.allow_duplicate,
        dry_run=dry_run,
    )


async def _card_revision(ask: RequestContext, card_id: str) -> int:
    """What is known here of the card: reporting waits until it knows as much."""
    card = await ask.gateway.models.cards.get(card_id)
    return 1 if card is None else card.revision


async def _own_report(ask: RequestContext, report_id: str) -> ReportView:
    view = await ask.gateway.models.reports.get(report_id)
    if view is None or view.booked is None or view.cvr != ask.organisation:
        raise ProblemError(Problem.REPORT_UNKNOWN)
    return view


async def ledgers_of(ask: RequestContext, cards: Collection[str]) -> dict[tuple[str, int], LedgerView]:
    """The years of these cards, by card and year."""
    found = await ask.gateway.models.ledgers.find({"card_id": {"$in": sorted(cards)}}) if cards else []
    return {(ledger.card_id, ledger.year): ledger for ledger in found}
