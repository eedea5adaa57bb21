"""Read models as resources: what each audience sees of a card, an employment, a report, a year. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Literal

from frikort_contracts.http.balances import (
    AllowanceLeft,
    AllowanceResource,
    Allowances,
    BalanceResource,
    Balances,
    WarningResource,
    Warnings,
)
from frikort_contracts.http.cards import CardHistory, CardResource, ControlDueResource, ControlResource, OwnCardResource
from frikort_contracts.http.common import Days, Municipality
from frikort_contracts.http.employments import (
    CardEmploymentResource,
    ContactResource,
    EmploymentResource,
    ReminderAnswer,
    ReminderResource,
)
from frikort_contracts.http.extracts import ExtractFileResource, ExtractResource, ManifestResource
from frikort_contracts.http.mandates import MandateResource, RepresentedResource
from frikort_contracts.http.reports import (
    CardReportResource,
    ComponentsResource,
    DisputeResource,
    ReportDetail,
    ReportHistory,
    ReportResource,
    SplitResource,
)
from frikort_contracts.municipalities import MUNICIPALITIES
from frikort_contracts.rules.allowances import Allowance, AllowanceTable
from frikort_contracts.values import Components, Period, WorkPeriod

from services.gateway.formats import Language
from services.gateway.payment_instructions import advice
from services.gateway.person_encryption import Contact, Person
from services.gateway.projections.cards import CardView, Control, Mandate
from services.gateway.projections.employments import EmploymentView
from services.gateway.projections.extracts import ExtractView, Manifest
from services.gateway.projections.ledgers import LedgerView
from services.gateway.projections.reports import ReportEntry, ReportView, Settlement
from services.gateway.read_models import ExtractRequest, Written
from services.gateway.reminders import Notice, Question, answer_texts, notice_text, question_text

OpenMessage = Callable[[str | None, str], str | None]
"""Opens the sealed message, if there is one, about the report with this id."""


def municipality(code: str) -> Municipality:
    """A municipality by its code."""
    return Municipality(code=code, name=MUNICIPALITIES.get(code, code))


def card(view: CardView, person: Person) -> CardResource:
    """For the responsible municipality."""
    return CardResource(
        card_id=view.card_id,
        number=view.number,
        cpr=person.cpr,
        name=person.name,
        municipality=municipality(view.municipality),
        status="active" if view.active else "deactivated",
        active_periods=[_days(period) for period in view.active_periods],
        control_due=view.control_due,
        last_control=_control(view.last_control),
        revision=view.revision,
        history=[
            CardHistory(
                revision=entry.revision,
                event=entry.event,
                at=entry.at,
                municipality=municipality(entry.municipality),
                by=entry.actor,
                case_reference=entry.case_reference,
            )
            for entry in view.history
        ],
    )


def own_card(view: CardView, person: Person) -> OwnCardResource:
    """For the citizen."""
    return OwnCardResource(
        number=view.number,
        name=person.name,
        municipality=municipality(view.municipality),
        status="active" if view.active else "deactivated",
        active_periods=[_days(period) for period in view.active_periods],
    )


def mandate(view: Mandate, holder: Person, today: date) -> MandateResource:
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


def represented(view: Mandate, citizen: Person) -> RepresentedResource:
    """For the holder of the mandate."""
    return RepresentedResource(mandate_id=view.mandate_id, name=citizen.name, scope=view.scope, until=view.until)


def control_due(view: CardView, person: Person) -> ControlDueResource:
    """A line of the list of controls."""
    return ControlDueResource(
        card_id=view.card_id,
        number=view.number,
        name=person.name,
        control_due=view.control_due,
        last_control=_control(view.last_control),
    )


def balances(ledgers: list[LedgerView], current_year: int, table: AllowanceTable) -> Balances:
    """The years with reports, and the present one, newest first."""
    shown = {ledger.year: _balance(ledger) for ledger in ledgers if ledger.totals is not None}
    present = table.get(current_year)
    if present is not None and current_year not in shown:
        shown[current_year] = BalanceResource(
            year=current_year,
            allowance_ore=present.allowance,
            provisional=present.provisional,
            reported_ore=0,
            exempt_ore=0,
            excess_ore=0,
            remaining_ore=present.allowance,
            warnings=[],
        )
    return Balances(balances=[shown[year] for year in sorted(shown, reverse=True)])


def _balance(ledger: LedgerView) -> BalanceResource:
    if ledger.totals is None:
        raise ValueError("a ledger without totals is not shown")
    return BalanceResource(
        year=ledger.year,
        allowance_ore=ledger.totals.allowance,
        provisional=ledger.totals.provisional,
        reported_ore=ledger.totals.reported,
        exempt_ore=ledger.totals.exempt,
        excess_ore=ledger.totals.excess,
        remaining_ore=ledger.totals.remaining,
        warnings=_warnings(ledger),
    )


def warnings(ledgers: list[LedgerView]) -> Warnings:
    """All warnings, newest year first."""
    newest_first = sorted(ledgers, key=lambda ledger: -ledger.year)
    return Warnings(warnings=[warning for ledger in newest_first for warning in _warnings(ledger)])


def _warnings(ledger: LedgerView) -> list[WarningResource]:
    return [
        WarningResource(
            year=ledger.year,
            threshold=warning.threshold,
            allowance_ore=warning.allowance,
            reported_ore=warning.reported,
            raised_at=warning.raised_at,
            withdrawn_at=warning.withdrawn_at,
        )
        for warning in ledger.warnings
    ]


def employment(view: EmploymentView, contact: Contact, label: str | None) -> EmploymentResource:
    """For the employer."""
    return EmploymentResource(
        employment_id=view.employment_id,
        period=_days(view.period),
        contact=ContactResource(**contact._asdict()),
        card_number=view.card_number,
        label=label,
        no_work=[_days(days) for days in view.no_work],
        registered_at=view.registered_at,
        revision=view.revision,
    )


def card_employment(view: EmploymentView, contact: Contact | None) -> CardEmploymentResource:
    """For the citizen, and with the contact person for the municipality."""
    return CardEmploymentResource(
        employment_id=view.employment_id,
        cvr=view.cvr,
        period=_days(view.period),
        registered_at=view.registered_at,
        contact=None if contact is None else ContactResource(**contact._asdict()),
    )


def allowance_left(employment_id: str, year: int, row: Allowance, ledger: LedgerView | None) -> AllowanceLeft:
    """What is left of the card's allowance of ``year``, for the employer; nothing about other employers."""
    totals = None if ledger is None else ledger.totals
    return AllowanceLeft(
        employment_id=employment_id,
        year=year,
        allowance_ore=row.allowance if totals is None else totals.allowance,
        provisional=row.provisional if totals is None else totals.provisional,
        remaining_ore=remaining(row, ledger),
    )


