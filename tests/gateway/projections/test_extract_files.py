"""The progress and the manifest of an extract, from its events."""

from __future__ import annotations

from frikort_contracts.extract_files import ExtractProgressed

from services.gateway.projections.extract_files import PROJECTION, ExtractFilesView
from tests.gateway.build import after
from tests.gateway.projections.test_evidence import MADE


def progressed(attempt: int, written: int) -> ExtractProgressed:
    return ExtractProgressed(extract_id="extract-1", attempt=attempt, rows=12, written=written)


def shown(*events: ExtractProgressed) -> tuple[int, int, int]:
    view: ExtractFilesView = after(PROJECTION, [*events])
    return view.attempt, view.rows, view.written


def test_progress_never_goes_back_within_an_attempt() -> None:
    assert shown(progressed(1, 0), progressed(1, 6), progressed(1, 3)) == (1, 12, 6)


def test_a_later_attempt_begins_again_and_an_earlier_one_changes_nothing() -> None:
    assert shown(progressed(1, 9), progressed(2, 0), progressed(1, 10)) == (2, 12, 0)


def test_a_completed_extract_stays_completed() -> None:
    view: ExtractFilesView = after(PROJECTION, [progressed(3, 0), MADE, progressed(4, 0)])

    assert view.made is not None
    assert (view.attempt, view.made.count, view.made.files[0].name) == (3, 12, "extract-1/3.parquet")
