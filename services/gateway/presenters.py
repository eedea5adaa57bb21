"""What the presenters of several slices share. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from frikort_contracts.http.balances import AllowanceResource
from frikort_contracts.http.balances import Allowances as AllowancesResource
from frikort_contracts.http.common import Days, Municipality
from frikort_contracts.http.reports import ComponentsResource, DisputeResource, ReportHistory, SplitResource
from frikort_contracts.municipalities import MUNICIPALITIES
from frikort_contracts.rules.allowances import Allowance, Allowances, hourly_rate
from frikort_contracts.values import Components, Period, WorkPeriod

from services.gateway.projections.ledgers import LedgerView, TotalsView
from services.gateway.projections.reports import BookedView, ReportEntry, ReportView, SettlementView

OpenMessage = Callable[[str | None, str], str | None]
"""Decrypts the message, if there is one, about the report with this id."""


def municipality(code: str) -> Municipality:
    """A municipality by its code."""
    return Municipality(code=code, name=MUNICIPALITIES.get(code, code))


def remaining(row: Allowance, ledger: LedgerView | None) -> int:
    """What is left of a year's allowance, in øre: all of it while nothing is reported."""
    return row.allowance if ledger is None or ledger.totals is None else ledger.totals.remaining


def amounts(before: Allowance | BookedView, ledger: LedgerView | None) -> Allowance | BookedView | TotalsView:
    """What has the allowance that divides a card's year: its ledger, or ``before`` while the ledger is not known."""
    return before if ledger is None or ledger.totals is None else ledger.totals


def allowances(table: Allowances, today: date) -> AllowancesResource:
    """What is in force today in each year, and what takes effect later; newest year first."""
    years = sorted(table.years, reverse=True)
    in_force = [row for year in years if (row := table.in_force(year, today)) is not None]
    announced = [row for year in years for row in table.announced(year, today)]
    return AllowancesResource(
        today=today,
        current_year=today.year,
        allowances=[_allowance(table, row, today) for row in in_force],
        announced=[_allowance(table, row, row.effective_from) for row in announced],
    )


def _allowance(table: Allowances, row: Allowance, day: date) -> AllowanceResource:
    """Amounts as they are in force on ``day``: their rate is the one by which hours are counted."""
    return AllowanceResource(
        year=row.year,
        allowance_ore=row.allowance,
        income_limit_ore=row.income_limit,
        hourly_rate_ore=hourly_rate(table, row.year, day),
        provisional=row.provisional,
        effective_from=row.effective_from,
        closed=row.year in table.closed,
    )


def days(period: Period | WorkPeriod) -> Days:
    return Days(first=period.first, last=period.last)


def components(components: Components) -> ComponentsResource:
    return ComponentsResource(
        wage_ore=components.wage,
        holiday_pay_ore=components.holiday_pay,
        atp_ore=components.atp,
        pension_ore=components.pension,
    )


def split(settlement: SettlementView, *, only_by: str | None = None) -> SplitResource:
    """``only_by``: an employer does not see the id of another employer's report."""
    is_visible = only_by is None or settlement.caused_by == only_by
    return SplitResource(
        exempt_ore=settlement.exempt,
        excess_ore=settlement.excess,
        at=settlement.at,
        caused_by=settlement.caused_by if is_visible else None,
        by_allowance=settlement.caused_by is None,
    )


def dispute(view: ReportView, decrypt_message: OpenMessage) -> DisputeResource | None:
    """The open dispute. The resource takes its fields from the view's dispute by their names."""
    dispute = view.dispute
    if dispute is None:
        return None
    message = decrypt_message(dispute.message, view.report_id)
    return DisputeResource.model_validate(
        {**dispute.model_dump(), "message": message, "revision": view.dispute_revision}
    )


def report_history(view: ReportView, decrypt_message: OpenMessage) -> list[ReportHistory]:
    return [_report_entry(entry, decrypt_message(entry.message, view.report_id)) for entry in view.history]


def _report_entry(entry: ReportEntry, message: str | None) -> ReportHistory:
    booked = entry.booked
    return ReportHistory(
        revision=entry.revision,
        event=entry.event,
        at=entry.at,
        work=None if booked is None else days(booked.work),
        payment_date=None if booked is None else booked.payment_date,
        components=None if booked is None else components(booked.components),
        total_ore=None if booked is None else booked.total,
        reason=entry.reason,
        message=message,
        by=entry.side,
    )
