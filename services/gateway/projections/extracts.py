"""Extracts of the release before, in parts.

Id ``extract_id`` for the progress and manifest, ``extract_id:attempt:format:index`` for each part.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extracts import ExtractCompleted, ExtractPartWritten, ExtractStarted
from frikort_contracts.topics import EXTRACTS
from pydantic import BaseModel

from services.runtime.processing.projection import Projection


class ExtractFileView(BaseModel):
    """One file of a completed extract."""

    format: str
    parts: int
    size: int
    sha256: str


class ManifestView(BaseModel):
    """What a completed extract holds; amounts in øre."""

    attempt: int
    completed_at: datetime
    provisional: bool
    count: int
    reported: int
    exempt: int
    excess: int
    files: list[ExtractFileView]


class ExtractView(BaseModel):
    """The progress of an extract, and its manifest when it is completed."""

    extract_id: str
    attempt: int
    started_at: datetime | None = None
    statements: int | None = None
    manifest: ManifestView | None = None


class ExtractPartView(BaseModel):
    """A part of one file."""

    extract_id: str
    attempt: int
    format: str
    index: int
    content: str
    statements: int = 0


def part_id(extract_id: str, attempt: int, file_format: str, index: int) -> str:
    """The document of a part."""
    return f"{extract_id}:{attempt}:{file_format}:{index}"


def _document_id(message: Envelope[Any]) -> str | None:
    return None if isinstance(message.data, ExtractPartWritten) else message.data.extract_id


def project(extract: ExtractView | None, message: Envelope[ExtractStarted | ExtractCompleted]) -> ExtractView:
    """The extract after one event. A completed one stays completed."""
    event = message.data
    if extract is None:
        extract = ExtractView(extract_id=event.extract_id, attempt=event.attempt)
    if extract.manifest is not None or event.attempt < extract.attempt:
        return extract
    if isinstance(event, ExtractStarted):
        changes: dict[str, Any] = {"started_at": message.time, "statements": event.statements}
    else:
        changes = {"manifest": _manifest(event, message.time)}
    return extract.model_copy(update={"attempt": event.attempt, **changes})


def _manifest(event: ExtractCompleted, at: datetime) -> ManifestView:
    return ManifestView(
        attempt=event.attempt,
        completed_at=at,
        provisional=event.provisional,
        count=event.count,
        reported=event.reported,
        exempt=event.exempt,
        excess=event.excess,
        files=[ExtractFileView(format=f.format, parts=f.parts, size=f.size, sha256=f.sha256) for f in event.files],
    )


def _part_document_id(message: Envelope[Any]) -> str | None:
    part = message.data
    if not isinstance(part, ExtractPartWritten):
        return None
    return part_id(part.extract_id, part.attempt, part.format, part.index)


def project_part(part: ExtractPartView | None, message: Envelope[ExtractPartWritten]) -> ExtractPartView:
    """A part is written once."""
    if part is not None:
        return part
    event = message.data
    return ExtractPartView(
        extract_id=event.extract_id,
        attempt=event.attempt,
        format=event.format,
        index=event.index,
        content=event.content,
        statements=event.statements,
    )


PROJECTION: Final = Projection(
    name="extracts", topics=(EXTRACTS,), state=ExtractView, document_id=_document_id, project=project
)
PARTS_PROJECTION: Final = Projection(
    name="extract_parts",
    topics=(EXTRACTS,),
    state=ExtractPartView,
    document_id=_part_document_id,
    project=project_part,
    indexes=("extract_id",),
    write_once=True,
)
