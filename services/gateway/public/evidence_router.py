"""Public route: the keys that have signed receipts and manifests."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from frikort_contracts.http.evidence import PublicKeys
from starlette.responses import Response

from services.gateway.api.dependencies import optional_caller
from services.gateway.api.json_route import JsonRoute
from services.gateway.audit.routes import not_audited
from services.gateway.container import Container

router = APIRouter(route_class=JsonRoute, tags=["everyone"])


@router.get("/v1/evidence/keys", response_model=PublicKeys)
@not_audited
async def evidence_keys(container: Annotated[Container, Depends(optional_caller)], response: Response) -> PublicKeys:
    """The public keys of receipts and manifests; no token is needed."""
    response.headers["Cache-Control"] = "public, max-age=3600"
    return PublicKeys.model_validate({"keys": container.evidence_keys})
