"""Results of reconciliations, for authorities."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from frikort_contracts.http.common import Resource


class ReconciliationResource(Resource):
    """A completed reconciliation: the figures of every card and year, compared between all services."""

    run_id: str = Field(description="The run.")
    started_at: datetime = Field(description="When the run started (UTC).")
    cards: int = Field(description="Cards that were compared.")
    years: int = Field(description="Years of cards that were compared.")
    differences: int = Field(description="Those whose figures differ.")
    undecided: int = Field(description="Those whose figures changed at every count.")


class Reconciliations(Resource):
    """The latest completed reconciliations, newest first."""

    reconciliations: list[ReconciliationResource] = Field(description="The runs.")
