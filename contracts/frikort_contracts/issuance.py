"""Commands to issuance and the card events it publishes (lov om socialt frikort, § 6)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import ClassVar, Final, Self
from uuid import UUID, uuid5

from pydantic import Field, model_validator

from frikort_contracts.messages import CardCommand, CardKeyedEvent, Command
from frikort_contracts.references import ClearReference, EncryptedReference, check_one_form
from frikort_contracts.values import (
    Actor,
    CardNumber,
    Ciphertext,
    CitizenSide,
    EncryptedPerson,
    MunicipalityCode,
    Reference,
    Revision,
    Year,
)

PERSON_PURPOSE: Final = "person"
"""The purpose of a card's citizen in the associated data of its ciphertext."""
HOLDER_PURPOSE: Final = "mandate-holder"
"""The purpose of the holder of a mandate."""
CPR_FIELD: Final = "cpr"
"""Begins the associated data of a CPR number that is encrypted with its person's key; the purpose follows."""
NAME_FIELD: Final = "name"
"""The same for a name."""


def card_id_of(command_id: UUID) -> str:
    """The id of the card that the command ``IssueCard`` with this id issues. The ciphertext of its person names it."""
    return str(uuid5(command_id, "card"))


class ReplacementReason(StrEnum):
    """Why a card gets a new number."""

    LOST = "lost"
    ABUSED = "abused"


class ControlResult(StrEnum):
    """The result of a control; its reasons stay in the municipality's own case system."""

    UPHELD = "upheld"
    NOT_UPHELD = "not-upheld"


class MandateScope(StrEnum):
    """What a mandate lets its holder do."""

    VIEW = "view"  # see the card
    REPRESENT = "represent"  # also talk to employers about it: raise disputes and take them back


class IssueCard(Command):
    """Issue a card to a citizen. Keyed by the CPR hash, so that one person's attempts stay in order."""

    type: ClassVar[str] = "dk.frikort.card.issue.v1"

    person: EncryptedPerson
    municipality: MunicipalityCode
    case_reference: ClearReference = None
    case_reference_ciphertext: EncryptedReference = None
    actor: Actor

    @model_validator(mode="after")
    def _has_one_reference(self) -> IssueCard:
        check_one_form(self.case_reference, self.case_reference_ciphertext)
        return self

    @property
    def key(self) -> str:
        return self.person.cpr_hash


class MunicipalCardCommand(CardCommand):
    """A command by a caseworker of ``municipality``; refused unless it is responsible for the card."""

    municipality: MunicipalityCode
    actor: Actor


class DecisionCommand(MunicipalCardCommand):
    """A decision, with the reference of its case: in the clear, or encrypted for the card."""

    case_reference: ClearReference = None
    case_reference_ciphertext: EncryptedReference = None

    @model_validator(mode="after")
    def _has_one_reference(self) -> Self:
        check_one_form(self.case_reference, self.case_reference_ciphertext)
        return self


class DeactivateCard(DecisionCommand):
    """Deactivate the card from the day of the decision, which is the day of this command."""

    type: ClassVar[str] = "dk.frikort.card.deactivate.v1"


class ReactivateCard(DecisionCommand):
    """Make a deactivated card active again from the day of this command."""

    type: ClassVar[str] = "dk.frikort.card.reactivate.v1"


class ReplaceCardNumber(MunicipalCardCommand):
    """Give the card a new five-digit number; the card and its totals stay."""

    type: ClassVar[str] = "dk.frikort.card.replace-number.v1"

    reason: ReplacementReason


class HandOverCard(MunicipalCardCommand):
    """Hand the card over to the municipality that the citizen moved to."""

    type: ClassVar[str] = "dk.frikort.card.hand-over.v1"

    to_municipality: MunicipalityCode


class RecordControl(MunicipalCardCommand):
    """Record the result of the control that is due every second calendar year."""

    type: ClassVar[str] = "dk.frikort.card.record-control.v1"

    result: ControlResult


class MandateCommand(CardCommand):
    """A command about another person's access to the card.

    By the citizen, or by a caseworker of ``municipality`` for a citizen without a digital ID; then refused unless
    that municipality is responsible for the card.
    """

    municipality: MunicipalityCode | None = None
    actor: Actor


class GrantMandate(MandateCommand):
    """Let another person see the card through the day ``until``."""

    type: ClassVar[str] = "dk.frikort.card.grant-mandate.v1"

    holder: EncryptedPerson
    scope: MandateScope
    until: date


class WithdrawMandate(MandateCommand):
    """End a mandate before its last day."""

    type: ClassVar[str] = "dk.frikort.card.withdraw-mandate.v1"

    mandate_id: str


class CardEvent(CardKeyedEvent):
    """Something that happened to a card. ``revision`` is gapless for each card, from 1."""

    revision: Revision
    municipality: MunicipalityCode = Field(description="The responsible municipality after this event.")
    actor: Actor


class DecisionEvent(CardEvent):
    """A decision about a card. The reference of its case is in the clear, or encrypted for the card."""

    case_reference: Reference | None = None
    case_reference_ciphertext: Ciphertext | None = None


class CardIssued(DecisionEvent):
    """A citizen got a card. ``control_due`` is the year by whose end its first control is due."""

    type: ClassVar[str] = "dk.frikort.card.issued.v1"

    number: CardNumber
    person: EncryptedPerson
    active_from: date
    control_due: Year


class CardDeactivated(DecisionEvent):
    """The card stopped being active; work up to and including ``last_active_day`` can still be reported."""

    type: ClassVar[str] = "dk.frikort.card.deactivated.v1"

    last_active_day: date


class CardReactivated(DecisionEvent):
    """The card became active again from ``active_from``."""

    type: ClassVar[str] = "dk.frikort.card.reactivated.v1"

    active_from: date


class CardNumberReplaced(CardEvent):
    """The card got a new number; the old number no longer identifies the card and is never reused."""

    type: ClassVar[str] = "dk.frikort.card.number-replaced.v1"

    number: CardNumber
    previous_number: CardNumber
    reason: ReplacementReason


class CardHandedOver(CardEvent):
    """Another municipality became responsible (``municipality``)."""

    type: ClassVar[str] = "dk.frikort.card.handed-over.v1"

    from_municipality: MunicipalityCode


class ControlRecorded(CardEvent):
    """A control was made in ``year``; the next is due by the end of ``control_due``."""

    type: ClassVar[str] = "dk.frikort.card.control-recorded.v1"

    year: Year
    result: ControlResult
    control_due: Year


class MandateGranted(CardEvent):
    """Another person may see the card through the day ``until``; then the mandate is over by itself."""

    type: ClassVar[str] = "dk.frikort.card.mandate-granted.v1"

    mandate_id: str
    holder: EncryptedPerson
    scope: MandateScope
    until: date
    by: CitizenSide


class MandateWithdrawn(CardEvent):
    """A mandate ended before its last day."""

    type: ClassVar[str] = "dk.frikort.card.mandate-withdrawn.v1"

    mandate_id: str
    by: CitizenSide


AnyCardEvent = (
    CardIssued
    | CardDeactivated
    | CardReactivated
    | CardNumberReplaced
    | CardHandedOver
    | ControlRecorded
    | MandateGranted
    | MandateWithdrawn
)
