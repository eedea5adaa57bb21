"""What a requester sees of its extracts. Pure."""

from __future__ import annotations

from frikort_contracts.http.extracts import ExtractFileResource, ExtractResource, ManifestResource

from services.gateway.extracts.requests import StoredExtractRequest
from services.gateway.projections.extract_files import ExtractFilesView, MadeView
from services.gateway.projections.extracts import ExtractView, ManifestView
from services.gateway.read_models import ExtractProgress


def extract(request: StoredExtractRequest, view: ExtractFilesView | None, address: str) -> ExtractResource:
    """An extract and its progress. ``address`` is the path of the requester's extracts."""
    made = None if view is None else view.made
    return ExtractResource(
        extract_id=request.extract_id,
        kind=request.kind,
        year=request.year,
        first=None if request.period is None else request.period.first,
        last=None if request.period is None else request.period.last,
        municipality=request.municipality,
        requested_at=request.requested_at,
        status="requested" if view is None else "running" if made is None else "done",
        statements=None if view is None else view.rows,
        statements_written=0 if view is None else view.written,
        manifest=None if made is None else _manifest(made, f"{address}/{request.extract_id}"),
    )


def extract_in_parts(
    request: StoredExtractRequest, view: ExtractView, progress: ExtractProgress, address: str
) -> ExtractResource:
    """An extract that the release before made. It is done when every part can be read here."""
    made = view.manifest
    if made is not None and progress.parts < sum(file.parts for file in made.files):
        made = None
    return ExtractResource(
        extract_id=request.extract_id,
        kind=request.kind,
        year=request.year,
        municipality=request.municipality,
        requested_at=request.requested_at,
        status="running" if made is None else "done",
        statements=view.statements,
        statements_written=progress.statements,
        manifest=None if made is None else _manifest(made, f"{address}/{request.extract_id}"),
    )


def _manifest(made: MadeView | ManifestView, address: str) -> ManifestResource:
    return ManifestResource(
        completed_at=made.completed_at,
        provisional=made.provisional,
        count=made.count,
        reported_ore=made.reported,
        exempt_ore=made.exempt,
        excess_ore=made.excess,
        files=[
            ExtractFileResource(
                format=file.format, size=file.size, sha256=file.sha256, href=f"{address}/files/{file.format}"
            )
            for file in made.files
        ],
    )
