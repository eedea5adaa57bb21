"""What an employer sees of its employments and reports. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from frikort_contracts.http.balances import AllowanceLeft
from frikort_contracts.http.employments import ContactResource, EmploymentResource, ReminderAnswer, ReminderResource
from frikort_contracts.http.reports import ReportDetail, ReportResource
from frikort_contracts.rules.allowances import Allowance
from frikort_contracts.values import Period

from services.gateway.employer.payment_instructions import payment_instructions
from services.gateway.employer.reminder_rules import Notice, Question, answer_texts, notice_text, question_text
from services.gateway.formats import Language
from services.gateway.known_allowance import known_remaining
from services.gateway.people.texts import KnownContact
from services.gateway.person_encryption import Persons
from services.gateway.presenters import (
    amounts,
    components,
    days,
    dispute,
    remaining,
    report_history,
    split,
)
from services.gateway.projections.cards import CardView
from services.gateway.projections.employments import EmploymentView
from services.gateway.projections.ledgers import LedgerView
from services.gateway.projections.reports import ReportView


def employment(
    view: EmploymentView, contact: KnownContact, label: str | None, card: CardView | None
) -> EmploymentResource:
    """For the employer."""
    return EmploymentResource(
        employment_id=view.employment_id,
        period=days(view.period),
        contact=ContactResource(**contact._asdict()),
        card_number=view.card_number,
        label=label,
        active_days=[] if card is None else [days(one) for one in _common(view.period, card.active_periods)],
        no_work=[days(period) for period in view.no_work],
        registered_at=view.registered_at,
        revision=view.revision,
    )


def _common(period: Period, others: Iterable[Period]) -> list[Period]:
    """The days that ``period`` has in common with each of the others."""
    found: list[Period] = []
    for other in others:
        if period.overlaps(other):
            ends = [one.last for one in (period, other) if one.last is not None]
            found.append(Period(first=max(period.first, other.first), last=min(ends, default=None)))
    return found


def allowance_left(
    employment_id: str, year: int, row: Allowance, ledger: LedgerView | None, *, is_current: bool
) -> AllowanceLeft:
    """What a present employer learns of the card's allowance of ``year``. A former one sees the allowance alone.

    Nothing about other employers.
    """
    dividing = amounts(row, ledger)
    return AllowanceLeft(
        employment_id=employment_id,
        year=year,
        allowance_ore=dividing.allowance,
        provisional=dividing.provisional,
        remaining_ore=known_remaining(remaining(row, ledger)) if is_current else None,
    )


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
            provisional=found.provisional,
        )
    report_now, no_work = answer_texts(language)
    return ReminderResource(
        **about,
        kind="no-recent-report",
        text=question_text(found, language),
        days=days(found.days),
        answers=[
            ReminderAnswer(answer="report", text=report_now),
            ReminderAnswer(answer="no-work", text=no_work),
        ],
    )


def report(
    view: ReportView,
    ledger: LedgerView | None,
    language: Language,
    persons: Persons,
    *,
    is_current: bool = True,
    already_reported: bool = False,
    corrected_since: bool = False,
) -> ReportDetail:
    """For the employer who made it. A former employer does not see ``remaining_ore``."""
    if view.booked is None:
        raise ValueError("a report that is not known yet is not shown")
    settlement, dividing = view.settlement, amounts(view.booked, ledger)
    return ReportDetail(
        report_id=view.report_id,
        employment_id=view.employment_id,
        reference=persons.decrypt_reference(view.reference, view.reference_ciphertext, view.report_id),
        status="withdrawn" if view.withdrawn else "accepted",
        reported_at=view.history[0].at,
        withdrawn_at=next((entry.at for entry in view.history if entry.event == "withdrawn"), None),
        year=view.year,
        work=days(view.booked.work),
        payment_date=view.booked.payment_date,
        components=components(view.booked.components),
        total_ore=view.booked.total,
        split=None if settlement is None else split(settlement, only_by=view.report_id),
        allowance_ore=dividing.allowance,
        provisional=dividing.provisional,
        remaining_ore=known_remaining(ledger.totals.remaining) if ledger and ledger.totals and is_current else None,
        advice=[]
        if settlement is None
        else payment_instructions(
            exempt=settlement.exempt,
            excess=settlement.excess,
            year=view.year,
            provisional=dividing.provisional,
            language=language,
        ),
        dispute=dispute(view, persons.decrypt_message),
        already_reported=already_reported,
        corrected_since=corrected_since,
        revision=view.revision,
        history=report_history(view, persons.decrypt_message),
        splits=[split(settlement, only_by=view.report_id) for settlement in view.settlements],
    )


def report_line(
    view: ReportView, ledger: LedgerView | None, language: Language, persons: Persons, *, is_current: bool
) -> ReportResource:
    """A report in a list: without its history."""
    detail = report(view, ledger, language, persons, is_current=is_current)
    return ReportResource(**detail.model_dump(exclude={"history", "splits"}))
