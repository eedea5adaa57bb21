"""The dependencies of routes: the authenticated caller, and for commands the idempotency key and the waiting time.

Each route has one dependency, which reads its headers from the request. Nested dependencies and header parameters would
cost FastAPI more time per request than the route itself.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

import structlog
from fastapi import Depends
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.http.audit import access_reason
from frikort_contracts.http.outcomes import PendingResource
from frikort_contracts.http.roles import Role
from frikort_contracts.messages import Command
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.gateway.api.authentication import caller_of_request
from services.gateway.audit.context import current_audit
from services.gateway.auth import LEEWAY_SECONDS, Caller
from services.gateway.commands.service import CommandRequest, CommandResponse, canonical
from services.gateway.container import Container, WaitLimits
from services.gateway.formats import Language, preferred_language
from services.gateway.operation_problems import FRESH_LOGIN_OPERATIONS
from services.gateway.problems import MEDIA_TYPE, ProblemError, is_problem
from services.runtime.web.requests import note_problem

_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=$|[,;])", re.IGNORECASE)
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}(-[0-9a-f]+){3}")

PENDING: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "Accepted; the outcome will be at Location", "model": PendingResource}
}
"""For ``responses`` of a command's route: the outcome is not known in time."""


@dataclass(frozen=True)
class RequestContext:
    """A request and its authenticated caller."""

    request: Request
    container: Container
    caller: Caller
    language: Language

    @property
    def organisation(self) -> str:
        """The municipality, CVR, authority or CPR hash that the caller acts for."""
        return self.caller.organisation

    def require_case_number(self, purpose: str) -> None:
        """Check that a caseworker's purpose states a case number, if the municipality requires it.

        Raises the problem ``case-number-required``.
        """
        form = self.container.case_number_forms.get(self.organisation)
        if self.caller.role is Role.CASEWORKER and form is not None and not form.is_stated_in(purpose):
            raise ProblemError("case-number-required", facts={"example": form.example})

    async def check_token(self) -> None:
        """Check that the token is still valid, during a streamed response. Raises ``ProblemError``."""
        await self.container.authenticator.caller(self.request.headers.get("authorization"))


@dataclass(frozen=True)
class CommandContext(RequestContext):
    """A request that submits a command."""

    key: str
    prefer: str

    async def submit(
        self,
        body: BaseModel | None,
        build: Callable[[UUID], Awaitable[Command]],
        *,
        accepted: Callable[[Envelope[Any]], Awaitable[None]] | None = None,
        check_key_first: bool = False,
    ) -> Response:
        """Submit the command, wait for its outcome as long as the caller prefers, and respond.

        ``accepted`` runs once the command is published and before the response. ``check_key_first``: ``build`` has
        side effects.
        """
        if (reference := getattr(body, "case_reference", None)) is not None:
            self.require_case_number(reference)
        request = CommandRequest(
            caller=self.caller,
            key=self.key,
            method=self.request.method,
            path=self.request.scope["path"],
            body=canonical(body),
            correlation_id=UUID(self.request.state.correlation_id),
            traceparent=traceparent_of(self.request),
        )
        structlog.contextvars.bind_contextvars(command_id=str(request.command_id))
        audit, outcomes = current_audit(), self.container.outcomes
        seconds, preference = wait_seconds(self.prefer, self.container.wait_limits)
        # Without a wait nothing is subscribed to.
        waiting = outcomes.waits.waiter(str(request.command_id)) if seconds > 0 else nullcontext()
        with waiting as waiter:
            submission = await self.container.commands.submit(
                request,
                build,
                audit.record_command,
                check_key_first=check_key_first,
                before_publish=None if waiter is None else partial(outcomes.waits.before_publish, waiter),
            )
            audit.add_command(submission.envelope, replayed=submission.replayed)
            if accepted is not None and submission.response is None:
                await accepted(submission.envelope)
            replayed = submission.replayed
            stored = await outcomes.response(submission, self.caller, self.language, seconds, waiter=waiter)
        response = _pending(submission.command_id) if stored is None else _http_response(self.request, stored)
        if preference is not None:
            response.headers["Preference-Applied"] = preference
        if replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response


