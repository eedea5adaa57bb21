"""Cards as the gateway shows them: id ``card_id``, also found by CPR hash and by current number."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import (
    AnyCardEvent,
    CardDeactivated,
    CardHandedOver,
    CardIssued,
    CardNumberReplaced,
    CardReactivated,
    ControlRecorded,
    DecisionEvent,
    MandateGranted,
    MandateScope,
    MandateWithdrawn,
)
from frikort_contracts.topics import CARDS
from frikort_contracts.values import CitizenSide, EncryptedPerson, Period
from pydantic import BaseModel, computed_field

from services.runtime.processing.projection import Projection


class CardEntry(BaseModel):
    """An entry of a card's history. The reference of a case is in the clear or encrypted."""

    revision: int
    event: str
    at: datetime
    municipality: str
    actor: str
    case_reference: str | None = None
    case_reference_ciphertext: str | None = None


class ControlView(BaseModel):
    """The last control of a card."""

    year: int
    result: str
    at: datetime


class MandateView(BaseModel):
    """A mandate: another person may use the card through the day ``until``, unless it is withdrawn before."""

    mandate_id: str
    holder: EncryptedPerson
    scope: MandateScope
    until: date
    granted_at: datetime
    granted_by: CitizenSide
    withdrawn_at: datetime | None = None

    def in_force(self, today: date) -> bool:
        """Whether the holder may use it on this Danish day."""
        return self.withdrawn_at is None and today <= self.until


class PreviousNumberView(BaseModel):
    """A number that the card had before. Numbers are never used again."""

    number: str
    replaced_at: datetime


class CardView(BaseModel):
    """A card after its latest event."""

    card_id: str
    revision: int
    number: str
    municipality: str
    person: EncryptedPerson
    active: bool
    active_periods: list[Period]
    control_due: int
    last_control: ControlView | None = None
    mandates: list[MandateView] = []
    previous_numbers: list[PreviousNumberView] = []
    history: list[CardEntry]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def order(self) -> str:
        """Sorts by the year of the next control, for paging."""
        return f"{self.control_due}|{self.card_id}"

    def active_during(self, period: Period) -> bool:
        """Whether the card is active on at least one day of ``period``."""
        return any(active.overlaps(period) for active in self.active_periods)


def alias_of_person(cpr_hash: str) -> str:
    """The alias under which a citizen's card is found."""
    return f"cpr:{cpr_hash}"


def alias_of_number(number: str) -> str:
    """The alias under which the card that has ``number`` now is found."""
    return f"number:{number}"


def alias_of_previous_number(number: str) -> str:
    """The alias under which the card that had ``number`` before is found."""
    return f"previous-number:{number}"


def _document_id(message: Envelope[AnyCardEvent]) -> str:
    return message.data.card_id


def _aliases(card: CardView) -> tuple[str, ...]:
    previous = (alias_of_previous_number(one.number) for one in card.previous_numbers)
    return alias_of_person(card.person.cpr_hash), alias_of_number(card.number), *previous


def project(card: CardView | None, message: Envelope[AnyCardEvent]) -> CardView | None:
    """The card after one event."""
    event = message.data
    if card is None:
        return _issued(event, message.time) if isinstance(event, CardIssued) else None
    if event.revision <= card.revision:
        return card
    return card.model_copy(
        update={
            "revision": event.revision,
            "municipality": event.municipality,
            "history": [*card.history, _entry(event, message.time)],
            **_changes(card, event, message.time),
        }
    )


def _issued(event: CardIssued, at: datetime) -> CardView:
    return CardView(
        card_id=event.card_id,
        revision=event.revision,
        number=event.number,
        municipality=event.municipality,
        person=event.person,
        active=True,
        active_periods=[Period(first=event.active_from)],
        control_due=event.control_due,
        history=[_entry(event, at)],
    )


def _changes(card: CardView, event: AnyCardEvent, at: datetime) -> dict[str, Any]:
    match event:
        case CardDeactivated():
            return {"active": False, "active_periods": _closed(card.active_periods, event.last_active_day)}
        case CardReactivated():
            return {"active": True, "active_periods": _reopened(card.active_periods, event.active_from)}
        case CardNumberReplaced():
            previous = PreviousNumberView(number=event.previous_number, replaced_at=at)
            return {"number": event.number, "previous_numbers": [*card.previous_numbers, previous]}
        case ControlRecorded():
            control = ControlView(year=event.year, result=event.result, at=at)
            return {"last_control": control, "control_due": event.control_due}
        case MandateGranted():
            return {"mandates": [*card.mandates, _granted(event, at)]}
        case MandateWithdrawn():
            return {"mandates": [_withdrawn(mandate, event, at) for mandate in card.mandates]}
        case CardIssued() | CardHandedOver():
            return {}


def _granted(event: MandateGranted, at: datetime) -> MandateView:
    return MandateView(
        mandate_id=event.mandate_id,
        holder=event.holder,
        scope=event.scope,
        until=event.until,
        granted_at=at,
        granted_by=event.by,
    )


def _withdrawn(mandate: MandateView, event: MandateWithdrawn, at: datetime) -> MandateView:
    return mandate.model_copy(update={"withdrawn_at": at}) if mandate.mandate_id == event.mandate_id else mandate


def _closed(periods: list[Period], last: date) -> list[Period]:
    """The periods up to ``last``. A period that would end before it begins is dropped."""
    return [
        period if period.last is not None else Period(first=period.first, last=last)
        for period in periods
        if period.last is not None or period.first <= last
    ]


def _reopened(periods: list[Period], first: date) -> list[Period]:
    """With a new open period, or with the last one reopened if the two are adjacent."""
    if periods and periods[-1].last is not None and first <= periods[-1].last + timedelta(days=1):
        return [*periods[:-1], Period(first=periods[-1].first)]
    return [*periods, Period(first=first)]


_NAMES: Final[dict[type[AnyCardEvent], str]] = {
    CardIssued: "issued",
    CardDeactivated: "deactivated",
    CardReactivated: "reactivated",
    CardNumberReplaced: "number-replaced",
    CardHandedOver: "handed-over",
    ControlRecorded: "control-recorded",
    MandateGranted: "mandate-granted",
    MandateWithdrawn: "mandate-withdrawn",
}


def _entry(event: AnyCardEvent, at: datetime) -> CardEntry:
    return CardEntry(
        revision=event.revision,
        event=_NAMES[type(event)],
        at=at,
        municipality=event.municipality,
        actor=event.actor,
        case_reference=event.case_reference if isinstance(event, DecisionEvent) else None,
        case_reference_ciphertext=event.case_reference_ciphertext if isinstance(event, DecisionEvent) else None,
    )


PROJECTION: Final = Projection(
    name="cards",
    topics=(CARDS,),
    state=CardView,
    document_id=_document_id,
    project=project,
    aliases=_aliases,
    indexes=("card_id", "municipality", "control_due", "mandates.holder.cpr_hash"),
)
