"""Parses a payroll file: JSON Lines, or CSV in one of two formats that differ in their column names. Pure.

A file arrives in pieces. Every physical line is one report; empty lines are skipped, but counted. Nothing is guessed:
a file in an unknown format is refused with the expected columns. ``frikort_contracts.rules.reading`` reads the cells.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, Protocol

from frikort_contracts.rules import reading

from services.gateway import bounded_json
from services.gateway.bounded_json import RepeatedMember
from services.gateway.payroll.lines import FieldError, FieldNames, InvalidLine, ParsedLine
from services.gateway.problems import ProblemError

Encoding = Literal["utf-8", "windows-1252"]

LONGEST_LINE: Final = 10_000
"""In bytes. A report needs less than a tenth of it."""

_BOM: Final = b"\xef\xbb\xbf"


class RawLine(NamedTuple):
    """A physical line, counted from 1. ``content`` is None if the line is too long."""

    number: int
    content: bytes | None


class Splitter:
    """Splits pieces into at most ``lines_most`` physical lines. Buffers at most one line."""

    def __init__(self, lines_most: int) -> None:
        self._lines_most = lines_most
        self._rest = b""
        self._too_long = False
        self._number = 0

    def feed(self, piece: bytes) -> Iterator[RawLine]:
        """The lines that end in ``piece``, without empty ones. Raises the problem ``body-too-large``."""
        *ended, self._rest = (self._rest + piece).split(b"\n")
        for content in ended:
            yield from self._line(content)
        if len(self._rest) > LONGEST_LINE:
            self._rest, self._too_long = b"", True

    def finish(self) -> Iterator[RawLine]:
        """The last line, if it does not end with a line break."""
        if self._rest or self._too_long:
            yield from self._line(self._rest)

    def _line(self, content: bytes) -> Iterator[RawLine]:
        self._number += 1
        if self._number > self._lines_most:
            raise ProblemError("body-too-large")
        too_long, self._too_long = self._too_long or len(content) > LONGEST_LINE, False
        if self._number == 1:
            content = content.removeprefix(_BOM)
        content = content.removesuffix(b"\r")
        if too_long:
            yield RawLine(self._number, None)
        elif content.strip():
            yield RawLine(self._number, content)


class FileFormat(Protocol):
    """Parses the lines of one file."""

    @property
    def names(self) -> FieldNames:
        """The names of the fields in error messages."""
        ...

    def read(self, number: int, text: str) -> ParsedLine | InvalidLine | None:
        """The fields of a line; None for a line that is not a report, such as the column names.

        Raises ``ProblemError`` if the whole file cannot be read.
        """
        ...


class JsonLines:
    """JSON Lines: each line is a JSON object, like the body of a single report."""

    names = FieldNames()

    def read(self, number: int, text: str) -> ParsedLine | InvalidLine | None:
        try:
            content = bounded_json.parse(text)
        except RepeatedMember as repeated:
            error = FieldError(self.names.name_of(repeated.path), "value_error", str(repeated))
            return InvalidLine(number, None, (error,))
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            return InvalidLine(number, None, (FieldError("", "value_error", "not a JSON object on one line"),))
        return ParsedLine(number, content)


class AnyFile:
    """JSON Lines if the first line is a JSON object, otherwise CSV: for clients that send every file as bytes."""

    def __init__(self) -> None:
        self._format: FileFormat | None = None

    @property
    def names(self) -> FieldNames:
        return FieldNames() if self._format is None else self._format.names

    def read(self, number: int, text: str) -> ParsedLine | InvalidLine | None:
        if self._format is None:
            self._format = JsonLines() if text.lstrip().startswith("{") else Csv()
        return self._format.read(number, text)


class CsvColumn(NamedTuple):
    """A column. ``place`` is the path of its field in the body; ``needed``: it is required.

    ``read`` parses a cell, or raises ``ValueError`` with a message of ``field_texts``.
    """

    name: str
    place: tuple[str, ...]
    read: Callable[[str], Any]
    needed: bool = True


class Csv:
    """CSV: rows below a line of column names. The names decide which of ``CSV_FORMATS`` applies."""

    def __init__(self) -> None:
        self._format: CsvFormat | None = None
        self._columns: list[CsvColumn] = []

    @property
    def names(self) -> FieldNames:
        return self._format or FieldNames()

    def read(self, number: int, text: str) -> ParsedLine | InvalidLine | None:
        if self._format is None:
            self._format, self._columns = _format_of(text)
            return None
        cells = _cells(text, self._format.delimiter)
        if cells is None:
            return InvalidLine(number, None, (FieldError("", "value_error", "the quotation marks do not match"),))
        if not any(cells):
            return None
        if len(cells) != len(self._columns):
            return InvalidLine(number, None, (FieldError("", "value_error", "not as many cells as there are columns"),))
        content: dict[str, Any] = {"work": {}, "components": {}}
        errors: list[FieldError] = []
        for column, cell in zip(self._columns, cells, strict=True):
            if not cell:
                continue
            try:
                value = column.read(cell)
            except ValueError as reason:
                errors.append(FieldError(column.name, "value_error", str(reason)))
                continue
            *above, last = column.place
            (content[above[0]] if above else content)[last] = value
        return ParsedLine(number, content, tuple(errors))


@dataclass(frozen=True)
class CsvFormat(FieldNames):
    """A CSV format: its delimiter and its columns."""

    delimiter: str
    columns: tuple[CsvColumn, ...]

    @property
    def all_names(self) -> list[str]:
        """The names of all columns."""
        return [column.name for column in self.columns]

    def name_of(self, location: Sequence[str | int]) -> str:
        if not location:
            return self.columns[1].name  # an error of the whole line: employment and card number exclude each other
        # An error of an object, such as the work period, is named after the last of its columns.
        within = [column.name for column in self.columns if column.place[: len(location)] == tuple(location)]
        return within[-1] if within else ""


def _text(cell: str) -> str:
    return cell


def _card_number(cell: str) -> str:
    return reading.card_number(cell, zeros_lost=True)


def _kroner(cell: str) -> int:
    return reading.amount(cell, ",")


def _danish_day(cell: str) -> str:
    return reading.day(cell).isoformat()


def _one_of(values: Mapping[str, bool], message: str) -> Callable[[str], bool]:
    def read(cell: str) -> bool:
        if cell not in values:
            raise ValueError(message)
        return values[cell]

    return read


DANISH: Final = CsvFormat(
    ";",
    (
        CsvColumn("Ansættelse", ("employment_id",), _text, needed=False),
        CsvColumn("Frikortnummer", ("card_number",), _card_number, needed=False),
        CsvColumn("Reference", ("reference",), _text),
        CsvColumn("Arbejde fra", ("work", "first"), _danish_day),
        CsvColumn("Arbejde til", ("work", "last"), _danish_day),
        CsvColumn("Betalingsdag", ("payment_date",), _danish_day),
        CsvColumn("Løn (kr.)", ("components", "wage_ore"), _kroner),
        CsvColumn("Feriepenge (kr.)", ("components", "holiday_pay_ore"), _kroner, needed=False),
        CsvColumn("ATP (kr.)", ("components", "atp_ore"), _kroner, needed=False),
        CsvColumn("Pension (kr.)", ("components", "pension_ore"), _kroner, needed=False),
        CsvColumn(
            "Tillad dublet",
            ("allow_duplicate",),
            _one_of({"ja": True, "nej": False}, "must be ja or nej"),
            needed=False,
        ),
        CsvColumn(
            "Tillad stort beløb",
            ("allow_large_amount",),
            _one_of({"ja": True, "nej": False}, "must be ja or nej"),
            needed=False,
        ),
    ),
)
"""The format that a Danish spreadsheet saves: semicolons, decimal commas, kroner."""

ENGLISH: Final = CsvFormat(
    ",",
    (
        CsvColumn("employment_id", ("employment_id",), _text, needed=False),
        CsvColumn("card_number", ("card_number",), _card_number, needed=False),
        CsvColumn("reference", ("reference",), _text),
        CsvColumn("work_first", ("work", "first"), _text),
        CsvColumn("work_last", ("work", "last"), _text),
        CsvColumn("payment_date", ("payment_date",), _text),
        CsvColumn("wage_ore", ("components", "wage_ore"), reading.whole_ore),
        CsvColumn("holiday_pay_ore", ("components", "holiday_pay_ore"), reading.whole_ore, needed=False),
        CsvColumn("atp_ore", ("components", "atp_ore"), reading.whole_ore, needed=False),
        CsvColumn("pension_ore", ("components", "pension_ore"), reading.whole_ore, needed=False),
        CsvColumn(
            "allow_duplicate",
            ("allow_duplicate",),
            _one_of({"true": True, "false": False}, "must be true or false"),
            needed=False,
        ),
        CsvColumn(
            "allow_large_amount",
            ("allow_large_amount",),
            _one_of({"true": True, "false": False}, "must be true or false"),
            needed=False,
        ),
    ),
)
"""The format for programs: commas, øre, days as YYYY-MM-DD."""

CSV_FORMATS: Final = (DANISH, ENGLISH)
COLUMN_POINTERS: Final = {
    column.name: "/" + "/".join(column.place) for csv_format in CSV_FORMATS for column in csv_format.columns
}
"""The JSON pointer of the field behind each column."""


def _format_of(header: str) -> tuple[CsvFormat, list[CsvColumn]]:
    """The format of a header line, and its columns in order. Raises the problem ``batch-columns-wrong``."""
    found = {csv_format.delimiter: _cells(header, csv_format.delimiter) or [] for csv_format in CSV_FORMATS}

    def known(csv_format: CsvFormat) -> int:
        return len({column.name for column in csv_format.columns} & set(found[csv_format.delimiter]))

    csv_format = max(CSV_FORMATS, key=known)
    names, by_name = found[csv_format.delimiter], {column.name: column for column in csv_format.columns}
    needed = [column.name for column in csv_format.columns if column.needed and column.name not in names]
    if not {csv_format.columns[0].name, csv_format.columns[1].name} & set(names):
        needed.insert(0, f"{csv_format.columns[0].name}/{csv_format.columns[1].name}")
    # Numbers instead of names: in a file without column names, the first line is a report with personal data.
    strange = [str(n) for n, name in enumerate(names, 1) if name not in by_name or name in names[: n - 1]]
    if needed or strange:
        raise ProblemError(
            "batch-columns-wrong",
            facts={
                "missing": ", ".join(needed) or "-",
                "strange": ", ".join(strange) or "-",
                "danish": DANISH.delimiter.join(DANISH.all_names),
                "english": ENGLISH.delimiter.join(ENGLISH.all_names),
            },
        )
    return csv_format, [by_name[name] for name in names]


def _cells(text: str, delimiter: str) -> list[str] | None:
    try:
        return [cell.strip() for cell in next(csv.reader([text], delimiter=delimiter, strict=True))]
    except csv.Error:
        return None


class LineDecoder:
    """Decodes the lines of one file: UTF-8, or Windows-1252 if the column names can only be that.

    An older Danish Excel saves so. The names of the Danish columns have letters outside ASCII, so they tell.
    """

    def __init__(self) -> None:
        self.encoding: Encoding = "utf-8"

    def decode(self, line: RawLine) -> str | InvalidLine:
        """The line's text. Raises the problem ``batch-not-utf8``: the rest of the file may be wrong, too."""
        if line.content is None:
            return InvalidLine(line.number, None, (FieldError("", "value_error", "the line is too long"),))
        try:
            return line.content.decode(self.encoding)
        except UnicodeDecodeError:
            if line.number == 1 and _has_danish_columns(line.content):
                self.encoding = "windows-1252"
                return line.content.decode(self.encoding)
        raise ProblemError("batch-not-utf8", facts={"line": line.number})


def _has_danish_columns(header: bytes) -> bool:
    """Whether the line has the columns of the Danish format that every file needs, in Windows-1252."""
    try:
        names = _cells(header.decode("windows-1252"), DANISH.delimiter) or []
    except UnicodeDecodeError:
        return False
    return {column.name for column in DANISH.columns if column.needed} <= set(names)
