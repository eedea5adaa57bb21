"""Extracts whose files are in a folder or bucket: id ``extract_id``, with the progress and the manifest."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extract_files import ExtractMade, ExtractProgressed, FileFormat
from frikort_contracts.topics import EXTRACT_FILES
from pydantic import BaseModel

from services.runtime.processing.projection import Projection


class StoredFileView(BaseModel):
    """One file."""

    format: FileFormat
    name: str
    size: int
    sha256: str


class MadeView(BaseModel):
    """The manifest; amounts in øre."""

    completed_at: datetime
    provisional: bool
    count: int
    reported: int
    exempt: int
    excess: int
    files: list[StoredFileView]


class ExtractFilesView(BaseModel):
    """The progress of an extract, and its manifest when it is completed."""

    extract_id: str
    attempt: int
    rows: int = 0
    written: int = 0
    made: MadeView | None = None


def _document_id(message: Envelope[ExtractProgressed | ExtractMade]) -> str:
    return message.data.extract_id


def project(extract: ExtractFilesView | None, message: Envelope[ExtractProgressed | ExtractMade]) -> ExtractFilesView:
    """The extract after one event. A completed one stays completed, and a later attempt begins at zero."""
    event = message.data
    if extract is not None and (extract.made is not None or event.attempt < extract.attempt):
        return extract
    if isinstance(event, ExtractMade):
        made = MadeView(
            completed_at=event.completed_at or message.time,
            provisional=event.provisional,
            count=event.count,
            reported=event.reported,
            exempt=event.exempt,
            excess=event.excess,
            files=[StoredFileView(**file.model_dump()) for file in event.files],
        )
        return ExtractFilesView(
            extract_id=event.extract_id, attempt=event.attempt, rows=event.count, written=event.count, made=made
        )
    if extract is not None and event.attempt == extract.attempt and event.written <= extract.written:
        return extract
    return ExtractFilesView(extract_id=event.extract_id, attempt=event.attempt, rows=event.rows, written=event.written)


PROJECTION: Final = Projection(
    name="extract_files", topics=(EXTRACT_FILES,), state=ExtractFilesView, document_id=_document_id, project=project
)
