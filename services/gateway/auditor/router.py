"""Routes for auditors: search the audit log, and export what is found. Both are recorded in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends
from frikort_contracts.http.audit import AuditEntries, AuditSearchBody
from frikort_contracts.http.roles import Role
from starlette.responses import Response, StreamingResponse

from services.gateway.api.dependencies import RequestContext, require_reason
from services.gateway.api.json_route import JsonRoute
from services.gateway.api.paging import DEFAULT_LIMIT, MOST, Cursor, Limit
from services.gateway.audit.log import Criteria
from services.gateway.audit.routes import audited
from services.gateway.auditor import presenters, queries
from services.gateway.auditor.actions import EXPORT_LOG, SEARCH_LOG
from services.gateway.ordering import stamp
from services.runtime import csv_writer

router = APIRouter(route_class=JsonRoute, prefix="/v1/audit", tags=["auditor"])

Auditor = Annotated[RequestContext, Depends(require_reason(Role.AUDITOR))]


@router.post("/search", response_model=AuditEntries)
@audited(SEARCH_LOG)
async def search_audit_log(
    body: AuditSearchBody, context: Auditor, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = ""
) -> AuditEntries:
    """Search the audit log by person, caller, organisation, purpose and period. Newest first."""
    found = await queries.found(context, await queries.criteria_of(context, body), limit=limit, cursor=cursor)
    return AuditEntries(entries=found.entries, next=found.next)


@router.post(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"description": "The file", "content": {"text/csv": {}}}},
)
@audited(EXPORT_LOG)
async def export_audit_log(body: AuditSearchBody, context: Auditor) -> Response:
    """Everything that a search finds, as a CSV file, newest first."""
    criteria = await queries.criteria_of(context, body)
    # Not what this export itself adds to the log.
    until = min(criteria.until, stamp(await context.container.clock.now()))
    headers = {"Content-Disposition": 'attachment; filename="frikort-audit-log.csv"'}
    return StreamingResponse(
        _rows(context, criteria._replace(until=until)), media_type=csv_writer.MEDIA_TYPE, headers=headers
    )


async def _rows(context: RequestContext, criteria: Criteria) -> AsyncIterator[bytes]:
    yield presenters.csv_header(context.language).encode()
    cursor: str | None = ""
    while cursor is not None:
        found = await queries.found(context, criteria, limit=MOST, cursor=cursor)
        if found.entries:
            yield presenters.csv_rows(found.entries, context.language).encode()
        cursor = found.next
