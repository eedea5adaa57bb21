"""Tables as a file that Danish Excel opens with a double click (RFC 4180, but with what Denmark's Excel expects)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from frikort_contracts.values import COPENHAGEN

MEDIA_TYPE: Final = "text/csv; charset=utf-8"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Ore(NamedTuple):
    """An amount, in øre, which a spreadsheet can add up."""

    ore: int


Cell = str | int | Ore | date | datetime | None


def danish_csv(rows: Iterable[Sequence[Cell]]) -> bytes:
    """The file: semicolons, decimal commas, days as ``31-12-2026`` and a mark that says UTF-8.

    No text in it is ever a formula: what would begin one is made a text by an apostrophe.
    """
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows([_written(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _written(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case Ore(ore):
            sign = "-" if ore < 0 else ""
            return f"{sign}{abs(ore) // 100},{abs(ore) % 100:02d}"
        case datetime():
            return f"{cell.astimezone(COPENHAGEN):%d-%m-%Y %H:%M}"
        case date():
            return f"{cell:%d-%m-%Y}"
        case int():
            return str(cell)
        case str():
            return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell
