"""Cards and their controls."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, model_validator

from frikort_contracts.http.common import NULL_IF_ERASED, Body, Days, Municipality, PersonName, Resource, example
from frikort_contracts.issuance import ControlResult, ReplacementReason
from frikort_contracts.values import CardNumber, Cpr, MunicipalityCode, Reference


class CardHistory(Resource):
    """One line of a card's history."""

    revision: int
    event: str = Field(description="What happened, as a code such as `issued` or `deactivated`.")
    at: datetime
    municipality: Municipality
    by: str = Field(description="Who acted, as an opaque id.")
    case_reference: str | None


class ControlResource(Resource):
    """The last control."""

    year: int
    result: str = Field(description="The result of the control: `upheld` or `not-upheld`.")
    at: datetime


class PreviousNumberResource(Resource):
    """A number that the card had before."""

    number: str
    replaced_at: datetime = Field(description="When the card got another number.")


class CardResource(Resource):
    """A card as the responsible municipality sees it."""

    card_id: str
    number: str
    previous_numbers: list[PreviousNumberResource] = Field(default=[], description="The earliest first.")
    cpr: str | None = Field(description=f"The CPR number; {NULL_IF_ERASED}.")
    name: str | None = Field(description=f"The person's name; {NULL_IF_ERASED}.")
    municipality: Municipality
    status: Literal["active", "deactivated"] = Field(description="Whether the card is active today.")
    active_periods: list[Days]
    control_due: int = Field(description="The year by whose end the next control is due.")
    last_control: ControlResource | None
    revision: int
    history: list[CardHistory]


class OwnCardResource(Resource):
    """A card as its citizen sees it."""

    number: str
    name: str | None = Field(description=f"The person's name; {NULL_IF_ERASED}.")
    municipality: Municipality
    status: Literal["active", "deactivated"] = Field(description="Whether the card is active today.")
    active_periods: list[Days]


class HandedOverResource(Resource):
    """The card was handed over; it can no longer be seen here."""

    card_id: str
    handed_over_to: Municipality


class ControlDueResource(Resource):
    """A card due for control."""

    card_id: str
    number: str
    name: str | None = Field(description=f"The person's name; {NULL_IF_ERASED}.")
    control_due: int
    last_control: ControlResource | None


class ControlsDue(Resource):
    """A page of the municipality's active cards whose control is due by the end of the year, most overdue first."""

    year: int
    cards: list[ControlDueResource]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class IssueCardBody(Body):
    """Issue a card. The case itself stays in the municipality's own system."""

    model_config = example(cpr="730185-4321", name="Karla Eksempel", case_reference="2025-0042")

    cpr: Cpr
    name: PersonName
    case_reference: Reference


class SearchCardBody(Body):
    """Find a card by CPR number or by card number; exactly one of them."""

    model_config = example(cpr="730185-4321")

    cpr: Cpr | None = None
    number: CardNumber | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> SearchCardBody:
        if (self.cpr is None) == (self.number is None):
            raise ValueError("give either cpr or number")
        return self


class DecisionBody(Body):
    """A decision, with the reference of its case."""

    model_config = example(case_reference="2025-0042")

    case_reference: Reference


class NewNumberBody(Body):
    """Why a card gets a new number."""

    model_config = example(reason="lost")

    reason: ReplacementReason


class HandOverBody(Body):
    """The municipality that the citizen moved to."""

    model_config = example(to_municipality="849")

    to_municipality: MunicipalityCode


class ControlBody(Body):
    """The result of a control, without its reasons."""

    model_config = example(result="upheld")

    result: ControlResult = Field(description="The result of the control.")
