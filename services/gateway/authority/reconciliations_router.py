"""Route for authorities: the results of the reconciliations."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from frikort_contracts.http.reconciliations import (
    DifferenceResource,
    MessageResource,
    ReconciliationResource,
    Reconciliations,
)
from frikort_contracts.http.roles import Role

from services.gateway.api.dependencies import RequestContext, caller_in
from services.gateway.api.json_route import JsonRoute
from services.gateway.audit.routes import not_audited

router = APIRouter(route_class=JsonRoute, prefix="/v1/reconciliations", tags=["authority"])

LATEST: Final = 30


@router.get("", response_model=Reconciliations)
@not_audited
async def list_reconciliations(
    context: Annotated[RequestContext, Depends(caller_in(Role.AUTHORITY))],
) -> Reconciliations:
    """The latest reconciliations, newest first. They name no card."""
    runs = await context.container.read_models.reconciliations.find({}, sort=[("started_at", -1)], limit=LATEST)
    return Reconciliations(
        reconciliations=[
            ReconciliationResource(
                run_id=run.run_id,
                started_at=run.started_at,
                cards=run.cards,
                years=run.years,
                differences=run.differences,
                undecided=run.undecided,
                differing=[
                    DifferenceResource(
                        year=one.year, messages=[MessageResource(**place.model_dump()) for place in one.messages]
                    )
                    for one in run.differing
                ],
            )
            for run in runs
        ]
    )
