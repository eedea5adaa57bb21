"""Routes for all callers: outcomes of their commands. Public routes: the allowances and the problem catalogue."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from frikort_contracts.http.balances import Allowances
from frikort_contracts.http.outcomes import OutcomeResource
from frikort_contracts.http.problems import Catalogue, CatalogueEntry, CatalogueText, ProblemResource
from starlette.responses import JSONResponse, Response

from services.gateway import presenters
from services.gateway.api.dependencies import RequestContext, caller_in, optional_caller, wait_seconds
from services.gateway.api.json_route import JsonRoute
from services.gateway.audit.actions import READ_OUTCOME
from services.gateway.audit.routes import audited, not_audited
from services.gateway.container import Container
from services.gateway.operation_problems import problems
from services.gateway.problem_texts import CATALOGUE
from services.gateway.problems import ProblemError, is_problem

router = APIRouter(route_class=JsonRoute, tags=["everyone"])

AnyCaller = Annotated[RequestContext, Depends(caller_in(headers=("Prefer",)))]
Public = Annotated[Container, Depends(optional_caller)]


@router.get("/v1/allowances", response_model=Allowances)
@not_audited
async def allowances(container: Public) -> Allowances:
    """The yearly amounts; no token is needed. A provisional row is not published yet."""
    return presenters.allowances(container.allowances, await container.clock.today())


@router.get(
    "/v1/outcomes/{command_id}",
    response_model=OutcomeResource,
    openapi_extra=problems("outcome-unknown", "answer-expired", "card-unknown", "mandate-unknown"),
)
@audited(READ_OUTCOME)
async def outcome(
    command_id: str,
    context: AnyCaller,
) -> Response:
    """The outcome of an own command. `done` once everything that it changed can be read."""
    submission = await context.container.outcomes.submission(command_id, context.caller)
    if submission is None:
        raise ProblemError("outcome-unknown")
    seconds, preference = wait_seconds(context.request.headers.get("prefer", ""), context.container.wait_limits)
    response = await context.container.outcomes.response(
        submission,
        context.caller,
        context.language,
        0 if preference is None else seconds,
        audit_status=HTTPStatus.OK,
    )
    if response is None:
        found = OutcomeResource(command_id=command_id, status="pending")
    elif is_problem(response.status):
        problem = ProblemResource.model_validate(response.body)
        found = OutcomeResource(command_id=command_id, status="refused", answer_status=response.status, problem=problem)
    else:
        found = OutcomeResource(
            command_id=command_id,
            status="done",
            answer_status=response.status,
            location=response.location,
            result=response.body,
        )
    headers = {"Retry-After": "1"} if response is None else {}
    if preference is not None:
        headers["Preference-Applied"] = preference
    content = found.model_dump(mode="json")
    if response is not None and found.problem is not None:
        content["problem"] = response.body  # not from the model: a problem document has no members without a value
    return JSONResponse(content, headers=headers)


@router.get("/v1/problems", response_model=Catalogue)
@not_audited
async def list_problems(http_response: Response) -> Catalogue:
    """Every problem that this API can answer, in Danish and English."""
    http_response.headers["Cache-Control"] = "public, max-age=3600"
    return Catalogue(problems=[_entry(code) for code in sorted(CATALOGUE)])


@router.get("/problems/{code}", response_model=CatalogueEntry, openapi_extra=problems("not-found"))
@not_audited
async def problem(code: str, http_response: Response) -> CatalogueEntry:
    """A problem in Danish and English: its meaning and its remedy."""
    if code not in CATALOGUE:
        raise ProblemError("not-found")
    http_response.headers["Cache-Control"] = "public, max-age=3600"
    return _entry(code)


def _entry(code: str) -> CatalogueEntry:
    entry = CATALOGUE[code]
    return CatalogueEntry(
        code=code,
        type=f"/problems/{code}",
        status=entry.status,
        da=CatalogueText(title=entry.da.title, remedy=entry.da.remedy),
        en=CatalogueText(title=entry.en.title, remedy=entry.en.remedy),
    )
