"""Employments: one of them, registering, changing, ending, and days without work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from frikort_contracts.http.balances import AllowanceLeft
from frikort_contracts.http.common import PersonName
from frikort_contracts.http.employments import Email, EmploymentPage, EmploymentResource, Label, Phone
from frikort_contracts.http.reports import ReportPage
from starlette.responses import Response

from services.portals.api import Refused
from services.portals.employer import helpers
from services.portals.forms import Form, card_number, day, text
from services.portals.page import EmployerPage, Page
from services.portals.texts import N_

router = APIRouter(prefix="/virksomhed/ansaettelser")

_PERIOD: Final = {
    "period.first": day(missing=N_("Skriv den første arbejdsdag.")),
    "period.last": day(optional=True),
}
_CONTACT: Final = {
    "contact.name": text(
        PersonName,
        missing=N_("Skriv navnet på en kontaktperson i virksomheden."),
        wrong=N_("Skriv navnet på én linje med højst 200 tegn."),
    ),
    "contact.email": text(
        Email, missing=N_("Skriv kontaktpersonens e-mail."), wrong=N_("Skriv e-mailen som navn@eksempel.dk.")
    ),
    "contact.phone": text(
        Phone,
        missing=N_("Skriv kontaktpersonens telefonnummer."),
        wrong=N_("Skriv telefonnummeret med tal: 12 34 56 78."),
    ),
}
_LABEL: Final = {
    "label": text(Label, optional=True, wrong=N_("Skriv højst 40 tegn, og aldrig et CPR-nummer.")),
}
REGISTER: Final = {
    "card_number": card_number(missing=N_("Skriv frikortnummeret. Medarbejderen har det.")),
    "birth_date": day(missing=N_("Skriv medarbejderens fødselsdato.")),
    **_PERIOD,
    **_CONTACT,
    **_LABEL,
}
CHANGE: Final = {**_PERIOD, **_CONTACT, **_LABEL}
END: Final = {"last": day(missing=N_("Skriv den sidste arbejdsdag."))}
NO_WORK: Final = {
    "first": day(missing=N_("Skriv den første dag uden arbejde.")),
    "last": day(missing=N_("Skriv den sidste dag uden arbejde.")),
}
_CONCERNS: Final = {
    "number-or-birth-date-wrong": "card_number",
    "own-business": "card_number",
    "too-many-attempts": "card_number",
    "card-not-active": "period.first",
    "employment-exists": "period.first",
    "employment-has-reports-outside": "period.last",
}
_NO_WORK_CONCERNS: Final = {"no-work-outside-employment": "first", "no-work-in-future": "last"}
_LATEST: Final = 10


@router.get("/ny")
async def new_employment(page: EmployerPage) -> Response:
    """The form, with the contact person of the latest employment, or else the one who is signed in."""
    latest = await page.api.get("/v1/employments", EmploymentPage, newest=True, limit=1)
    values = _contact(latest.employments[0]) if latest.employments else {}
    if not values:
        values = {"contact.name": page.session.name if page.session else ""}
    return page.render("employer/new_employment.html", form=page.form(REGISTER, values))


@router.post("/ny")
async def register_employment(page: EmployerPage) -> Response:
    """Register; then to its page, or on to the report that it was registered for."""
    form = await page.posted(REGISTER)
    if form.valid:
        try:
            made = await page.api.post("/v1/employments", form.body, EmploymentResource, key=form.key)
        except Refused as refused:
            form.refuse(refused, _CONCERNS)
        else:
            on = "indberet" if page.request.query_params.get("videre") == "indberet" else "ansaettelser"
            return page.redirect(f"/virksomhed/{on}/{made.employment_id}?sket=registreret")
    return page.render("employer/new_employment.html", form=form)


@router.get("/{employment_id}")
async def one_employment(employment_id: UUID, page: EmployerPage) -> Response:
    """What is registered, what is left of the allowance, and the latest reports."""
    employment, latest, left = await asyncio.gather(
        helpers.employment(page, employment_id),
        page.api.get("/v1/reports", ReportPage, employment_id=str(employment_id), newest=True, limit=_LATEST),
        _allowance_left(page, employment_id),
    )
    return page.render(
        "employer/employment.html",
        employment=employment,
        name=helpers.name(page, employment),
        names=helpers.names(page, [employment]),
        left=left,
        reports=latest.reports,
        happened=page.request.query_params.get("sket"),
    )


@router.get("/{employment_id}/ret")
async def change(employment_id: UUID, page: EmployerPage) -> Response:
    """The form, with what is registered now."""
    employment = await helpers.employment(page, employment_id)
    values = {
        "period.first": employment.period.first,
        "period.last": employment.period.last,
        **_contact(employment),
        "label": employment.label,
    }
    return _form(page, "change_employment", employment, page.form(CHANGE, values))


@router.post("/{employment_id}/ret")
async def change_employment(employment_id: UUID, page: EmployerPage) -> Response:
    """Change it. An emptied label is removed."""
    form = await page.posted(CHANGE)
    form.body.setdefault("label", "")
    return await _sent(page, employment_id, form, page.api.put, "", "change_employment", "aendret", _CONCERNS)


@router.get("/{employment_id}/afslut")
async def end(employment_id: UUID, page: EmployerPage) -> Response:
    """The form for the last day."""
    employment = await helpers.employment(page, employment_id)
    return _form(page, "end_employment", employment, page.form(END, {"last": employment.period.last}))


@router.post("/{employment_id}/afslut")
async def end_employment(employment_id: UUID, page: EmployerPage) -> Response:
    """Give it its last day."""
    form = await page.posted(END)
    concerns = dict.fromkeys(_CONCERNS, "last")
    return await _sent(page, employment_id, form, page.api.post, "/end", "end_employment", "afsluttet", concerns)


@router.get("/{employment_id}/intet-arbejde")
async def no_work(employment_id: UUID, page: EmployerPage) -> Response:
    """The form for days without work."""
    return _form(page, "no_work", await helpers.employment(page, employment_id), page.form(NO_WORK))


@router.post("/{employment_id}/intet-arbejde")
async def declare_no_work(employment_id: UUID, page: EmployerPage) -> Response:
    """Say that there was no work; also the second answer to a reminder's question."""
    form = await page.posted(NO_WORK)
    return await _sent(
        page, employment_id, form, page.api.post, "/no-work", "no_work", "intet-arbejde", _NO_WORK_CONCERNS
    )


