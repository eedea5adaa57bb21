"""Reports: the list, one with its history, its receipt, correcting and withdrawing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Path, Query
from frikort_contracts.http.balances import Allowances
from frikort_contracts.http.employments import EmploymentResource
from frikort_contracts.http.reports import ReportDetail, ReportPage
from frikort_contracts.reporting import CorrectionReason, DisputeDecision, DisputeEnd, DisputeReason
from frikort_contracts.values import CitizenSide
from starlette.responses import Response, StreamingResponse

from services.portals.api import Refused
from services.portals.employer import accounting_export, disputes, helpers
from services.portals.employer.receipt import facts as receipt_facts
from services.portals.employer.reporting import CONCERNS, LARGE, PAID, unfolded
from services.portals.forms import Form, choice, text, whole_number
from services.portals.page import EmployerPage, Page
from services.portals.paging import Cursor
from services.portals.texts import N_

router = APIRouter(prefix="/virksomhed/indberetninger")

REASONS: Final = {
    CorrectionReason.WRONG_AMOUNT: N_("Beløbet var forkert"),
    CorrectionReason.WRONG_PERIOD: N_("Dagene var forkerte"),
    CorrectionReason.WRONG_CARD: N_("Det var et forkert frikort"),
    CorrectionReason.NOT_PAID: N_("Lønnen blev ikke betalt"),
    CorrectionReason.REPORTED_TWICE: N_("Den var indberettet to gange"),
    CorrectionReason.OTHER: N_("Noget andet"),
}
DISPUTED: Final = {
    DisputeReason.NOT_MY_WORK: N_("Det er ikke mit arbejde"),
    DisputeReason.WRONG_AMOUNT: N_("Beløbet er forkert"),
    DisputeReason.WRONG_DATES: N_("Dagene er forkerte"),
    DisputeReason.NOT_PAID: N_("Lønnen er ikke betalt"),
    DisputeReason.OTHER: N_("Noget andet er forkert"),
}
SIDES: Final = {
    CitizenSide.CITIZEN: N_("Borgeren"),
    CitizenSide.MUNICIPALITY: N_("Kommunen, på borgerens vegne"),
    CitizenSide.MANDATE_HOLDER: N_("En, som borgeren har givet fuldmagt"),
}
ENDS: Final = {
    DisputeEnd.DISPUTE_WITHDRAWN: N_("Indsigelsen er trukket tilbage"),
    DisputeEnd.REPORT_CORRECTED: N_("Du rettede indberetningen"),
    DisputeEnd.REPORT_WITHDRAWN: N_("Du trak indberetningen tilbage"),
    DisputeEnd.REPORT_STANDS: N_("Kommunen har afgjort, at indberetningen er rigtig"),
}
DECISIONS: Final = {
    DisputeDecision.REPORT_STANDS: N_("Indberetningen er rigtig"),
    DisputeDecision.EMPLOYER_MUST_CORRECT: N_("Indberetningen skal rettes eller trækkes tilbage"),
}
CORRECTS: Final = (CorrectionReason.WRONG_AMOUNT, CorrectionReason.WRONG_PERIOD, CorrectionReason.OTHER)
"""Why a report is corrected."""
WITHDRAWS: Final = (
    CorrectionReason.WRONG_CARD,
    CorrectionReason.NOT_PAID,
    CorrectionReason.REPORTED_TWICE,
    CorrectionReason.OTHER,
)
"""Why a report is withdrawn."""
_SEEN: Final = {"revision": whole_number(optional=True)}  # hidden: the revision that the page shows
CORRECTION: Final = {
    **PAID,
    "reason": choice(*CORRECTS, missing=N_("Vælg, hvorfor du retter indberetningen.")),
    **LARGE,
    **_SEEN,
}
WITHDRAWAL: Final = {
    "reason": choice(*WITHDRAWS, missing=N_("Vælg, hvorfor du trækker indberetningen tilbage.")),
    **_SEEN,
}
_PAGE: Final = 25
FIND: Final = {"term": text(missing=N_("Skriv frikortnummeret eller dit eget navn for ansættelsen."))}

_MOST_FOUND: Final = 50

Year = Annotated[int, Path(ge=2019, le=2200)]


@router.get("")
async def list_reports(
    page: EmployerPage,
    ansaettelse: Annotated[str, Query(max_length=64)] = "",
    aar: Annotated[str, Query(pattern="^(20[0-9]{2}|)$")] = "",
    cursor: Cursor = "",
) -> Response:
    """The reports, newest first; optionally of one employment or year."""
    chosen = {"employment_id": ansaettelse or None, "year": int(aar) if aar else None}
    found, table, employment = await asyncio.gather(
        page.api.get("/v1/reports", ReportPage, newest=True, limit=_PAGE, cursor=cursor, **chosen),
        page.api.get("/v1/allowances", Allowances),
        _chosen(page, ansaettelse),
    )
    return page.render(
        "employer/reports.html",
        form=page.form(FIND),
        reports=found.reports,
        names=await helpers.names_in(page, found.reports, [employment] if employment else []),
        employment=employment,
        years=[row.year for row in table.allowances if row.year <= table.current_year],
        ansaettelse=ansaettelse,
        aar=aar,
        following=found.next,
        cursor=cursor,
    )


async def _chosen(page: Page, employment_id: str) -> EmploymentResource | None:
    return await helpers.employment(page, employment_id) if employment_id else None


@router.post("")
async def find_employment(page: EmployerPage, aar: Annotated[str, Query(pattern="^(20[0-9]{2}|)$")] = "") -> Response:
    """To the reports of the employment that matches, or a list of those that do.

    By POST, because no address may hold a card number.
    """
    form = await page.posted(FIND)
    found: list[EmploymentResource] = []
    if form.valid:
        found = helpers.matching(await helpers.employments(page), form.body["term"])
        if len(found) == 1:
            return page.redirect(f"{router.prefix}?{urlencode({'ansaettelse': found[0].employment_id, 'aar': aar})}")
        if not found:
            form.add_error("term", page.gettext("Ingen ansættelse passer. Skriv nummeret eller navnet igen."))
    shown = found[:_MOST_FOUND]
    return page.render(
        "employer/report_search.html",
        form=form,
        employments=shown,
        names=helpers.names(page, shown),
        more=len(found) > _MOST_FOUND,
        aar=aar,
    )


@router.get("/aar/{aar}.csv")
async def year_as_csv(aar: Year, page: EmployerPage) -> Response:
    """The year's reports as CSV, streamed because they may be many."""
    employments = {one.employment_id: one for one in await helpers.employments(page)}
    lines = accounting_export.csv_of(page, helpers.reports(page, aar), employments)
    return StreamingResponse(
        lines, media_type=accounting_export.CSV, headers=accounting_export.attachment(f"frikort-{aar}.csv")
    )


