"""Reports as the employer's books want them: a receipt, and a year's list, as PDF and CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from frikort_contracts.http.employments import EmploymentResource
from frikort_contracts.http.reports import ReportDetail, ReportResource
from frikort_contracts.values import COPENHAGEN

from services.portals import formats
from services.portals.documents.record import Column, Section, record
from services.portals.employer import helpers, receipt
from services.portals.formats import Language
from services.portals.page import Page
from services.portals.texts import N_
from services.runtime import csv_writer
from services.runtime.csv_writer import Cell, Ore

CSV: Final = "text/csv; charset=utf-8"
PDF: Final = "application/pdf"
MOST_ON_PAPER: Final = 2_000
_HEADINGS: Final = (
    N_("Virksomhed"),
    N_("CVR-nummer"),
    N_("Betalt"),
    N_("Ansættelse"),
    N_("Frikortnummer"),
    N_("Reference"),
    N_("Status"),
    N_("Modtaget"),
    N_("Trukket tilbage"),
    N_("Arbejde fra"),
    N_("Arbejde til"),
    *(name for _, name in receipt.COMPONENTS),
    N_("I alt"),
    N_("Skattefri frikortløn"),
    N_("Almindelig løn med skat"),
    N_("Foreløbig beløbsgrænse"),
    N_("Kvitteringens nummer"),
)


def attachment(file_name: str) -> dict[str, str]:
    """The header that makes a browser keep the answer as a file."""
    return {"Content-Disposition": f'attachment; filename="{file_name}"'}


def headings(page: Page) -> list[str]:
    """The first line of a CSV file."""
    return [page.gettext(heading) for heading in _HEADINGS]


def cells(page: Page, report: ReportResource, employment: EmploymentResource | None) -> list[Cell]:
    """A report as a line of a CSV file. A withdrawn report adds nothing to a sum."""
    counted = receipt.counted(report)
    return [
        helpers.company(page),
        helpers.cvr(page),
        report.payment_date.isoformat(),
        employment.label if employment else None,
        employment.card_number if employment else None,
        report.reference or page.gettext("Slettet"),
        page.gettext(receipt.STATUS[report.status]),
        _local(report.reported_at),
        None if report.withdrawn_at is None else _local(report.withdrawn_at),
        report.work.first.isoformat(),
        None if report.work.last is None else report.work.last.isoformat(),
        *map(Ore, counted.components),
        Ore(counted.total),
        None if counted.exempt is None else Ore(counted.exempt),
        None if counted.excess is None else Ore(counted.excess),
        page.gettext("Ja") if report.provisional else page.gettext("Nej"),
        receipt.number(report),
    ]


def _local(at: datetime) -> str:
    """The time in Denmark, as a spreadsheet reads it."""
    return at.astimezone(COPENHAGEN).strftime("%Y-%m-%d %H:%M")


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


async def receipt_pdf(page: Page, report: ReportDetail, employment: EmploymentResource, made: date) -> bytes:
    """The receipt of one report, which says the same as its page."""
    _ = page.gettext
    sections = [Section(facts=receipt.facts(page, report, employment))]
    if report.status == "withdrawn":
        sections.append(Section(lines=[_("Indberetningen er trukket tilbage og tæller ikke med.")]))
    elif report.split is not None:
        sections.append(Section(_("Hvad det betyder"), lines=report.advice))
    return await _made(page, _("Kvittering for frikortløn"), sections, made)


async def year_pdf(
    page: Page, year: int, reports: AsyncIterator[ReportResource], names: Mapping[str, str], made: date
) -> bytes:
    """The reports of a year and their sums, which are those of the CSV file.

    Withdrawn reports have a table of their own. Too many reports to read on paper are left to the CSV file.
    """

    def kroner(ore: int | None) -> str:
        return _("Bliver regnet ud") if ore is None else formats.kroner(ore, page.language)

    _ = page.gettext
    rows: list[list[str]] = []
    withdrawn: list[list[str]] = []
    count = total = exempt = excess = 0
    provisional = ""
    async for report in reports:
        reference = report.reference or _("Slettet")
        about = [report.payment_date.isoformat(), names.get(report.employment_id, ""), reference]
        provisional = receipt.provisional(page, report) or provisional
        if report.withdrawn_at is not None:
            if len(withdrawn) < MOST_ON_PAPER:
                withdrawn.append([*about, formats.moment(report.withdrawn_at, page.language), kroner(report.total_ore)])
            continue
        counted = receipt.counted(report)
        count, total = count + 1, total + counted.total
        exempt, excess = exempt + (counted.exempt or 0), excess + (counted.excess or 0)
        if count <= MOST_ON_PAPER:
            rows.append([*about, kroner(counted.total), kroner(counted.exempt), kroner(counted.excess)])
    sums = Section(
        facts=[
            *((_("Virksomhed"), name) for name in (helpers.company(page),) if name),
            (_("CVR-nummer"), helpers.cvr(page)),
            (_("Indberetninger"), str(count)),
            (_("I alt"), kroner(total)),
            (_("Skattefri frikortløn"), kroner(exempt)),
            (_("Almindelig løn med skat"), kroner(excess)),
        ],
        lines=[line for line in (provisional,) if line],
    )
    about_columns = [Column(_("Betalt")), Column(_("Ansættelse")), Column(_("Reference"))]
    if count > MOST_ON_PAPER:
        sections = [sums, Section(lines=[_("Der er for mange indberetninger til papir. Hent listen som CSV.")])]
    else:
        amounts = [Column(one, numeric=True) for one in (_("I alt"), _("Skattefrit"), _("Almindelig løn"))]
        sections = [sums, Section(columns=[*about_columns, *amounts], rows=rows)]
    if withdrawn:
        columns = [*about_columns, Column(_("Hvornår")), Column(_("Beløb"), numeric=True)]
        lines = [_("Indberetninger, der er trukket tilbage, er ikke talt med.")]
        sections.append(Section(_("Trukket tilbage"), lines=lines, columns=columns, rows=withdrawn))
    return await _made(page, _("Frikortløn i %(year)s", year=year), sections, made)


async def _made(page: Page, title: str, sections: Sequence[Section], made: date) -> bytes:
    made_at = page.gettext("Hentet %(day)s", day=formats.day(made, page.language))
    issuer = page.gettext("Socialt frikort")
    return await record(title=title, issuer=issuer, sections=sections, made_at=made_at, language=page.language)
