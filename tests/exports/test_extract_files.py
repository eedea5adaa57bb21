"""The files of an extract, in a folder and without a database."""

from __future__ import annotations

import csv
import json
from contextlib import closing
from hashlib import sha256
from io import BytesIO, StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import pyarrow.parquet as pq
import pytest
from frikort_contracts.extract_files import KIND_OF, ExtractKind, FileFormat, StoredFile
from frikort_contracts.extracts import Authority, EmployerLine
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json, to_jsonable_python

from services.exports.extracts.columns import schema_of
from services.exports.extracts.files import PIECE_BYTES, ExtractFiles, Sums
from services.exports.extracts.layouts import layout_of
from services.exports.feeds import StatementData, StatementFields, statement_event, statement_fields
from services.runtime.file_store import FileStore, FileWriter
from tests.exports.build import A, B, C

AMOUNTS: Final = frozenset({"reported", "exempt", "excess", "allowance"})
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


class Written(NamedTuple):
    """The files of an extract, by format."""

    sums: Sums
    files: tuple[StoredFile, ...]
    contents: dict[FileFormat, bytes]

    @property
    def csv(self) -> str:
        return self.contents[FileFormat.CSV].decode()

    @property
    def json_lines(self) -> str:
        return self.contents[FileFormat.JSON_LINES].decode()

    def parquet(self) -> list[dict[str, Any]]:
        table = pq.read_table(BytesIO(self.contents[FileFormat.PARQUET]))
        return table.to_pylist()  # type: ignore[no-any-return]


def written(
    authority: Authority,
    statements: list[tuple[str, StatementData]],
    *,
    row_group: int = 4,
    at_once: int = 3,
    piece_bytes: int = PIECE_BYTES,
) -> Written:
    layout = layout_of(KIND_OF[authority])
    with TemporaryDirectory() as folder:
        store = FileStore(Path(folder).as_uri())
        files = ExtractFiles(layout, store, "x/1", row_group=row_group, piece_bytes=piece_bytes)
        try:
            for some in (statements[:at_once], statements[at_once:]):
                files.add([statement_fields(authority, card, "eyJ.jwe", stored(f)) for card, f in some])
            stored_files = files.finish()
        finally:
            files.close()
        contents = {file.format: (Path(folder) / file.name).read_bytes() for file in stored_files}
    return Written(files.sums, stored_files, contents)


statements_of_cards = st.lists(st.tuples(st.text(max_size=12), statement_data), max_size=12)


@given(st.sampled_from(Authority), statements_of_cards)
def test_the_files_have_the_sums_and_digests_of_the_manifest(
    authority: Authority, statements: list[tuple[str, StatementData]]
) -> None:
    made = written(authority, statements)

    for file in made.files:
        content = made.contents[file.format]
        assert (file.size, file.sha256) == (len(content), sha256(content).hexdigest())
    objects, rows = objects_of(made.json_lines), made.parquet()
    assert len(objects) == made.sums.count == len(statements)
    for name in ("reported", "exempt", "excess"):
        assert sum(each[name] for each in objects) == getattr(made.sums, name)
        assert sum(row[name] for row in rows) == getattr(made.sums, name)
    assert any(each["provisional"] for each in objects) == made.sums.provisional
    assert [each["card_id"] for each in objects] == [card for card, _ in statements]


@given(statements_of_cards, st.integers(0, 12))
def test_the_bytes_do_not_depend_on_how_the_statements_arrive(
    statements: list[tuple[str, StatementData]], at_once: int
) -> None:
    made = written(Authority.SKAT, statements, at_once=at_once, piece_bytes=1)
    assert made.files == written(Authority.SKAT, statements).files


def test_pieces_are_stored_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    line = EmployerLine(cvr=A, reports=1, reported=1, exempt=1, excess=0)
    cards = [f"card-{number}" for number in range(200)]
    objects = [statement_fields(Authority.STAR, card, None, stored(data_of((line,)))) for card in cards]
    layout, store = layout_of(ExtractKind.FOLLOW_UP), FileStore(tmp_path.as_uri())
    with closing(ExtractFiles(layout, store, "x", piece_bytes=1)) as files:
        for each in objects:
            files.add([each])
        files.finish()

    assert [each["card_id"] for each in objects_of((tmp_path / "x.jsonl").read_text())] == cards
    rows = (tmp_path / "x.csv").read_text("utf-8-sig").splitlines()[1:]
    assert [row.partition(";")[0] for row in rows] == cards
    assert pq.read_table(tmp_path / "x.parquet")["card_id"].to_pylist() == cards


@pytest.mark.parametrize("of_period", [False, True])
@pytest.mark.parametrize("kind", ExtractKind)
def test_every_field_of_a_parquet_file_is_described(kind: ExtractKind, *, of_period: bool) -> None:
    schema = schema_of(layout_of(kind, of_period=of_period))
    for field in schema:
        assert field.metadata[b"description"].endswith(b".")
        assert (field.metadata.get(b"unit") == "øre".encode()) == (field.name in AMOUNTS)
    assert schema.metadata[b"title"]


