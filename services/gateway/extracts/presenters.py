"""What a requester sees of its extracts. Pure."""

from __future__ import annotations

from frikort_contracts.http.extracts import ExtractFileResource, ExtractResource, ManifestResource

from services.gateway.extracts.requests import StoredExtractRequest
from services.gateway.projections.extract_files import ExtractFilesView
from services.gateway.projections.extracts import ExtractView
from services.gateway.read_models import ExtractProgress


def extract(request: StoredExtractRequest, view: ExtractFilesView | None, address: str) -> ExtractResource:
    """An extract and its progress. ``address`` is the path of the requester's extracts."""
    made = None if view is None else view.made
    manifest = made and ManifestResource(
        completed_at=made.completed_at,
        provisional=made.provisional,
        count=made.count,
        reported_ore=made.reported,
        exempt_ore=made.exempt,
        excess_ore=made.excess,
        files=[
            ExtractFileResource(
                format=file.format,
                size=file.size,
                sha256=file.sha256,
                href=f"{address}/{request.extract_id}/files/{file.format}",
            )
            for file in made.files
        ],
    )
    return ExtractResource(
        extract_id=request.extract_id,
        kind=request.kind,
        year=request.year,
        municipality=request.municipality,
        requested_at=request.requested_at,
        status="requested" if view is None else "running" if made is None else "done",
        statements=None if view is None else view.rows,
        statements_written=0 if view is None else view.written,
        manifest=manifest,
    )


def extract_in_parts(
    request: StoredExtractRequest, view: ExtractView, progress: ExtractProgress, address: str
) -> ExtractResource:
    """An extract that the release before made. It is done when every part can be read here."""
    stored = view.manifest
    complete = stored is not None and progress.parts >= sum(file.parts for file in stored.files)
    manifest = (
        ManifestResource(
            completed_at=stored.completed_at,
            provisional=stored.provisional,
            count=stored.count,
            reported_ore=stored.reported,
            exempt_ore=stored.exempt,
            excess_ore=stored.excess,
            files=[
                ExtractFileResource(
                    format=file.format,
                    size=file.size,
                    sha256=file.sha256,
                    href=f"{address}/{request.extract_id}/files/{file.format}",
                )
                for file in stored.files
            ],
        )
        if stored is not None and complete
        else None
    )
    return ExtractResource(
        extract_id=request.extract_id,
        kind=request.kind,
        year=request.year,
        municipality=request.municipality,
        requested_at=request.requested_at,
        status="done" if complete else "running",
        statements=view.statements,
        statements_written=progress.statements,
        manifest=manifest,
    )
