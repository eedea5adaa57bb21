"""Results of reconciliations, for authorities."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from frikort_contracts.http.common import Resource


class MessageResource(Resource):
    """A message about a year of a card whose figures differ, and where its record is."""

    message_id: str | None = Field(description="The CloudEvents id; null if the record has none.")
    type: str | None = Field(description="The CloudEvents type; null if the record has none.")
    topic: str = Field(description="The topic of the record.")
    partition: int = Field(description="The partition of the record.")
    offset: int = Field(description="The offset of the record.")


class DifferenceResource(Resource):
    """A year of a card whose figures differ. The card is not named."""

    year: int = Field(description="The year.")
    messages: list[MessageResource] = Field(description="The messages that made the figures, at most 50.")


class ReconciliationResource(Resource):
    """A completed reconciliation: the figures of every card and year, compared between all services."""

    run_id: str = Field(description="The run.")
    started_at: datetime = Field(description="When the run started (UTC).")
    cards: int = Field(description="Cards that were compared.")
    years: int = Field(description="Years of cards that were compared.")
    differences: int = Field(description="Those whose figures differ.")
    undecided: int = Field(description="Those whose figures changed at every count.")
    differing: list[DifferenceResource] = Field(description="The first ten that differ.")


class Reconciliations(Resource):
    """The latest completed reconciliations, newest first."""

    reconciliations: list[ReconciliationResource] = Field(description="The runs.")
