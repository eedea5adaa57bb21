"""Routes for employers: payroll files. Other files answer ``batch-unknown``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from frikort_contracts.http.payroll import BatchLinePage, BatchLineResource, BatchPage, BatchResource
from frikort_contracts.http.roles import Role
from starlette.responses import JSONResponse, Response, StreamingResponse

from services.gateway.api.dependencies import CommandContext, Employer, RequestContext, command_in, traceparent_of
from services.gateway.api.json_route import JsonRoute
from services.gateway.api.paging import DEFAULT_LIMIT, Cursor, Limit, before, cursor_of, order_in, page
from services.gateway.audit.actions import READ_REPORTS
from services.gateway.audit.context import current_audit
from services.gateway.audit.routes import audited, not_audited
from services.gateway.employer import payroll_presenters as presenters
from services.gateway.employer.payroll_presenters import CheckStatus, LineStatus
from services.gateway.operation_problems import problems
from services.gateway.payroll import booking, lines
from services.gateway.payroll.batch import UNBOOKED, Batch, BatchStatus, booked, cancelled
from services.gateway.payroll.booking import LineResult
from services.gateway.payroll.lines import InvalidLine, ValidLine
from services.gateway.payroll.parser import DANISH, ENGLISH
from services.gateway.payroll.upload import Upload
from services.gateway.problems import ProblemError
from services.runtime import csv_writer

router = APIRouter(route_class=JsonRoute, prefix="/v1/report-batches", tags=["employer"])

_BATCH: Final = ("batch-unknown",)

PATH: Final = router.prefix

EmployerUpload = Annotated[CommandContext, Depends(command_in(Role.EMPLOYER, headers=("Idempotency-Key",)))]


def _file(**examples: str) -> dict[str, Any]:
    return {
        "schema": {"type": "string", "format": "binary"},
        "examples": {name: {"value": value} for name, value in examples.items()},
    }


JSON_EXAMPLE: Final = (
    '{"card_number": "12345", "reference": "2025-03/4711", "work": {"first": "2025-03-01", "last": "2025-03-31"}, '
    '"payment_date": "2025-03-31", "components": {"wage_ore": 750000, "holiday_pay_ore": 93750}}\n'
)
DANISH_EXAMPLE: Final = (
    "Frikortnummer;Reference;Arbejde fra;Arbejde til;Betalingsdag;Løn (kr.);Feriepenge (kr.)\r\n"
    "12345;2025-03/4711;01-03-2025;31-03-2025;31-03-2025;7.500,00;937,50\r\n"
)
ENGLISH_EXAMPLE: Final = (
    "card_number,reference,work_first,work_last,payment_date,wage_ore,holiday_pay_ore\r\n"
    "12345,2025-03/4711,2025-03-01,2025-03-31,2025-03-31,750000,93750\r\n"
)
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A line for each report, in UTF-8, with or without a byte order mark; a CSV file with the "
        "Danish columns may be in Windows-1252. JSON Lines: the body of a "
        "single report, with `employment_id` or `card_number`. CSV: under a line of column names, with semicolons and "
        "kroner or with commas and øre; the names tell which. "
        "As `application/octet-stream`, a file whose first line is a JSON object is JSON Lines, any other is CSV. "
        f"All columns: `{DANISH.delimiter.join(DANISH.all_names)}`, or `{ENGLISH.delimiter.join(ENGLISH.all_names)}`.",
        "content": {
            "application/jsonl": _file(report=JSON_EXAMPLE),
            "application/x-ndjson": _file(report=JSON_EXAMPLE),
            "text/csv": _file(kroner=DANISH_EXAMPLE, oere=ENGLISH_EXAMPLE),
            "application/octet-stream": _file(report=JSON_EXAMPLE, oere=ENGLISH_EXAMPLE),
        },
    }
}


@router.post(
    "",
    status_code=202,
    response_model=BatchResource,
    responses={
        201: {"description": "It is being checked, and nothing is booked", "model": BatchResource},
        202: {"description": "It is being booked", "model": BatchResource},
    },
    openapi_extra={
        **_BODY,
        **problems(
            "batch-type-unsupported",
            "batch-not-utf8",
            "batch-columns-wrong",
            "batch-empty",
            "batch-in-progress",
            "body-too-large",
        ),
    },
)
@not_audited
async def send_batch(
    context: EmployerUpload,
    hold: Annotated[
        bool, Query(description="Only check it, as a dry run of every line; book it later, or cancel it.")
    ] = False,
) -> Response:
    """Report many payments at once. The fields of every line are checked before anything is booked.

    Lines with errors are named and never block the others. Each line is then booked on its own, as a single report
    would be. With ``hold``, nothing is booked: the check tries every line as the report of the file would decide it at
    that moment, each after those before it, and shows the split.

    The file sent again under another key books nothing twice: every line is ``already_reported``.
    """
    upload = Upload(
        caller=context.caller,
        key=context.key,
        content_type=context.request.headers.get("content-type", ""),
        hold=hold,
        pieces=context.request.stream(),
        traceparent=traceparent_of(context.request),
    )
    batch, replayed = await context.container.uploads.receive(upload)
    response = JSONResponse(
        presenters.batch(batch).model_dump(mode="json"),
        status_code=201 if hold else 202,
        headers={"Location": f"{PATH}/{batch.batch_id}"},
    )
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


@router.get("", response_model=BatchPage)
@not_audited
async def list_batches(context: Employer, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = "") -> BatchPage:
    """Own files, newest first."""
    found = await context.container.batches.of(context.organisation, before=before(cursor), limit=limit + 1)
    shown, following = page(found, limit)
    return BatchPage(batches=[presenters.batch(batch) for batch in shown], next=following)


@router.get("/{batch_id}", response_model=BatchResource, openapi_extra=problems(*_BATCH))
@not_audited
async def get_batch(batch_id: str, context: Employer) -> BatchResource:
    """A file, and how far it has come."""
    return presenters.batch(await _own(context, batch_id))


@router.post(
    "/{batch_id}/booking",
    status_code=202,
    response_model=BatchResource,
    openapi_extra=problems(*_BATCH, "batch-cancelled"),
)
@not_audited
async def book_batch(batch_id: str, context: Employer) -> BatchResource:
    """Book a held file. To say it again changes nothing."""
    now = await context.container.clock.now()
    return presenters.batch(await _changed(context, batch_id, lambda batch: booked(batch, now)))


@router.post(
    "/{batch_id}/cancellation",
    response_model=BatchResource,
    openapi_extra=problems(*_BATCH, "batch-booked"),
)
@not_audited
async def cancel_batch(batch_id: str, context: Employer) -> BatchResource:
    """Do not book a held file; its lines are deleted. To say it again changes nothing."""
    batch = await _changed(context, batch_id, cancelled)
    await context.container.batches.delete_lines(batch_id)
    return presenters.batch(batch)


@router.get("/{batch_id}/lines", response_model=BatchLinePage, openapi_extra=problems(*_BATCH, "lines-expired"))
@audited(READ_REPORTS)
async def list_lines(
    batch_id: str,
    context: Employer,
    result: Annotated[LineStatus | None, Query(description="Only lines with this result.")] = None,
    check: Annotated[CheckStatus | None, Query(description="Only lines whose check has this result.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = "",
) -> BatchLinePage:
    """The lines of a file, and what became of each."""
    batch = await _with_lines(context, batch_id)
    after = order_in(cursor) or "0"
    if not after.isdecimal():
        raise ProblemError("invalid-request", errors=[("query:/cursor", "value_error", "")])
    found: list[ValidLine | InvalidLine] = []
    results: dict[int, LineResult] = {}
    checks: dict[int, LineResult] = {}
    async for some, known, tried in _chunks(context, batch, result, check, after=int(after)):
        results |= known
        checks |= tried
        found += [
            line
            for line in some
            if line.number > int(after)
            and (result is None or presenters.result_of(line, known.get(line.number)) == result)
            and (check is None or (line.number in tried and tried[line.number].outcome == check))
        ]
        if len(found) > limit:
            break
    shown = found[:limit]
    return BatchLinePage(
        lines=_shown(context, batch, shown, results, checks),
        next=cursor_of(str(shown[-1].number)) if len(found) > limit else None,
    )


@router.get(
    "/{batch_id}/result.csv",
    response_class=StreamingResponse,
    responses={200: {"description": "Every line and its result", "content": {"text/csv": {}}}},
    openapi_extra=problems(*_BATCH, "lines-expired"),
)
@audited(READ_REPORTS)
async def batch_result(batch_id: str, context: Employer) -> Response:
    """The result as a file that a Danish spreadsheet opens. No cell can be taken for a formula."""
    batch = await _with_lines(context, batch_id)
    headers = {
        "Content-Disposition": f'attachment; filename="frikort-{batch_id}.csv"',
        "Content-Language": context.language,
    }
    return StreamingResponse(_csv(context, batch), media_type=csv_writer.MEDIA_TYPE, headers=headers)


async def _csv(context: RequestContext, batch: Batch) -> AsyncIterator[bytes]:
    yield presenters.csv_header(context.language).encode()
    async for some, results, checks in _chunks(context, batch, None, None, after=0):
        shown = _shown(context, batch, some, results, checks)
        yield "".join(presenters.csv_lines(shown, context.language)).encode()


async def _chunks(
    context: RequestContext, batch: Batch, result: LineStatus | None, check: CheckStatus | None, *, after: int
) -> AsyncIterator[tuple[list[ValidLine | InvalidLine], dict[int, LineResult], dict[int, LineResult]]]:
    """The lines of each chunk that may hold some of these, in the order of the file, their results and checks."""
    if batch.status is BatchStatus.CANCELLED:
        return
    encryptor = context.container.line_encryptor
    for index, size in enumerate(batch.chunks):
        if size.last <= after or not presenters.may_have(batch, index, result, check):
            continue
        chunk = await context.container.batches.chunk(batch, index)
        good, bad = lines.lines_from_json(encryptor.decrypt_lines(chunk.lines, batch, index))
        results: dict[int, LineResult] = {}
        checks: dict[int, LineResult] = {}
        if chunk.check is not None and batch.status in UNBOOKED and str(index) in batch.checked:
            checks = booking.results_from_json(encryptor.decrypt_check(chunk.check, batch, index))
        if chunk.results is not None and str(index) in batch.counted:
            results = booking.results_from_json(encryptor.decrypt_results(chunk.results, batch, index))
        yield sorted([*good, *bad], key=lambda line: line.number), results, checks


def _shown(
    context: RequestContext,
    batch: Batch,
    some: Sequence[ValidLine | InvalidLine],
    results: Mapping[int, LineResult],
    checks: Mapping[int, LineResult],
) -> list[BatchLineResource]:
    """Lines as resources. Their persons are audited."""
    for line in some:
        current_audit().add_state(line)
    persons = context.container.persons
    return [
        presenters.line(
            batch.batch_id, line, results.get(line.number), checks.get(line.number), context.language, persons
        )
        for line in some
    ]


async def _own(context: RequestContext, batch_id: str) -> Batch:
    batch = await context.container.batches.get(batch_id)
    if batch is None or batch.cvr != context.organisation or not batch.is_acknowledged():
        raise ProblemError("batch-unknown")
    return batch


async def _with_lines(context: RequestContext, batch_id: str) -> Batch:
    batch = await _own(context, batch_id)
    if batch.lines_deleted:
        raise ProblemError("lines-expired")
    return batch


async def _changed(context: RequestContext, batch_id: str, after: Callable[[Batch], BatchStatus]) -> Batch:
    """Give a file the status that follows from its present one. A check that ends meanwhile changes that, so try again.

    Ends, because no file returns to an earlier status.
    """
    while True:
        batch = await _own(context, batch_id)
        status = after(batch)
        if status is batch.status or await context.container.batches.change(batch_id, batch.status, status):
            return batch.model_copy(update={"status": status})
