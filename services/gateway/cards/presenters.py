"""A card's employments, reports and years, as its citizen and its municipality see them. Pure."""

from __future__ import annotations

from datetime import date
from typing import Literal

from frikort_contracts.http.balances import BalanceResource, Balances, WarningResource, Warnings
from frikort_contracts.http.employments import CardEmploymentResource, ContactResource
from frikort_contracts.http.mandates import MandateResource
from frikort_contracts.http.reports import CardReportResource
from frikort_contracts.rules.allowances import Allowances, hourly_rate
from frikort_contracts.rules.hours import converted_hours

from services.gateway.people.texts import KnownContact
from services.gateway.person_encryption import KnownPerson
from services.gateway.presenters import OpenMessage, amounts, components, days, dispute, report_history, split
from services.gateway.projections.cards import MandateView
from services.gateway.projections.employments import EmploymentView
from services.gateway.projections.ledgers import LedgerView
from services.gateway.projections.reports import ReportView


def mandate(view: MandateView, holder: KnownPerson, today: date) -> MandateResource:
    """For the citizen and the municipality."""
    ended: Literal["expired", "withdrawn"] = "expired" if view.withdrawn_at is None else "withdrawn"
    return MandateResource(
        mandate_id=view.mandate_id,
        name=holder.name,
        scope=view.scope,
        until=view.until,
        status="active" if view.in_force(today) else ended,
        granted_at=view.granted_at,
        granted_by=view.granted_by,
        withdrawn_at=view.withdrawn_at,
    )


def balances(ledgers: list[LedgerView], today: date, table: Allowances) -> Balances:
    """The years with reports, and the present one, newest first."""
    shown = {ledger.year: _balance(ledger, today, table) for ledger in ledgers if ledger.totals is not None}
    present = table.in_force(today.year, today)
    if present is not None and today.year not in shown:
        rate = hourly_rate(table, today.year, today)
        shown[today.year] = BalanceResource(
            year=today.year,
            allowance_ore=present.allowance,
            provisional=present.provisional,
            reported_ore=0,
            exempt_ore=0,
            excess_ore=0,
            remaining_ore=present.allowance,
            hourly_rate_ore=rate,
            converted_hours=_hours(0, rate),
            warnings=[],
        )
    return Balances(balances=[shown[year] for year in sorted(shown, reverse=True)])


def _balance(ledger: LedgerView, today: date, table: Allowances) -> BalanceResource:
    if ledger.totals is None:
        raise ValueError("a ledger without totals is not shown")
    rate = hourly_rate(table, ledger.year, today)
    return BalanceResource(
        year=ledger.year,
        allowance_ore=ledger.totals.allowance,
        provisional=ledger.totals.provisional,
        reported_ore=ledger.totals.reported,
        exempt_ore=ledger.totals.exempt,
        excess_ore=ledger.totals.excess,
        remaining_ore=ledger.totals.remaining,
        hourly_rate_ore=rate,
        converted_hours=_hours(ledger.totals.exempt, rate),
        warnings=warnings_of_year(ledger),
    )


def _hours(exempt: int, rate: int | None) -> int | None:
    return None if rate is None else converted_hours(exempt, rate)


def warnings(ledgers: list[LedgerView]) -> Warnings:
    """All warnings, newest year first."""
    newest_first = sorted(ledgers, key=lambda ledger: -ledger.year)
    return Warnings(warnings=[warning for ledger in newest_first for warning in warnings_of_year(ledger)])


def warnings_of_year(ledger: LedgerView) -> list[WarningResource]:
    return [
        WarningResource(
            year=ledger.year,
            threshold=warning.threshold,
            allowance_ore=warning.allowance,
            reported_ore=warning.reported,
            provisional=ledger.totals is not None and ledger.totals.provisional,
            raised_at=warning.raised_at,
            withdrawn_at=warning.withdrawn_at,
        )
        for warning in ledger.warnings
    ]


def card_employment(view: EmploymentView, contact: KnownContact | None) -> CardEmploymentResource:
    """For the citizen, and with the contact person for the municipality."""
    return CardEmploymentResource(
        employment_id=view.employment_id,
        cvr=view.cvr,
        period=days(view.period),
        registered_at=view.registered_at,
        contact=None if contact is None else ContactResource(**contact._asdict()),
    )


def card_report(view: ReportView, ledger: LedgerView | None, decrypt_message: OpenMessage) -> CardReportResource:
    """For the citizen and the municipality."""
    if view.booked is None:
        raise ValueError("a report that is not known yet is not shown")
    return CardReportResource(
        report_id=view.report_id,
        employment_id=view.employment_id,
        cvr=view.cvr,
        status="withdrawn" if view.withdrawn else "accepted",
        year=view.year,
        work=days(view.booked.work),
        payment_date=view.booked.payment_date,
        components=components(view.booked.components),
        total_ore=view.booked.total,
        split=None if view.settlement is None else split(view.settlement),
        provisional=amounts(view.booked, ledger).provisional,
        dispute=dispute(view, decrypt_message),
        stands_since=view.stands_since,
        history=report_history(view, decrypt_message),
    )
