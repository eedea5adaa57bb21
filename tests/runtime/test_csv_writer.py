"""CSV rows: no text becomes a formula, numbers stay numbers, and ordinary rows are those of Python's csv module."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.csv_writer import DANISH, ENGLISH, Dialect, Ore, is_formula, kroner, row, text_cell

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
ORDINARY = TEXTS.filter(lambda text: not is_formula(text))
DIALECTS = st.sampled_from([DANISH, ENGLISH])

STARTS = ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
INVISIBLE = [
    "",
    " ",
    "  ",
    "\u00a0",
    "\u200b",
    "\u2060",
    "\ufeff",
    "\u00ad",
    "\u202e",
    "\x01",
    "\u2028",
    "\ufe0f",
    " \u200b ",
]


def read(line: str, dialect: Dialect = DANISH) -> list[list[str]]:
    return list(csv.reader(io.StringIO(line, newline=""), delimiter=dialect.separator))


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("before", INVISIBLE)
def test_text_that_could_be_a_formula_gets_an_apostrophe(before: str, start: str) -> None:
    text = f"{before}{start}HYPERLINK(1)"
    assert read(row([text])) == [[f"'{text}"]]


@pytest.mark.parametrize("text", ["Løn", "a=b", "12-12-2026", " kort", "'=1", "(-1)", "", "Ærø; Kommune", '"=1"'])
def test_other_text_keeps_its_characters(text: str) -> None:
    assert read(row(["x", text])) == [["x", text]]


def test_a_negative_amount_is_a_number() -> None:
    assert row([Ore(-150), Ore(-5), -3]) == "-1,50;-0,05;-3\r\n"


def test_a_negative_amount_in_text_is_not_a_number() -> None:
    assert row(["-1,50"]) == "'-1,50\r\n"


@pytest.mark.parametrize(("ore", "written"), [(0, "0,00"), (5, "0,05"), (100, "1,00"), (4_276_600, "42766,00")])
def test_an_amount_is_in_kroner_with_a_decimal_comma(ore: int, written: str) -> None:
    assert kroner(ore) == written


def test_an_english_row_has_commas_and_decimal_points() -> None:
    assert row(["a;b", "c,d", Ore(150), None], ENGLISH) == 'a;b,"c,d",1.50,\r\n'


@pytest.mark.parametrize(
    ("text", "cell"), [("a;b", '"a;b"'), ('say "a"', '"say ""a"""'), ("a\nb", '"a\nb"'), ("a\rb", '"a\rb"')]
)
def test_text_with_a_separator_a_quote_or_a_line_end_is_quoted(text: str, cell: str) -> None:
    assert text_cell(text) == cell


@given(st.lists(ORDINARY, min_size=1), DIALECTS)
def test_an_ordinary_row_has_the_bytes_of_the_csv_module(cells: list[str], dialect: Dialect) -> None:
    expected = io.StringIO()
    csv.writer(expected, delimiter=dialect.separator, lineterminator="\r\n").writerow(cells)
    assert row(cells, dialect) == expected.getvalue()


@given(st.lists(TEXTS, min_size=1), DIALECTS)
def test_no_row_contains_a_formula(cells: list[str], dialect: Dialect) -> None:
    [found] = read(row(cells, dialect), dialect)
    assert [is_formula(cell) for cell in found] == [False] * len(cells)
    assert [cell.removeprefix("'") for cell in found] == [cell.removeprefix("'") for cell in cells]
