"""The dependencies of routes: the authenticated caller, and for commands the idempotency key and the waiting time."""

# No postponed annotations here: FastAPI could not resolve those that name a local of ``command_in``.

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self
from uuid import UUID

import structlog
from fastapi import Depends, Header
from fastapi.security import HTTPBearer
from fastapi.security.base import SecurityBase
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.http.audit import access_reason
from frikort_contracts.http.outcomes import PendingResource
from frikort_contracts.http.roles import Role
from frikort_contracts.messages import Command
from pydantic import AfterValidator, BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.gateway.audit.context import current_audit
from services.gateway.auth import Caller
from services.gateway.commands.service import CommandRequest, CommandResponse, canonical
from services.gateway.container import Container, WaitLimits
from services.gateway.formats import Language, preferred_language
from services.gateway.problems import MEDIA_TYPE, ProblemError

_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=$|[,;])", re.IGNORECASE)
_PROBLEM_FROM: Final = 400

_bearer = HTTPBearer(bearerFormat="JWT", auto_error=False, description="OAuth2 access token, RFC 9068.")


IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="Your own key, stored before you send. The same key always gets the same response.",
        examples=["0b0f4f0a-7d1c-4b52-9f25-0d9f2f0f6d11"],
    ),
]
AccessReason = Annotated[
    str,
    Header(
        alias="Access-Reason",
        description="Why you read the data, in 3 to 200 characters (UTF-8). The citizen can read it. Do not put a CPR "
        "number, a card number or a name in it.",
        examples=["Opfølgning på sag 2025-0042"],
    ),
    AfterValidator(access_reason),
]
Prefer = Annotated[str, Header(alias="Prefer", description="`wait=N`: seconds to wait for the outcome, 0 to 30.")]


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

    async def check_token(self) -> None:
        """Check that the token is still valid, during a streamed response. Raises ``ProblemError``."""
        await self.container.authenticator.caller(self.request.headers.get("authorization"))


@dataclass(frozen=True)
class CommandContext(RequestContext):
    """A request that submits a command."""

    key: str
    prefer: str

    @classmethod
    def of(cls, context: RequestContext, key: str, prefer: str) -> Self:
        """A request context with the idempotency key and the Prefer header."""
        return cls(context.request, context.container, context.caller, context.language, key, prefer)

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
        request = CommandRequest(
            caller=self.caller,
            key=self.key,
            method=self.request.method,
            path=self.request.url.path,
            body=canonical(body),
            traceparent=traceparent_of(self.request),
        )
        self.request.state.correlation_id = str(request.command_id)
        structlog.contextvars.bind_contextvars(command_id=str(request.command_id))
        submission = await self.container.commands.submit(request, build, check_key_first=check_key_first)
        current_audit().add_command(submission.envelope, replayed=submission.replayed)
        if accepted is not None and submission.response is None:
            await accepted(submission.envelope)
        seconds, preference = wait_seconds(self.prefer, self.container.wait_limits)
        replayed = submission.replayed
        stored = await self.container.outcomes.response(submission, self.language, seconds)
        response = _pending(submission.command_id) if stored is None else _http_response(stored)
        if preference is not None:
            response.headers["Preference-Applied"] = preference
        if replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response


class caller_in(SecurityBase):  # noqa: N801 - reads as the other dependencies
    """A dependency: the caller, in one of ``roles`` (any role if empty). FastAPI documents it as the bearer scheme."""

    def __init__(self, *roles: Role) -> None:
        self.model, self.scheme_name = _bearer.model, _bearer.scheme_name
        self._roles = roles

    async def __call__(self, request: Request) -> RequestContext:
        context = await _authenticate(request, self._roles)
        current_audit().caller = context.caller
        return context


def require_reason(role: Role) -> Callable[..., Awaitable[RequestContext]]:
    """A dependency: the caller in ``role``, with the reason for reading a person's data."""
    caller = caller_in(role)

    async def dependency(context: Annotated[RequestContext, Depends(caller)], reason: AccessReason) -> RequestContext:
        current_audit().reason = reason
        return context

    return dependency


async def optional_caller(request: Request) -> Container:
    """A dependency for public routes: a token is not needed, but must be valid if there is one."""
    if "authorization" in request.headers:
        await _authenticate(request, ())
    container: Container = request.app.state.gateway
    return container


def command_in(role: Role) -> Callable[..., Awaitable[CommandContext]]:
    """A dependency: the caller in ``role``, with the idempotency key of a command."""
    caller = caller_in(role)

    async def dependency(
        context: Annotated[RequestContext, Depends(caller)], key: IdempotencyKey, prefer: Prefer = ""
    ) -> CommandContext:
        return CommandContext.of(context, key, prefer)

    return dependency


Citizen = Annotated[RequestContext, Depends(caller_in(Role.CITIZEN))]
Employer = Annotated[RequestContext, Depends(caller_in(Role.EMPLOYER))]
EmployerCommand = Annotated[CommandContext, Depends(command_in(Role.EMPLOYER))]


async def _authenticate(request: Request, roles: tuple[Role, ...]) -> RequestContext:
    container: Container = request.app.state.gateway
    caller = await container.authenticator.caller(request.headers.get("authorization"))
    if roles and caller.role not in roles:
        raise ProblemError("role-not-allowed")
    return RequestContext(request, container, caller, preferred_language(request.headers.get("accept-language", "")))


def wait_seconds(prefer: str, limits: WaitLimits) -> tuple[float, str | None]:
    """The seconds to wait, and the value of Preference-Applied (RFC 7240), if a preference was applied."""
    match = _WAIT.search(prefer)
    if match is None:
        return limits.default, None
    seconds = min(int(match[1]), limits.most)
    return seconds, f"wait={seconds}"


def traceparent_of(request: Request) -> str | None:
    """The caller's trace context, if it is well formed."""
    value: str = request.headers.get("traceparent", "")
    return value if re.fullmatch(r"[0-9a-f]{2}(-[0-9a-f]+){3}", value) and len(value) == 55 else None


def _http_response(response: CommandResponse) -> Response:
    headers = {"Content-Language": response.language, "Vary": "Accept-Language"}
    if response.location is not None:
        headers["Location"] = response.location
    media_type = MEDIA_TYPE if response.status >= _PROBLEM_FROM else "application/json"
    return JSONResponse(response.body, status_code=response.status, headers=headers, media_type=media_type)


def _pending(command_id: str) -> Response:
    location = f"/v1/outcomes/{command_id}"
    body = PendingResource(command_id=command_id, outcome=location)
    return JSONResponse(body.model_dump(), status_code=202, headers={"Location": location, "Retry-After": "1"})
