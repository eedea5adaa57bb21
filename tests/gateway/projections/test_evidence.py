"""The statements that are signed: what each event says, once."""

from __future__ import annotations

from typing import Any

from frikort_contracts.evidence import Statement
from frikort_contracts.extract_files import ExtractKind, ExtractMade, FileFormat, StoredFile
from frikort_contracts.extracts import Authority, ExtractCompleted, ExtractFile, ExtractFormat, Position
from frikort_contracts.messages import Event
from frikort_contracts.months import Months
from pydantic import TypeAdapter

from services.gateway.projections import evidence
from services.gateway.projections.evidence import PROJECTION
from tests.gateway.build import NOON, REPORT, corrected, envelope, reported, withdrawn

COMPLETED = ExtractCompleted(
    extract_id="extract-1",
    attempt=3,
    authority=Authority.SKAT,
    year=2025,
    municipality="101",
    provisional=True,
    count=12,
    reported=9,
    exempt=8,
    excess=1,
    files=(ExtractFile(format=ExtractFormat.CSV, parts=1, size=2, sha256="0" * 64),),
)


MADE = ExtractMade(
    extract_id="extract-1",
    attempt=3,
    kind=ExtractKind.MUNICIPALITY,
    year=2025,
    municipality="101",
    positions=(Position(topic="frikort.cards.v1", partition=0, offset=7),),
    provisional=True,
    count=12,
    reported=9,
    exempt=8,
    excess=1,
    files=(StoredFile(format=FileFormat.PARQUET, name="extract-1/3.parquet", size=2, sha256="0" * 64),),
)


def statement(event: Event) -> dict[str, Any]:
    view = evidence.project(None, envelope(event))
    return TypeAdapter[Any](Statement).validate_json(view.statement).model_dump()  # type: ignore[no-any-return]


def test_each_revision_of_a_report_has_a_receipt() -> None:
    events = [reported(), corrected(), withdrawn(3)]

    assert [PROJECTION.document_id(envelope(event)) for event in events] == [
        f"report:{REPORT}:{revision}" for revision in (1, 2, 3)
    ]
    assert [statement(event)["event"] for event in events] == ["reported", "corrected", "withdrawn"]


def test_a_receipt_says_what_was_reported_and_when_it_was_accepted() -> None:
    receipt, event = statement(reported()), reported()

    assert (receipt["total"], receipt["payment_date"]) == (event.total, event.payment_date)
    assert receipt["accepted_at"] == NOON
    assert event.card_id not in str(receipt)
    assert str(event.reference) not in str(receipt)


def test_a_withdrawal_has_no_content() -> None:
    receipt = statement(withdrawn())

    assert [receipt[name] for name in ("work", "payment_date", "components", "total")] == [None] * 4


def test_a_manifest_says_what_the_completed_extract_says() -> None:
    manifest = statement(COMPLETED)

    assert PROJECTION.document_id(envelope(COMPLETED)) == "extract:extract-1"
    assert {name: manifest[name] for name in ("count", "reported", "exempt", "excess")} == {
        "count": 12,
        "reported": 9,
        "exempt": 8,
        "excess": 1,
    }
    assert manifest["files"][0]["sha256"] == "0" * 64


def test_a_manifest_of_files_says_what_they_contain_and_from_which_positions() -> None:
    manifest = statement(MADE)

    assert PROJECTION.document_id(envelope(MADE)) == "extract:extract-1"
    assert (manifest["contents"], manifest["municipality"], manifest["reported"]) == ("municipality", "101", 9)
    assert manifest["positions"] == ({"topic": "frikort.cards.v1", "partition": 0, "offset": 7},)
    assert manifest["files"][0]["sha256"] == "0" * 64


def test_a_manifest_names_the_months_of_a_period_and_no_year() -> None:
    months = Months(first="2025-11", last="2026-02")
    manifest = statement(MADE.model_copy(update={"year": None, "period": months}))

    assert (manifest["year"], manifest["period"]) == (None, {"first": "2025-11", "last": "2026-02"})


def test_the_manifest_of_a_year_is_the_text_that_it_was_before_there_were_periods() -> None:
    assert "period" not in evidence.project(None, envelope(MADE)).statement


def test_a_repeated_event_does_not_change_the_text_that_was_signed() -> None:
    first = evidence.project(None, envelope(reported()))

    assert evidence.project(first, envelope(reported(total=1))) is first
