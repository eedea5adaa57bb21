"""Routes for authorities: extracts of a year's statements."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extracts import Authority, ExtractFormat, RequestExtract
from frikort_contracts.http.evidence import Evidence
from frikort_contracts.http.extracts import ExtractBody, ExtractResource, Extracts
from frikort_contracts.http.roles import Role
from frikort_contracts.topics import BALANCES, CARDS, EARNINGS
from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse

from services.gateway import byte_range
from services.gateway.api.dependencies import PENDING, CommandContext, RequestContext, caller_in, command_in
from services.gateway.api.json_route import JsonRoute
from services.gateway.audit.routes import audited, not_audited
from services.gateway.authority import queries
from services.gateway.authority.actions import DRAW_EXTRACT, READ_EXTRACT
from services.gateway.authority.responses import extract_id_of, extract_request_of
from services.gateway.evidence.responses import evidence_response
from services.gateway.extract_requests import StoredExtractRequest
from services.gateway.operation_problems import problems
from services.gateway.problems import ProblemError
from services.gateway.projections.evidence import extract_evidence_id
from services.gateway.projections.extracts import ExtractFileView, ManifestView, part_id
from services.runtime import csv_writer

router = APIRouter(route_class=JsonRoute, prefix="/v1/extracts", tags=["authority"])

AuthorityCaller = Annotated[RequestContext, Depends(caller_in(Role.AUTHORITY))]
RangeCaller = Annotated[RequestContext, Depends(caller_in(Role.AUTHORITY, headers=("Range",)))]
AuthorityCommand = Annotated[CommandContext, Depends(command_in(Role.AUTHORITY))]

_MEDIA_TYPES = {
    ExtractFormat.CSV: csv_writer.MEDIA_TYPE,
    ExtractFormat.JSON_LINES: "application/jsonl; charset=utf-8",
}


@router.post("", status_code=201, response_model=ExtractResource, responses=PENDING)
@audited(DRAW_EXTRACT)
async def request_extract(body: ExtractBody, context: AuthorityCommand) -> Response:
    """Request an extract of everything that is booked at this moment."""

    async def build(command_id: UUID) -> RequestExtract:
        return RequestExtract(
            extract_id=extract_id_of(command_id),
            authority=Authority(context.organisation),
            year=body.year,
            municipality=body.municipality,
            positions=await context.container.end_positions((CARDS, EARNINGS, BALANCES)),
            actor=context.caller.subject,
        )

    async def accepted(message: Envelope[Any]) -> None:
        await context.container.extract_requests.add(extract_request_of(message))

    return await context.submit(body, build, accepted=accepted)


@router.get("", response_model=Extracts)
@not_audited
async def list_extracts(context: AuthorityCaller) -> Extracts:
    """The authority's latest extracts, newest first."""
    requests = await context.container.extract_requests.of(context.organisation)
    return Extracts(extracts=[await queries.extract(context.container.read_models, request) for request in requests])


@router.get("/{extract_id}", response_model=ExtractResource, openapi_extra=problems("extract-unknown"))
@not_audited
async def get_extract(extract_id: str, context: AuthorityCaller) -> ExtractResource:
    """An extract: how far it has come, and its manifest when it is done."""
    return await queries.extract(context.container.read_models, await _own_request(context, extract_id))


@router.get(
    "/{extract_id}/manifest",
    response_model=Evidence,
    openapi_extra=problems("extract-unknown", "evidence-not-ready"),
)
@not_audited
async def get_manifest(extract_id: str, context: AuthorityCaller) -> Response:
    """The signed manifest of an extract. It is ready some seconds after the extract is done."""
    await _own_request(context, extract_id)
    statement_id = extract_evidence_id(extract_id)
    return evidence_response(await context.container.evidence.file(statement_id), f"frikort-{extract_id}")


@router.get(
    "/{extract_id}/files/{file_format}",
    response_class=StreamingResponse,
    responses={
        200: {"description": "The file", "content": {"text/csv": {}, "application/jsonl": {}}},
        206: {"description": "The part of the file", "content": {"text/csv": {}, "application/jsonl": {}}},
        304: {"description": "Not changed"},
    },
    openapi_extra=problems("extract-unknown", "extract-not-ready", "not-found", "range-not-satisfiable"),
)
@audited(READ_EXTRACT)
async def download_extract(extract_id: str, file_format: ExtractFormat, context: RangeCaller) -> Response:
    """A file of a completed extract, or one range of it; the manifest's SHA-256 is ETag and Repr-Digest (RFC 9530)."""
    request = await _own_request(context, extract_id)
    view = await context.container.read_models.extracts.get(extract_id)
    resource = await queries.extract(context.container.read_models, request)
    if resource.status != "done" or view is None or view.manifest is None:
        raise ProblemError("extract-not-ready", headers={"Retry-After": "2"})
    file = next((file for file in view.manifest.files if file.format == file_format), None)
    if file is None:
        raise ProblemError("extract-unknown")
    headers = _headers(request, file)
    if headers["ETag"] in context.request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": headers["ETag"]})
    content = _content(context, extract_id, view.manifest, file)
    part = _range_of(context.request.headers, file, headers["ETag"])
    if part is None:
        return StreamingResponse(content, media_type=_MEDIA_TYPES[file_format], headers=headers)
    headers["Content-Length"] = str(len(part))
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size}"
    content = _cut(content, part)
    return StreamingResponse(content, status_code=206, media_type=_MEDIA_TYPES[file_format], headers=headers)


def _headers(request: StoredExtractRequest, file: ExtractFileView) -> dict[str, str]:
    digest = b64encode(bytes.fromhex(file.sha256)).decode()
    # The id makes the name unique: two extracts of a year are not mistaken for each other.
    name = f"frikort-{request.authority}-{request.year}-{request.extract_id}.{file.format}"
    return {
        "ETag": f'"{file.sha256}"',
        "Repr-Digest": f"sha-256=:{digest}:",
        "Digest": f"sha-256={digest}",
        "Accept-Ranges": "bytes",
        "Content-Length": str(file.size),
        "Content-Disposition": f'attachment; filename="{name}"',
    }


def _range_of(headers: Headers, file: ExtractFileView, etag: str) -> range | None:
    """The bytes that the request asks for; None: the whole file. Raises ``ProblemError``."""
    try:
        return byte_range.requested(headers.get("range"), headers.get("if-range"), file.size, etag)
    except byte_range.NotSatisfiable:
        raise ProblemError("range-not-satisfiable", headers={"Content-Range": f"bytes */{file.size}"}) from None


async def _cut(content: AsyncIterator[bytes], part: range) -> AsyncIterator[bytes]:
    """The bytes of ``part``. Parts before it are read and not sent."""
    at = 0
    async for piece in content:
        sent = piece[max(part.start - at, 0) : max(part.stop - at, 0)]
        if sent:
            yield sent
        at += len(piece)
        if at >= part.stop:
            return


async def _content(
    context: RequestContext, extract_id: str, manifest: ManifestView, file: ExtractFileView
) -> AsyncIterator[bytes]:
    for index in range(file.parts):
        part = await context.container.read_models.extract_parts.get(
            part_id(extract_id, manifest.attempt, file.format, index)
        )
        if part is None:
            raise RuntimeError("a part of a completed extract is missing")
        yield part.content.encode()


async def _own_request(context: RequestContext, extract_id: str) -> StoredExtractRequest:
    request = await context.container.extract_requests.get(extract_id)
    if request is None or request.authority != context.organisation:
        raise ProblemError("extract-unknown")
    return request
