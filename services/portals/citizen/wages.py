"""Pages about the wage: a year by month and by report, each report, all years, and the employments."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from frikort_contracts.http.balances import Balances
from frikort_contracts.http.employments import CardEmployments
from frikort_contracts.http.reports import CardReports
from starlette.responses import Response

from services.portals import charts, formats
from services.portals.citizen import figures
from services.portals.citizen.card_context import Card
from services.portals.problems import ProblemError

router = APIRouter()


@router.get("/loen")
async def year(request: Card, aar: Annotated[int | None, Query()] = None) -> Response:
    """The wage of a year; by default of the latest year with a balance."""
    context, found, reported = await asyncio.gather(
        request.context(), request.get("balances", Balances), request.get("reports", CardReports)
    )
    balances = {balance.year: balance for balance in found.balances}
    chosen = max(balances, default=0) if aar is None else aar
    if aar is not None and chosen not in balances:
        raise ProblemError("not-found")
    reports = reported.reports
    counted = figures.counted(reports, chosen)
    balance = balances.get(chosen)
    months = figures.by_month(counted)
    language = context.page.language
    return context.render(
        "citizen/year.html",
        year=chosen,
        years=sorted(balances, reverse=True),
        balance=balance,
        reports=sorted((one for one in reports if one.year == chosen), key=lambda one: one.payment_date, reverse=True),
        months=months,
        bars=charts.bars([(formats.month_name(one.number, language), one.exempt, one.excess) for one in months]),
        growth=figures.growth(counted, 0 if balance is None else balance.allowance_ore),
        steps=None
        if balance is None
        else charts.steps(chosen, balance.allowance_ore, [(one.payment_date, one.total_ore) for one in counted]),
    )


@router.get("/loen/{report_id}")
async def report(request: Card, report_id: UUID) -> Response:
    """One report: what was paid, how it is split, and its history."""
    context, found = await asyncio.gather(request.context(), request.report(report_id))
    return context.render("citizen/report.html", report=found)


@router.get("/arbejde")
async def employments(request: Card) -> Response:
    """The citizen's employments, newest first."""
    context, found = await asyncio.gather(request.context(), request.get("employments", CardEmployments))
    newest_first = sorted(found.employments, key=lambda one: one.period.first, reverse=True)
    return context.render("citizen/employments.html", employments=newest_first)


@router.get("/aar")
async def years(request: Card) -> Response:
    """All years of the card."""
    context, found = await asyncio.gather(request.context(), request.get("balances", Balances))
    return context.render("citizen/years.html", balances=found.balances)