def remaining(row: Allowance, ledger: LedgerView | None) -> int:
    """What is left of a year's allowance, in øre: all of it while nothing is reported."""
    return row.allowance if ledger is None or ledger.totals is None else ledger.totals.remaining


def reminder(view: EmploymentView, label: str | None, found: Question | Notice, language: Language) -> ReminderResource:
    """For the employer."""
    about = {"employment_id": view.employment_id, "card_number": view.card_number, "label": label}
    if isinstance(found, Notice):
        return ReminderResource(
            **about,
            kind="allowance-low",
            text=notice_text(found, language),
            expected_payment_date=found.pay_day,
            remaining_ore=found.remaining,
            usual_pay_ore=found.usual,
        )
    report_now, no_work = answer_texts(language)
    return ReminderResource(
        **about,
        kind="no-recent-report",
        text=question_text(found, language),
        days=_days(found.days),
        answers=[
            ReminderAnswer(answer="report", text=report_now),
            ReminderAnswer(answer="no-work", text=no_work),
        ],
    )


def report(
    view: ReportView,
    ledger: LedgerView | None,
    language: Language,
    open_message: OpenMessage,
    *,
    already_reported: bool = False,
) -> ReportDetail:
    """For the employer who made it."""
    if view.booked is None:
        raise ValueError("a report that is not known yet is not shown")
    totals = None if ledger is None else ledger.totals
    settlement = view.settlement
    return ReportDetail(
        report_id=view.report_id,
        employment_id=view.employment_id,
        reference=view.reference,
        status="withdrawn" if view.withdrawn else "accepted",
        year=view.year,
        work=_days(view.booked.work),
        payment_date=view.booked.payment_date,
        components=_components(view.booked.components),
        total_ore=view.booked.total,
        split=None if settlement is None else _split(settlement, only_by=view.report_id),
        allowance_ore=view.booked.allowance,
        provisional=view.booked.provisional,
        remaining_ore=None if totals is None else totals.remaining,
        advice=[]
        if settlement is None
        else advice(
            exempt=settlement.exempt,
            excess=settlement.excess,
            year=view.year,
            provisional=view.booked.provisional,
            language=language,
        ),
        dispute=_dispute(view, open_message),
        already_reported=already_reported,
        revision=view.revision,
        history=_history(view, open_message),
        splits=[_split(settlement, only_by=view.report_id) for settlement in view.settlements],
    )


