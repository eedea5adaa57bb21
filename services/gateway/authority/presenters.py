"""What an authority sees of its extracts. Pure."""

from __future__ import annotations

from frikort_contracts.http.extracts import ExtractFileResource, ExtractResource, ManifestResource

from services.gateway.extract_requests import StoredExtractRequest
from services.gateway.projections.extracts import ExtractView, ManifestView
from services.gateway.read_models import ExtractProgress


def extract(request: StoredExtractRequest, view: ExtractView | None, progress: ExtractProgress) -> ExtractResource:
    """For the authority. The extract is done when every part can be read here."""
    manifest = None if view is None else view.manifest
    complete = manifest is not None and progress.parts >= sum(file.parts for file in manifest.files)
    return ExtractResource(
        extract_id=request.extract_id,
        year=request.year,
        municipality=request.municipality,
        requested_at=request.requested_at,
        status="requested" if view is None else "done" if complete else "running",
        statements=None if view is None else view.statements,
        statements_written=progress.statements,
        parts_written=progress.parts,
        manifest=_manifest(request.extract_id, manifest) if manifest is not None and complete else None,
    )


def _manifest(extract_id: str, manifest: ManifestView) -> ManifestResource:
    return ManifestResource(
        completed_at=manifest.completed_at,
        provisional=manifest.provisional,
        count=manifest.count,
        reported_ore=manifest.reported,
        exempt_ore=manifest.exempt,
        excess_ore=manifest.excess,
        files=[
            ExtractFileResource(
                format=file.format,
                size=file.size,
                sha256=file.sha256,
                href=f"/v1/extracts/{extract_id}/files/{file.format}",
            )
            for file in manifest.files
        ],
    )
