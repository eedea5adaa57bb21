"""Payroll files: uploading, the result of the check, reporting or cancelling, progress, and the list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from frikort_contracts.http.payroll import (
    DANISH_CSV_COLUMNS,
    DANISH_CSV_DELIMITER,
    BatchLinePage,
    BatchPage,
    BatchResource,
)
from starlette.datastructures import UploadFile
from starlette.responses import Response

from services.portals.api import Refused
from services.portals.employer import accounting_export, reversals
from services.portals.forms import Form, upload
from services.portals.page import EmployerPage, Page
from services.portals.paging import Cursor
from services.portals.texts import N_

router = APIRouter(prefix="/virksomhed/filer")

UPLOAD_PATH: Final = f"{router.prefix}/ny"
FILE: Final = {"file": upload(missing=N_("Vælg en fil. Den må ikke være tom."))}
MEDIA_TYPES: Final = {
    ".csv": "text/csv",
    ".txt": "text/csv",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
    ".json": "application/jsonl",
}
RESULTS: Final = {
    "accepted": N_("Modtaget"),
    "already_reported": N_("Kendt i forvejen"),
    "refused": N_("Afvist"),
    "error": N_("Fejl i linjen"),
    "pending": N_("Venter"),
}
CHECKS: Final = {
    "accepted": N_("Kan indberettes"),
    "already_reported": N_("Indberettet i forvejen"),
    "refused": N_("Vil blive afvist"),
    "error": N_("Fejl i linjen"),
    "pending": N_("Ikke prøvet"),
}
_CONCERNS: Final = dict.fromkeys(
    ("batch-not-utf8", "batch-columns-wrong", "batch-empty", "batch-in-progress", "body-too-large"), "file"
)
_PAGE: Final = 50
_FILES: Final = 25
_PIECE_BYTES: Final = 64 * 1024


@router.get("")
async def list_files(page: EmployerPage, cursor: Cursor = "") -> Response:
    """Earlier files, the newest first."""
    found = await page.api.get("/v1/report-batches", BatchPage, limit=_FILES, cursor=cursor)
    return page.render("employer/files.html", files=found.batches, following=found.next, cursor=cursor)


@router.get("/ny")
async def new_file(page: EmployerPage) -> Response:
    """The form for a file."""
    return page.render("employer/new_file.html", form=page.form(FILE))


@router.post("/ny")
async def send_file(page: EmployerPage) -> Response:
    """Upload the file to be checked and held; nothing is reported yet."""
    form = await page.posted(FILE)
    if form.valid:
        file = form.files["file"]
        media_type = media_type_of(file.filename or "")
        if media_type is None:
            text = N_("Filen skal ende på .csv eller .jsonl. Et regneark gemmer du som CSV UTF-8.")
            form.add_error("file", page.gettext(text))
        else:
            try:
                made = await page.api.upload(
                    "/v1/report-batches?hold=true", lambda: _pieces(file), media_type, BatchResource, key=form.key
                )
            except Refused as refused:
                form.refuse(refused, _CONCERNS)
            else:
                return page.redirect(f"/virksomhed/filer/{made.batch_id}")
    return page.render("employer/new_file.html", form=form)


@router.get("/skabelon.csv")
async def template(_: EmployerPage) -> Response:
    """A file with the names of the columns, to fill in."""
    content = "\ufeff" + DANISH_CSV_DELIMITER.join(DANISH_CSV_COLUMNS) + "\r\n"
    return Response(
        content, media_type=accounting_export.CSV, headers=accounting_export.attachment("frikort-skabelon.csv")
    )


@router.get("/{batch_id}")
async def one_file(batch_id: UUID, page: EmployerPage, resultat: str = "", cursor: Cursor = "") -> Response:
    """What the check found, the progress, or the result of each line, by the status of the file."""
    return await _shown(page, batch_id, page.form(), result=resultat if resultat in RESULTS else "", cursor=cursor)


@router.get("/{batch_id}/resultat.csv")
async def result_as_csv(batch_id: UUID, page: EmployerPage) -> Response:
    """Every line and its result."""
    return await page.forward(f"/v1/report-batches/{batch_id}/result.csv")


@router.post("/{batch_id}/indberet")
async def report_file(batch_id: UUID, page: EmployerPage) -> Response:
    """Report the lines without errors."""
    return await _decided(page, batch_id, "booking")


@router.post("/{batch_id}/annuller")
async def cancel_file(batch_id: UUID, page: EmployerPage) -> Response:
    """Cancel the file; nothing is reported."""
    return await _decided(page, batch_id, "cancellation")


def media_type_of(file_name: str) -> str | None:
    """The media type by the ending of the name, since browsers do not know it; None if it is no payroll file."""
    return next((media_type for end, media_type in MEDIA_TYPES.items() if file_name.lower().endswith(end)), None)


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    await file.seek(0)
    while piece := await file.read(_PIECE_BYTES):
        yield piece


async def _decided(page: Page, batch_id: UUID, decision: str) -> Response:
    form = await page.posted()
    try:
        await page.api.post(f"/v1/report-batches/{batch_id}/{decision}", None, BatchResource)
    except Refused as refused:
        return await _shown(page, batch_id, form.refuse(refused))
    return page.redirect(f"/virksomhed/filer/{batch_id}")


async def _shown(page: Page, batch_id: UUID, form: Form, *, result: str = "", cursor: str = "") -> Response:
    file = await page.api.get(f"/v1/report-batches/{batch_id}", BatchResource)
    by = "check" if file.status == "held" and result != "error" else "result"
    lines = BatchLinePage(lines=[], next=None)
    shows_lines = file.status in {"held", "done"}
    if shows_lines:
        lines = await page.api.get(
            f"/v1/report-batches/{batch_id}/lines", BatchLinePage, **{by: result or None}, limit=_PAGE, cursor=cursor
        )
    is_checked = file.check is not None and (file.check.at is not None or file.check.failed)
    shown = "checking" if file.status == "held" and not is_checked else file.status
    return page.render(
        f"employer/file_{shown}.html",
        form=form,
        file=file,
        address=f"/virksomhed/filer/{batch_id}",
        lines=lines.lines,
        following=lines.next,
        cursor=cursor,
        result=result,
        reverses=bool(await reversals.reversing_lines(page, batch_id)) if shows_lines and file.counts.errors else False,
        results=RESULTS,
        checks=CHECKS,
    )