def report_line(
    view: ReportView, ledger: LedgerView | None, language: Language, open_message: OpenMessage
) -> ReportResource:
    """A report in a list: without its history."""
    detail = report(view, ledger, language, open_message)
    return ReportResource(**detail.model_dump(exclude={"history", "splits"}))


def card_report(view: ReportView, open_message: OpenMessage) -> CardReportResource:
    """For the citizen and the municipality."""
    if view.booked is None:
        raise ValueError("a report that is not known yet is not shown")
    return CardReportResource(
        report_id=view.report_id,
        employment_id=view.employment_id,
        cvr=view.cvr,
        status="withdrawn" if view.withdrawn else "accepted",
        year=view.year,
        work=_days(view.booked.work),
        payment_date=view.booked.payment_date,
        components=_components(view.booked.components),
        total_ore=view.booked.total,
        split=None if view.settlement is None else _split(view.settlement),
        provisional=view.booked.provisional,
        dispute=_dispute(view, open_message),
        history=_history(view, open_message),
    )


def extract(request: ExtractRequest, view: ExtractView | None, written: Written) -> ExtractResource:
    """For the authority. Done means that every part can be read here."""
    manifest = None if view is None else view.manifest
    complete = manifest is not None and written.parts >= sum(file.parts for file in manifest.files)
    return ExtractResource(
        extract_id=request.extract_id,
        year=request.year,
        municipality=request.municipality,
        requested_at=request.requested_at,
        status="requested" if view is None else "done" if complete else "running",
        statements=None if view is None else view.statements,
        statements_written=written.statements,
        parts_written=written.parts,
        manifest=_manifest(request.extract_id, manifest) if manifest is not None and complete else None,
    )


def allowances(table: AllowanceTable, today: date) -> Allowances:
    """The whole table, newest year first."""
    return Allowances(
        today=today,
        current_year=today.year,
        allowances=[
            AllowanceResource(
                year=year,
                allowance_ore=row.allowance,
                income_limit_ore=row.income_limit,
                hourly_rate_ore=row.hourly_rate,
                provisional=row.provisional,
            )
            for year, row in sorted(table.items(), reverse=True)
        ],
    )


def _manifest(extract_id: str, manifest: Manifest) -> ManifestResource:
    return ManifestResource(
        completed_at=manifest.completed_at,
        provisional=manifest.provisional,
        count=manifest.count,
        reported_ore=manifest.reported,
        exempt_ore=manifest.exempt,
        excess_ore=manifest.excess,
        files=[
            ExtractFileResource(
                format=file.format,
                size=file.size,
                sha256=file.sha256,
                href=f"/v1/extracts/{extract_id}/files/{file.format}",
            )
            for file in manifest.files
        ],
    )


def _days(period: Period | WorkPeriod) -> Days:
    return Days(first=period.first, last=period.last)


def _control(control: Control | None) -> ControlResource | None:
    return None if control is None else ControlResource(year=control.year, result=control.result, at=control.at)


def _components(components: Components) -> ComponentsResource:
    return ComponentsResource(
        wage_ore=components.wage,
        holiday_pay_ore=components.holiday_pay,
        atp_ore=components.atp,
        pension_ore=components.pension,
    )


def _split(settlement: Settlement, *, only_by: str | None = None) -> SplitResource:
    """``only_by``: an employer is not told the id of another's report."""
    told = only_by is None or settlement.caused_by == only_by
    return SplitResource(
        exempt_ore=settlement.exempt,
        excess_ore=settlement.excess,
        at=settlement.at,
        caused_by=settlement.caused_by if told else None,
    )


def _dispute(view: ReportView, open_message: OpenMessage) -> DisputeResource | None:
    dispute = view.dispute
    if dispute is None:
        return None
    return DisputeResource(
        reason=dispute.reason,
        message=open_message(dispute.message, view.report_id),
        raised_at=dispute.raised_at,
        raised_by=dispute.raised_by,
    )


def _history(view: ReportView, open_message: OpenMessage) -> list[ReportHistory]:
    return [_report_entry(entry, open_message(entry.message, view.report_id)) for entry in view.history]


def _report_entry(entry: ReportEntry, message: str | None) -> ReportHistory:
    booked = entry.booked
    return ReportHistory(
        revision=entry.revision,
        event=entry.event,
        at=entry.at,
        work=None if booked is None else _days(booked.work),
        payment_date=None if booked is None else booked.payment_date,
        components=None if booked is None else _components(booked.components),
        total_ore=None if booked is None else booked.total,
        reason=entry.reason,
        message=message,
        by=entry.side,
    )
