"""Queries that several routes of employers share."""

from __future__ import annotations

from collections.abc import Collection

from frikort_contracts.outcomes import Problem

from services.gateway.api.dependencies import RequestContext
from services.gateway.former_employers import is_employed
from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView
from services.gateway.projections.employments import EmploymentView
from services.gateway.read_models import ReadModelInconsistent, get_all


async def own_employment(context: RequestContext, employment_id: str) -> EmploymentView:
    """The employer's own employment. Raises the problem ``employment-unknown``."""
    employment = await context.container.read_models.employments.get(employment_id)
    if employment is None or employment.cvr != context.organisation:
        raise ProblemError(Problem.EMPLOYMENT_UNKNOWN)
    return employment


async def card_of(context: RequestContext, employment: EmploymentView) -> CardView:
    """The card of an employment. Raises ``ReadModelInconsistent`` without one."""
    card = await context.container.read_models.cards.get(employment.card_id)
    if card is None:
        raise ReadModelInconsistent("an employment refers to an unknown card")
    return card


async def current_employments(context: RequestContext, ids: Collection[str]) -> frozenset[str]:
    """Those of these employments that are not over."""
    today = await context.container.clock.today()
    found = await get_all(context.container.read_models.employments, sorted(ids))
    return frozenset(view.employment_id for view in found if is_employed(view.period, today))
