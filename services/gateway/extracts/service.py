"""What the routes of every requester of extracts share."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extract_files import ExtractKind, FileFormat, RequestExtractFiles
from frikort_contracts.http.extracts import ExtractBody, ExtractFileResource, ExtractResource, Extracts, OwnExtractBody
from frikort_contracts.topics import BALANCES, CARDS, EARNINGS
from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse

from services.gateway import byte_range
from services.gateway.api.dependencies import CommandContext, RequestContext
from services.gateway.audit.context import current_audit
from services.gateway.audit.log import everyone_in, of_card, of_extract
from services.gateway.evidence.responses import evidence_response
from services.gateway.extracts import queries
from services.gateway.extracts.requests import StoredExtractRequest
from services.gateway.extracts.responses import extract_id_of, extract_request_of
from services.gateway.extracts.scopes import Requester, scope_of
from services.gateway.problems import ProblemError
from services.gateway.projections.evidence import extract_evidence_id
from services.gateway.retention.periods import FILES
from services.runtime import csv_writer

MEDIA_TYPES: Final = {
    FileFormat.CSV: csv_writer.MEDIA_TYPE,
    FileFormat.JSON_LINES: "application/jsonl; charset=utf-8",
    FileFormat.PARQUET: "application/vnd.apache.parquet",
}
_CONTENT: Final[dict[str, Any]] = {media_type.partition(";")[0]: {} for media_type in MEDIA_TYPES.values()}
FILE_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The file", "content": _CONTENT},
    206: {"description": "The part of the file", "content": _CONTENT},
    304: {"description": "Not changed"},
}
"""For ``responses`` of the route of a file."""
FILE_PROBLEMS: Final = (
    *("extract-unknown", "extract-not-ready", "extract-expired", "not-found", "range-not-satisfiable"),
)


async def request(context: CommandContext, requester: Requester, body: ExtractBody | OwnExtractBody) -> Response:
    """Request an extract."""
    scope = scope_of(requester, body)

    async def build(command_id: UUID) -> RequestExtractFiles:
        return RequestExtractFiles(
            extract_id=extract_id_of(command_id),
            kind=scope.kind,
            year=body.year,
            period=body.period,
            municipality=scope.municipality,
            cvr=scope.cvr,
            card_id=scope.card_id,
            requester=requester.text,
            positions=await context.container.end_positions((CARDS, EARNINGS, BALANCES)),
            actor=context.caller.subject,
        )

    async def accepted(message: Envelope[Any]) -> None:
        await context.container.extract_requests.add(extract_request_of(message))

    return await context.submit(body, build, accepted=accepted)


async def latest(context: RequestContext, requester: Requester) -> Extracts:
    """The latest extracts, newest first."""
    requests = await context.container.extract_requests.of(requester)
    return Extracts(extracts=[await queries.extract(context.container.read_models, each) for each in requests])


async def one(context: RequestContext, requester: Requester, extract_id: str) -> ExtractResource:
    """An extract. Raises ``ProblemError``."""
    return await queries.extract(context.container.read_models, await _own(context, requester, extract_id))


async def manifest(context: RequestContext, requester: Requester, extract_id: str) -> Response:
    """The signed manifest of an extract. Raises ``ProblemError``."""
    await _own(context, requester, extract_id)
    statement_id = extract_evidence_id(extract_id)
    return evidence_response(await context.container.evidence.file(statement_id), f"frikort-{extract_id}")


async def file(context: RequestContext, requester: Requester, extract_id: str, file_format: FileFormat) -> Response:
    """A file of a completed extract, or one range of it. Raises ``ProblemError``."""
    request = await _own(context, requester, extract_id)
    read_models = context.container.read_models
    resource = await queries.extract(read_models, request)
    if resource.manifest is None:
        raise ProblemError("extract-not-ready", headers={"Retry-After": "2"})
    found = next((each for each in resource.manifest.files if each.format == file_format), None)
    if found is None:
        raise ProblemError("extract-unknown")
    headers = file_headers(request, found)
    if headers["ETag"] in context.request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": headers["ETag"]})
    part = _range_of(context.request.headers, found, headers["ETag"])
    sent = range(found.size) if part is None else part
    content = await queries.content(read_models, context.container.files, extract_id, file_format, sent)
    if content is None:
        raise ProblemError("extract-expired", facts={"days": FILES.days})
    _audit_download(requester, request, resource.manifest.completed_at)
    media_type = MEDIA_TYPES[file_format]
    if part is None:
        return StreamingResponse(content, media_type=media_type, headers=headers)
    headers["Content-Length"] = str(len(part))
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{found.size}"
    return StreamingResponse(content, status_code=206, media_type=media_type, headers=headers)


def _audit_download(requester: Requester, request: StoredExtractRequest, made_at: datetime) -> None:
    if request.kind is ExtractKind.STATISTICS:
        return
    audit = current_audit()
    if request.kind is ExtractKind.CITIZEN:
        audit.add_subject(of_card(requester.organisation))
        return
    audit.add_subject(of_extract(request.extract_id))
    whose = requester.organisation if request.kind is ExtractKind.EMPLOYER else request.municipality
    audit.add_extract(request.extract_id, everyone_in(request.year, request.period, whose), made_at)


def file_headers(request: StoredExtractRequest, file: ExtractFileResource) -> dict[str, str]:
    """The headers of a file: its digests, its size and a unique name."""
    digest = b64encode(bytes.fromhex(file.sha256)).decode()
    # The id makes the name unique: two extracts of a year are not mistaken for each other.
    months = request.year if request.period is None else request.period.text
    name = f"frikort-{request.authority or request.kind.value}-{months}-{request.extract_id}.{file.format}"
    return {
        "ETag": f'"{file.sha256}"',
        "Repr-Digest": f"sha-256=:{digest}:",
        "Digest": f"sha-256={digest}",
        "Accept-Ranges": "bytes",
        "Content-Length": str(file.size),
        "Content-Disposition": f'attachment; filename="{name}"',
    }


def _range_of(headers: Headers, file: ExtractFileResource, etag: str) -> range | None:
    """The bytes that the request asks for; None: the whole file. Raises ``ProblemError``."""
    try:
        return byte_range.requested(headers.get("range"), headers.get("if-range"), file.size, etag)
    except byte_range.NotSatisfiable:
        raise ProblemError("range-not-satisfiable", headers={"Content-Range": f"bytes */{file.size}"}) from None


async def _own(context: RequestContext, requester: Requester, extract_id: str) -> StoredExtractRequest:
    """The request, if it is the requester's."""
    found = await context.container.extract_requests.get(extract_id)
    if found is None or found.requester != requester.text:
        raise ProblemError("extract-unknown")
    return found
