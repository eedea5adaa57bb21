"""What several of the employer's pages need: their own employments, what these are called, and what day it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import date
from typing import Final, TypeVar
from uuid import UUID

from frikort_contracts.http.balances import Allowances
from frikort_contracts.http.employments import EmploymentPage, EmploymentResource, ReminderResource
from frikort_contracts.http.reports import ReportDetail, ReportPage, ReportResource

from services.portals.page import Page, SignInFirst

P = TypeVar("P", EmploymentPage, ReportPage)

_MOST: Final = 500  # as many as the API gives at a time


async def today(page: Page) -> date:
    """The day in Denmark, as the system has it: a payment after it is refused."""
    return (await page.api.get("/v1/allowances", Allowances)).today


def cvr(page: Page) -> str:
    """The CVR number of the business that the signed-in person acts for."""
    if page.session is None:
        raise SignInFirst(page)
    return page.session.organisation


def company(page: Page) -> str:
    """The name of that business; empty if it is not known."""
    return "" if page.session is None else page.session.organisation_name


async def employments(page: Page) -> list[EmploymentResource]:
    """All own employments, present and former, the latest registered first."""
    parts = _parts(page, "/v1/employments", EmploymentPage, newest=True)
    return [one async for part in parts for one in part.employments]


async def employment(page: Page, employment_id: UUID | str) -> EmploymentResource:
    """One of them. Raises ``Refused``."""
    return await page.api.get(f"/v1/employments/{employment_id}", EmploymentResource)


async def report_and_employment(page: Page, report_id: UUID) -> tuple[ReportDetail, EmploymentResource]:
    """One of the own reports, and its employment. Raises ``Refused``."""
    report = await page.api.get(f"/v1/reports/{report_id}", ReportDetail)
    return report, await employment(page, report.employment_id)


async def reports(page: Page, year: int) -> AsyncIterator[ReportResource]:
    """All own reports of a year, in the order in which they were accepted."""
    async for part in _parts(page, "/v1/reports", ReportPage, year=year):
        for report in part.reports:
            yield report


async def _parts(page: Page, path: str, model: type[P], **query: int | bool) -> AsyncIterator[P]:
    """A whole list, page by page; one that leads to itself has an end, too."""
    cursor: str | None = ""
    while cursor is not None:
        part = await page.api.get(path, model, limit=_MOST, cursor=cursor, **query)
        yield part
        cursor = None if part.next == cursor else part.next


def name(page: Page, one: EmploymentResource | ReminderResource) -> str:
    """The name of an employment on the pages. It is never the citizen's name, which the employer does not know."""
    if one.card_number is None:
        return one.label or page.gettext("Ansættelse uden frikortnummer")
    number = page.gettext("Frikort %(number)s", number=one.card_number)
    return f"{number} ({one.label})" if one.label else number


def names(page: Page, of: Iterable[EmploymentResource]) -> dict[str, str]:
    """The names of employments by their ids."""
    return {one.employment_id: name(page, one) for one in of}


async def names_in(
    page: Page, reports: Iterable[ReportResource], known: Sequence[EmploymentResource]
) -> dict[str, str]:
    """The names of the employments of ``reports``, by id. Only those that are not among ``known`` are read."""
    missing = sorted({report.employment_id for report in reports} - {one.employment_id for one in known})
    return names(page, [*known, *await asyncio.gather(*(employment(page, one) for one in missing))])


def matching(found: Iterable[EmploymentResource], term: str) -> list[EmploymentResource]:
    """The employments whose card number begins with ``term``, or whose own name contains it, in the given order."""
    number, text = "".join(term.split()), term.casefold()
    return [
        one
        for one in found
        if (one.card_number or "").startswith(number) or (text and text in (one.label or "").casefold())
    ]


def is_over(one: EmploymentResource, day: date) -> bool:
    """Its last day lies before ``day``."""
    return one.period.last is not None and one.period.last < day
