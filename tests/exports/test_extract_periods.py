"""The extracts of a period, on a real MongoDB: what was paid in its months, by card and month."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Final
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from frikort_contracts.extract_files import ExtractKind, ExtractMade, FileFormat
from frikort_contracts.extract_objects import PERIOD_OBJECTS
from frikort_contracts.extracts import ForgetPerson
from frikort_contracts.messages import Message
from frikort_contracts.months import Months
from frikort_contracts.municipalities import MUNICIPALITIES
from frikort_contracts.statistics import MunicipalityStatistics, StatisticsPublished

from services.exports.statistics.publisher import PUBLICATIONS
from tests.exports.build import A, B, C, Ledger, handed_over, issued, reported
from tests.exports.harness import Exports

CSV, JSON, PARQUET = FileFormat.CSV, FileFormat.JSON_LINES, FileFormat.PARQUET
WINTER: Final = Months(first="2025-11", last="2026-02")
Paid = tuple[str, str, int]
"""Payment date, employer and øre."""
WAGES: Final[Sequence[Paid]] = (
    ("2025-10-31", A, 4_000_000),
    ("2025-11-28", A, 100_000),
    ("2025-11-30", B, 200_000),
    ("2025-12-31", A, 300_000),  # above the allowance of 2025
    ("2026-02-27", B, 400_000),
    ("2026-03-01", B, 800_000),
)
WHOSE: Final[dict[ExtractKind, dict[str, Any]]] = {
    ExtractKind.TAX_YEAR: {},
    ExtractKind.FOLLOW_UP: {},
    ExtractKind.MUNICIPALITY: {"municipality": "101"},
    ExtractKind.EMPLOYER: {"cvr": A},
    ExtractKind.CITIZEN: {"card_id": "card-1"},
}


class Card:
    """A card and its wages: the events for the statements, and those for the payment dates."""

    def __init__(self, card_id: str, wages: Sequence[Paid], municipality: str = "101") -> None:
        self.events: list[Message] = [issued(municipality, card_id=card_id)]
        self.dates: list[Message] = []
        ledgers = {year: Ledger(card_id=card_id, year=year, provisional=year == 2026) for year in (2024, 2025, 2026)}
        for number, (day, cvr, amount) in enumerate(wages):
            report_id, year = f"{card_id}-{number:03}", int(day[:4])
            balances = ledgers[year].report(report_id, cvr, amount)
            self.events += balances
            self.dates += [*balances, reported(report_id, cvr, amount, day, year=year, card_id=card_id)]


async def add(exports: Exports, card_id: str, wages: Sequence[Paid] = WAGES, municipality: str = "101") -> Card:
    card = Card(card_id, wages, municipality)
    await exports.apply(card.events)
    await exports.apply_to_feeds(card.dates)
    return card


async def made(exports: Exports, kind: ExtractKind, period: Months = WINTER, **whose: Any) -> ExtractMade:
    return (await exports.make(await exports.request(kind, period=period, **(WHOSE[kind] | whose)))).manifest()


def objects(exports: Exports, manifest: ExtractMade) -> list[dict[str, Any]]:
    return [json.loads(line) for line in exports.file(manifest, JSON).splitlines()]


async def test_a_municipality_gets_each_card_and_month_of_the_period(exports: Exports) -> None:
    await add(exports, "card-1")
    await add(exports, "card-2", [("2025-12-01", A, 5)])
    await add(exports, "card-3", [("2025-12-01", A, 7)], municipality="849")

    manifest = await made(exports, ExtractKind.MUNICIPALITY)

    assert [
        (row["card_id"], row["month"], row["reports"], row["exempt"], row["excess"], row["provisional"])
        for row in objects(exports, manifest)
    ] == [
        ("card-1", "2025-11", 2, 276_600, 23_400, False),
        ("card-1", "2025-12", 1, 0, 300_000, False),
        ("card-2", "2025-12", 1, 5, 0, False),
        ("card-1", "2026-02", 1, 400_000, 0, True),
    ]
    assert (manifest.year, manifest.period, manifest.municipality) == (None, WINTER, "101")
    assert (manifest.count, manifest.reported, manifest.exempt, manifest.provisional) == (4, 1_000_005, 676_605, True)


async def test_the_tax_agency_gets_the_encrypted_number_and_a_row_for_each_employer(exports: Exports) -> None:
    await add(exports, "card-1")

    manifest = await made(exports, ExtractKind.TAX_YEAR, Months(first="2025-11", last="2025-11"))

    (month,) = objects(exports, manifest)
    assert month["cpr"].startswith("jwe-of-")
    assert [(line["cvr"], line["exempt"], line["excess"]) for line in month["employers"]] == [
        (A, 100_000, 0),
        (B, 176_600, 23_400),
    ]
    rows = pq.read_table(BytesIO(exports.file(manifest, PARQUET))).to_pylist()
    assert [(row["cpr"], row["month"], row["cvr"], row["reported"]) for row in rows] == [
        (month["cpr"], "2025-11", A, 100_000),
        (month["cpr"], "2025-11", B, 200_000),
    ]


async def test_an_employer_gets_its_reports_by_payment_date(exports: Exports) -> None:
    await add(exports, "card-1")

    manifest = await made(exports, ExtractKind.EMPLOYER)

    rows = objects(exports, manifest)
    assert [(row["report_id"], row["payment_date"], row["exempt"], row["excess"]) for row in rows] == [
        ("card-1-001", "2025-11-28", 100_000, 0),
        ("card-1-003", "2025-12-31", 0, 300_000),
    ]
    assert exports.file(manifest, CSV).decode().split("\r\n")[1] == (
        "card-1-001;2025-11-28;1000,00;1000,00;0,00;nej;nej"
    )
    assert objects(exports, await made(exports, ExtractKind.EMPLOYER, cvr=C)) == []


async def test_a_citizen_gets_the_own_card_by_month_and_employer(exports: Exports) -> None:
    await add(exports, "card-1")
    await add(exports, "card-2")

    rows = objects(exports, await made(exports, ExtractKind.CITIZEN))

    assert {row["card_id"] for row in rows} == {"card-1"}
    assert [[line["cvr"] for line in row["employers"]] for row in rows] == [[A, B], [A], [B]]
    assert "cpr" not in rows[0]


@pytest.mark.parametrize("kind", WHOSE)
async def test_every_object_is_as_its_schema_says(exports: Exports, kind: ExtractKind) -> None:
    await add(exports, "card-1")

    rows = objects(exports, await made(exports, kind))

    assert rows
    for row in rows:
        PERIOD_OBJECTS[kind].model_validate_json(json.dumps(row), strict=True)
        assert set(row) == set(PERIOD_OBJECTS[kind].model_fields)


@pytest.mark.parametrize("kind", WHOSE)
async def test_the_months_of_a_year_sum_to_the_extract_of_the_year(exports: Exports, kind: ExtractKind) -> None:
    for number in range(3):
        await add(exports, f"card-{number}")
    of_year = (await exports.make(await exports.request(kind, 2025, **WHOSE[kind]))).manifest()

    months = [await made(exports, kind, Months(first=month, last=month)) for month in Months.of_year(2025).names]
    whole = await made(exports, kind, Months.of_year(2025))

    for name in ("reported", "exempt", "excess"):
        assert sum(getattr(month, name) for month in months) == getattr(of_year, name) == getattr(whole, name)
    assert sum(month.count for month in months) == whole.count


async def test_a_period_waits_while_a_payment_date_is_not_known(exports: Exports) -> None:
    card = Card("card-1", WAGES)
    await exports.apply(card.events)
    extract_id = await exports.request(ExtractKind.MUNICIPALITY, period=WINTER, municipality="101")

    waiting = await exports.make(extract_id)
    await exports.apply_to_feeds(card.dates)
    await exports.end_lease(extract_id)

    assert [event for event in waiting.events() if isinstance(event, ExtractMade)] == []
    assert (await exports.make(extract_id)).manifest().count == 3
    assert len([path for path in exports.folder.rglob("*") if path.is_file()]) == len(FileFormat)


async def test_a_period_waits_for_the_pending_statements_of_each_of_its_years(exports: Exports) -> None:
    _, *balances = Card("card-1", [("2026-02-27", A, 1)]).events
    await exports.apply(balances)
    extract_id = await exports.request(ExtractKind.TAX_YEAR, period=WINTER)

    assert (await exports.make(extract_id)).records == []
    before = Months(first="2025-01", last="2025-12")
    assert (await made(exports, ExtractKind.TAX_YEAR, before)).count == 0


async def test_the_same_state_gives_the_same_bytes(exports: Exports) -> None:
    for number in range(60):  # more than a batch
        await add(exports, f"card-{number}")

    one, other = await made(exports, ExtractKind.TAX_YEAR), await made(exports, ExtractKind.TAX_YEAR)

    assert one.count == 180
    assert [file.sha256 for file in one.files] == [file.sha256 for file in other.files]


async def test_a_card_with_more_reports_than_its_document_holds_is_whole(exports: Exports) -> None:
    wages = [(f"2025-{month:02}-{day:02}", A, 1) for month in (10, 11) for day in range(1, 29)]
    await add(exports, "card-1", wages)

    (row,) = objects(exports, await made(exports, ExtractKind.MUNICIPALITY))

    assert (row["month"], row["reports"], row["reported"]) == ("2025-11", 28, 28)


async def test_a_card_of_another_municipality_now_is_in_its_extract_with_all_months(exports: Exports) -> None:
    await add(exports, "card-1", [("2025-11-28", A, 1)])
    await exports.apply([handed_over("849", card_id="card-1")])

    assert objects(exports, await made(exports, ExtractKind.MUNICIPALITY)) == []
    (row,) = objects(exports, await made(exports, ExtractKind.MUNICIPALITY, municipality="849"))
    assert row["municipality"] == "849"


async def test_an_erased_person_has_no_number_in_a_later_extract(exports: Exports) -> None:
    await add(exports, "card-1", [("2025-11-28", A, 1)])
    await exports.apply([ForgetPerson(card_id="card-1")])

    (row,) = objects(exports, await made(exports, ExtractKind.TAX_YEAR))

    assert row["cpr"] is None


async def test_the_progress_of_a_period_counts_the_statements_of_its_years(exports: Exports) -> None:
    await add(exports, "card-1")
    log = await exports.make(await exports.request(ExtractKind.FOLLOW_UP, period=WINTER))
    assert [(each.rows, each.written) for each in log.progress()] == [(2, 0)]


async def test_statistics_of_a_period_are_its_published_months(exports: Exports) -> None:
    rows = tuple(
        MunicipalityStatistics(municipality=code, issued=10, active=5, used=5, employers=5, exempt=None, excess=0)
        for code in sorted(MUNICIPALITIES)
    )
    for month in ("2025-10", "2025-11", "2026-02", "2026-03"):
        publication = StatisticsPublished(
            month=month, method=1, employers=5, municipalities=rows, other_exempt=None, other_excess=None
        )
        stored = {"_id": month, "publication": publication.model_dump(mode="json"), "published": True}
        await exports.database[PUBLICATIONS].insert_one(stored)

    extract_id = await exports.request(ExtractKind.STATISTICS, period=WINTER, municipality="849")
    rows_made = objects(exports, (await exports.make(extract_id)).manifest())

    assert [row["month"] for row in rows_made] == ["2025-11", "2026-02"]


async def test_a_request_of_a_period_is_not_among_those_that_the_release_before_makes(exports: Exports) -> None:
    extract_id = await exports.request(ExtractKind.TAX_YEAR, period=WINTER, extract_id=str(uuid4()))

    assert [each.extract_id for each in await exports.queue().available()] == []
    assert [each.extract_id for each in await exports.queue(extract_id).available()] == [extract_id]
