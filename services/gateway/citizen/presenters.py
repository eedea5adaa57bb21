"""What a citizen and the holder of a mandate see. Pure."""

from __future__ import annotations

from frikort_contracts.http.cards import OwnCardResource
from frikort_contracts.http.mandates import RepresentedResource

from services.gateway.person_encryption import KnownPerson
from services.gateway.presenters import days, municipality
from services.gateway.projections.cards import CardView, MandateView


def own_card(view: CardView, person: KnownPerson) -> OwnCardResource:
    """For the citizen."""
    return OwnCardResource(
        number=view.number,
        name=person.name,
        municipality=municipality(view.municipality),
        status="active" if view.active else "deactivated",
        active_periods=[days(period) for period in view.active_periods],
    )


def represented(view: MandateView, citizen: KnownPerson) -> RepresentedResource:
    """For the holder of the mandate."""
    return RepresentedResource(mandate_id=view.mandate_id, name=citizen.name, scope=view.scope, until=view.until)
