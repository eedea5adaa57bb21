"""CSV files for Danish Excel: values are read back unchanged, and none is a formula."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portals.common.spreadsheet import Cell, danish_csv
from services.runtime.csv_writer import Ore
from tests.portals.reading import csv_rows

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (Ore(1_650_000), "16500,00"),
        (Ore(5), "0,05"),
        (Ore(-150), "-1,50"),
        (2025, "2025"),
        (None, ""),
        (date(2026, 12, 31), "31-12-2026"),
        (datetime(2026, 6, 30, 22, 5, tzinfo=UTC), "01-07-2026 00:05"),
        ("Ærøskøbing; Kommune", "Ærøskøbing; Kommune"),
    ],
)
def test_a_cell_is_written_in_danish_notation(cell: Cell, written: str) -> None:
    assert csv_rows(danish_csv([["x", cell]])) == [["x", written]]


def test_the_file_begins_with_a_byte_order_mark() -> None:
    assert danish_csv([["Løn"]]).startswith(b"\xef\xbb\xbf")


@given(st.lists(st.lists(TEXTS, min_size=2), min_size=1))
def test_text_is_unchanged_unless_it_would_be_a_formula(rows: list[list[str]]) -> None:
    for row, found in zip(rows, csv_rows(danish_csv(rows)), strict=True):
        for went_in, came_out in zip(row, found, strict=True):
            assert came_out in (went_in, f"'{went_in}")
            assert not came_out.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))
