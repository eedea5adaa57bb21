"""Mandates: who else may see a card."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from frikort_contracts.http.common import NULL_IF_ERASED, Body, Day, PersonName, Resource, example
from frikort_contracts.issuance import MandateScope
from frikort_contracts.values import CitizenSide, Cpr


class MandateResource(Resource):
    """Who else may see the card: only see it, or also talk to employers about it."""

    mandate_id: str
    name: str | None = Field(description=f"Whom it was given to; {NULL_IF_ERASED}.")
    scope: MandateScope
    until: date = Field(description="Its last day.")
    status: Literal["active", "expired", "withdrawn"] = Field(description="Whether the mandate is in force today.")
    granted_at: datetime
    granted_by: CitizenSide
    withdrawn_at: datetime | None


class Mandates(Resource):
    """The mandates of a card, in the order in which they were given; also those that are over."""

    mandates: list[MandateResource]


class RepresentedResource(Resource):
    """A card that the caller has a mandate of."""

    mandate_id: str
    name: str | None = Field(description=f"The citizen whose card it is; {NULL_IF_ERASED}.")
    scope: MandateScope
    until: date


class Represented(Resource):
    """The cards that the caller may see today."""

    represented: list[RepresentedResource]


class MandateBody(Body):
    """Who may see the card, what they may do, and the last day on which they may."""

    model_config = example(cpr="730185-4321", name="Karla Eksempel", scope="view", until="2026-12-31")

    cpr: Cpr
    name: PersonName
    scope: MandateScope
    until: Day
