"""What a caseworker sees. Pure."""

from __future__ import annotations

from frikort_contracts.http.cards import (
    CardHistory,
    CardResource,
    ControlDueResource,
    ControlResource,
    PreviousNumberResource,
)
from frikort_contracts.http.reports import DisputedReportResource

from services.gateway.person_encryption import KnownPerson, Persons
from services.gateway.presenters import OpenMessage, days, dispute, municipality
from services.gateway.projections.cards import CardView, ControlView
from services.gateway.projections.reports import ReportView


def card(view: CardView, persons: Persons) -> CardResource:
    """For the responsible municipality. Raises as ``Persons.decrypt``."""
    person = persons.decrypt(view.person, view.card_id)
    return CardResource(
        card_id=view.card_id,
        number=view.number,
        previous_numbers=[
            PreviousNumberResource(number=one.number, replaced_at=one.replaced_at) for one in view.previous_numbers
        ],
        cpr=person.cpr,
        name=person.name,
        municipality=municipality(view.municipality),
        status="active" if view.active else "deactivated",
        active_periods=[days(period) for period in view.active_periods],
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
                case_reference=persons.decrypt_case_reference(
                    entry.case_reference, entry.case_reference_ciphertext, view.card_id
                ),
            )
            for entry in view.history
        ],
    )


def control_due(view: CardView, person: KnownPerson) -> ControlDueResource:
    """A line of the list of controls."""
    return ControlDueResource(
        card_id=view.card_id,
        number=view.number,
        name=person.name,
        control_due=view.control_due,
        last_control=_control(view.last_control),
    )


def disputed_report(
    card: CardView, person: KnownPerson, report: ReportView, decrypt_message: OpenMessage
) -> DisputedReportResource:
    """A line of the list of open disputes. Raises ``ValueError`` for a report without one."""
    found = dispute(report, decrypt_message)
    if found is None or report.booked is None:
        raise ValueError("the report is not in dispute")
    return DisputedReportResource(
        card_id=card.card_id,
        card_number=card.number,
        name=person.name,
        report_id=report.report_id,
        cvr=report.cvr,
        payment_date=report.booked.payment_date,
        total_ore=report.booked.total,
        dispute=found,
    )


def _control(control: ControlView | None) -> ControlResource | None:
    return None if control is None else ControlResource(year=control.year, result=control.result, at=control.at)
