"""The files of an extract, without a database."""

from __future__ import annotations

import csv
import json
from hashlib import sha256
from io import StringIO
from typing import Any

import pytest
from frikort_contracts.extracts import Authority, EmployerLine, ExtractCompleted, ExtractFormat
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json, to_jsonable_python

from services.exports.extract_files import ExtractFiles, FilePart
from services.exports.feeds import StatementData, StatementFields, statement_event, statement_fields
from tests.exports.build import A, B, C

FORMATS = tuple(ExtractFormat)
lines = st.builds(
    lambda cvr, reports, exempt, excess: EmployerLine(
        cvr=cvr, reports=reports, reported=exempt + excess, exempt=exempt, excess=excess
    ),
    st.sampled_from([A, B, C]),
    st.integers(1, 40),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
)


def data_of(
    employers: tuple[EmployerLine, ...], *, provisional: bool = False, revision: int = 1, disputed: tuple[str, ...] = ()
) -> StatementData:
    return StatementData(
        revision=revision,
        year=2025,
        municipality="849",
        provisional=provisional,
        allowance=4_276_600,
        reported=sum(line.reported for line in employers),
        exempt=sum(line.exempt for line in employers),
        excess=sum(line.excess for line in employers),
        reports=sum(line.reports for line in employers),
        employers=employers,
        disputed_employers=disputed,
    )


statement_data = st.builds(data_of, st.lists(lines, min_size=1, max_size=4).map(tuple), provisional=st.booleans())


def stored(of_year: StatementData) -> StatementFields:
    return to_jsonable_python(of_year)  # type: ignore[no-any-return]


def objects_of(json_lines: str) -> list[Any]:
    return [json.loads(line) for line in json_lines.split("\n") if line]


def written(
    authority: Authority, statements: list[tuple[str, StatementData]], part_bytes: int
) -> tuple[ExtractCompleted, dict[ExtractFormat, str], list[FilePart]]:
    files = ExtractFiles(authority, part_bytes=part_bytes)
    parts = [
        part
        for at_once in (statements[:3], statements[3:])
        for part in files.add([statement_fields(authority, card, "eyJ.jwe", stored(f)) for card, f in at_once])
    ]
    parts += files.finish()
    texts = {}
    for file_format in FORMATS:
        of_file = [part for part in parts if part.format is file_format]
        assert [part.index for part in of_file] == list(range(len(of_file)))
        texts[file_format] = "".join(part.content for part in of_file)
    return files.manifest(extract_id="x", attempt=1, year=2025, municipality=None), texts, parts


@given(
    st.sampled_from(Authority),
    st.lists(st.tuples(st.text(max_size=12), statement_data), max_size=12),
    st.integers(4, 2_000),
)
def test_parts_form_the_files_of_the_manifest(
    authority: Authority, statements: list[tuple[str, StatementData]], part_bytes: int
) -> None:
    manifest, texts, parts = written(authority, statements, part_bytes)

    first = "\ufeff" + texts[ExtractFormat.CSV][1:].split("\r\n")[0] + "\r\n"
    for part in parts:
        limit = max(part_bytes, len(first.encode())) if part.index == 0 else part_bytes
        assert 0 < len(part.content.encode()) <= limit
    for file in manifest.files:
        encoded = texts[file.format].encode()
        assert (file.size, file.sha256) == (len(encoded), sha256(encoded).hexdigest())
        assert file.parts == sum(part.format is file.format for part in parts)
    objects = objects_of(texts[ExtractFormat.JSON_LINES])
    assert len(objects) == manifest.count == len(statements)
    for name in ("reported", "exempt", "excess"):
        assert sum(each[name] for each in objects) == getattr(manifest, name)
    assert any(each["provisional"] for each in objects) == manifest.provisional
    assert [each["card_id"] for each in objects] == [card for card, _ in statements]


@given(st.sampled_from(Authority), st.text(max_size=12), statement_data)
def test_an_extract_contains_the_bytes_of_the_feed(authority: Authority, card_id: str, of_year: StatementData) -> None:
    statement = statement_event(authority, card_id, "eyJ.jwe", of_year)

    assert (
        to_json(statement_fields(authority, card_id, "eyJ.jwe", stored(of_year))).decode()
        == statement.model_dump_json()
    )