@router.get("/aar/{aar}.pdf")
async def year_as_pdf(aar: Year, page: EmployerPage) -> Response:
    """The year's reports as a PDF."""
    employments, today = await asyncio.gather(helpers.employments(page), helpers.today(page))
    names = helpers.names(page, employments)
    pdf = await accounting_export.year_pdf(page, aar, helpers.reports(page, aar), names, today)
    return Response(pdf, media_type=accounting_export.PDF, headers=accounting_export.attachment(f"frikort-{aar}.pdf"))


@router.get("/{report_id}")
async def one_report(report_id: UUID, page: EmployerPage) -> Response:
    """A report: its values, its split, a dispute, and its history."""
    return await _shown(page, "report", report_id)


@router.get("/{report_id}/kvittering")
async def receipt(report_id: UUID, page: EmployerPage) -> Response:
    """The receipt after reporting, correcting or withdrawing."""
    return await _shown(page, "receipt", report_id)


@router.get("/{report_id}/kvittering.pdf")
async def receipt_as_pdf(report_id: UUID, page: EmployerPage) -> Response:
    """The receipt as a PDF."""
    (report, employment), today = await asyncio.gather(
        helpers.report_and_employment(page, report_id), helpers.today(page)
    )
    pdf = await accounting_export.receipt_pdf(page, report, employment, today)
    return Response(
        pdf,
        media_type=accounting_export.PDF,
        headers=accounting_export.attachment(f"frikort-{report.payment_date}.pdf"),
    )


@router.get("/{report_id}/kvittering.json")
async def signed_receipt(report_id: UUID, page: EmployerPage) -> Response:
    """The receipt as a signed file that anyone can check."""
    return await page.forward(f"/v1/reports/{report_id}/receipt")


@router.get("/{report_id}/kvittering.csv")
async def receipt_as_csv(report_id: UUID, page: EmployerPage) -> Response:
    """The receipt as one line of the year's CSV file."""
    report, employment = await helpers.report_and_employment(page, report_id)
    content = accounting_export.csv_line(page, accounting_export.headings(page)) + accounting_export.csv_line(
        page, accounting_export.cells(page, report, employment)
    )
    return Response(
        content,
        media_type=accounting_export.CSV,
        headers=accounting_export.attachment(f"frikort-{report.payment_date}.csv"),
    )


