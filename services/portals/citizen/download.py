"""“Download my data”: everything that the API shows the citizen, as PDF, CSV and JSON."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from frikort_contracts.http.balances import Allowances
from starlette.responses import Response

from services.portals import formats
from services.portals.citizen.data_export import everything, in_spreadsheet, on_paper, tables
from services.portals.common import spreadsheet
from services.portals.documents.record import Section, record
from services.portals.page import CitizenPage
from services.portals.texts import N_

router = APIRouter(prefix="/mine-data")

_NAME = "mit-frikort"


@router.get("")
async def my_data(page: CitizenPage) -> Response:
    """The three files."""
    return page.render("citizen/my_data.html")


@router.get(f"/{_NAME}.pdf")
async def as_pdf(page: CitizenPage) -> Response:
    """As a PDF, to read and print."""
    found, table = await asyncio.gather(everything(page.api), page.api.get("/v1/allowances", Allowances))
    gettext = page.gettext
    introduction = Section(lines=[gettext(N_("Her er alt, hvad frikortet viser om dig."))])
    all_tables = (one for one in tables(found, gettext) if one.rows)
    sections = [introduction, *(section for one in all_tables for section in on_paper(one, page.language))]
    pdf = await record(
        title=gettext(N_("Mine oplysninger på frikortet")),
        issuer=gettext(N_("Socialt frikort")),
        sections=sections,
        made_at=gettext(N_("Hentet %(day)s"), day=formats.day(table.today, page.language)),
        language=page.language,
    )
    return _file(pdf, "application/pdf", "pdf")


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


def _file(content: bytes, media_type: str, ending: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{_NAME}.{ending}"'}
    return Response(content, media_type=media_type, headers=headers)
