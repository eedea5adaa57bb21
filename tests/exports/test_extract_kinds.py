"""What each kind of extract contains, on a real MongoDB: no requester gets the rows of another."""

from __future__ import annotations

import json
from typing import Any

import pytest
from frikort_contracts.extract_files import ExtractKind, FileFormat, RequestExtractFiles
from frikort_contracts.municipalities import MUNICIPALITIES
from frikort_contracts.statistics import MunicipalityStatistics, StatisticsPublished
from pydantic import ValidationError

from services.exports.extracts.requests import ExtractRequest
from services.exports.statistics.publisher import PUBLICATIONS
from tests.exports.build import CARDS, A, C
from tests.exports.harness import Exports
from tests.exports.test_extract_worker import a_card

CSV, JSON = FileFormat.CSV, FileFormat.JSON_LINES


async def objects(exports: Exports, kind: ExtractKind, **scope: Any) -> list[dict[str, Any]]:
    made = (await exports.make(await exports.request(kind, **scope))).manifest()
    return [json.loads(line) for line in exports.file(made, JSON).splitlines()]


async def test_a_municipality_gets_its_own_cards_without_numbers_and_employers(exports: Exports) -> None:
    own, other = a_card(1, municipality="849"), a_card(2, municipality="101")
    await exports.apply([*own, *other])

    (row,) = await objects(exports, ExtractKind.MUNICIPALITY, municipality="849")

    assert (row["card_id"], row["municipality"], row["reported"]) == (own[0].key, "849", 1)
    assert not {"cpr", "employers", "disputed_employers"} & set(row)


async def test_a_citizen_gets_the_own_card_by_employer_without_the_number(exports: Exports) -> None:
    own, other = a_card(1, 2), a_card(4, 8)
    await exports.apply([*own, *other])

    (row,) = await objects(exports, ExtractKind.CITIZEN, card_id=own[0].key)

    assert (row["card_id"], row["reported"]) == (own[0].key, 3)
    assert [line["reported"] for line in row["employers"]] == [1, 2]
    assert "cpr" not in row
    assert await objects(exports, ExtractKind.CITIZEN, card_id=own[0].key, year=2024) == []


@pytest.mark.parametrize("reports", [3, 100])  # a hundred are not all inside the document
async def test_an_employer_gets_its_own_reports_with_their_splits(exports: Exports, reports: int) -> None:
    card = a_card(*range(1, 2 * reports + 1))
    await exports.apply(card)
    await exports.apply(a_card(1, 2))

    rows = await objects(exports, ExtractKind.EMPLOYER, cvr=A)

    own = {f"{card[0].key}-{index}": index + 1 for index in range(0, 2 * reports, 2)}
    assert {row["report_id"]: row["reported"] for row in rows if row["report_id"] in own} == own
    assert len(rows) == reports + 1
    assert not {"card_id", "cvr"} & set(rows[0])
    assert await objects(exports, ExtractKind.EMPLOYER, cvr=C) == []


@pytest.mark.parametrize(
    ("kind", "municipality", "feeds"),
    [
        (ExtractKind.TAX_YEAR, None, {"frikort.authority.skat.v2"}),
        (ExtractKind.FOLLOW_UP, "849", {"frikort.authority.star.v2"}),
        (ExtractKind.MUNICIPALITY, "849", {"frikort.authority.municipality-849.v1"}),
        (ExtractKind.MUNICIPALITY, "461", set()),
    ],
)
async def test_a_manifest_names_the_positions_of_the_feeds_with_its_facts(
    exports: Exports, kind: ExtractKind, municipality: str | None, feeds: set[str]
) -> None:
    made = (await exports.make(await exports.request(kind, municipality=municipality))).manifest()
    assert {position.topic for position in made.feed_positions} == feeds
    assert {position.offset for position in made.feed_positions} <= {7}


