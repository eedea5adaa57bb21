"""The door: what a request looked at is recorded before any of its answer leaves. If it cannot be, nothing leaves.

Who has more to write before the answer may have it recorded beside that (``AuditContext.record``). Pure ASGI and around
every route, so that no endpoint can pass it. A streamed answer is stopped at each piece.
"""

from __future__ import annotations

from functools import partial

import structlog
from pymongo.errors import PyMongoError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.api.errors import problem_response
from services.gateway.audit import context
from services.gateway.audit.actions import ROUTES
from services.gateway.audit.context import AuditContext, UnattributedAccess
from services.gateway.container import Container

logger = structlog.get_logger(__name__)

_REFUSED_FROM = 400


class AuditMiddleware:
    """Begins a look for every request, and has it recorded."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        look, status, closed = AuditContext(), 0, False
        look.record = partial(_record, look, scope)

        async def sending(message: Message) -> None:
            nonlocal status, closed
            if closed:
                return
            begins = message["type"] == "http.response.start"
            try:
                await look.record(message["status"] if begins else status)
            except (PyMongoError, UnattributedAccess) as error:
                closed = True
                # Not the exception itself: its text may hold a name.
                logger.error("gateway.access_not_recorded", reason=type(error).__name__)  # noqa: TRY400
                if not begins:
                    raise NotRecorded("the rest of an answer was withheld") from error
                await _instead(scope, error)(scope, receive, send)
                return
            status = message.get("status", status)
            await send(message)

        token = context.begin(look)
        try:
            await self._app(scope, receive, sending)
        finally:
            context.end(token)


class NotRecorded(RuntimeError):
    """An answer broke off, because the rest of what it shows could not be recorded."""


def _instead(scope: Scope, error: Exception) -> Response:
    """What is answered in place of what cannot be recorded."""
    if isinstance(error, UnattributedAccess):
        return problem_response(Request(scope), "internal-error")
    return problem_response(Request(scope), "temporarily-unavailable", headers={"Retry-After": "5"})


async def _record(look: AuditContext, scope: Scope, status: int) -> None:
    if not look.is_pending:
        return
    gateway: Container = scope["app"].state.gateway
    lines = look.take(
        act=ROUTES.get(getattr(scope.get("route"), "name", "")),
        refused=status >= _REFUSED_FROM,
        at=look.at or await gateway.clock.now(),
        request=scope["state"]["correlation_id"],
    )
    await gateway.accesses.add(lines)
