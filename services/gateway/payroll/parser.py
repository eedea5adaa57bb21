"""Reading a payroll file: JSON Lines, or CSV in one of two forms that its column names tell apart. Pure.

Bytes come in pieces. Every physical line is one report; empty lines are passed over, but counted. Nothing is guessed:
a form that is not known is refused with what was expected.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple, Protocol

from services.gateway.payroll.lines import FieldError, Fields, InvalidLine, Names
from services.gateway.problems import ProblemError

LONGEST_LINE: Final = 10_000
"""Bytes. No report needs a tenth of it."""

_BOM: Final = b"\xef\xbb\xbf"
_ISO_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DANISH_DAY: Final = re.compile(r"([0-9]{2})-([0-9]{2})-([0-9]{4})")
_WHOLE: Final = re.compile(r"[0-9]{1,16}")
_KRONER: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,13})(?:,([0-9]{1,2}))?")


class RawLine(NamedTuple):
    """A physical line, counted from 1; None if it was too long to be kept."""

    number: int
    content: bytes | None


class Splitter:
    """Cuts pieces into physical lines, at most ``lines_most``. Holds no more than one line of them."""

    def __init__(self, lines_most: int) -> None:
        self._lines_most = lines_most
        self._rest = b""
        self._too_long = False
        self._number = 0

    def feed(self, piece: bytes) -> Iterator[RawLine]:
        """The lines that ended in ``piece``, without those that are empty. Raises the problem ``body-too-large``."""
        *ended, self._rest = (self._rest + piece).split(b"\n")
        for content in ended:
            yield from self._line(content)
        if len(self._rest) > LONGEST_LINE:
            self._rest, self._too_long = b"", True

    def finish(self) -> Iterator[RawLine]:
        """The last line, if no line break ended it."""
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


class Unreadable(Exception):
    """A value cannot be read; ``args[0]`` is a message of ``field_texts``."""


class Form(Protocol):
    """How lines are read. The first of a file may not be a report."""

    @property
    def names(self) -> Names:
        """How the fields are called."""
        ...

    def read(self, number: int, text: str) -> Fields | InvalidLine | None:
        """What the line says; None if it is not a report. Raises ``ProblemError`` if the file is of no use."""
        ...


class JsonLines:
    """A JSON object on each line, as the body of a single report."""

    names = Names()

    def read(self, number: int, text: str) -> Fields | InvalidLine | None:
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            return InvalidLine(number, None, (FieldError("", "value_error", "not a JSON object on one line"),))
        return Fields(number, content)


class AnyFile:
    """JSON Lines if the first line is a JSON object, otherwise CSV: for clients that send every file as bytes."""

    def __init__(self) -> None:
        self._form: Form | None = None

    @property
    def names(self) -> Names:
        return Names() if self._form is None else self._form.names

    def read(self, number: int, text: str) -> Fields | InvalidLine | None:
        if self._form is None:
            self._form = JsonLines() if text.lstrip().startswith("{") else Csv()
        return self._form.read(number, text)


class Column(NamedTuple):
    """A column: its name, the place of its field in the body, how its text is read, and whether it must be there."""

    name: str
    place: tuple[str, ...]
    read: Callable[[str], Any]
    needed: bool = True


class Csv:
    """Rows under a line of column names. Which of ``FORMS`` it is follows from the names."""

    def __init__(self) -> None:
        self._form: CsvForm | None = None
        self._columns: list[Column] = []

    @property
    def names(self) -> Names:
        return self._form or Names()

    def read(self, number: int, text: str) -> Fields | InvalidLine | None:
        if self._form is None:
            self._form, self._columns = _form_of(text)
            return None
        cells = _cells(text, self._form.delimiter)
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
            except Unreadable as reason:
                errors.append(FieldError(column.name, "value_error", str(reason)))
                continue
            *above, last = column.place
            (content[above[0]] if above else content)[last] = value
        return Fields(number, content, tuple(errors))


@dataclass(frozen=True)
class CsvForm(Names):
    """One of the two forms of CSV."""

    delimiter: str
    columns: tuple[Column, ...]

    @property
    def all_names(self) -> list[str]:
        """Every column that there may be."""
        return [column.name for column in self.columns]

    def name_of(self, location: Sequence[str | int]) -> str:
        # What is said of a whole (the work's days, or the line itself) stands at the last column it is about.
        of_it = [c.name for c in self.columns if c.place[: len(location)] == tuple(location)]
        return (of_it[-1] if location else self.columns[1].name) if of_it else ""


def _text(cell: str) -> str:
    return cell


def _ore(cell: str) -> int:
    if not _WHOLE.fullmatch(cell):
        raise Unreadable("not a whole number of øre")
    return int(cell)


def kroner(cell: str) -> int:
    """Øre of ``1.234,50`` or ``1234,5``. Raises ``Unreadable``: a point before decimals may mean another amount."""
    match = _KRONER.fullmatch(cell)
    if match is None:
        raise Unreadable("not kroner as 1.234,50")
    return 100 * int(match[1].replace(".", "")) + int((match[2] or "0").ljust(2, "0"))


def _danish_day(cell: str) -> str:
    """YYYY-MM-DD of a day as a Danish spreadsheet writes it, or of one that is written so already."""
    match = _DANISH_DAY.fullmatch(cell)
    day = cell if match is None else f"{match[3]}-{match[2]}-{match[1]}"
    if _ISO_DAY.fullmatch(day):
        try:
            return date.fromisoformat(day).isoformat()
        except ValueError:
            pass
    raise Unreadable("not a day as DD-MM-YYYY or YYYY-MM-DD")


def _one_of(values: Mapping[str, bool], message: str) -> Callable[[str], bool]:
    def read(cell: str) -> bool:
        if cell not in values:
            raise Unreadable(message)
        return values[cell]

    return read


DANISH: Final = CsvForm(
    ";",
    (
        Column("Ansættelse", ("employment_id",), _text, needed=False),
        Column("Frikortnummer", ("card_number",), _text, needed=False),
        Column("Reference", ("reference",), _text),
        Column("Arbejde fra", ("work", "first"), _danish_day),
        Column("Arbejde til", ("work", "last"), _danish_day),
        Column("Betalingsdag", ("payment_date",), _danish_day),
        Column("Løn (kr.)", ("components", "wage_ore"), kroner),
        Column("Feriepenge (kr.)", ("components", "holiday_pay_ore"), kroner, needed=False),
        Column("ATP (kr.)", ("components", "atp_ore"), kroner, needed=False),
        Column("Pension (kr.)", ("components", "pension_ore"), kroner, needed=False),
        Column(
            "Tillad dublet",
            ("allow_duplicate",),
            _one_of({"ja": True, "nej": False}, "must be ja or nej"),
            needed=False,
        ),
    ),
)
"""As a Danish spreadsheet saves it: semicolons, decimal commas, kroner."""

ENGLISH: Final = CsvForm(
    ",",
    (
        Column("employment_id", ("employment_id",), _text, needed=False),
        Column("card_number", ("card_number",), _text, needed=False),
        Column("reference", ("reference",), _text),
        Column("work_first", ("work", "first"), _text),
        Column("work_last", ("work", "last"), _text),
        Column("payment_date", ("payment_date",), _text),
        Column("wage_ore", ("components", "wage_ore"), _ore),
        Column("holiday_pay_ore", ("components", "holiday_pay_ore"), _ore, needed=False),
        Column("atp_ore", ("components", "atp_ore"), _ore, needed=False),
        Column("pension_ore", ("components", "pension_ore"), _ore, needed=False),
        Column(
            "allow_duplicate",
            ("allow_duplicate",),
            _one_of({"true": True, "false": False}, "must be true or false"),
            needed=False,
        ),
    ),
)
"""As a program writes it: commas, øre, days as YYYY-MM-DD."""

FORMS: Final = (DANISH, ENGLISH)
COLUMN_POINTERS: Final = {column.name: "/" + "/".join(column.place) for form in FORMS for column in form.columns}
"""The JSON pointer of the field behind each column."""


def _form_of(header: str) -> tuple[CsvForm, list[Column]]:
    """The form whose columns these are, and the columns in their order. Raises the problem ``batch-columns-wrong``."""
    found = {form.delimiter: _cells(header, form.delimiter) or [] for form in FORMS}

    def known(form: CsvForm) -> int:
        return len({column.name for column in form.columns} & set(found[form.delimiter]))

    form = max(FORMS, key=known)
    names, by_name = found[form.delimiter], {column.name: column for column in form.columns}
    needed = [column.name for column in form.columns if column.needed and column.name not in names]
    if not {form.columns[0].name, form.columns[1].name} & set(names):
        needed.insert(0, f"{form.columns[0].name}/{form.columns[1].name}")
    # By their place: a file without column names would have its first report here.
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
    return form, [by_name[name] for name in names]


def _cells(text: str, delimiter: str) -> list[str] | None:
    try:
        return [cell.strip() for cell in next(csv.reader([text], delimiter=delimiter, strict=True))]
    except csv.Error:
        return None


def decoded(line: RawLine) -> str | InvalidLine:
    """The line's text. Raises the problem ``batch-not-utf8``: then every other line may be wrong, too."""
    if line.content is None:
        return InvalidLine(line.number, None, (FieldError("", "value_error", "the line is too long"),))
    try:
        return line.content.decode()
    except UnicodeDecodeError:
        raise ProblemError("batch-not-utf8", facts={"line": line.number}) from None
