"""Routes for employers: extracts of their own reports."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from frikort_contracts.extract_files import FileFormat
from frikort_contracts.http.evidence import Evidence
from frikort_contracts.http.extracts import ExtractResource, Extracts, OwnExtractBody
from frikort_contracts.http.roles import Role
from starlette.responses import Response, StreamingResponse

from services.gateway.api.dependencies import PENDING, CommandContext, RequestContext, caller_in, command_in
from services.gateway.api.json_route import JsonRoute
from services.gateway.audit.routes import audited, not_audited
from services.gateway.extracts import service
from services.gateway.extracts.actions import DRAW_EXTRACT, READ_EXTRACT
from services.gateway.extracts.scopes import Requester
from services.gateway.extracts.service import FILE_PROBLEMS, FILE_RESPONSES
from services.gateway.operation_problems import problems

router = APIRouter(route_class=JsonRoute, prefix="/v1/employer/extracts", tags=["employer"])

Reader = Annotated[RequestContext, Depends(caller_in(Role.EMPLOYER))]
FileReader = Annotated[RequestContext, Depends(caller_in(Role.EMPLOYER, headers=("Range",)))]
Commander = Annotated[CommandContext, Depends(command_in(Role.EMPLOYER))]


@router.post("", status_code=201, response_model=ExtractResource, responses=PENDING)
@audited(DRAW_EXTRACT)
async def request_employer_extract(body: OwnExtractBody, context: Commander) -> Response:
    """Request an extract of your reports of a year, and how each is split."""
    return await service.request(context, _requester(context), body)


@router.get("", response_model=Extracts)
@not_audited
async def list_employer_extracts(context: Reader) -> Extracts:
    """Your latest extracts, newest first."""
    return await service.latest(context, _requester(context))


@router.get("/{extract_id}", response_model=ExtractResource, openapi_extra=problems("extract-unknown"))
@not_audited
async def get_employer_extract(extract_id: str, context: Reader) -> ExtractResource:
    """An extract: how far it has come, and its manifest when it is done."""
    return await service.one(context, _requester(context), extract_id)


@router.get(
    "/{extract_id}/manifest",
    response_model=Evidence,
    openapi_extra=problems("extract-unknown", "evidence-not-ready"),
)
@not_audited
async def get_employer_extract_manifest(extract_id: str, context: Reader) -> Response:
    """The signed manifest of an extract. It is ready some seconds after the extract is done."""
    return await service.manifest(context, _requester(context), extract_id)


@router.get(
    "/{extract_id}/files/{file_format}",
    response_class=StreamingResponse,
    responses=FILE_RESPONSES,
    openapi_extra=problems(*FILE_PROBLEMS),
)
@audited(READ_EXTRACT)
async def download_employer_extract(extract_id: str, file_format: FileFormat, context: FileReader) -> Response:
    """A file of a completed extract, or one range of it; the manifest's SHA-256 is ETag and Repr-Digest (RFC 9530)."""
    return await service.file(context, _requester(context), extract_id, file_format)


def _requester(context: RequestContext) -> Requester:
    return Requester(Role.EMPLOYER, context.organisation)
