"""The wage: a year month by month and step by step, each report on a page of its own, former years, employments."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from frikort_contracts.http.balances import Balances
from frikort_contracts.http.employments import CardEmployments
from frikort_contracts.http.reports import CardReports
from starlette.responses import Response

from services.gateway import formats
from services.gateway.portals import charts
from services.gateway.portals.citizen import figures
from services.gateway.portals.citizen.whose import Card
from services.gateway.problems import ProblemError

router = APIRouter()


@router.get("/loen")
async def year(card: Card, aar: Annotated[int | None, Query()] = None) -> Response:
    """A year's wage; the present year's if none is asked for."""
    balances = {balance.year: balance for balance in (await card.get("balances", Balances)).balances}
    asked = max(balances, default=0) if aar is None else aar
    if aar is not None and asked not in balances:
        raise ProblemError("not-found")
    reports = (await card.get("reports", CardReports)).reports
    counted = figures.counted(reports, asked)
    balance = balances.get(asked)
    months = figures.by_month(counted)
    language = card.page.language
    return card.render(
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
async def report(card: Card, report_id: UUID) -> Response:
    """One report: what was paid, how it is split, what has happened to it."""
    return card.render("citizen/report.html", report=await card.report(report_id))


@router.get("/arbejde")
async def employments(card: Card) -> Response:
    """Who has registered that the citizen works for them."""
    found = (await card.get("employments", CardEmployments)).employments
    newest_first = sorted(found, key=lambda one: one.period.first, reverse=True)
    return card.render("citizen/employments.html", employments=newest_first)


@router.get("/aar")
async def years(card: Card) -> Response:
    """All years of the card."""
    return card.render("citizen/years.html", balances=(await card.get("balances", Balances)).balances)
