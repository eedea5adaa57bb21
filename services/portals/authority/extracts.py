"""Extracts: ask for one, see how far it has come, and fetch its files."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from frikort_contracts.extract_files import FileFormat
from frikort_contracts.http.balances import Allowances
from frikort_contracts.http.extracts import ExtractResource, Extracts
from frikort_contracts.months import PaymentMonth, check_months
from frikort_contracts.municipalities import MUNICIPALITIES
from frikort_contracts.rules import reading
from starlette.responses import Response

from services.portals.api import Refused
from services.portals.common.municipalities import by_name
from services.portals.forms import Fields, Form, choice, text, whole_number
from services.portals.page import AuthorityPage, Page
from services.portals.texts import N_

router = APIRouter()

HOME: Final = "/myndighed"
FORMATS: Final = {FileFormat.CSV: "CSV", FileFormat.JSON_LINES: "JSON Lines", FileFormat.PARQUET: "Parquet"}
_MONTH: Final = N_("Skriv en måned fra 2019 og frem som år og måned, for eksempel 2025-11.")
EXTRACT: Final[Fields] = {
    "year": whole_number(optional=True),
    "from": text(PaymentMonth, wrong=_MONTH, optional=True),
    "to": text(PaymentMonth, wrong=_MONTH, optional=True),
    "municipality": choice(*MUNICIPALITIES, optional=True),
}


@router.get(HOME)
async def extracts(page: AuthorityPage) -> Response:
    """The authority's extracts, newest first."""
    found = await page.api.get("/v1/extracts", Extracts)
    return page.render("authority/extracts.html", extracts=found.extracts, municipalities=MUNICIPALITIES)


@router.get(f"{HOME}/nyt-udtraek")
async def new_extract(page: AuthorityPage) -> Response:
    """Ask for an extract."""
    return page.render("authority/new_extract.html", form=page.form(EXTRACT), **await _choices(page))


@router.post(f"{HOME}/nyt-udtraek")
async def request_extract(page: AuthorityPage) -> Response:
    """The extract is asked for, and made while one waits or does something else."""
    form = await page.posted(EXTRACT)
    _check_time(form)
    if form.valid:
        try:
            made = await page.api.post("/v1/extracts", form.body, ExtractResource, key=form.key)
        except Refused as refused:
            form.refuse(refused)
        else:
            return page.redirect(f"{HOME}/udtraek/{made.extract_id}")
    return page.render("authority/new_extract.html", form=form, **await _choices(page))


@router.get(f"{HOME}/udtraek/{{extract_id}}")
async def extract(extract_id: UUID, page: AuthorityPage) -> Response:
    """How far an extract has come; its manifest and files when it is done."""
    found = await page.api.get(f"/v1/extracts/{extract_id}", ExtractResource)
    return page.render("authority/extract.html", extract=found, municipalities=MUNICIPALITIES, formats=FORMATS)


@router.get(f"{HOME}/udtraek/{{extract_id}}/oversigt")
async def extract_manifest(extract_id: UUID, page: AuthorityPage) -> Response:
    """The signed manifest of a completed extract."""
    return await page.forward(f"/v1/extracts/{extract_id}/manifest")


@router.get(f"{HOME}/udtraek/{{extract_id}}/fil/{{file_format}}")
async def extract_file(extract_id: UUID, file_format: FileFormat, page: AuthorityPage) -> Response:
    """A file of a completed extract."""
    return await page.forward(f"/v1/extracts/{extract_id}/files/{file_format}")


def _check_time(form: Form) -> None:
    """Add an error unless the form has a year, or the months of a period."""
    given = {name for name in ("year", "from", "to") if form.value(name)}
    if not given or ("year" in given and len(given) > 1):
        _refuse(form, "year", N_("Vælg enten et år, eller skriv den første og den sidste måned."))
    elif len(given) == 1 and "year" not in given:
        (missing,) = {"from", "to"} - given
        _refuse(form, missing, N_("Skriv både den første og den sidste måned."))
    elif "from" in form.body and "to" in form.body:
        try:
            check_months(form.body["from"], form.body["to"])
        except ValueError as error:
            _refuse(form, "to", _WRONG_MONTHS[str(error)])


_WRONG_MONTHS: Final = {
    reading.LAST_MONTH_BEFORE_FIRST: N_("Den sidste måned ligger før den første."),
    reading.TOO_MANY_MONTHS: N_("En periode er højst 24 måneder."),
}


def _refuse(form: Form, name: str, error: str) -> None:
    form.add_error(name, form.translations.gettext(error))


async def _choices(page: Page) -> dict[str, Any]:
    table = await page.api.get("/v1/allowances", Allowances)
    return {"years": table.allowances, "municipalities": by_name()}
