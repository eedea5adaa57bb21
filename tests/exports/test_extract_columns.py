"""The three files of every kind have the rows that a plain reading of the objects gives, whatever the batches are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pyarrow.parquet as pq
import pytest
from frikort_contracts.extract_files import ExtractKind, FileFormat
from frikort_contracts.municipalities import MUNICIPALITIES
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from services.exports.extracts.files import ExtractFiles
from services.exports.extracts.layouts import Column, ColumnType, Layout, layout_of
from services.runtime.csv_writer import BOM, kroner, row, text_cell
from services.runtime.file_store import FileStore
from tests.exports.build import A, B, C

LARGEST: Final = 2**63 - 1
LAYOUTS: Final = {
    (kind, of_period): layout_of(kind, of_period=of_period) for kind in ExtractKind for of_period in (False, True)
}
texts = st.one_of(
    st.text(max_size=8),
    st.text(st.sampled_from("=+-@\uff1d \t\r\n;\"'a1\0\u00a0\u200b\u2028\U0001f600"), max_size=5),
)
VALUES: Final[Mapping[ColumnType, st.SearchStrategy[Any]]] = {
    ColumnType.TEXT: texts,
    ColumnType.CODE: st.sampled_from([A, B, C]),
    ColumnType.COUNT: st.integers(0, LARGEST),
    ColumnType.AMOUNT: st.integers(-LARGEST, LARGEST) | st.integers(-101, 101),
    ColumnType.DAY: st.dates().map(date.isoformat),
    ColumnType.FLAG: st.booleans(),
    ColumnType.MUNICIPALITY: st.sampled_from(sorted(MUNICIPALITIES)),
}
OF_EMPLOYER: Final = ("cvr", "reports", "reported", "exempt", "excess")


def values_of(column: Column) -> st.SearchStrategy[Any]:
    values = VALUES[column.type]
    return st.none() | values if column.optional else values


def objects_of(layout: Layout) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with the fields of the layout, and one that it does not have."""
    fields = {column.name: values_of(column) for column in layout.columns} | {"another": texts}
    fields |= {"exempt": values_of(_column(layout, "exempt")), "excess": values_of(_column(layout, "excess"))}
    if layout.by_employer:
        line = st.fixed_dictionaries({name: fields[name] for name in OF_EMPLOYER})
        fields["employers"] = st.lists(line, max_size=3)
        fields["disputed_employers"] = st.lists(st.sampled_from([A, B, C]), unique=True, max_size=2)
    return st.fixed_dictionaries(fields)


def _column(layout: Layout, name: str) -> Column:
    return next(column for column in layout.columns if column.name == name)


def rows_of(layout: Layout, objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rule: a row for each object, or for each of its employers, of which some are disputed."""
    for each in objects:
        if not layout.by_employer:
            yield each
            continue
        for line in each["employers"]:
            yield {**each, **line, "disputed": line["cvr"] in each["disputed_employers"]}


def cell(column_type: ColumnType, value: Any) -> str:
    """The rule of a cell."""
    if value is None:
        return ""
    match column_type:
        case ColumnType.TEXT:
            return text_cell(value)
        case ColumnType.AMOUNT:
            return kroner(value)
        case ColumnType.FLAG:
            return "ja" if value else "nej"
        case ColumnType.MUNICIPALITY:
            return f"{value};{text_cell(MUNICIPALITIES[value])}"
        case ColumnType.CODE | ColumnType.COUNT | ColumnType.DAY:
            return str(value)


def csv_of(layout: Layout, rows: list[dict[str, Any]]) -> str:
    headings = [
        heading
        for column in layout.columns
        for heading in (("Kommunekode", "Kommune") if column.name == "municipality" else (column.heading,))
    ]
    lines = [";".join(cell(column.type, each[column.name]) for column in layout.columns) + "\r\n" for each in rows]
    return BOM + row(headings) + "".join(lines)


def stored(column: Column, value: Any) -> Any:
    return date.fromisoformat(value) if column.type is ColumnType.DAY else value


def written(layout: Layout, batches: list[list[dict[str, Any]]], *, piece_bytes: int) -> dict[FileFormat, bytes]:
    with TemporaryDirectory() as folder:
        files = ExtractFiles(layout, FileStore(Path(folder).as_uri()), "x", piece_bytes=piece_bytes, row_group=4)
        try:
            for batch in batches:
                files.add(batch)
            return {file.format: (Path(folder) / file.name).read_bytes() for file in files.finish()}
        finally:
            files.close()


@pytest.mark.parametrize(("kind", "of_period"), LAYOUTS)
@settings(max_examples=40)
@given(data=st.data(), piece_bytes=st.integers(1, 3000))
def test_the_files_have_the_rows_of_the_objects(
    kind: ExtractKind, of_period: bool, data: st.DataObject, piece_bytes: int
) -> None:
    layout = LAYOUTS[kind, of_period]
    batches = data.draw(st.lists(st.lists(objects_of(layout), max_size=6), max_size=4))
    objects = [each for batch in batches for each in batch]
    rows = list(rows_of(layout, objects))

    made = written(layout, batches, piece_bytes=piece_bytes)

    assert made[FileFormat.JSON_LINES] == b"".join(to_json(each) + b"\n" for each in objects)
    assert made[FileFormat.CSV].decode() == csv_of(layout, rows)
    assert pq.read_table(BytesIO(made[FileFormat.PARQUET])).to_pylist() == [
        {column.name: stored(column, each[column.name]) for column in layout.columns} for each in rows
    ]
    assert made == written(layout, [objects], piece_bytes=LARGEST)


def an_object(layout: Layout, **fields: Any) -> dict[str, Any]:
    values = {
        ColumnType.TEXT: "text",
        ColumnType.CODE: A,
        ColumnType.COUNT: 1,
        ColumnType.AMOUNT: 1,
        ColumnType.DAY: "2025-11-28",
        ColumnType.FLAG: False,
        ColumnType.MUNICIPALITY: "101",
    }
    return {column.name: values[column.type] for column in layout.columns} | fields


def test_an_object_of_an_unknown_municipality_is_refused() -> None:
    layout = layout_of(ExtractKind.FOLLOW_UP)
    with pytest.raises(KeyError):
        written(layout, [[an_object(layout, municipality="000")]], piece_bytes=1)


@pytest.mark.parametrize("field", [column.name for column in layout_of(ExtractKind.FOLLOW_UP).columns])
def test_an_object_that_lacks_a_value_is_refused(field: str) -> None:
    layout = layout_of(ExtractKind.FOLLOW_UP)
    without = {
        name: value for name, value in an_object(layout).items() if name != field or name in ("exempt", "excess")
    }
    if field in without:
        without[field] = None
    with pytest.raises(ValueError, match=field):
        written(layout, [[without]], piece_bytes=1)


@pytest.mark.parametrize("field", ["employers", "disputed_employers"])
def test_an_object_without_its_employers_is_refused(field: str) -> None:
    layout = layout_of(ExtractKind.CITIZEN)
    without = an_object(layout, employers=[], disputed_employers=[], exempt=0, excess=0) | {field: None}
    with pytest.raises(ValueError, match=field):
        written(layout, [[without]], piece_bytes=1)


@given(texts)
@example("")
@example("1;2")
def test_text_is_protected_as_in_every_spreadsheet(text: str) -> None:
    layout = layout_of(ExtractKind.EMPLOYER)
    made = written(layout, [[an_object(layout, report_id=text)]], piece_bytes=1)
    assert made[FileFormat.CSV].decode().endswith(f"\r\n{text_cell(text)};1;0,01;0,01;0,01;nej;nej\r\n")
