"""For authorities: extracts of the statements of a year."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extracts import Authority, ExtractFormat, RequestExtract
from frikort_contracts.http.extracts import ExtractBody, ExtractResource, Extracts
from frikort_contracts.topics import BALANCES, CARDS, EARNINGS
from starlette.responses import Response, StreamingResponse

from services.gateway.api.calling import (
    COMMAND_RESPONSES,
    FIND_RESPONSES,
    READ_RESPONSES,
    CommandContext,
    RequestContext,
    calling,
    commanding,
)
from services.gateway.audit.actions import Act
from services.gateway.audit.log import Access, of_year, stamp
from services.gateway.auth import Role
from services.gateway.commands.responses import extract_id_of, extract_request_of
from services.gateway.problems import ProblemError
from services.gateway.projections.extracts import FileView, Manifest, part_id
from services.gateway.read_models import ExtractRequest

router = APIRouter(prefix="/v1/extracts", tags=["authority"])

AuthorityCaller = Annotated[RequestContext, Depends(calling(Role.AUTHORITY))]
AuthorityCommand = Annotated[CommandContext, Depends(commanding(Role.AUTHORITY))]

_MEDIA_TYPES = {ExtractFormat.CSV: "text/csv; charset=utf-8; header=present", ExtractFormat.JSON: "application/json"}


@router.post("", status_code=201, response_model=ExtractResource, responses=COMMAND_RESPONSES)
async def request_extract(body: ExtractBody, ask: AuthorityCommand) -> Response:
    """Request an extract that holds everything that was in the books at this moment."""

    async def build(command_id: UUID) -> RequestExtract:
        return RequestExtract(
            extract_id=extract_id_of(command_id),
            authority=Authority(ask.organisation),
            year=body.year,
            municipality=body.municipality,
            positions=await ask.gateway.log.end_positions((CARDS, EARNINGS, BALANCES)),
            actor=ask.caller.subject,
        )

    async def accepted(message: Envelope[Any]) -> None:
        await ask.gateway.models.extract_requests.add(extract_request_of(message))
        await ask.gateway.accesses.add([_drawn(ask, message)])

    return await ask.submit(body, build, accepted=accepted)


@router.get("", response_model=Extracts, responses=READ_RESPONSES)
async def list_extracts(ask: AuthorityCaller) -> Extracts:
    """The authority's latest extracts, newest first."""
    requests = await ask.gateway.models.extract_requests.of(ask.organisation)
    return Extracts(extracts=[await ask.gateway.answers.extract(request) for request in requests])


@router.get("/{extract_id}", response_model=ExtractResource, responses=FIND_RESPONSES)
async def get_extract(extract_id: str, ask: AuthorityCaller) -> ExtractResource:
    """An extract: how far it has come, and its manifest when it is done."""
    return await ask.gateway.answers.extract(await _own(ask, extract_id))


@router.get(
    "/{extract_id}/files/{file_format}",
    response_class=StreamingResponse,
    responses={
        **FIND_RESPONSES,
        200: {"description": "The file", "content": {"text/csv": {}, "application/json": {}}},
        304: {"description": "Not changed"},
        409: COMMAND_RESPONSES[409],
    },
)
async def download_extract(extract_id: str, file_format: ExtractFormat, ask: AuthorityCaller) -> Response:
    """A file of a completed extract, with the manifest's SHA-256 as ETag and Repr-Digest (RFC 9530)."""
    request = await _own(ask, extract_id)
    view = await ask.gateway.models.extracts.get(extract_id)
    resource = await ask.gateway.answers.extract(request)
    if resource.status != "done" or view is None or view.manifest is None:
        raise ProblemError("extract-not-ready", headers={"Retry-After": "2"})
    file = next((file for file in view.manifest.files if file.format == file_format), None)
    if file is None:
        raise ProblemError("extract-unknown")
    headers = _headers(request, file)
    if headers["ETag"] in ask.request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": headers["ETag"]})
    return StreamingResponse(
        _content(ask, extract_id, view.manifest, file), media_type=_MEDIA_TYPES[file_format], headers=headers
    )


def _drawn(ask: RequestContext, message: Envelope[RequestExtract]) -> Access:
    """The line that everybody in the extract reads; the same one if the request comes again."""
    command = message.data
    return Access(
        order=f"{stamp(message.time)}|{command.extract_id}",
        subject=of_year(command.year, command.municipality),
        own=False,
        act=Act.DRAW_EXTRACT,
        refused=False,
        role=ask.caller.role,
        organisation=ask.organisation,
        actor=command.actor,
        reason=None,
        request=str(message.id),
    )


def _headers(request: ExtractRequest, file: FileView) -> dict[str, str]:
    digest = b64encode(bytes.fromhex(file.sha256)).decode()
    name = f"frikort-{request.authority}-{request.year}.{file.format}"
    return {
        "ETag": f'"{file.sha256}"',
        "Repr-Digest": f"sha-256=:{digest}:",
        "Digest": f"sha-256={digest}",
        "Content-Length": str(file.size),
        "Content-Disposition": f'attachment; filename="{name}"',
    }


async def _content(ask: RequestContext, extract_id: str, manifest: Manifest, file: FileView) -> AsyncIterator[bytes]:
    for index in range(file.parts):
        part = await ask.gateway.models.extract_parts.get(part_id(extract_id, manifest.attempt, file.format, index))
        if part is None:
            raise RuntimeError("a part of a completed extract is missing")
        yield part.content.encode()


async def _own(ask: RequestContext, extract_id: str) -> ExtractRequest:
    request = await ask.gateway.models.extract_requests.get(extract_id)
    if request is None or request.authority != ask.organisation:
        raise ProblemError("extract-unknown")
    return request
