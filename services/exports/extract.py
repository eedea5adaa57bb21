"""The files of an extract: statements in, pieces of text out, and the manifest that proves them whole.

Nothing here grows with the number of statements. Amounts are int øre throughout; only CSV shows kroner.

CSV is what a Danish Excel opens: BOM, semicolons, decimal commas. For the tax agency it has a row for each employer
of a card (the sums over the rows are those of the manifest); for others a row for each card. JSON is an array of the
same objects that the authority's feed carries.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO

from contracts.extracts import (
    Authority,
    ExtractCompleted,
    ExtractFile,
    ExtractFormat,
    FollowUpStatementUpdated,
    Statement,
    TaxStatementUpdated,
)
from contracts.municipalities import MUNICIPALITIES

PART_BYTES = 256 * 1024

_CARD_HEADER = ("Kort-id", "År", "Kommunekode", "Kommune")
_AMOUNTS_HEADER = ("Antal indberetninger", "Indberettet (kr.)", "Skattefrit (kr.)", "Over beløbsgrænsen (kr.)")
_YEAR_HEADER = ("Årets beløbsgrænse (kr.)", "Foreløbig beløbsgrænse", "Udgave")
_DISPUTE_HEADER = ("Borgeren er uenig",)
_HEADERS = {
    Authority.SKAT: ("CPR (krypteret, JWE)", *_CARD_HEADER, "CVR", *_AMOUNTS_HEADER, *_YEAR_HEADER, *_DISPUTE_HEADER),
    Authority.STAR: (*_CARD_HEADER, *_AMOUNTS_HEADER, *_YEAR_HEADER, *_DISPUTE_HEADER),
}

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a file; the file is its parts joined in order of ``index``."""

    format: ExtractFormat
    index: int
    content: str


class ExtractFiles:
    """Writes both files of one extract side by side, so that they hold the same statements."""

    def __init__(self, authority: Authority, *, part_bytes: int = PART_BYTES) -> None:
        self._authority = authority
        self._csv = _File(ExtractFormat.CSV, part_bytes)
        self._json = _File(ExtractFormat.JSON, part_bytes)
        self._csv.begin("\ufeff" + _csv_line(_HEADERS[authority]))
        self._json.begin("[")
        self._count = self._reported = self._exempt = self._excess = 0
        self._provisional = False

    @property
    def count(self) -> int:
        """How many statements are written."""
        return self._count

    def add(self, statement: Statement) -> Iterator[Part]:
        """Write one statement; yields the parts that became full."""
        json_start = ",\n" if self._count else "\n"
        self._count += 1
        self._reported += statement.reported
        self._exempt += statement.exempt
        self._excess += statement.excess
        self._provisional = self._provisional or statement.provisional
        yield from self._csv.write("".join(_csv_line(row) for row in _csv_rows(statement)))
        yield from self._json.write(json_start + statement.model_dump_json())

    def finish(self) -> Iterator[Part]:
        """Yields what is left."""
        yield from self._json.write("\n]\n")
        yield from self._csv.finish()
        yield from self._json.finish()

    def manifest(self, *, extract_id: str, attempt: int, year: int, municipality: str | None) -> ExtractCompleted:
        """What was written, after ``finish``."""
        return ExtractCompleted(
            extract_id=extract_id,
            attempt=attempt,
            authority=self._authority,
            year=year,
            municipality=municipality,
            provisional=self._provisional,
            count=self._count,
            reported=self._reported,
            exempt=self._exempt,
            excess=self._excess,
            files=(self._csv.told(), self._json.told()),
        )


class _File:
    """Cuts a text into parts of at most ``part_bytes`` and keeps its digest."""

    def __init__(self, file_format: ExtractFormat, part_bytes: int) -> None:
        self._format = file_format
        self._part_bytes = part_bytes
        self._digest = sha256()
        self._pieces: list[str] = []
        self._pending = 0
        self._parts = 0
        self._size = 0

    def begin(self, text: str) -> None:
        self._pieces.append(text)
        self._pending = len(text.encode())

    def write(self, text: str) -> Iterator[Part]:
        size = len(text.encode())
        if self._pending + size <= self._part_bytes:
            self._pieces.append(text)
            self._pending += size
            return
        yield from self.finish()
        step = max(1, self._part_bytes // 4)  # a character is at most four bytes
        for start in range(0, len(text), step):
            piece = text[start : start + step]
            size = len(piece.encode())
            if self._pending + size > self._part_bytes:
                yield from self.finish()
            self._pieces.append(piece)
            self._pending += size

    def finish(self) -> Iterator[Part]:
        if not self._pieces:
            return
        content = "".join(self._pieces)
        encoded = content.encode()
        self._digest.update(encoded)
        self._size += len(encoded)
        self._pieces, self._pending = [], 0
        self._parts += 1
        yield Part(self._format, self._parts - 1, content)

    def told(self) -> ExtractFile:
        return ExtractFile(format=self._format, parts=self._parts, size=self._size, sha256=self._digest.hexdigest())


def _csv_rows(statement: Statement) -> Iterator[tuple[str, ...]]:
    municipality = statement.municipality
    card = (_text(statement.card_id), str(statement.year), municipality, _text(MUNICIPALITIES[municipality]))
    year = (kroner(statement.allowance), _yes(statement.provisional), str(statement.revision))
    match statement:
        case TaxStatementUpdated():
            for line in statement.employers:
                amounts = _amounts(line.reports, line.reported, line.exempt, line.excess)
                disputed = _yes(line.cvr in statement.disputed_employers)
                yield (_text(statement.cpr), *card, line.cvr, *amounts, *year, disputed)
        case FollowUpStatementUpdated():
            amounts = _amounts(statement.reports, statement.reported, statement.exempt, statement.excess)
            yield (*card, *amounts, *year, _yes(statement.disputed))


def _amounts(reports: int, reported: int, exempt: int, excess: int) -> tuple[str, ...]:
    return (str(reports), kroner(reported), kroner(exempt), kroner(excess))


def _yes(holds: bool) -> str:
    return "ja" if holds else "nej"


def kroner(ore: int) -> str:
    """``ore`` as a Danish spreadsheet reads it: ``42766,00``."""
    return f"{ore // 100},{ore % 100:02d}"


def _text(value: str) -> str:
    """``value`` so that a spreadsheet never takes it for a formula."""
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value


def _csv_line(cells: tuple[str, ...]) -> str:
    line = StringIO()
    csv.writer(line, delimiter=";", lineterminator="\r\n").writerow(cells)
    return line.getvalue()
