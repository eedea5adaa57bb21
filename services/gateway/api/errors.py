"""Exception handlers: every error becomes a problem document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.api.json_route import RepeatedMemberError, is_utf8_json
from services.gateway.formats import preferred_language
from services.gateway.problem_texts import CATALOGUE
from services.gateway.problems import MEDIA_TYPE, Facts, ProblemError, document, pointer_of
from services.runtime.error_kinds import problem_of
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.processing.preparation import NotYetKnown
from services.runtime.web.methods import PathMethods
from services.runtime.web.requests import note_problem

logger = structlog.get_logger(__name__)

_BY_STATUS: Final = {
    400: "malformed-json",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "body-too-large",
    415: "media-type-unsupported",
}
_ERRORS_MOST: Final = 20
_RETRY: Final = {"Retry-After": "5"}


def problem_response(
    request: Request,
    code: str,
    *,
    facts: Facts | None = None,
    errors: Sequence[tuple[str, str, str]] = (),
    headers: Mapping[str, str] | None = None,
    log_reason: str | None = None,
) -> JSONResponse:
    """The problem ``code`` in the caller's language."""
    note_problem(request, code, log_reason)
    language = preferred_language(request.headers.get("accept-language", ""))
    body = document(code, language, instance=request.state.correlation_id, facts=facts, errors=errors)
    return JSONResponse(
        body,
        status_code=CATALOGUE[code].status,
        media_type=MEDIA_TYPE,
        headers={"Content-Language": language, "Vary": "Accept-Language", **(headers or {})},
    )


def response_to(request: Request, error: ProblemError) -> JSONResponse:
    """The response to a request that is refused with ``error``."""
    return problem_response(
        request,
        error.code,
        facts=error.facts,
        errors=error.errors,
        headers=error.headers,
        log_reason=error.log_reason,
    )


class MethodMiddleware:
    """Answers a method that a path without parameters does not have: no template may match the path instead."""

    def __init__(self, app: ASGIApp, *, methods: PathMethods) -> None:
        self._app = app
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._methods.refuses(scope["method"], scope["path"]):
            headers = {"Allow": self._methods.allow(scope["path"])}
            await problem_response(Request(scope), "method-not-allowed", headers=headers)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def add_handlers(app: FastAPI, methods: PathMethods) -> None:
    """Register a handler for each kind of error."""

    @app.exception_handler(ProblemError)
    async def _problem(request: Request, error: ProblemError) -> Response:
        return response_to(request, error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        code, errors = invalid_request(error, request.headers.get("content-type", ""))
        return problem_response(request, code, errors=errors)

    @app.exception_handler(RepeatedMemberError)
    async def _repeated(request: Request, error: RepeatedMemberError) -> Response:
        errors = [(error.pointer, "value_error", "the member is repeated")]
        return problem_response(request, "invalid-request", errors=errors)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        code = _BY_STATUS.get(error.status_code, "internal-error")
        headers = dict(error.headers or {})
        if code == "method-not-allowed" and (allow := methods.allow(request.scope["path"])):
            headers["Allow"] = allow
        return problem_response(request, code, headers=headers)

    @app.exception_handler(PyMongoError)
    @app.exception_handler(KafkaUnavailable)
    @app.exception_handler(NotYetKnown)
    async def _unavailable(request: Request, error: Exception) -> Response:
        if problem_of(error) is not None:
            raise error  # the same request would be refused every time
        logger.warning("gateway.dependency_unavailable", reason=type(error).__name__)
        return problem_response(request, "temporarily-unavailable", headers=_RETRY)


def invalid_request(error: RequestValidationError, content_type: str) -> tuple[str, list[tuple[str, str, str]]]:
    """The problem code of a validation error, and (pointer, type, message) of the first wrong fields."""
    found = error.errors()
    for item in found:
        if item["type"] == "json_invalid":
            return "malformed-json", []
    has_json = is_utf8_json(content_type)
    if not has_json and any(tuple(item["loc"]) == ("body",) and item["type"] != "missing" for item in found):
        return "media-type-unsupported", []
    shown = found[:_ERRORS_MOST]
    return "invalid-request", [(pointer_of(item["loc"]), item["type"], item["msg"]) for item in shown]
