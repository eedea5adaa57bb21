"""The list of employments: by pages, and searched and sorted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, Final

from fastapi import APIRouter
from frikort_contracts.http.employments import EmploymentPage, EmploymentResource
from starlette.responses import Response

from services.portals.employer import helpers
from services.portals.forms import choice, text, whole_number
from services.portals.page import EmployerPage
from services.portals.paging import Cursor
from services.portals.texts import N_

router = APIRouter(prefix="/virksomhed/ansaettelser")

ORDERS: Final = {
    "registered": N_("Senest registreret først"),
    "number": N_("Frikortnummer"),
    "label": N_("Dit eget navn"),
    "first": N_("Første arbejdsdag, den seneste først"),
    "last": N_("Nuværende først"),
}
SEARCH: Final = {
    "term": text(optional=True),
    "order": choice(*ORDERS, optional=True),
    "side": whole_number(optional=True),
}
_PAGE: Final = 50
_NO_END: Final = date.max


@router.get("")
async def list_employments(page: EmployerPage, cursor: Cursor = "") -> Response:
    """All, the latest registered first."""
    found, today = await asyncio.gather(
        page.api.get("/v1/employments", EmploymentPage, newest=True, limit=_PAGE, cursor=cursor), helpers.today(page)
    )
    return page.render(
        "employer/employments.html",
        form=page.form(SEARCH),
        employments=found.employments,
        names=helpers.names(page, found.employments),
        orders=ORDERS,
        today=today,
        following=found.next,
        cursor=cursor,
        searched=None,
    )


@router.post("")
async def search_employments(page: EmployerPage) -> Response:
    """Those that match, sorted; by POST because no address may hold a card number."""
    form, everything, today = await asyncio.gather(page.posted(SEARCH), helpers.employments(page), helpers.today(page))
    found = in_order(helpers.matching(everything, form.body.get("term", "")), form.body.get("order", "registered"))
    pages = max(1, -(-len(found) // _PAGE))
    number = min(max(form.body.get("side", 1), 1), pages)
    shown = found[(number - 1) * _PAGE : number * _PAGE]
    return page.render(
        "employer/employments.html",
        form=form,
        employments=shown,
        names=helpers.names(page, shown),
        orders=ORDERS,
        today=today,
        following=None,
        cursor="",
        searched={"count": len(found), "page": number, "pages": pages},
    )


def in_order(found: Iterable[EmploymentResource], order: str) -> list[EmploymentResource]:
    """The employments, which are given with the latest registered first, in one of ``ORDERS``."""
    keys: dict[str, Callable[[EmploymentResource], Any]] = {
        "number": lambda one: (one.card_number is None, one.card_number or ""),
        "label": lambda one: (not one.label, (one.label or "").casefold()),
        "first": lambda one: -one.period.first.toordinal(),
        "last": lambda one: -(one.period.last or _NO_END).toordinal(),
    }
    return sorted(found, key=keys[order]) if order in keys else list(found)
