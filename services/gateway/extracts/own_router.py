"""Routes for citizens: extracts of their own card."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from frikort_contracts.extract_files import FileFormat
from frikort_contracts.http.evidence import Evidence
from frikort_contracts.http.extracts import ExtractResource, Extracts, OwnExtractBody
from frikort_contracts.http.roles import Role
from frikort_contracts.outcomes import Problem
from starlette.responses import Response, StreamingResponse

from services.gateway.api.dependencies import PENDING, CommandContext, RequestContext, caller_in, command_in
from services.gateway.api.json_route import JsonRoute
from services.gateway.audit.routes import audited
from services.gateway.cards.problem_codes import CARD
from services.gateway.extracts import service
from services.gateway.extracts.actions import DRAW_EXTRACT, LIST_EXTRACTS, READ_EXTRACT
from services.gateway.extracts.scopes import Requester
from services.gateway.extracts.service import FILE_PROBLEMS, FILE_RESPONSES
from services.gateway.operation_problems import problems
from services.gateway.problems import ProblemError

router = APIRouter(route_class=JsonRoute, prefix="/v1/me/extracts", tags=["citizen"])

Reader = Annotated[RequestContext, Depends(caller_in(Role.CITIZEN))]
FileReader = Annotated[RequestContext, Depends(caller_in(Role.CITIZEN, headers=("Range",)))]
Commander = Annotated[CommandContext, Depends(command_in(Role.CITIZEN))]


@router.post("", status_code=201, response_model=ExtractResource, responses=PENDING, openapi_extra=problems(*CARD))
@audited(DRAW_EXTRACT)
async def request_own_extract(body: OwnExtractBody, context: Commander) -> Response:
    """Request an extract of a year of your card: what each employer has reported."""
    return await service.request(context, await _requester(context), body)


@router.get("", response_model=Extracts, openapi_extra=problems(*CARD))
@audited(LIST_EXTRACTS)
async def list_own_extracts(context: Reader) -> Extracts:
    """Your latest extracts, newest first."""
    return await service.latest(context, await _requester(context))


@router.get("/{extract_id}", response_model=ExtractResource, openapi_extra=problems("extract-unknown", *CARD))
@audited(LIST_EXTRACTS)
async def get_own_extract(extract_id: str, context: Reader) -> ExtractResource:
    """An extract: how far it has come, and its manifest when it is done."""
    return await service.one(context, await _requester(context), extract_id)


@router.get(
    "/{extract_id}/manifest",
    response_model=Evidence,
    openapi_extra=problems("extract-unknown", "evidence-not-ready", *CARD),
)
@audited(LIST_EXTRACTS)
async def get_own_extract_manifest(extract_id: str, context: Reader) -> Response:
    """The signed manifest of an extract. It is ready some seconds after the extract is done."""
    return await service.manifest(context, await _requester(context), extract_id)


@router.get(
    "/{extract_id}/files/{file_format}",
    response_class=StreamingResponse,
    responses=FILE_RESPONSES,
    openapi_extra=problems(*FILE_PROBLEMS, *CARD),
)
@audited(READ_EXTRACT)
async def download_own_extract(extract_id: str, file_format: FileFormat, context: FileReader) -> Response:
    """A file of a completed extract, or one range of it; the manifest's SHA-256 is ETag and Repr-Digest (RFC 9530)."""
    return await service.file(context, await _requester(context), extract_id, file_format)


async def _requester(context: RequestContext) -> Requester:
    """The citizen, by the card. Raises ``ProblemError`` without one."""
    card = await context.container.read_models.card_of_person(context.organisation)
    if card is None:
        raise ProblemError(Problem.CARD_UNKNOWN)
    return Requester(Role.CITIZEN, card.card_id)
