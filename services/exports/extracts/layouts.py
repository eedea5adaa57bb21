"""What the files of each kind of extract contain: their columns, and the rows of a JSON object. Pure.

A JSON Lines file has one object for each statement (or row of statistics), as the authority's feed carries it; for a
period, one for each month of a card. CSV and Parquet have the columns of the layout; an object with employers has a row
for each of them. The sums over the rows are those of the manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, NamedTuple

from frikort_contracts.extract_files import ExtractKind
from frikort_contracts.municipalities import MUNICIPALITIES

from services.exports.feeds import StatementFields
from services.runtime import csv_writer
from services.runtime.csv_writer import kroner, text_cell

Row = tuple[Any, ...]
RowsOf = Callable[[StatementFields], Iterator[Row]]


class ColumnType(StrEnum):
    """How the values of a column are written."""

    TEXT = "text"
    CODE = "digits"
    COUNT = "whole number"
    AMOUNT = "amount"
    DAY = "day"
    FLAG = "yes or no"
    MUNICIPALITY = "municipality"


class Column(NamedTuple):
    """A column: ``name`` in Parquet, ``heading`` in CSV. ``optional``: a row may have no value."""

    name: str
    heading: str
    type: ColumnType
    description: str
    optional: bool = False


@dataclass(frozen=True)
class Layout:
    """The columns of a kind, and the rows that an object of the JSON Lines file has."""

    title: str
    columns: tuple[Column, ...]
    rows: RowsOf

    def csv_header(self) -> str:
        """The first line of the CSV, after the BOM."""
        return csv_writer.row(heading for column in self.columns for heading in _headings(column))

    def csv_lines(self, rows: Sequence[Row]) -> str:
        """A line for each row. Column by column, because values repeat: that takes half the time."""
        if not rows:
            return ""
        columns = [
            map(_Cells(_CELLS[column.type]).__getitem__, values)
            for column, values in zip(self.columns, zip(*rows, strict=True), strict=True)
        ]
        return "".join([f"{line}\r\n" for line in map(";".join, zip(*columns, strict=True))])


class _Cells(dict[Any, str]):
    """The cells of values, each written once. No value is an empty cell."""

    def __init__(self, write: Callable[[Any], str]) -> None:
        super().__init__({None: ""})
        self._write = write

    def __missing__(self, value: Any) -> str:
        cell = self[value] = self._write(value)
        return cell


def layout_of(kind: ExtractKind, *, of_period: bool = False) -> Layout:
    """The layout of a kind, for a year or for a period. Statistics have the same for both."""
    return _OF_PERIOD.get(kind, _LAYOUTS[kind]) if of_period else _LAYOUTS[kind]


def _headings(column: Column) -> tuple[str, ...]:
    return ("Kommunekode", "Kommune") if column.type is ColumnType.MUNICIPALITY else (column.heading,)


def _yes(value: bool) -> str:
    return "ja" if value else "nej"


# Only text can be taken for a formula: inspecting every cell takes half the time.
_CELLS: Final[Mapping[ColumnType, Callable[[Any], str]]] = {
    ColumnType.TEXT: text_cell,
    ColumnType.CODE: str,
    ColumnType.COUNT: str,
    ColumnType.AMOUNT: kroner,
    ColumnType.DAY: str,
    ColumnType.FLAG: _yes,
    ColumnType.MUNICIPALITY: {code: f"{code};{text_cell(name)}" for code, name in MUNICIPALITIES.items()}.__getitem__,
}

_CPR: Final = Column(
    "cpr",
    "CPR (krypteret, JWE)",
    ColumnType.TEXT,
    "The CPR number, encrypted for the tax agency (JWE, compact). Empty after the person's data were erased.",
    optional=True,
)
_CARD_ID: Final = Column("card_id", "Kort-id", ColumnType.TEXT, "The id of the card; the same in feeds and API.")
_MUNICIPALITY: Final = Column(
    "municipality",
    "Kommune",
    ColumnType.MUNICIPALITY,
    "The municipality that is responsible for the citizen now: its code of three digits.",
)
_CARD: Final = (
    _CARD_ID,
    Column("year", "År", ColumnType.COUNT, "The calendar year of the payment dates."),
    _MUNICIPALITY,
)
_CARD_MONTH: Final = (
    _CARD_ID,
    Column("month", "Måned", ColumnType.TEXT, "The calendar month of the payment dates, as 2025-11."),
    _MUNICIPALITY,
)
_CVR: Final = Column("cvr", "CVR", ColumnType.CODE, "The employer: its CVR number of eight digits.")


_AMOUNTS: Final = (
    Column("reported", "Indberettet (kr.)", ColumnType.AMOUNT, "What is reported: exempt and excess."),
    Column("exempt", "Skattefrit (kr.)", ColumnType.AMOUNT, "The part within the year's allowance."),
    Column("excess", "Over beløbsgrænsen (kr.)", ColumnType.AMOUNT, "The part above the year's allowance."),
)


_MONTH_AMOUNTS: Final = (
    Column("reported", "Indberettet (kr.)", ColumnType.AMOUNT, "What was paid in the month: exempt and excess."),
    *_AMOUNTS[1:],
)


def _reports(of: str) -> Column:
    return Column("reports", "Antal indberetninger", ColumnType.COUNT, f"The reports of {of} that count.")


_PROVISIONAL: Final = Column(
    "provisional", "Foreløbig beløbsgrænse", ColumnType.FLAG, "Whether the allowance may still change."
)
_YEAR: Final = (
    Column("allowance", "Årets beløbsgrænse (kr.)", ColumnType.AMOUNT, "The year's allowance of the card."),
    _PROVISIONAL,
    Column("revision", "Udgave", ColumnType.COUNT, "The revision of the statement: of two, the higher is newer."),
)
_DISPUTED: Final = Column(
    "disputed", "Borgeren er uenig", ColumnType.FLAG, "Whether the citizen's side says that a report is not right."
)


def _by_month(fields: StatementFields) -> Iterator[Row]:
    yield (*_month(fields), *_sums(fields), fields["provisional"], fields["disputed"])


def _by_month_and_employer(fields: StatementFields) -> Iterator[Row]:
    month, provisional, disputed = _month(fields), fields["provisional"], fields["disputed_employers"]
    for line in fields["employers"]:
        yield (*month, line["cvr"], *_sums(line), provisional, line["cvr"] in disputed)


def _by_card(fields: StatementFields) -> Iterator[Row]:
    yield (*_card(fields), *_sums(fields), *_year(fields), fields["disputed"])


def _by_employer(fields: StatementFields) -> Iterator[Row]:
    card, year, disputed = _card(fields), _year(fields), fields["disputed_employers"]
    for line in fields["employers"]:
        yield (*card, line["cvr"], *_sums(line), *year, line["cvr"] in disputed)


def _with_cpr(rows: RowsOf) -> RowsOf:
    def with_cpr(fields: StatementFields) -> Iterator[Row]:
        cpr = fields["cpr"]
        for row in rows(fields):
            yield (cpr, *row)

    return with_cpr


def _card(fields: StatementFields) -> Row:
    return fields["card_id"], fields["year"], fields["municipality"]


def _month(fields: StatementFields) -> Row:
    return fields["card_id"], fields["month"], fields["municipality"]


def _sums(fields: StatementFields) -> Row:
    return fields["reports"], fields["reported"], fields["exempt"], fields["excess"]


def _year(fields: StatementFields) -> Row:
    return fields["allowance"], fields["provisional"], fields["revision"]


_STATISTICS: Final = (
    Column("month", "Måned", ColumnType.TEXT, "The month, as 2025-10."),
    Column("municipality", "Kommune", ColumnType.MUNICIPALITY, "The municipality: its code of three digits."),
    Column("issued", "Udstedte frikort", ColumnType.COUNT, "Cards at the end of the month; a multiple of 5."),
    Column("active", "Aktive frikort", ColumnType.COUNT, "Those that are active; a multiple of 5."),
    Column("used", "Brugte frikort", ColumnType.COUNT, "Those with earnings in the year until then; a multiple of 5."),
    Column("employers", "Arbejdsgivere", ColumnType.COUNT, "Employers with earnings until then; a multiple of 5."),
    Column(
        "exempt",
        "Skattefrit (kr.)",
        ColumnType.AMOUNT,
        "Of the month, to 1,000 kr. Empty: too few people.",
        optional=True,
    ),
    Column(
        "excess",
        "Over beløbsgrænsen (kr.)",
        ColumnType.AMOUNT,
        "Of the month, to 1,000 kr. Empty: too few people.",
        optional=True,
    ),
)


def _of_month(fields: StatementFields) -> Iterator[Row]:
    yield tuple(fields[column.name] for column in _STATISTICS)


_REPORTS: Final = (
    Column("report_id", "Indberetning", ColumnType.TEXT, "The id of the report; the same in the API and its receipt."),
    Column("year", "År", ColumnType.COUNT, "The calendar year of the payment date."),
    *_AMOUNTS,
    _PROVISIONAL,
    Column("disputed", "Borgeren er uenig", ColumnType.FLAG, "Whether the citizen's side says that it is not right."),
)


_PAID_REPORTS: Final = tuple(
    Column("payment_date", "Udbetalt", ColumnType.DAY, "The day on which the wage was paid, as 2025-11-28.")
    if column.name == "year"
    else column
    for column in _REPORTS
)


def _of_report(fields: StatementFields) -> Iterator[Row]:
    yield tuple(fields[column.name] for column in _REPORTS)


def _of_paid_report(fields: StatementFields) -> Iterator[Row]:
    dated = {**fields, "payment_date": date.fromisoformat(fields["payment_date"])}
    yield tuple(dated[column.name] for column in _PAID_REPORTS)


_CARDS: Final = (*_CARD, _reports("the card"), *_AMOUNTS, *_YEAR, _DISPUTED)
_EMPLOYERS: Final = (*_CARD, _CVR, _reports("the employer"), *_AMOUNTS, *_YEAR, _DISPUTED)
_MONTHS: Final = (*_CARD_MONTH, _reports("the card"), *_MONTH_AMOUNTS, _PROVISIONAL, _DISPUTED)
_EMPLOYERS_MONTHS: Final = (*_CARD_MONTH, _CVR, _reports("the employer"), *_MONTH_AMOUNTS, _PROVISIONAL, _DISPUTED)

_LAYOUTS: Final[Mapping[ExtractKind, Layout]] = {
    ExtractKind.TAX_YEAR: Layout(
        "A year by card and employer, for the tax agency", (_CPR, *_EMPLOYERS), _with_cpr(_by_employer)
    ),
    ExtractKind.FOLLOW_UP: Layout("A year by card, for follow-up", _CARDS, _by_card),
    ExtractKind.MUNICIPALITY: Layout("A year by card, of one municipality", _CARDS, _by_card),
    ExtractKind.EMPLOYER: Layout("A year of an employer's reports", _REPORTS, _of_report),
    ExtractKind.CITIZEN: Layout("A year of one card, by employer", _EMPLOYERS, _by_employer),
    ExtractKind.STATISTICS: Layout("The public statistics of a year", _STATISTICS, _of_month),
}

_OF_PERIOD: Final[Mapping[ExtractKind, Layout]] = {
    ExtractKind.TAX_YEAR: Layout(
        "The months of a period by card and employer, for the tax agency",
        (_CPR, *_EMPLOYERS_MONTHS),
        _with_cpr(_by_month_and_employer),
    ),
    ExtractKind.FOLLOW_UP: Layout("The months of a period by card, for follow-up", _MONTHS, _by_month),
    ExtractKind.MUNICIPALITY: Layout("The months of a period by card, of one municipality", _MONTHS, _by_month),
    ExtractKind.EMPLOYER: Layout("An employer's reports that were paid in a period", _PAID_REPORTS, _of_paid_report),
    ExtractKind.CITIZEN: Layout(
        "The months of a period of one card, by employer", _EMPLOYERS_MONTHS, _by_month_and_employer
    ),
}
