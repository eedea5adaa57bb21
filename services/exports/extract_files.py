"""Writes the files of an extract: takes statements, returns parts of text and the manifest with their digests.

Memory does not grow with the number of statements. Amounts are integer øre; only the CSV shows kroner.

The CSV is made for a Danish Excel: BOM, semicolons, decimal commas. For the tax agency it has one row for each employer
of a card, for others one row for each card; the sums over the rows are those of the manifest. The JSON
Lines file has one line for each card: the object that the authority's feed carries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256

from frikort_contracts.extracts import Authority, ExtractCompleted, ExtractFile, ExtractFormat
from frikort_contracts.municipalities import MUNICIPALITIES
from pydantic_core import to_json

from services.exports.feeds import StatementFields
from services.runtime import csv_writer
from services.runtime.csv_writer import kroner, text_cell

PART_BYTES = 256 * 1024

_CARD_HEADER = ("Kort-id", "År", "Kommunekode", "Kommune")
_AMOUNTS_HEADER = ("Antal indberetninger", "Indberettet (kr.)", "Skattefrit (kr.)", "Over beløbsgrænsen (kr.)")
_YEAR_HEADER = ("Årets beløbsgrænse (kr.)", "Foreløbig beløbsgrænse", "Udgave")
_DISPUTE_HEADER = ("Borgeren er uenig",)
_HEADERS = {
    Authority.SKAT: ("CPR (krypteret, JWE)", *_CARD_HEADER, "CVR", *_AMOUNTS_HEADER, *_YEAR_HEADER, *_DISPUTE_HEADER),
    Authority.STAR: (*_CARD_HEADER, *_AMOUNTS_HEADER, *_YEAR_HEADER, *_DISPUTE_HEADER),
}

# A digest releases Python's lock, so it is computed while the next rows are written.
_DIGEST_EXECUTOR = ThreadPoolExecutor(1, "extract-digest")


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part of a file; the file is the concatenation of its parts in the order of ``index``."""

    format: ExtractFormat
    index: int
    content: str


class ExtractFiles:
    """Writes both files of one extract together, so that they hold the same statements."""

    def __init__(self, authority: Authority, *, part_bytes: int = PART_BYTES) -> None:
        self._authority = authority
        self._csv = _File(ExtractFormat.CSV, part_bytes)
        self._json = _File(ExtractFormat.JSON_LINES, part_bytes)
        self._csv.begin((csv_writer.BOM + csv_writer.row(_HEADERS[authority])).encode())
        self._count = self._reported = self._exempt = self._excess = 0
        self._provisional = False

    @property
    def count(self) -> int:
        """The number of statements written."""
        return self._count

    def add(self, statements: Sequence[StatementFields]) -> Iterator[FilePart]:
        """Write statements; yield the parts that are full."""
        if not statements:
            return
        self._count += len(statements)
        for fields in statements:
            self._reported += fields["reported"]
            self._exempt += fields["exempt"]
            self._excess += fields["excess"]
            self._provisional = self._provisional or fields["provisional"]
        yield from self._csv.write("".join(_csv_lines(self._authority, fields) for fields in statements).encode())
        yield from self._json.write(b"\n".join([*map(to_json, statements), b""]))

    def finish(self) -> Iterator[FilePart]:
        """Yield the last parts."""
        yield from self._csv.finish()
        yield from self._json.finish()

    def manifest(self, *, extract_id: str, attempt: int, year: int, municipality: str | None) -> ExtractCompleted:
        """The manifest, once ``finish`` is exhausted."""
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
            files=(self._csv.summary(), self._json.summary()),
        )


class _File:
    """Splits UTF-8 text into parts of at most ``part_bytes`` and computes its digest."""

    def __init__(self, file_format: ExtractFormat, part_bytes: int) -> None:
        self._format = file_format
        self._part_bytes = part_bytes
        self._digest = sha256()
        self._digested: Future[None] = _DIGEST_EXECUTOR.submit(self._digest.update, b"")
        self._pending = bytearray()
        self._parts = 0
        self._size = 0

    def begin(self, text: bytes) -> None:
        self._pending += text

    def write(self, text: bytes) -> Iterator[FilePart]:
        self._pending += text
        while len(self._pending) > self._part_bytes:
            end = self._part_bytes
            while self._pending[end] & 0b1100_0000 == 0b1000_0000:  # inside a character
                end -= 1
            yield self._cut(end)

    def finish(self) -> Iterator[FilePart]:
        if self._pending:
            yield self._cut(len(self._pending))

    def _cut(self, end: int) -> FilePart:
        encoded = bytes(self._pending[:end])
        del self._pending[:end]
        self._digested.result()
        self._digested = _DIGEST_EXECUTOR.submit(self._digest.update, encoded)
        self._size += end
        self._parts += 1
        return FilePart(self._format, self._parts - 1, encoded.decode())

    def summary(self) -> ExtractFile:
        self._digested.result()
        return ExtractFile(format=self._format, parts=self._parts, size=self._size, sha256=self._digest.hexdigest())


def _csv_lines(authority: Authority, fields: StatementFields) -> str:
    """The rows of one statement. Only text passes ``text_cell``: inspecting every cell takes half the time."""
    card = f"{text_cell(fields['card_id'])};{fields['year']};{_MUNICIPALITY[fields['municipality']]}"
    year = f"{kroner(fields['allowance'])};{_yes(fields['provisional'])};{fields['revision']}"
    match authority:
        case Authority.SKAT:
            start, disputed = f"{text_cell(fields['cpr'] or '')};{card};", fields["disputed_employers"]
            return "".join(
                [
                    f"{start}{line['cvr']};{_amounts(line)};{year};{_yes(line['cvr'] in disputed)}\r\n"
                    for line in fields["employers"]
                ]
            )
        case Authority.STAR:
            return f"{card};{_amounts(fields)};{year};{_yes(fields['disputed'])}\r\n"


def _amounts(fields: StatementFields) -> str:
    return f"{fields['reports']};{kroner(fields['reported'])};{kroner(fields['exempt'])};{kroner(fields['excess'])}"


def _yes(value: bool) -> str:
    return "ja" if value else "nej"


_MUNICIPALITY = {code: f"{code};{text_cell(name)}" for code, name in MUNICIPALITIES.items()}