async def test_the_positions_of_the_feeds_are_those_before_the_snapshot(exports: Exports) -> None:
    """A record that is published while the files are written is read from the feed, not missed."""
    asked: list[int] = []
    snapshot = exports.reader.snapshot

    def watched(request: ExtractRequest) -> Any:
        asked.append(exports.asked_positions)
        return snapshot(request)

    exports.reader.snapshot = watched  # type: ignore[method-assign]
    await exports.make(await exports.request(ExtractKind.TAX_YEAR))
    assert asked == [1]


async def test_requests_for_years_without_statements_add_no_index(exports: Exports) -> None:
    await exports.apply(a_card(1))
    before = await exports.database[CARDS.name].index_information()
    for year in (2030, 2031, 2032):
        assert await objects(exports, ExtractKind.EMPLOYER, cvr=A, year=year) == []
    assert await exports.database[CARDS.name].index_information() == before


async def test_an_extract_of_an_employer_waits_for_its_arriving_reports_alone(exports: Exports) -> None:
    card, *balances = a_card(1, 2)  # of A and B
    await exports.apply(balances)
    extract_id = await exports.request(ExtractKind.EMPLOYER, cvr=A)

    assert (await exports.make(extract_id)).events() == []
    assert await objects(exports, ExtractKind.EMPLOYER, cvr=C) == []
    await exports.apply([card])
    await exports.end_lease(extract_id)
    assert (await exports.make(extract_id)).manifest().reported == 1


async def test_the_pending_year_of_another_card_does_not_delay_a_citizen(exports: Exports) -> None:
    own = a_card(1)
    await exports.apply([*own, *a_card(1)[1:]])

    assert len(await objects(exports, ExtractKind.CITIZEN, card_id=own[0].key)) == 1


async def test_statistics_have_a_row_for_each_month_and_municipality(exports: Exports) -> None:
    rows = tuple(
        MunicipalityStatistics(
            municipality=code, issued=10, active=5, used=5, employers=5, exempt=None, excess=-100_000
        )
        for code in sorted(MUNICIPALITIES)
    )
    for month, published in (("2024-12", True), ("2025-01", True), ("2025-02", True), ("2025-03", False)):
        publication = StatisticsPublished(
            month=month, method=1, employers=5, municipalities=rows, other_exempt=None, other_excess=None
        )
        stored = {"_id": month, "publication": publication.model_dump(mode="json"), "published": published}
        await exports.database[PUBLICATIONS].insert_one(stored)

    made = (await exports.make(await exports.request(ExtractKind.STATISTICS))).manifest()
    lines = exports.file(made, CSV).decode().split("\r\n")

    assert (made.count, made.reported, made.exempt, made.excess) == (196, -196 * 100_000, 0, -196 * 100_000)
    assert lines[1] == "2025-01;101;København;10;5;5;5;;-1000,00"
    assert len(await objects(exports, ExtractKind.STATISTICS, municipality="849")) == 2


@pytest.mark.parametrize(
    ("kind", "municipality", "card_id"),
    [
        (ExtractKind.MUNICIPALITY, None, None),
        (ExtractKind.CITIZEN, None, None),
        (ExtractKind.EMPLOYER, None, None),
        (ExtractKind.TAX_YEAR, None, "card"),
    ],
)
def test_a_request_without_its_scope_breaks_the_contract(
    kind: ExtractKind, municipality: str | None, card_id: str | None
) -> None:
    with pytest.raises(ValidationError):
        RequestExtractFiles(
            extract_id="x",
            kind=kind,
            year=2025,
            municipality=municipality,
            card_id=card_id,
            requester="r",
            positions=(),
            actor="a",
        )


async def test_no_file_of_another_kind_names_an_employer(exports: Exports) -> None:
    await exports.apply(a_card(1, municipality="101"))
    for kind in (ExtractKind.FOLLOW_UP, ExtractKind.MUNICIPALITY):
        made = (await exports.make(await exports.request(kind, municipality="101"))).manifest()
        assert made.count == 1
        for file_format in FileFormat:
            assert A.encode() not in exports.file(made, file_format)
