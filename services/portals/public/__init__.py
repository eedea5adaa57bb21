"""Pages for everybody: what the scheme is, where to go, and what we do with people's data."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from frikort_contracts.http.balances import AllowanceResource, Allowances
from frikort_contracts.rules.hours import converted_hours
from starlette.responses import Response

from services.portals.login.routes import SIGNED_OUT
from services.portals.page import OpenPage, Page
from services.portals.public import statistics

router = APIRouter()
router.include_router(statistics.router)

_EXAMPLE_ORE = 1_000_000


@dataclass(frozen=True)
class Amounts:
    """What the pages tell of the yearly amounts."""

    years: list[AllowanceResource]
    now: AllowanceResource | None
    example_ore: int
    example_hours: int | None


@router.get("/")
async def front(page: OpenPage) -> Response:
    """The front page: the scheme in plain words, and the four doors."""
    signed_out = SIGNED_OUT in page.request.cookies and page.session is None
    response = page.render("public/front.html", amounts=await amounts(page), signed_out=signed_out)
    if signed_out:
        response.delete_cookie(SIGNED_OUT, path="/", secure=True, httponly=True, samesite="lax")
    return response


@router.get("/vejledning/borger")
async def citizen_guide(page: OpenPage) -> Response:
    """For those who have a card, or could have one."""
    return page.render("public/citizen.html", amounts=await amounts(page))


@router.get("/vejledning/virksomhed")
async def employer_guide(page: OpenPage) -> Response:
    """For those who employ them."""
    return page.render("public/employer.html", amounts=await amounts(page))


@router.get("/vejledning/kommune")
async def municipality_guide(page: OpenPage) -> Response:
    """For the municipalities that issue the cards."""
    return page.render("public/municipality.html", amounts=await amounts(page))


@router.get("/vejledning/myndighed")
async def authority_guide(page: OpenPage) -> Response:
    """For the authorities that get data."""
    return page.render("public/authority.html", amounts=await amounts(page))


@router.get("/tilgaengelighed")
async def accessibility(page: OpenPage) -> Response:
    """The accessibility statement that the law asks for."""
    return page.render("public/accessibility.html")


@router.get("/privatliv")
async def privacy(page: OpenPage) -> Response:
    """What is stored, who sees it, and the cookies."""
    return page.render("public/privacy.html")


async def amounts(page: Page) -> Amounts:
    """The allowance table; never a figure of our own."""
    table = await page.api.get("/v1/allowances", Allowances)
    now = next((row for row in table.allowances if row.year == table.current_year), None)
    rate = None if now is None else now.hourly_rate_ore
    return Amounts(table.allowances, now, _EXAMPLE_ORE, None if rate is None else converted_hours(_EXAMPLE_ORE, rate))
