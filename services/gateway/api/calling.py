"""What every endpoint asks for first: the caller in the right role, and for commands the key and the patience."""

# No postponed annotations here: FastAPI could not resolve those that name a local of ``commanding``.

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
from frikort_contracts.http.outcomes import PendingResource, ProblemResource
from frikort_contracts.messages import Command
from pydantic import AfterValidator, BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.gateway.audit.context import current_audit, stated_reason
from services.gateway.auth import Caller, Role
from services.gateway.commands.service import Answer, CommandRequest, canonical
from services.gateway.container import Container
from services.gateway.formats import Language, preferred_language
from services.gateway.problems import MEDIA_TYPE, ProblemError

_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=$|[,;])", re.IGNORECASE)
_PROBLEM_FROM: Final = 400
# Where the pages' in-process client puts who is signed in. A scope is made by the server: no request can carry it.
CALLER: Final = "frikort.caller"

KEY: Final = r"^[\x21-\x7e]{1,255}$"
_bearer = HTTPBearer(bearerFormat="JWT", auto_error=False, description="OAuth2 access token, RFC 9068.")


IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=KEY,
        description="Yours, kept before you send. The same key gives the same answer, for ever.",
        examples=["0b0f4f0a-7d1c-4b52-9f25-0d9f2f0f6d11"],
    ),
]
AccessReason = Annotated[
    str,
    Header(
        alias="Access-Reason",
        description="Why you look, in 3 to 200 characters (UTF-8). The citizen reads it. No CPR number, card number or "
        "name belongs in it.",
        examples=["Opfølgning på sag 2025-0042"],
    ),
    AfterValidator(stated_reason),
]


@dataclass(frozen=True)
class RequestContext:
    """A caller and the request that they made."""

    request: Request
    gateway: Container
    caller: Caller
    language: Language

    @property
    def organisation(self) -> str:
        """The municipality, CVR, authority or CPR hash that the caller acts for."""
        return self.caller.organisation

    async def check_token(self) -> None:
        """Whether the token is still good, for answers that go on. Raises ``ProblemError``.

        Who came in by a page has none: the page knows when the session ends.
        """
        if CALLER not in self.request.scope:
            await self.gateway.authenticator.caller(self.request.headers.get("authorization"))


@dataclass(frozen=True)
class CommandContext(RequestContext):
    """A caller who wants something done."""

    key: str
    prefer: str

    @classmethod
    def of(cls, found: RequestContext, key: str, prefer: str) -> Self:
        """The caller with a key, and what they prefer."""
        return cls(found.request, found.gateway, found.caller, found.language, key, prefer)

    async def submit(
        self,
        body: BaseModel | None,
        build: Callable[[UUID], Awaitable[Command]],
        *,
        accepted: Callable[[Envelope[Any]], Awaitable[None]] | None = None,
        tried_once: bool = False,
    ) -> Response:
        """Take the command in, wait for its outcome as long as the caller likes, and answer.

        ``accepted`` is done once the command is in the log, before anything is answered. ``tried_once``: ``build``
        leaves traces.
        """
        ask = CommandRequest(
            caller=self.caller,
            key=self.key,
            method=self.request.method,
            path=self.request.url.path,
            body=canonical(body),
            traceparent=traceparent_of(self.request),
        )
        self.request.state.correlation_id = str(ask.command_id)
        structlog.contextvars.bind_contextvars(command_id=str(ask.command_id))
        submission = await self.gateway.intake.take(ask, build, tried_once=tried_once)
        current_audit().note_command(submission.envelope, replayed=submission.replayed)
        if accepted is not None and submission.answer is None:
            await accepted(submission.envelope)
        seconds, preference = patience(self.prefer, self.gateway)
        replayed = submission.replayed
        answer = await self.gateway.answer_within(submission, self.language, seconds)
        response = _pending(submission.command_id) if answer is None else answered(answer)
        if preference is not None:
            response.headers["Preference-Applied"] = preference
        if replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response


class calling(SecurityBase):  # noqa: N801 - reads as the other dependencies
    """A dependency: the caller, in one of ``roles`` (any if none is named); to FastAPI the bearer scheme itself."""

    def __init__(self, *roles: Role) -> None:
        self.model, self.scheme_name = _bearer.model, _bearer.scheme_name
        self._roles = roles

    async def __call__(self, request: Request) -> RequestContext:
        found = RequestContext(**await _who(request, self._roles))
        current_audit().caller = found.caller
        return found