async def _sent(
    page: Page,
    employment_id: UUID,
    form: Form,
    send: Callable[..., Awaitable[Any]],
    path: str,
    template: str,
    happened: str,
    concerns: Mapping[str, str],
) -> Response:
    if form.valid:
        try:
            await send(f"/v1/employments/{employment_id}{path}", form.body, EmploymentResource, key=form.key)
        except Refused as refused:
            form.refuse(refused, concerns)
        else:
            return page.redirect(f"/virksomhed/ansaettelser/{employment_id}?sket={happened}")
    return _form(page, template, await helpers.employment(page, employment_id), form)


def _form(page: Page, template: str, employment: EmploymentResource, form: Form) -> Response:
    return page.render(
        f"employer/{template}.html", form=form, employment=employment, name=helpers.name(page, employment)
    )


async def _allowance_left(page: Page, employment_id: UUID) -> AllowanceLeft | None:
    """This year's; none for an employment that has been over for long, or in a year without an allowance."""
    try:
        return await page.api.get(f"/v1/employments/{employment_id}/allowance", AllowanceLeft)
    except Refused as refused:
        if refused.code in {"employment-unknown", "year-without-allowance"}:
            return None
        raise


def _contact(employment: EmploymentResource) -> dict[str, str]:
    """The fields of the form for the contact person; none of one who was erased."""
    contact = employment.contact.model_dump(exclude_none=True)
    return {f"contact.{field}": value for field, value in contact.items()}
