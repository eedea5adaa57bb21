"""The wage: a year month by month and step by step, each report on a page of its own, former years, employments."""

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
async def year(context: Card, aar: Annotated[int | None, Query()] = None) -> Response:
    """A year's wage; the present year's if none is asked for."""
    found, reported = await asyncio.gather(context.get("balances", Balances), context.get("reports", CardReports))
    balances = {balance.year: balance for balance in found.balances}
    asked = max(balances, default=0) if aar is None else aar
    if aar is not None and asked not in balances:
        raise ProblemError("not-found")
    reports = reported.reports
    counted = figures.counted(reports, asked)
    balance = balances.get(asked)
    months = figures.by_month(counted)
    language = context.page.language
    return context.render(
        "citizen/year.html",
        year=asked,
        years=sorted(balances, reverse=True),
        balance=balance,
        reports=sorted((one for one in reports if one.year == asked), key=lambda one: one.payment_date, reverse=True),
        months=months,
        bars=charts.bars([(formats.month_name(one.number, language), one.exempt, one.excess) for one in months]),
        growth=figures.growth(counted, 0 if balance is None else balance.allowance_ore),
        steps=None
        if balance is None
        else charts.steps(asked, balance.allowance_ore, [(one.payment_date, one.total_ore) for one in counted]),
    )


@router.get("/loen/{report_id}")
async def report(context: Card, report_id: UUID) -> Response:
    """One report: what was paid, how it is split, what has happened to it."""
    return context.render("citizen/report.html", report=await context.report(report_id))


@router.get("/arbejde")
async def employments(context: Card) -> Response:
    """The citizen's employments, newest first."""
    found = (await context.get("employments", CardEmployments)).employments
    newest_first = sorted(found, key=lambda one: one.period.first, reverse=True)
    return context.render("citizen/employments.html", employments=newest_first)


@router.get("/aar")
async def years(context: Card) -> Response:
    """All years of the card."""
    return context.render("citizen/years.html", balances=(await context.get("balances", Balances)).balances)
