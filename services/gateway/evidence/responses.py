"""The response with an evidence file."""

from __future__ import annotations

from frikort_contracts.evidence import EvidenceFile
from starlette.responses import JSONResponse

from services.gateway.problems import ProblemError


def evidence_response(evidence: EvidenceFile | None, name: str) -> JSONResponse:
    """The file to download as ``name``. Raises ``ProblemError`` while it is not signed."""
    if evidence is None:
        raise ProblemError("evidence-not-ready", headers={"Retry-After": "10"})
    headers = {"Content-Disposition": f'attachment; filename="{name}.json"'}
    return JSONResponse(evidence.model_dump(mode="json"), headers=headers)
