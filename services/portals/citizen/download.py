"""“Download my data”: everything that the API shows the citizen, as PDF, CSV and JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date

from fastapi import APIRouter
from frikort_contracts.http.balances import Allowances
from starlette.responses import Response

from services.portals import formats
from services.portals.citizen.data_export import Table, audit_log, everything, in_spreadsheet, on_paper, tables
from services.portals.common import spreadsheet
from services.portals.documents.record import Section, record
from services.portals.page import CitizenPage, Page
from services.portals.texts import N_

router = APIRouter(prefix="/mine-data")

_NAME = "mit-frikort"
_LOG = "hvem-har-set"


@router.get("")
async def my_data(page: CitizenPage) -> Response:
    """The three files."""
    return page.render("citizen/my_data.html")


@router.get(f"/{_NAME}.pdf")
async def as_pdf(page: CitizenPage) -> Response:
    """As a PDF, to read and print. The audit log would be most of its pages and has a PDF of its own."""
    found, today = await asyncio.gather(everything(page.api), _today(page))
    lines = [N_("Her er alt, hvad frikortet viser om dig, undtagen hvem der har set det. Det er i en fil for sig.")]
    shown = [one for one in tables(found, page.gettext) if one != audit_log(found, page.gettext)]
    return await _on_paper(page, _NAME, N_("Mine oplysninger på frikortet"), lines, shown, today)


@router.get(f"/{_LOG}.pdf")
async def log_as_pdf(page: CitizenPage) -> Response:
    """The audit log as a PDF."""
    found, today = await asyncio.gather(everything(page.api), _today(page))
    return await _on_paper(
        page, _LOG, N_("Hvem har set på dine oplysninger?"), [], [audit_log(found, page.gettext)], today
    )


async def _today(page: Page) -> date:
    return (await page.api.get("/v1/allowances", Allowances)).today


async def _on_paper(
    page: Page, name: str, title: str, lines: Sequence[str], shown: Sequence[Table], today: date
) -> Response:
    gettext = page.gettext
    introduction = Section(lines=[gettext(line) for line in lines])
    sections = [section for one in shown if one.rows for section in on_paper(one, page.language)]
    pdf = await record(
        title=gettext(title),
        issuer=gettext(N_("Socialt frikort")),
        sections=[introduction, *sections],
        made_at=gettext(N_("Hentet %(day)s"), day=formats.day(today, page.language)),
        language=page.language,
    )
    return _file(pdf, "application/pdf", "pdf", name)


@router.get(f"/{_NAME}.csv")
async def as_csv(page: CitizenPage) -> Response:
    """For a spreadsheet."""
    found = list(tables(await everything(page.api), page.gettext))
    return _file(spreadsheet.danish_csv(in_spreadsheet(found)), spreadsheet.MEDIA_TYPE, "csv")


@router.get(f"/{_NAME}.json")
async def as_json(page: CitizenPage) -> Response:
    """As JSON for another system, with the API's names and ids."""
    found = await everything(page.api)
    return _file(found.model_dump_json(indent=2).encode(), "application/json", "json")


def _file(content: bytes, media_type: str, ending: str, name: str = _NAME) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}.{ending}"'}
    return Response(content, media_type=media_type, headers=headers)