@router.get("/{report_id}/ret")
async def correct(report_id: UUID, page: EmployerPage) -> Response:
    """The form, with the reported values."""
    report, employment = await helpers.report_and_employment(page, report_id)
    values = {
        "payment_date": report.payment_date,
        "work.first": report.work.first,
        "work.last": report.work.last,
        **{f"components.{part}": ore or None for part, ore in report.components.model_dump().items()},
        "components.wage_ore": report.components.wage_ore,
        "revision": report.revision,
    }
    return _correction(page, page.form(CORRECTION, values), report, employment)


@router.post("/{report_id}/ret")
async def correct_report(report_id: UUID, page: EmployerPage) -> Response:
    """Show a summary of the old and new values; send the correction when it is confirmed."""
    form = await page.posted(CORRECTION)
    report, employment = await helpers.report_and_employment(page, report_id)
    if form.valid and form.step == "send":
        try:
            await page.api.post(f"/v1/reports/{report_id}/correction", form.body, ReportDetail, key=form.key)
        except Refused as refused:
            form.refuse(refused, CONCERNS)
            if refused.code == "report-changed":
                report, employment = await helpers.report_and_employment(page, report_id)
                form.typed = {**form.typed, "revision": str(report.revision)}
        else:
            return page.redirect(f"/virksomhed/indberetninger/{report_id}/kvittering")
    if not form.valid or form.step == "edit":
        return _correction(page, form, report, employment)
    why = REASONS[form.body["reason"]]
    return page.render(
        "employer/correction_summary.html",
        form=form,
        report=report,
        name=helpers.name(page, employment),
        total_ore=sum(form.body["components"].values()),
        reason=page.gettext(why),
    )


@router.get("/{report_id}/tilbagekald")
async def withdraw(
    report_id: UUID, page: EmployerPage, udgave: Annotated[str, Query(pattern="^[0-9]{0,9}$")] = ""
) -> Response:
    """The form to withdraw the report; not from a payroll file that was sent when it had an earlier revision."""
    return await _withdrawal(page, page.form(WITHDRAWAL), report_id, seen=int(udgave or 0))


@router.post("/{report_id}/tilbagekald")
async def withdraw_report(report_id: UUID, page: EmployerPage) -> Response:
    """Withdraw the report."""
    form = await page.posted(WITHDRAWAL)
    if form.valid:
        try:
            await page.api.post(f"/v1/reports/{report_id}/withdrawal", form.body, ReportDetail, key=form.key)
        except Refused as refused:
            form.refuse(refused)
            if refused.code == "report-changed":
                form.typed = {**form.typed, "revision": ""}  # the form shows the report as it is now
        else:
            return page.redirect(f"/virksomhed/indberetninger/{report_id}/kvittering")
    return await _withdrawal(page, form, report_id)


async def _shown(page: Page, template: str, report_id: UUID) -> Response:
    report, employment = await helpers.report_and_employment(page, report_id)
    return page.render(
        f"employer/{template}.html",
        report=report,
        name=helpers.name(page, employment),
        facts=receipt_facts(page, report, employment),
        moved=moved(report),
        reasons=REASONS,
        disputed=DISPUTED,
        sides=SIDES,
        ends=ENDS,
        decisions=DECISIONS,
        answers=disputes.ANSWERS,
    )


def moved(report: ReportDetail) -> int | None:
    """The change in øre that others made to this report's exempt amount; None without such a change."""
    if report.status == "withdrawn" or not report.splits or report.splits[-1].caused_by is not None:
        return None
    original = next((split for split in reversed(report.splits) if split.caused_by is not None), report.splits[0])
    return report.splits[-1].exempt_ore - original.exempt_ore


def _correction(page: Page, form: Form, report: ReportDetail, employment: EmploymentResource) -> Response:
    return page.render(
        "employer/correction.html",
        form=form,
        report=report,
        name=helpers.name(page, employment),
        reasons=_reasons(page, CORRECTS),
        **unfolded(form),
    )


async def _withdrawal(page: Page, form: Form, report_id: UUID, *, seen: int = 0) -> Response:
    report, employment = await helpers.report_and_employment(page, report_id)
    return page.render(
        "employer/withdrawal.html",
        form=form,
        report=report,
        name=helpers.name(page, employment),
        corrected=0 < seen < report.revision and report.status == "accepted",
        reasons=_reasons(page, WITHDRAWS),
    )


def _reasons(page: Page, offered: Iterable[CorrectionReason]) -> list[tuple[str, str]]:
    return [(reason.value, page.gettext(REASONS[reason])) for reason in offered]
