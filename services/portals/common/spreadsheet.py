"""Tables as a file that Danish Excel opens with a double click."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final

from frikort_contracts.values import COPENHAGEN

from services.runtime import csv_writer

MEDIA_TYPE: Final = "text/csv; charset=utf-8"

Cell = csv_writer.Cell | date | datetime


def danish_csv(rows: Iterable[Sequence[Cell]]) -> bytes:
    """The file: a byte order mark, semicolons, decimal commas, days as ``31-12-2026``. No text in it is a formula."""
    lines = [csv_writer.row(_with_danish_day(cell) for cell in row) for row in rows]
    return (csv_writer.BOM + "".join(lines)).encode()


def _with_danish_day(cell: Cell) -> csv_writer.Cell:
    match cell:
        case datetime():
            return f"{cell.astimezone(COPENHAGEN):%d-%m-%Y %H:%M}"
        case date():
            return f"{cell:%d-%m-%Y}"
        case _:
            return cell
