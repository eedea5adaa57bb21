"""Reporting earnings in steps: the employment, the payment, and a summary. The receipt is in ``reports.py``."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter
from frikort_contracts.http.common import Days
from frikort_contracts.http.employments import EmploymentPage, EmploymentResource
from frikort_contracts.http.reports import DryRunResource, ReportDetail, ReportPage, ReportResource
from frikort_contracts.values import Reference
from starlette.responses import Response

from services.portals.api import Refused
from services.portals.employer import helpers
from services.portals.forms import Form, amount, card_number, day, flag, text
from services.portals.page import EmployerPage, Page
from services.portals.texts import N_

router = APIRouter(prefix="/virksomhed/indberet")

CHOOSE: Final = {"card_number": card_number(missing=N_("Skriv frikortnummeret, eller vælg en ansættelse på listen."))}
PAID: Final = {
    "payment_date": day(missing=N_("Skriv den dag, hvor lønnen er betalt.")),
    "work.first": day(missing=N_("Skriv den første dag, der er arbejdet.")),
    "work.last": day(missing=N_("Skriv den sidste dag, der er arbejdet.")),
    "components.wage_ore": amount(
        missing=N_("Skriv lønnen i kroner. Er der kun betalt feriepenge, ATP eller pension, så skriv 0.")
    ),
    "components.holiday_pay_ore": amount(optional=True),
    "components.atp_ore": amount(optional=True),
    "components.pension_ore": amount(optional=True),
}
LARGE: Final = {"allow_large_amount": flag()}
REPORT: Final = {
    **PAID,
    "reference": text(Reference, optional=True, wrong=N_("Skriv højst 64 tegn, og aldrig et CPR-nummer.")),
    "allow_duplicate": flag(),
    **LARGE,
}
CONCERNS: Final = {
    "payment-in-future": "payment_date",
    "payment-before-work": "payment_date",
    "payment-year-changed": "payment_date",
    "year-without-allowance": "payment_date",
    "year-provisional": "payment_date",
    "year-closed": "payment_date",
    "work-outside-employment": "work.first",
    "card-not-active": "work.first",
    "amount-zero": "components.wage_ore",
    "amount-too-large": "components.wage_ore",
    "amount-unusual": "components.wage_ore",
    "reference-reused": "reference",
    "report-withdrawn": "reference",
}
_LISTED: Final = 12
_ONE_DAY: Final = timedelta(days=1)


@router.get("")
async def choose_employment(page: EmployerPage) -> Response:
    """Choose the employment; skipped if there is only one. Without one, the form to register it."""
    found = await _latest(page)
    if not found.employments:
        return page.redirect("/virksomhed/ansaettelser/ny?videre=indberet")
    if len(found.employments) == 1:
        return page.redirect(f"/virksomhed/indberet/{found.employments[0].employment_id}")
    return _choice(page, page.form(CHOOSE), found)


@router.post("")
async def find_employment(page: EmployerPage) -> Response:
    """Find the employment of a card number, by POST because no address may hold a card number."""
    form = await page.posted(CHOOSE)
    if form.valid:
        employments, today = await asyncio.gather(helpers.employments(page), helpers.today(page))
        chosen = with_number(employments, form.body["card_number"], today)
        if chosen is not None:
            return page.redirect(f"/virksomhed/indberet/{chosen.employment_id}")
        form.add_error(
            "card_number", page.gettext("Du har ingen ansættelse med det frikortnummer. Registrér den først.")
        )
    return _choice(page, form, await _latest(page))


@router.get("/{employment_id}")
async def what_was_paid(employment_id: UUID, page: EmployerPage) -> Response:
    """The form for payment day, work and amount, with likely values."""
    employment, day_now, latest = await asyncio.gather(
        helpers.employment(page, employment_id),
        helpers.today(page),
        page.api.get("/v1/reports", ReportPage, employment_id=str(employment_id), newest=True, limit=1),
    )
    first, last = likely_work(employment, [report.work for report in latest.reports], day_now)
    form = page.form(REPORT, {"payment_date": day_now, "work.first": first, "work.last": last})
    return _paid(page, form, employment)


@router.post("/{employment_id}")
async def report_earnings(employment_id: UUID, page: EmployerPage) -> Response:
    """Show the summary, from a dry run; send the report when the summary is confirmed."""
    form = await page.posted(REPORT)
    employment = await helpers.employment(page, employment_id)
    if not form.valid or form.step == "edit":
        return _paid(page, form, employment)
    name_report(form)
    body = {"employment_id": employment_id, **form.body}
    try:
        if form.step == "send":
            made = await page.api.post("/v1/reports", body, ReportDetail, key=form.key)
            return page.redirect(f"/virksomhed/indberetninger/{made.report_id}/kvittering")
        tried = await _dry_run(page, body)
    except Refused as refused:
        earlier = refused.problem.earlier
        if refused.code == "possible-duplicate" and earlier is not None:
            return _same_or_another(page, form, employment, earlier)
        return _paid(page, form.refuse(refused, CONCERNS), employment)
    return page.render("employer/report_summary.html", form=form, tried=tried, name=helpers.name(page, employment))


async def _dry_run(page: Page, body: dict[str, Any]) -> DryRunResource | None:
    """What the report would mean; None for an employment that ended too long ago. Raises ``Refused``."""
    try:
        return await page.api.post("/v1/reports/dry-run", body, DryRunResource, key=str(uuid4()))
    except Refused as refused:
        if refused.code == "dry-run-too-late":
            return None
        raise


def with_number(found: list[EmploymentResource], card_number: str, day_now: date) -> EmploymentResource | None:
    """The employment of a card number: of several, the first that is not over, else the latest registered."""
    same = [one for one in found if one.card_number == card_number]
    return next((one for one in same if not helpers.is_over(one, day_now)), same[0] if same else None)


def likely_work(employment: EmploymentResource, reported: list[Days], day_now: date) -> tuple[date | None, date | None]:
    """The days that a report made today probably covers: those after the last reported day, else this month's.

    ``(None, None)`` if no such day is left.
    """
    last = min(day_now, employment.period.last or day_now)
    known = [days.last for days in (*reported, *employment.no_work) if days.last is not None]
    began = employment.active_days[0].first if employment.active_days else employment.period.first
    first = max(known) + _ONE_DAY if known else max(began, last.replace(day=1))
    return (first, last) if first <= last else (None, None)


def name_report(form: Form) -> None:
    """Give the report a reference if the employer gave none: the payment day and a part of the form's key."""
    if "reference" not in form.body:
        reference = f"{form.body['payment_date'].isoformat()}/{form.key[:8]}"
        form.body["reference"] = reference
        form.typed = {**form.typed, "reference": reference}


