"""Routes for employers: their reports. Other reports answer ``report-unknown``."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from frikort_contracts.http.common import Day
from frikort_contracts.http.evidence import Evidence
from frikort_contracts.http.reports import (
    CorrectionBody,
    DisputeAnswerBody,
    DryRunResource,
    ReportBody,
    ReportDetail,
    ReportPage,
    WithdrawalBody,
)
from frikort_contracts.outcomes import Problem
from frikort_contracts.references import report_id_of
from frikort_contracts.reporting import AnswerDispute, CorrectReport, ReportEarnings, WithdrawReport
from starlette.responses import Response

from services.gateway.api.dependencies import PENDING, Employer, EmployerCommand, RequestContext
from services.gateway.api.json_route import JsonRoute
from services.gateway.api.paging import DEFAULT_LIMIT, Cursor, Limit, Newest, after, page
from services.gateway.audit.actions import READ_REPORTS, REPORT_EARNINGS, TRY_REPORT
from services.gateway.audit.routes import audited
from services.gateway.employer import presenters
from services.gateway.employer.actions import ANSWER_DISPUTE, CORRECT_REPORT, WITHDRAW_REPORT
from services.gateway.employer.problem_codes import CONTENT, EMPLOYMENT, REPORT
from services.gateway.employer.queries import card_of, current_employments, own_employment
from services.gateway.evidence.responses import evidence_response
from services.gateway.former_employers import LATE_PERIOD, may_try
from services.gateway.operation_problems import problems
from services.gateway.ordering import stored_from
from services.gateway.problems import ProblemError
from services.gateway.projections.evidence import report_evidence_id
from services.gateway.projections.reports import ReportView

router = APIRouter(route_class=JsonRoute, prefix="/v1", tags=["employer"])


@router.post(
    "/reports",
    status_code=201,
    response_model=ReportDetail,
    responses={**PENDING, 200: {"description": "Known: booked before", "model": ReportDetail}},
    openapi_extra=problems(*REPORT),
)
@audited(REPORT_EARNINGS)
async def report_earnings(body: ReportBody, context: EmployerCommand) -> Response:
    """Report what was paid. The response has the exempt amount and the amount to pay as ordinary wage.

    The same report again (same employment, reference and content) is answered 200 with ``already_reported``; nothing
    is booked twice. A report that looks like an earlier one is refused with ``possible-duplicate`` unless
    ``allow_duplicate`` is true.
    """
    return await context.submit(body, lambda _: _reporting(context, body, dry_run=False))


@router.post(
    "/reports/dry-run",
    response_model=DryRunResource,
    responses=PENDING,
    openapi_extra=problems(*REPORT, "dry-run-too-late"),
)
@audited(TRY_REPORT)
async def dry_run(body: ReportBody, context: EmployerCommand) -> Response:
    """The result of reporting this now. All rules of reporting apply, and nothing is booked.

    Possible until 60 days after the last day of the employment; the report itself is possible later, too.
    """
    return await context.submit(body, lambda _: _reporting(context, body, dry_run=True))


@router.get("/reports", response_model=ReportPage)
@audited(READ_REPORTS)
async def list_reports(
    context: Employer,
    employment_id: Annotated[str | None, Query(max_length=64)] = None,
    year: Annotated[int | None, Query(ge=2019, le=2200, description="Year of the payment date.")] = None,
    disputed: Annotated[bool, Query(description="Only those in dispute.")] = False,
    moved_since: Annotated[
        Day | None, Query(description="Only those whose split another report moved on this Danish day or later.")
    ] = None,
    newest: Newest = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = "",
) -> ReportPage:
    """Own reports, by acceptance."""
    query = {
        "cvr": context.organisation,
        "employment_id": employment_id,
        "year": year,
        "dispute.raised_at": {"$gt": ""} if disputed else None,
        "moved_at": None if moved_since is None else {"$gte": stored_from(moved_since)},
    }
    wanted = {name: value for name, value in query.items() if value is not None}
    found = await context.container.read_models.reports.find(
        {**wanted, **after(cursor, newest=newest)}, sort=[("order", -1 if newest else 1)], limit=limit + 1
    )
    shown, following = page(found, limit)
    current = await current_employments(context, {view.employment_id for view in shown})
    ledgers = await context.container.read_models.ledgers_of({view.card_id for view in shown})
    lines = [
        presenters.report_line(
            view,
            ledgers.get((view.card_id, view.year)),
            context.language,
            context.container.persons,
            is_current=view.employment_id in current,
        )
        for view in shown
    ]
    return ReportPage(reports=lines, next=following)


@router.get("/reports/{report_id}", response_model=ReportDetail, openapi_extra=problems("report-unknown"))
@audited(READ_REPORTS)
async def get_report(report_id: str, context: Employer) -> ReportDetail:
    """An own report with its history."""
    view = await _own_report(context, report_id)
    current = await current_employments(context, {view.employment_id})
    return presenters.report(
        view,
        await context.container.read_models.ledger(view.card_id, view.year),
        context.language,
        context.container.persons,
        is_current=view.employment_id in current,
    )


@router.get(
    "/reports/{report_id}/receipt",
    response_model=Evidence,
    openapi_extra=problems("report-unknown", "evidence-not-ready"),
)
@audited(READ_REPORTS)
async def get_receipt(report_id: str, context: Employer) -> Response:
    """The signed receipt of an own report, as it is now. It is ready some seconds after the report is accepted."""
    view = await _own_report(context, report_id)
    statement_id = report_evidence_id(report_id, view.revision)
    return evidence_response(await context.container.evidence.file(statement_id), f"frikort-{report_id}")


@router.post(
    "/reports/{report_id}/correction",
    response_model=ReportDetail,
    responses=PENDING,
    openapi_extra=problems(
        *("report-unknown", *EMPLOYMENT, *CONTENT, "own-business"),
        *("report-withdrawn", "report-changed", "payment-year-changed"),
    ),
)
@audited(CORRECT_REPORT)
async def correct_report(report_id: str, body: CorrectionBody, context: EmployerCommand) -> Response:
    """Replace the content of a report. Its reference, its place in the order and its history stay.

    Of two corrections of one revision, the second is refused with `report-changed`.
    """

    async def build(_: UUID) -> CorrectReport:
        view = await _own_report(context, report_id)
        return CorrectReport(
            card_id=view.card_id,
            cvr=context.organisation,
            actor=context.caller.subject,
            employment_id=view.employment_id,
            card_revision=await _card_revision(context, view.card_id),
            owners=context.caller.owners,
            report_id=report_id,
            report_revision=body.revision or view.revision,
            work=body.work.value(),
            payment_date=body.payment_date,
            components=body.components.value(),
            allow_large_amount=body.allow_large_amount,
            reason=body.reason,
        )

    return await context.submit(body, build)


@router.post(
    "/reports/{report_id}/withdrawal",
    response_model=ReportDetail,
    responses=PENDING,
    openapi_extra=problems("report-unknown", *EMPLOYMENT, "report-withdrawn", "report-changed", "year-closed"),
)
@audited(WITHDRAW_REPORT)
async def withdraw_report(report_id: str, body: WithdrawalBody, context: EmployerCommand) -> Response:
    """Withdraw a report; it no longer counts. Its reference stays used."""

    async def build(_: UUID) -> WithdrawReport:
        view = await _own_report(context, report_id)
        return WithdrawReport(
            **_about(context, view), reason=body.reason, report_revision=body.revision or view.revision
        )

    return await context.submit(body, build)


@router.post(
    "/reports/{report_id}/dispute/answer",
    response_model=ReportDetail,
    responses=PENDING,
    openapi_extra=problems("report-unknown", *EMPLOYMENT, "report-not-disputed", "dispute-decided"),
)
@audited(ANSWER_DISPUTE)
async def answer_dispute(report_id: str, body: DisputeAnswerBody, context: EmployerCommand) -> Response:
    """Answer an open dispute: the report is right. The citizen and the municipality see the answer; no amount changes.

    The dispute stays open until the citizen's side withdraws it, or you correct or withdraw the report. A later answer
    replaces an earlier one; the history keeps both.
    """

    async def build(_: UUID) -> AnswerDispute:
        return AnswerDispute(**_about(context, await _own_report(context, report_id)), reason=body.reason)

    return await context.submit(body, build)


def _about(context: RequestContext, view: ReportView) -> dict[str, str]:
    """The fields of every command about an own report."""
    return {
        "card_id": view.card_id,
        "cvr": context.organisation,
        "actor": context.caller.subject,
        "employment_id": view.employment_id,
        "report_id": view.report_id,
    }


async def _reporting(context: RequestContext, body: ReportBody, *, dry_run: bool) -> ReportEarnings:
    employment = await own_employment(context, body.employment_id)
    if dry_run and not may_try(employment.period, await context.container.clock.today()):
        raise ProblemError("dry-run-too-late", facts={"days": LATE_PERIOD.days})
    card = await card_of(context, employment)
    person, report_id = card.person.cpr_hash, report_id_of(employment.employment_id, body.reference)
    await context.container.persons.ensure_keys_of(person, context.container.producer)
    return ReportEarnings(
        card_id=employment.card_id,
        cvr=context.organisation,
        actor=context.caller.subject,
        employment_id=employment.employment_id,
        card_revision=card.revision,
        owners=context.caller.owners,
        report_id=report_id,
        reference_ciphertext=context.container.persons.encrypt_reference(body.reference, person, report_id),
        work=body.work.value(),
        payment_date=body.payment_date,
        components=body.components.value(),
        allow_duplicate=body.allow_duplicate,
        allow_large_amount=body.allow_large_amount,
        dry_run=dry_run,
    )


async def _card_revision(context: RequestContext, card_id: str) -> int:
    """The card revision in the read model: reporting waits until it has this revision."""
    card = await context.container.read_models.cards.get(card_id)
    return 1 if card is None else card.revision


async def _own_report(context: RequestContext, report_id: str) -> ReportView:
    view = await context.container.read_models.reports.get(report_id)
    if view is None or view.booked is None or view.cvr != context.organisation:
        raise ProblemError(Problem.REPORT_UNKNOWN)
    return view
