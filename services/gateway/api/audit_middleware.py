"""Writes the audit entries of a request before any of its response is sent, and that of a command before it is sent.

If that fails, no response or command is sent.

It is ASGI middleware around all routes, so no endpoint can bypass it. A streamed response is checked before each chunk.
An endpoint can also write the entries itself, at the same time as other data (``AuditContext.record``).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import structlog
from frikort_contracts.cloudevents import Envelope
from pymongo.errors import PyMongoError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.api.errors import problem_response
from services.gateway.audit import context
from services.gateway.audit.context import AuditContext, UnattributedAccess
from services.gateway.audit.routes import action_in
from services.gateway.container import Container
from services.gateway.problems import is_problem
from services.runtime.kafka.unavailable import KafkaUnavailable

logger = structlog.get_logger(__name__)


class AuditMiddleware:
    """Gives every request an audit context and writes its entries."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        audit, status, closed = AuditContext(), 0, False
        audit.reason_of = partial(_reason_of, scope)
        audit.record = partial(_record, audit, scope)
        audit.record_command = partial(_record_command, audit, scope)

        async def audited_send(message: Message) -> None:
            nonlocal status, closed
            if closed:
                return
            is_start = message["type"] == "http.response.start"
            try:
                await audit.record(message["status"] if is_start else status)
            except (PyMongoError, KafkaUnavailable, UnattributedAccess) as error:
                closed = True
                # Not the exception itself: its text may contain a name.
                logger.error("gateway.access_not_recorded", reason=type(error).__name__)  # noqa: TRY400
                if not is_start:
                    raise NotRecorded("the rest of a response was withheld") from error
                await _replacement(scope, error)(scope, receive, send)
                return
            status = message.get("status", status)
            await send(message)

        token = context.begin(audit)
        try:
            await self._app(scope, receive, audited_send)
        finally:
            context.end(token)


class NotRecorded(RuntimeError):
    """A response ended early because the rest of what it shows could not be recorded."""


def _replacement(scope: Scope, error: Exception) -> Response:
    """The response in place of one that cannot be recorded."""
    if isinstance(error, UnattributedAccess):
        return problem_response(Request(scope), "internal-error")
    return problem_response(Request(scope), "temporarily-unavailable", headers={"Retry-After": "5"})


def _reason_of(scope: Scope, message: Envelope[Any]) -> str | None:
    container: Container = scope["app"].state.gateway
    return container.persons.case_reference_of(message)


async def _record_command(audit: AuditContext, scope: Scope, message: Envelope[Any]) -> None:
    container: Container = scope["app"].state.gateway
    request = scope["state"]["correlation_id"]
    await container.audit_log.add(audit.command_entries(message, action=action_in(scope), request=request))


async def _record(audit: AuditContext, scope: Scope, status: int) -> None:
    if not audit.is_pending:
        return
    container: Container = scope["app"].state.gateway
    entries = audit.collect(
        action=action_in(scope),
        refused=is_problem(status),
        at=audit.at or await container.clock.now(),
        request=scope["state"]["correlation_id"],
    )
    await container.audit_log.add(entries)
