"""CSV files that spreadsheets open (RFC 4180): every service that writes one writes its rows here. Pure.

Text never becomes a formula: text that a spreadsheet could evaluate gets an apostrophe in front
(https://owasp.org/www-community/attacks/CSV_Injection). Amounts and counts that a service computes are written as
numbers, with a minus sign where they are negative.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple
from unicodedata import category

MEDIA_TYPE: Final = "text/csv; charset=utf-8; header=present"
BOM: Final = "\ufeff"
"""The start of a file. Without it Excel reads UTF-8 as the code page of the machine."""

LINE_END: Final = "\r\n"
_FORMULA_STARTS: Final = frozenset("=+-@\t\r\n＝＋－＠")  # noqa: RUF001  # Excel also evaluates full-width characters
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Mn", "Zl", "Zp", "Zs"})
"""Unicode categories of characters that a spreadsheet may remove, so that the next character is the first."""


class Dialect(NamedTuple):
    """How a language separates cells and decimals."""

    separator: str
    decimal_mark: str


DANISH: Final = Dialect(";", ",")
ENGLISH: Final = Dialect(",", ".")


class Ore(NamedTuple):
    """An amount in øre, written in kroner."""

    ore: int


Cell = str | int | Ore | None
"""Text, a number, an amount, or an empty cell."""


def row(cells: Iterable[Cell], dialect: Dialect = DANISH) -> str:
    """A row with its line end."""
    line = dialect.separator.join([_written(cell, dialect) for cell in cells])
    # A reader takes an empty line for no row at all.
    return (line or '""') + LINE_END


def text_cell(text: str, dialect: Dialect = DANISH) -> str:
    """``text`` as a cell: never a formula, and quoted if it contains a separator, a quote or a line end."""
    if is_formula(text):
        text = f"'{text}"
    if dialect.separator in text or '"' in text or "\r" in text or "\n" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def is_formula(text: str) -> bool:
    """Whether a spreadsheet could evaluate ``text``.

    That is so if = + - @, a tab or a line end is its first character, or its first after spaces and invisible ones.
    """
    for character in text:
        if character in _FORMULA_STARTS:
            return True
        if character.isalnum() or category(character) not in _INVISIBLE:
            return False
    return False


def kroner(ore: int, dialect: Dialect = DANISH) -> str:
    """``ore`` in kroner, without a separator between thousands: ``42766,00``."""
    if ore < 0:
        return f"-{kroner(-ore, dialect)}"
    digits = str(ore).zfill(3)
    return f"{digits[:-2]}{dialect.decimal_mark}{digits[-2:]}"


def _written(cell: Cell, dialect: Dialect) -> str:
    match cell:
        case None:
            return ""
        case Ore(ore):
            return kroner(ore, dialect)
        case int():
            return str(cell)
        case str():
            return text_cell(cell, dialect)