def require_reason(role: Role) -> Callable[..., Awaitable[RequestContext]]:
    """A dependency: the caller in ``role``, who says why they look at a person's data."""
    who = calling(role)

    async def dependency(found: Annotated[RequestContext, Depends(who)], reason: AccessReason) -> RequestContext:
        current_audit().reason = reason
        return found

    return dependency


async def anybody(request: Request) -> Container:
    """A dependency for what is open to all: no token is needed, but one that is given must be good."""
    if "authorization" in request.headers:
        await _who(request, ())
    gateway: Container = request.app.state.gateway
    return gateway


def commanding(role: Role) -> Callable[..., Awaitable[CommandContext]]:
    """A dependency: the caller in ``role``, with a key for the command."""
    who = calling(role)

    async def dependency(
        found: Annotated[RequestContext, Depends(who)],
        key: IdempotencyKey,
        prefer: Annotated[
            str, Header(alias="Prefer", description="`wait=N`: seconds to wait for the outcome, 0 to 30.")
        ] = "",
    ) -> CommandContext:
        return CommandContext.of(found, key, prefer)

    return dependency


async def _who(request: Request, roles: tuple[Role, ...]) -> dict[str, Any]:
    gateway: Container = request.app.state.gateway
    caller: Caller | None = request.scope.get(CALLER)
    if caller is None:
        caller = await gateway.authenticator.caller(request.headers.get("authorization"))
    if roles and caller.role not in roles:
        raise ProblemError("role-not-allowed")
    language = preferred_language(request.headers.get("accept-language", ""))
    return {"request": request, "gateway": gateway, "caller": caller, "language": language}


def patience(prefer: str, gateway: Container) -> tuple[float, str | None]:
    """Seconds to wait, and what to say in Preference-Applied (RFC 7240); nothing if nothing was asked."""
    match = _WAIT.search(prefer)
    if match is None:
        return gateway.settings.wait_default, None
    seconds = min(int(match[1]), gateway.settings.wait_most)
    return seconds, f"wait={seconds}"


def answered(answer: Answer) -> Response:
    """An answer, given for the first time or again."""
    headers = {"Content-Language": answer.language, "Vary": "Accept-Language"}
    if answer.location is not None:
        headers["Location"] = answer.location
    media_type = MEDIA_TYPE if answer.status >= _PROBLEM_FROM else "application/json"
    return JSONResponse(answer.body, status_code=answer.status, headers=headers, media_type=media_type)


def traceparent_of(request: Request) -> str | None:
    """The caller's trace context, if it looks like one."""
    value: str = request.headers.get("traceparent", "")
    return value if re.fullmatch(r"[0-9a-f]{2}(-[0-9a-f]+){3}", value) and len(value) == 55 else None


def _pending(command_id: str) -> Response:
    location = f"/v1/outcomes/{command_id}"
    body = PendingResource(command_id=command_id, outcome=location)
    return JSONResponse(body.model_dump(), status_code=202, headers={"Location": location, "Retry-After": "1"})


def _problem(description: str) -> dict[str, Any]:
    # By reference: a model would be put under application/json. The schema is there because an outcome holds one.
    schema = {"$ref": f"#/components/schemas/{ProblemResource.__name__}"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


READ_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    401: _problem("No valid access token"),
    403: _problem("Another role"),
    422: _problem("The request has errors, or a caseworker does not say why they look"),
    503: _problem("Temporarily unavailable; see Retry-After"),
}
FIND_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    **READ_RESPONSES,
    404: _problem("Not there, or not the caller's"),
}
COMMAND_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    **FIND_RESPONSES,
    202: {"description": "Accepted; the outcome will be at Location", "model": PendingResource},
    400: _problem("Malformed JSON, or no usable Idempotency-Key"),
    409: _problem("In conflict with what is there"),
    413: _problem("More than 1 MB"),
    415: _problem("Not JSON"),
    500: _problem("An error of ours; the same key may be used again"),
    422: _problem("The request has errors, breaks a rule, or its key was used for another"),
}
STREAM_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    **FIND_RESPONSES,
    429: _problem("Too many streams are open; see Retry-After"),
}
REGISTER_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    **COMMAND_RESPONSES,
    429: _problem("Too many wrong guesses; see Retry-After"),
}