class caller_in(SecurityBase):  # noqa: N801 - reads as the other dependencies
    """A dependency: the caller, in one of ``roles`` (any role if empty).

    FastAPI puts the name of its security scheme into each operation, and ``openapi.py`` replaces it by OAuth2 and the
    ``headers`` that the name lists.
    """

    headers: tuple[str, ...] = ()

    def __init__(self, *roles: Role, headers: tuple[str, ...] | None = None) -> None:
        self._roles = roles
        self.model = HTTPBearerModel()
        self.scheme_name = " ".join(("bearer", *(self.headers if headers is None else headers)))

    async def __call__(self, request: Request) -> RequestContext:
        container, caller, language = await self._authenticate(request)
        return RequestContext(request, container, caller, language)

    async def _authenticate(self, request: Request) -> tuple[Container, Caller, Language]:
        container: Container = request.app.state.gateway
        caller = await caller_of_request(request)
        if self._roles and caller.role not in self._roles:
            raise ProblemError("role-not-allowed")
        current_audit().caller = caller
        return container, caller, preferred_language(request.headers.get("accept-language", ""))


class require_reason(caller_in):  # noqa: N801
    """A dependency: the caller, with the reason for reading a person's data."""

    headers = ("Access-Reason",)

    async def __call__(self, request: Request) -> RequestContext:
        context = await super().__call__(request)
        header = request.headers.get("access-reason")
        if header is None:
            raise ProblemError("access-reason-missing")
        try:
            reason = current_audit().reason = access_reason(header)
        except ValueError:
            raise ProblemError("access-reason-invalid") from None
        context.require_case_number(reason)
        return context


class command_in(caller_in):  # noqa: N801
    """A dependency: the caller, with the idempotency key of a command and the Prefer header."""

    headers = ("Idempotency-Key", "Prefer")

    async def __call__(self, request: Request) -> CommandContext:
        container, caller, language = await self._authenticate(request)
        if request.scope["route"].name in FRESH_LOGIN_OPERATIONS:
            require_fresh_login(caller, container.fresh_login, time.time())
        headers = request.headers
        key = headers.get("idempotency-key")
        if key is None:
            raise ProblemError("idempotency-key-missing")
        if not _KEY.fullmatch(key):
            raise ProblemError("idempotency-key-invalid")
        return CommandContext(request, container, caller, language, key, headers.get("prefer", ""))


async def optional_caller(request: Request) -> Container:
    """A dependency for public routes: a token is not needed, but must be valid if there is one."""
    if "authorization" in request.headers:
        await caller_of_request(request)
    container: Container = request.app.state.gateway
    return container


Citizen = Annotated[RequestContext, Depends(caller_in(Role.CITIZEN))]
Employer = Annotated[RequestContext, Depends(caller_in(Role.EMPLOYER))]
EmployerCommand = Annotated[CommandContext, Depends(command_in(Role.EMPLOYER))]


def require_fresh_login(caller: Caller, most: int, now: float) -> None:
    """Check that the caller logged in at most ``most`` seconds before ``now`` (epoch seconds).

    Raises the problem ``fresh-login-required`` with the challenge of RFC 9470.
    """
    logged_in_at = caller.logged_in_at
    if logged_in_at is None or not logged_in_at - LEEWAY_SECONDS <= now <= logged_in_at + most:
        challenge = f'Bearer error="insufficient_user_authentication", max_age="{most}"'
        raise ProblemError("fresh-login-required", headers={"WWW-Authenticate": challenge})


def wait_seconds(prefer: str, limits: WaitLimits) -> tuple[float, str | None]:
    """The seconds to wait, and the value of Preference-Applied (RFC 7240), if a preference was applied."""
    match = _WAIT.search(prefer)
    if match is None:
        return limits.default, None
    seconds = min(int(match[1]), limits.most)
    return seconds, f"wait={seconds}"


def traceparent_of(request: Request) -> str | None:
    """The caller's trace context, if it is well formed."""
    value: str | None = request.headers.get("traceparent")
    return value if value is not None and len(value) == 55 and _TRACEPARENT.fullmatch(value) else None


def _http_response(request: Request, response: CommandResponse) -> Response:
    if is_problem(response.status):
        note_problem(request, response.body["code"])
    headers = {"Content-Language": response.language, "Vary": "Accept-Language"}
    if response.location is not None:
        headers["Location"] = response.location
    media_type = MEDIA_TYPE if is_problem(response.status) else "application/json"
    return JSONResponse(response.body, status_code=response.status, headers=headers, media_type=media_type)


def _pending(command_id: str) -> Response:
    location = f"/v1/outcomes/{command_id}"
    body = PendingResource(command_id=command_id, outcome=location)
    headers = {"Location": location, "Retry-After": "1"}
    return Response(body.model_dump_json(), status_code=202, headers=headers, media_type="application/json")
