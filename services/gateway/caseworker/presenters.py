"""What a caseworker sees. Pure."""

from __future__ import annotations

from frikort_contracts.http.cards import CardHistory, CardResource, ControlDueResource, ControlResource

from services.gateway.person_encryption import Person
from services.gateway.presenters import days, municipality
from services.gateway.projections.cards import CardView, ControlView


def card(view: CardView, person: Person) -> CardResource:
    """For the responsible municipality."""
    return CardResource(
        card_id=view.card_id,
        number=view.number,
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
                case_reference=entry.case_reference,
            )
            for entry in view.history
        ],
    )


def control_due(view: CardView, person: Person) -> ControlDueResource:
    """A line of the list of controls."""
    return ControlDueResource(
        card_id=view.card_id,
        number=view.number,
        name=person.name,
        control_due=view.control_due,
        last_control=_control(view.last_control),
    )


def _control(control: ControlView | None) -> ControlResource | None:
    return None if control is None else ControlResource(year=control.year, result=control.result, at=control.at)
