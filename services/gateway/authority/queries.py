"""An authority's extracts: what it requested, and how far each has come."""

from __future__ import annotations

from frikort_contracts.http.extracts import ExtractResource

from services.gateway.authority import presenters
from services.gateway.extract_requests import StoredExtractRequest
from services.gateway.read_models import GatewayReadModels


async def extract(read_models: GatewayReadModels, request: StoredExtractRequest) -> ExtractResource:
    """An extract and its progress."""
    view = await read_models.extracts.get(request.extract_id)
    attempt = 0 if view is None else view.attempt
    return presenters.extract(request, view, await read_models.extract_progress(request.extract_id, attempt))