def test_a_row_group_has_as_many_rows_as_it_may_have() -> None:
    line = EmployerLine(cvr=A, reports=1, reported=1, exempt=1, excess=0)
    made = written(Authority.STAR, [(f"card-{number}", data_of((line,))) for number in range(10)])
    metadata = pq.ParquetFile(BytesIO(made.contents[FileFormat.PARQUET])).metadata
    assert [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)] == [4, 4, 2]


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
        made = written(authority, [(card_id, of_year)])
        rows = list(csv.DictReader(StringIO(made.csv[1:], newline=""), delimiter=";", strict=True))
        assert {row["Kort-id"].removeprefix("'") for row in rows} == {card_id.removeprefix("'")}
        assert len(rows) == (len(of_year.employers) if authority is Authority.SKAT else 1)


@given(st.lists(statement_data, max_size=8))
def test_csv_and_json_have_the_same_sums(statements: list[StatementData]) -> None:
    for authority in Authority:
        made = written(authority, [(f"card-{i}", f) for i, f in enumerate(statements)])
        rows = list(csv.DictReader(StringIO(made.csv[1:], newline=""), delimiter=";"))
        for column, expected in (
            ("Indberettet (kr.)", made.sums.reported),
            ("Skattefrit (kr.)", made.sums.exempt),
            ("Over beløbsgrænsen (kr.)", made.sums.excess),
        ):
            assert sum(int(row[column].replace(",", "")) for row in rows) == expected


def test_the_exact_csv_of_the_tax_agency() -> None:
    employers = (
        EmployerLine(cvr=A, reports=2, reported=4_300_050, exempt=4_276_600, excess=23_450),
        EmployerLine(cvr=B, reports=1, reported=5, exempt=0, excess=5),
    )
    year = data_of(employers, provisional=True, revision=7, disputed=(B,))
    assert written(Authority.SKAT, [("card-1", year)]).contents[FileFormat.CSV] == (
        b"\xef\xbb\xbf"
        + (
            "CPR (krypteret, JWE);Kort-id;År;Kommunekode;Kommune;CVR;Antal indberetninger;Indberettet (kr.);"
            "Skattefrit (kr.);Over beløbsgrænsen (kr.);Årets beløbsgrænse (kr.);Foreløbig beløbsgrænse;Udgave;"
            "Borgeren er uenig\r\n"
            "eyJ.jwe;card-1;2025;849;Jammerbugt;10000009;2;43000,50;42766,00;234,50;42766,00;ja;7;nej\r\n"
            "eyJ.jwe;card-1;2025;849;Jammerbugt;10000017;1;0,05;0,00;0,05;42766,00;ja;7;ja\r\n"
        ).encode()
    )


@pytest.mark.parametrize("file_format", FileFormat)
def test_an_error_of_the_store_leaves_no_file(
    file_format: FileFormat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = FileWriter.write

    def full(self: FileWriter, content: bytes) -> None:
        if self.name.endswith(f".{file_format.value}"):
            raise OSError("the disk is full")
        write(self, content)

    monkeypatch.setattr(FileWriter, "write", full)
    line = EmployerLine(cvr=A, reports=1, reported=1, exempt=1, excess=0)
    fields = statement_fields(Authority.SKAT, "card-1", None, stored(data_of((line,))))
    files = ExtractFiles(layout_of(ExtractKind.TAX_YEAR), FileStore(tmp_path.as_uri()), "x", piece_bytes=1, row_group=1)

    def write_all() -> None:
        try:
            for _ in range(3):
                files.add([fields])
            files.finish()
        finally:
            files.close()

    with pytest.raises(OSError, match="disk"):
        write_all()
    assert list(tmp_path.iterdir()) == []


def test_star_sees_that_a_report_is_disputed_but_not_whose() -> None:
    line = EmployerLine(cvr=A, reports=1, reported=1, exempt=1, excess=0)
    year = data_of((line,), disputed=(A,))
    made = written(Authority.STAR, [("card-1", year), ("card-2", data_of((line,)))])
    rows = csv.DictReader(StringIO(made.csv[1:], newline=""), delimiter=";")
    assert [row["Borgeren er uenig"] for row in rows] == ["ja", "nej"]
    assert [one["disputed"] for one in objects_of(made.json_lines)] == [True, False]
    assert all(A.encode() not in content for content in made.contents.values())


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_a_formula(start: str) -> None:
    card_id = f'{start}HYPERLINK("x");1'
    line = EmployerLine(cvr=A, reports=1, reported=1, exempt=1, excess=0)
    for authority in Authority:
        made = written(authority, [(card_id, data_of((line,)))])
        (row,) = csv.DictReader(StringIO(made.csv[1:], newline=""), delimiter=";")
        assert row["Kort-id"] == f"'{card_id}"
        assert objects_of(made.json_lines)[0]["card_id"] == card_id
