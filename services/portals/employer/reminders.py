"""Reminders: questions about periods without a report, of which several are answered at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5

from fastapi import APIRouter
from frikort_contracts.http.employments import EmploymentResource, ReminderResource, Reminders
from starlette.responses import Response

from services.portals.api import Pending, Refused
from services.portals.employer import helpers
from services.portals.forms import Form
from services.portals.labels import problem_text
from services.portals.page import EmployerPage, Page
from services.portals.paging import Cursor
from services.portals.texts import N_

router = APIRouter(prefix="/virksomhed/paamindelser")

CHOSEN: Final = "uden-arbejde"
"""The checkboxes: each has the employment and the days without work."""
_EMPLOYMENTS: Final = 100  # looked through for a page
_AT_ONCE: Final = 5


class NoWork(NamedTuple):
    """An answer: no work in an employment on these days."""

    employment_id: str
    first: date
    last: date


@dataclass(frozen=True)
class Question:
    """A reminder that asks, the name of its employment, and the value of its checkbox."""

    reminder: ReminderResource
    name: str
    value: str


@router.get("")
async def all_reminders(page: EmployerPage, cursor: Cursor = "") -> Response:
    """The questions and notices of a page of employments."""
    return await _shown(page, page.form(), cursor)


@router.post("")
async def answer(page: EmployerPage, cursor: Cursor = "") -> Response:
    """Declare that there was no work in the chosen periods. What is refused is named; the others are done."""
    form = await page.posted()
    chosen = [found for name, value in form.posted if name == CHOSEN and (found := parsed(value)) is not None]
    if not chosen:
        form.general.append(page.gettext(N_("Sæt flueben ved mindst én periode.")))
        form.status = 422
        return await _shown(page, form, cursor)
    slots = asyncio.Semaphore(_AT_ONCE)
    refused = [text for text in await asyncio.gather(*(_declare(page, form, one, slots) for one in chosen)) if text]
    if not refused:
        return page.redirect(f"{router.prefix}?sket={len(chosen)}")
    form.general += refused
    form.status = 422
    return await _shown(page, form, cursor)


def questions(page: Page, found: Sequence[ReminderResource]) -> list[Question]:
    """The reminders that ask about days, with what their rows need."""
    return [
        Question(one, helpers.name(page, one), f"{one.employment_id}/{one.days.first}/{one.days.last}")
        for one in found
        if one.days is not None and one.days.last is not None
    ]


def parsed(value: str) -> NoWork | None:
    """The answer of a checkbox; None if it has none of ours."""
    try:
        employment_id, first, last = value.split("/")
        return NoWork(str(UUID(employment_id)), date.fromisoformat(first), date.fromisoformat(last))
    except ValueError:
        return None


async def _declare(page: Page, form: Form, no_work: NoWork, slots: asyncio.Semaphore) -> str:
    """Nothing if it is done or certainly will be, else why not.

    The key of the command follows from the form's, so that a form that is sent twice does nothing twice.
    """
    key = str(uuid5(NAMESPACE_OID, f"{form.key}/{no_work.employment_id}/{no_work.first}"))
    body = {"first": no_work.first, "last": no_work.last}
    async with slots:
        try:
            await page.api.post(f"/v1/employments/{no_work.employment_id}/no-work", body, EmploymentResource, key=key)
        except Pending:
            return ""
        except Refused as refused:
            return problem_text(refused, form.translations)
    return ""


async def _shown(page: Page, form: Form, cursor: str) -> Response:
    found = await page.api.get("/v1/reminders", Reminders, limit=_EMPLOYMENTS, cursor=cursor)
    done = page.request.query_params.get("sket", "")
    return page.render(
        "employer/reminders.html",
        form=form,
        questions=questions(page, found.reminders),
        notices=[(helpers.name(page, one), one.text) for one in found.reminders if one.days is None],
        done=int(done) if done.isascii() and done.isdigit() and len(done) < 5 else 0,
        following=found.next,
        cursor=cursor,
    )
