"""For everyone with a token: the outcomes of own commands. For everyone: the allowance table and the problems."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from frikort_contracts.http.balances import Allowances
from frikort_contracts.http.outcomes import CatalogueEntry, CatalogueText, OutcomeResource, ProblemResource
from starlette.responses import JSONResponse, Response

from services.gateway import showing
from services.gateway.api.calling import (
    FIND_RESPONSES,
    READ_RESPONSES,
    RequestContext,
    anybody,
    calling,
    patience,
)
from services.gateway.container import Container
from services.gateway.problem_texts import CATALOGUE
from services.gateway.problems import ProblemError

router = APIRouter(tags=["everyone"])

Anyone = Annotated[RequestContext, Depends(calling())]
Anybody = Annotated[Container, Depends(anybody)]

_PROBLEM_FROM = 400


@router.get("/v1/allowances", response_model=Allowances, responses=READ_RESPONSES)
async def allowances(ask: Anybody) -> Allowances:
    """The yearly amounts; no token is needed. A provisional row is not published yet."""
    return showing.allowances(ask.allowances, await ask.today())


@router.get("/v1/outcomes/{command_id}", response_model=OutcomeResource, responses=FIND_RESPONSES)
async def outcome(
    command_id: str,
    ask: Anyone,
    prefer: Annotated[str, Header(alias="Prefer", description="`wait=N`: seconds to wait, 0 to 30.")] = "",
) -> Response:
    """What became of an own command; done only when all that it changed can be read."""
    submission = await ask.gateway.submission_of(command_id, ask.caller)
    if submission is None:
        raise ProblemError("outcome-unknown")
    seconds, preference = patience(prefer, ask.gateway)
    answer = await ask.gateway.answer_within(
        submission, ask.language, 0 if preference is None else seconds, told_with=HTTPStatus.OK
    )
    if answer is None:
        found = OutcomeResource(command_id=command_id, status="pending")
    elif answer.status >= _PROBLEM_FROM:
        problem = ProblemResource.model_validate(answer.body)
        found = OutcomeResource(command_id=command_id, status="refused", answer_status=answer.status, problem=problem)
    else:
        found = OutcomeResource(
            command_id=command_id,
            status="done",
            answer_status=answer.status,
            location=answer.location,
            result=answer.body,
        )
    headers = {"Retry-After": "1"} if answer is None else {}
    if preference is not None:
        headers["Preference-Applied"] = preference
    content = found.model_dump(mode="json")
    if answer is not None and found.problem is not None:
        content["problem"] = answer.body  # to the letter: what a problem does not have is not there
    return JSONResponse(content, headers=headers)


@router.get(
    "/problems/{code}",
    response_model=CatalogueEntry,
    responses={404: FIND_RESPONSES[404], 422: FIND_RESPONSES[422]},
)
async def problem(code: str, response: Response) -> CatalogueEntry:
    """A problem in Danish and English: what it means, and what to do about it."""
    entry = CATALOGUE.get(code)
    if entry is None:
        raise ProblemError("not-found")
    response.headers["Cache-Control"] = "public, max-age=3600"
    return CatalogueEntry(
        type=f"/problems/{code}",
        status=entry.status,
        da=CatalogueText(title=entry.da.title, remedy=entry.da.remedy),
        en=CatalogueText(title=entry.en.title, remedy=entry.en.remedy),
    )
