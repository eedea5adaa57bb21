"""Reports as the employer's books want them: a receipt, and a year's list, as PDF and CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Final

from frikort_contracts.http.employments import EmploymentResource
from frikort_contracts.http.reports import ReportDetail, ReportResource

from services.portals import formats
from services.portals.documents.record import Column, Section, record
from services.portals.employer import helpers
from services.portals.formats import Language
from services.portals.page import Page
from services.portals.texts import N_
from services.runtime import csv_writer
from services.runtime.csv_writer import Cell, Ore

CSV: Final = "text/csv; charset=utf-8"
PDF: Final = "application/pdf"
MOST_ON_PAPER: Final = 2_000
_HEADINGS: Final = (
    N_("Betalt"),
    N_("Ansættelse"),
    N_("Frikortnummer"),
    N_("Reference"),
    N_("Status"),
    N_("Arbejde fra"),
    N_("Arbejde til"),
    N_("Løn"),
    N_("Feriepenge"),
    N_("ATP"),
    N_("Pension"),
    N_("I alt"),
    N_("Skattefri frikortløn"),
    N_("Almindelig løn med skat"),
)
STATUS: Final = {"accepted": N_("Modtaget"), "withdrawn": N_("Trukket tilbage")}


def attachment(file_name: str) -> dict[str, str]:
    """The header that makes a browser keep the answer as a file."""
    return {"Content-Disposition": f'attachment; filename="{file_name}"'}


def headings(page: Page) -> list[str]:
    """The first line of a CSV file."""
    return [page.gettext(heading) for heading in _HEADINGS]


def cells(page: Page, report: ReportResource, employment: EmploymentResource | None) -> list[Cell]:
    """A report as a line of a CSV file."""
    parts, split = report.components, report.split
    amounts = (parts.wage_ore, parts.holiday_pay_ore, parts.atp_ore, parts.pension_ore, report.total_ore)
    return [
        report.payment_date.isoformat(),
        employment.label if employment else None,
        employment.card_number if employment else None,
        report.reference,
        page.gettext(STATUS[report.status]),
        report.work.first.isoformat(),
        None if report.work.last is None else report.work.last.isoformat(),
        *map(Ore, amounts),
        None if split is None else Ore(split.exempt_ore),
        None if split is None else Ore(split.excess_ore),
    ]


def csv_line(page: Page, values: Sequence[Cell]) -> str:
    """A line as a spreadsheet of the page's language reads it."""
    return csv_writer.row(values, csv_writer.DANISH if page.language is Language.DANISH else csv_writer.ENGLISH)


async def csv_of(
    page: Page, reports: AsyncIterator[ReportResource], employments: Mapping[str, EmploymentResource]
) -> AsyncIterator[str]:
    """A CSV file, line by line."""
    yield csv_writer.BOM + csv_line(page, headings(page))
    async for report in reports:
        yield csv_line(page, cells(page, report, employments.get(report.employment_id)))


async def receipt_pdf(page: Page, report: ReportDetail, name: str, made: date) -> bytes:
    """The receipt of one report."""

    def kroner(ore: int) -> str:
        return formats.kroner(ore, page.language)

    def day(one: date) -> str:
        return formats.day(one, page.language)

    _ = page.gettext
    parts = report.components
    more = ((_("Feriepenge"), parts.holiday_pay_ore), (_("ATP"), parts.atp_ore), (_("Pension"), parts.pension_ore))
    summary = Section(
        facts=[
            (_("CVR-nummer"), helpers.cvr(page)),
            (_("Ansættelse"), name),
            (_("Status"), _(STATUS[report.status])),
            (_("Betalt"), day(report.payment_date)),
            (_("Første arbejdsdag"), day(report.work.first)),
            (_("Sidste arbejdsdag"), day(report.work.last or report.work.first)),
            (_("Løn"), kroner(parts.wage_ore)),
            *((what, kroner(ore)) for what, ore in more if ore),
            (_("I alt"), kroner(report.total_ore)),
            (_("Reference"), report.reference),
            *((_("Modtaget"), formats.moment(entry.at, page.language)) for entry in report.history[:1]),
            (_("Kvitteringens nummer"), f"{report.report_id}/{report.revision}"),
        ]
    )
    sections = [summary]
    if report.split is not None and report.status == "accepted":
        split = [
            (_("Skattefri frikortløn"), kroner(report.split.exempt_ore)),
            (_("Almindelig løn med skat"), kroner(report.split.excess_ore)),
        ]
        sections.append(Section(_("Hvad det betyder"), lines=report.advice, facts=split))
    return await _made(page, _("Kvittering for frikortløn"), sections, made)


async def year_pdf(
    page: Page, year: int, reports: AsyncIterator[ReportResource], names: Mapping[str, str], made: date
) -> bytes:
    """The reports of a year that count, and their sums. Too many to read on paper are left to the CSV file."""

    def kroner(ore: int) -> str:
        return formats.kroner(ore, page.language)

    _ = page.gettext
    rows: list[list[str]] = []
    count = total = exempt = excess = 0
    async for report in reports:
        if report.status == "withdrawn" or report.split is None:
            continue
        count, total = count + 1, total + report.total_ore
        exempt, excess = exempt + report.split.exempt_ore, excess + report.split.excess_ore
        if count <= MOST_ON_PAPER:
            amounts = (report.total_ore, report.split.exempt_ore, report.split.excess_ore)
            about = [report.payment_date.isoformat(), names.get(report.employment_id, ""), report.reference]
            rows.append([*about, *map(kroner, amounts)])
    sums = Section(
        facts=[
            (_("CVR-nummer"), helpers.cvr(page)),
            (_("Indberetninger"), str(count)),
            (_("I alt"), kroner(total)),
            (_("Skattefri frikortløn"), kroner(exempt)),
            (_("Almindelig løn med skat"), kroner(excess)),
        ],
        lines=[_("Indberetninger, der er trukket tilbage, er ikke talt med.")],
    )
    if count > MOST_ON_PAPER:
        sections = [sums, Section(lines=[_("Der er for mange indberetninger til papir. Hent listen som CSV.")])]
    else:
        columns = [
            Column(_("Betalt")),
            Column(_("Ansættelse")),
            Column(_("Reference")),
            *(Column(one, numeric=True) for one in (_("I alt"), _("Skattefrit"), _("Almindelig løn"))),
        ]
        sections = [sums, Section(columns=columns, rows=rows)]
    return await _made(page, _("Frikortløn i %(year)s", year=year), sections, made)


async def _made(page: Page, title: str, sections: Sequence[Section], made: date) -> bytes:
    made_at = page.gettext("Hentet %(day)s", day=formats.day(made, page.language))
    issuer = page.gettext("Socialt frikort")
    return await record(title=title, issuer=issuer, sections=sections, made_at=made_at, language=page.language)
