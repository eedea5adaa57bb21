"""What the files of each kind of extract contain: the columns of CSV and Parquet. Pure.

A JSON Lines file has one object for each statement (or row of statistics), as the authority's feed carries it; for a
period, one for each month of a card. CSV and Parquet have the columns of the layout; an object with employers has a row
for each of them. The sums over the rows are those of the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from frikort_contracts.extract_files import ExtractKind


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
    """A column: ``name`` in the objects and in Parquet, ``heading`` in CSV. ``optional``: a row may have no value."""

    name: str
    heading: str
    type: ColumnType
    description: str
    optional: bool = False


@dataclass(frozen=True)
class Layout:
    """The columns of a kind. ``by_employer``: an object has a row for each of its employers, otherwise one."""

    title: str
    columns: tuple[Column, ...]
    by_employer: bool = False


def layout_of(kind: ExtractKind, *, of_period: bool = False) -> Layout:
    """The layout of a kind, for a year or for a period. Statistics have the same for both."""
    return _OF_PERIOD.get(kind, _LAYOUTS[kind]) if of_period else _LAYOUTS[kind]


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

_CARDS: Final = (*_CARD, _reports("the card"), *_AMOUNTS, *_YEAR, _DISPUTED)
_EMPLOYERS: Final = (*_CARD, _CVR, _reports("the employer"), *_AMOUNTS, *_YEAR, _DISPUTED)
_MONTHS: Final = (*_CARD_MONTH, _reports("the card"), *_MONTH_AMOUNTS, _PROVISIONAL, _DISPUTED)
_EMPLOYERS_MONTHS: Final = (*_CARD_MONTH, _CVR, _reports("the employer"), *_MONTH_AMOUNTS, _PROVISIONAL, _DISPUTED)

_LAYOUTS: Final[Mapping[ExtractKind, Layout]] = {
    ExtractKind.TAX_YEAR: Layout(
        "A year by card and employer, for the tax agency", (_CPR, *_EMPLOYERS), by_employer=True
    ),
    ExtractKind.FOLLOW_UP: Layout("A year by card, for follow-up", _CARDS),
    ExtractKind.MUNICIPALITY: Layout("A year by card, of one municipality", _CARDS),
    ExtractKind.EMPLOYER: Layout("A year of an employer's reports", _REPORTS),
    ExtractKind.CITIZEN: Layout("A year of one card, by employer", _EMPLOYERS, by_employer=True),
    ExtractKind.STATISTICS: Layout("The public statistics of a year", _STATISTICS),
}

_OF_PERIOD: Final[Mapping[ExtractKind, Layout]] = {
    ExtractKind.TAX_YEAR: Layout(
        "The months of a period by card and employer, for the tax agency", (_CPR, *_EMPLOYERS_MONTHS), by_employer=True
    ),
    ExtractKind.FOLLOW_UP: Layout("The months of a period by card, for follow-up", _MONTHS),
    ExtractKind.MUNICIPALITY: Layout("The months of a period by card, of one municipality", _MONTHS),
    ExtractKind.EMPLOYER: Layout("An employer's reports that were paid in a period", _PAID_REPORTS),
    ExtractKind.CITIZEN: Layout("The months of a period of one card, by employer", _EMPLOYERS_MONTHS, by_employer=True),
}