async def _latest(page: Page) -> EmploymentPage:
    """The employments to choose from; all others are found by card number."""
    return await page.api.get("/v1/employments", EmploymentPage, newest=True, limit=_LISTED)


def _choice(page: Page, form: Form, found: EmploymentPage) -> Response:
    return page.render(
        "employer/report_choice.html",
        form=form,
        employments=found.employments,
        more=found.next is not None,
        names=helpers.names(page, found.employments),
    )


def _paid(page: Page, form: Form, employment: EmploymentResource) -> Response:
    return page.render(
        "employer/report_paid.html",
        form=form,
        employment=employment,
        name=helpers.name(page, employment),
        **unfolded(form),
    )


def unfolded(form: Form) -> dict[str, Any]:
    """Which collapsed parts and questions of the form are shown: those with a value or an error."""

    def used(*fields: str) -> bool:
        return any(form.value(one) or one in form.errors for one in fields)

    return {
        "more_amounts": used(*(f"components.{one}_ore" for one in ("holiday_pay", "atp", "pension"))),
        "own_reference": used("reference"),
        "asks_large": form.problem == "amount-unusual" or used("allow_large_amount"),
    }


def _same_or_another(page: Page, form: Form, employment: EmploymentResource, earlier: ReportResource) -> Response:
    return page.render(
        "employer/same_or_another.html", 409, form=form, earlier=earlier, name=helpers.name(page, employment)
    )