@given(st.text(max_size=12).filter(lambda text: "\0" not in text), statement_data)
def test_any_card_id_survives_the_csv(card_id: str, of_year: StatementData) -> None:
    for authority in Authority:
        _, texts, _ = written(authority, [(card_id, of_year)], 10_000)
        rows = list(csv.DictReader(StringIO(texts[ExtractFormat.CSV][1:], newline=""), delimiter=";", strict=True))
        assert {row["Kort-id"].removeprefix("'") for row in rows} == {card_id.removeprefix("'")}
        assert len(rows) == (len(of_year.employers) if authority is Authority.SKAT else 1)


@given(st.lists(statement_data, max_size=8))
def test_csv_and_json_have_the_same_sums(statements: list[StatementData]) -> None:
    for authority in Authority:
        manifest, texts, _ = written(authority, [(f"card-{i}", f) for i, f in enumerate(statements)], 10_000)
        rows = list(csv.DictReader(StringIO(texts[ExtractFormat.CSV][1:], newline=""), delimiter=";"))
        for column, expected in (
            ("Indberettet (kr.)", manifest.reported),
            ("Skattefrit (kr.)", manifest.exempt),
            ("Over beløbsgrænsen (kr.)", manifest.excess),
        ):
            assert sum(int(row[column].replace(",", "")) for row in rows) == expected


def test_the_exact_csv_of_the_tax_agency() -> None:
    employers = (
        EmployerLine(cvr=A, reports=2, reported=4_300_050, exempt=4_276_600, excess=23_450),
        EmployerLine(cvr=B, reports=1, reported=5, exempt=0, excess=5),
    )
    year = data_of(employers, provisional=True, revision=7, disputed=(B,))
    _, texts, _ = written(Authority.SKAT, [("card-1", year)], 10_000)
    assert texts[ExtractFormat.CSV].encode() == (
        b"\xef\xbb\xbf"
        + (
            "CPR (krypteret, JWE);Kort-id;År;Kommunekode;Kommune;CVR;Antal indberetninger;Indberettet (kr.);"
            "Skattefrit (kr.);Over beløbsgrænsen (kr.);Årets beløbsgrænse (kr.);Foreløbig beløbsgrænse;Udgave;"
            "Borgeren er uenig\r\n"
            "eyJ.jwe;card-1;2025;849;Jammerbugt;10000009;2;43000,50;42766,00;234,50;42766,00;ja;7;nej\r\n"
            "eyJ.jwe;card-1;2025;849;Jammerbugt;10000017;1;0,05;0,00;0,05;42766,00;ja;7;ja\r\n"
        ).encode()
    )


def test_star_sees_that_a_report_is_disputed_but_not_whose() -> None:
    line = EmployerLine(cvr=A, reports=1, reported=1, exempt=1, excess=0)
    year = data_of((line,), disputed=(A,))
    _, texts, _ = written(Authority.STAR, [("card-1", year), ("card-2", data_of((line,)))], 10_000)
    rows = csv.DictReader(StringIO(texts[ExtractFormat.CSV][1:], newline=""), delimiter=";")
    assert [row["Borgeren er uenig"] for row in rows] == ["ja", "nej"]
    assert [one["disputed"] for one in objects_of(texts[ExtractFormat.JSON_LINES])] == [True, False]
    assert A not in "".join(texts.values())


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_a_formula(start: str) -> None:
    card_id = f'{start}HYPERLINK("x");1'
    line = EmployerLine(cvr=A, reports=1, reported=1, exempt=1, excess=0)
    for authority in Authority:
        _, texts, _ = written(authority, [(card_id, data_of((line,)))], 10_000)
        (row,) = csv.DictReader(StringIO(texts[ExtractFormat.CSV][1:], newline=""), delimiter=";")
        assert row["Kort-id"] == f"'{card_id}"
        assert objects_of(texts[ExtractFormat.JSON_LINES])[0]["card_id"] == card_id
