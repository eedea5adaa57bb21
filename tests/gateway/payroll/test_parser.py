"""Payroll files are read strictly: the three formats are equivalent, and anything else is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final

import pytest
from frikort_contracts.http.payroll import DANISH_CSV_COLUMNS, DANISH_CSV_DELIMITER, BatchLineBody
from hypothesis import example, given
from hypothesis import strategies as st

from services.gateway.employer.payroll_router import DANISH_EXAMPLE, ENGLISH_EXAMPLE, JSON_EXAMPLE
from services.gateway.payroll.lines import InvalidLine, validated
from services.gateway.payroll.parser import (
    DANISH,
    ENGLISH,
    LONGEST_LINE,
    Csv,
    FileFormat,
    JsonLines,
    LineDecoder,
    Splitter,
)
from services.gateway.payroll.upload import FILE_FORMATS
from services.gateway.problems import ProblemError

CPR: Final = "6101801234"
DAYS: Final = st.dates(date(2019, 1, 1), date(2030, 12, 31))
AMOUNTS: Final = st.integers(0, 10**9)


def pieces_of(content: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
    return [content[start:end] for start, end in pairwise(places)]


def read(file_format: FileFormat, content: bytes, cuts: Sequence[int] = ()) -> list[BatchLineBody | InvalidLine]:
    """Every line of a file, parsed and validated."""
    splitter, decoder, found = Splitter(10_000), LineDecoder(), []
    raw = [line for piece in pieces_of(content, cuts) for line in splitter.feed(piece)]
    for line in [*raw, *splitter.finish()]:
        text = decoder.decode(line)
        fields = text if isinstance(text, InvalidLine) else file_format.read(line.number, text)
        if fields is not None:
            found.append(fields if isinstance(fields, InvalidLine) else validated(fields, file_format.names))
    return found


def problem_of(file_format: FileFormat, content: bytes) -> ProblemError:
    with pytest.raises(ProblemError) as raised:
        read(file_format, content)
    return raised.value


def errors(line: BatchLineBody | InvalidLine) -> list[tuple[str, str]]:
    assert isinstance(line, InvalidLine)
    return [(wrong.field, wrong.message.removeprefix("Value error, ")) for wrong in line.errors]


@st.composite
def reports(draw: st.DrawFn) -> dict[str, Any]:
    """The body of a line, whose reference may look like anything that a reference may be."""
    first, length = draw(DAYS), draw(st.integers(0, 40))
    named = draw(st.sampled_from([{"card_number": "12345"}, {"employment_id": "e-1"}]))
    letters = st.characters(codec="utf-8", exclude_categories=["C", "Z", "Nd"])
    return {
        **named,
        "reference": draw(st.text(letters, min_size=1, max_size=20)),
        "work": {"first": first.isoformat(), "last": (first + timedelta(days=length)).isoformat()},
        "payment_date": draw(DAYS).isoformat(),
        "components": {
            "wage_ore": draw(AMOUNTS),
            "holiday_pay_ore": draw(AMOUNTS),
            "atp_ore": draw(AMOUNTS),
            "pension_ore": draw(AMOUNTS),
        },
        "allow_duplicate": draw(st.booleans()),
    }


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def danish(body: dict[str, Any], *, dots: bool = False) -> str:
    """The row that a Danish spreadsheet saves."""

    def money(ore: int) -> str:
        whole = f"{ore // 100:,}".replace(",", ".") if dots else str(ore // 100)
        return f"{whole},{ore % 100:02d}"

    def day(text: str) -> str:
        return date.fromisoformat(text).strftime("%d-%m-%Y")

    parts = body["components"]
    cells = [
        body.get("employment_id", ""),
        body.get("card_number", ""),
        quoted(body["reference"]),
        day(body["work"]["first"]),
        day(body["work"]["last"]),
        day(body["payment_date"]),
        *(money(parts[name]) for name in ("wage_ore", "holiday_pay_ore", "atp_ore", "pension_ore")),
        "ja" if body["allow_duplicate"] else "nej",
    ]
    return ";".join(cells)


def english(body: dict[str, Any]) -> str:
    parts = body["components"]
    cells = [
        body.get("employment_id", ""),
        body.get("card_number", ""),
        quoted(body["reference"]),
        body["work"]["first"],
        body["work"]["last"],
        body["payment_date"],
        *(str(parts[name]) for name in ("wage_ore", "holiday_pay_ore", "atp_ore", "pension_ore")),
        "true" if body["allow_duplicate"] else "false",
    ]
    return ",".join(cells)


DANISH_HEADER: Final = (
    "Ansættelse;Frikortnummer;Reference;Arbejde fra;Arbejde til;Betalingsdag;"
    "Løn (kr.);Feriepenge (kr.);ATP (kr.);Pension (kr.);Tillad dublet"
)
ENGLISH_HEADER: Final = (
    "employment_id,card_number,reference,work_first,work_last,payment_date,"
    "wage_ore,holiday_pay_ore,atp_ore,pension_ore,allow_duplicate"
)


class TestFormats:
    @given(
        st.lists(reports(), min_size=1, max_size=4),
        st.lists(st.integers(0, 5000), max_size=6),
        st.sampled_from(["\n", "\r\n"]),
        st.sampled_from(["", "\ufeff"]),
        st.booleans(),
    )
    def test_reports_are_equal_in_every_format_and_however_the_file_is_split(
        self, bodies: list[dict[str, Any]], cuts: list[int], end: str, mark: str, dots: bool
    ) -> None:
        expected = [BatchLineBody.model_validate(body) for body in bodies]
        in_json = [json.dumps(body, ensure_ascii=False) for body in bodies]
        in_danish = [DANISH_HEADER, *(danish(body, dots=dots) for body in bodies)]
        in_english = [ENGLISH_HEADER, *(english(body) for body in bodies)]
        for file_format, rows in ((JsonLines(), in_json), (Csv(), in_danish), (Csv(), in_english)):
            content = (mark + end.join(rows) + end).encode()
            assert read(file_format, content, cuts) == expected

    def test_the_documented_examples_are_valid_files(self) -> None:
        lines = [
            *read(JsonLines(), JSON_EXAMPLE.encode()),
            *read(Csv(), DANISH_EXAMPLE.encode()),
            *read(Csv(), ENGLISH_EXAMPLE.encode()),
        ]
        assert lines == [lines[0]] * 3
        assert isinstance(lines[0], BatchLineBody)

    @pytest.mark.parametrize("media_type", FILE_FORMATS)
    @given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
    def test_arbitrary_bytes_are_accepted_or_refused(self, media_type: str, content: bytes) -> None:
        try:
            lines = read(FILE_FORMATS[media_type](), content)
        except ProblemError as refused:
            result = refused.code
        else:
            result = "every line" if all(isinstance(line, InvalidLine) for line in lines) else "accepted"
        assert result in {"batch-not-utf8", "batch-columns-wrong", "every line"}

    @given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=5), max_size=8))
    @example(["", "\ufeff"])
    @example(["\ufeff", "a"])
    def test_empty_lines_are_counted_and_skipped(self, texts: list[str]) -> None:
        splitter = Splitter(10_000)
        content = "\n".join(texts).encode()
        found = [*splitter.feed(content), *splitter.finish()]
        # A byte order mark is left out at the beginning of the file only.
        lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        assert [line.number for line in found] == [number for number, line in enumerate(lines, 1) if line.strip()]

    def test_an_endless_line_is_not_buffered(self) -> None:
        splitter = Splitter(10_000)
        found = [line for _ in range(100) for line in splitter.feed(b"x" * LONGEST_LINE)]
        assert len(splitter._rest) <= 2 * LONGEST_LINE
        found += [*splitter.feed(b"\n{}\n"), *splitter.finish()]
        assert [(line.number, line.content) for line in found] == [(1, None), (2, b"{}")]


class TestCsv:
    @pytest.mark.parametrize(
        ("header", "missing", "strange"),
        [
            ("Reference;Arbejde fra;Arbejde til;Betalingsdag;Løn (kr.)", "Ansættelse/Frikortnummer", "-"),
            ("Frikortnummer;Reference;Arbejde fra;Arbejde til;Betalingsdag", "Løn (kr.)", "-"),
            ("Frikortnummer;Reference;Arbejde fra;Arbejde til;Betalingsdag;Løn (kr.);Timer", "-", "7"),
            ("Frikortnummer;Reference;Reference;Arbejde fra;Arbejde til;Betalingsdag;Løn (kr.)", "-", "3"),
            ("card_number,reference,work_first,work_last,payment_date,wage", "wage_ore", "6"),
            ("frikortnummer;Reference;Arbejde fra;Arbejde til;Betalingsdag;Løn (kr.)", "Ansættelse/Frikortnummer", "1"),
        ],
    )
    def test_unknown_columns_are_named(self, header: str, missing: str, strange: str) -> None:
        refused = problem_of(Csv(), header.encode())
        assert refused.code == "batch-columns-wrong"
        assert (refused.facts["missing"], refused.facts["strange"]) == (missing, strange)
        assert refused.facts["danish"] == DANISH.delimiter.join(DANISH.all_names)
        assert refused.facts["english"] == ENGLISH.delimiter.join(ENGLISH.all_names)

    def test_the_separator_must_match_the_language_of_the_columns(self) -> None:
        for header in (DANISH_HEADER.replace(";", ","), ENGLISH_HEADER.replace(",", ";")):
            assert problem_of(Csv(), header.encode()).code == "batch-columns-wrong"

    def test_a_file_without_column_names_is_refused_and_not_repeated(self) -> None:
        refused = problem_of(Csv(), f"{CPR};2025-03;Karla".encode())
        assert CPR not in str(refused.facts)
        assert "Karla" not in str(refused.facts)

    @pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
    def test_another_encoding_is_refused_with_its_line(self, encoding: str) -> None:
        content = f"{ENGLISH_HEADER}\ne,,løn,2025-03-01,2025-03-31,2025-03-31,1,,,,\n".encode(encoding)
        refused = problem_of(Csv(), content)
        assert (refused.code, refused.facts) == ("batch-not-utf8", {"line": 1 if encoding == "utf-16" else 2})

    def test_optional_cells_may_be_empty_and_empty_rows_are_skipped(self) -> None:
        content = f"{DANISH_HEADER}\n;12345;r;2025-03-01;31-03-2025;31-03-2025;1;;;;\n;;;;;;;;;;\n"
        (line,) = read(Csv(), content.encode())
        assert isinstance(line, BatchLineBody)
        assert (line.components.wage_ore, line.components.pension_ore, line.allow_duplicate) == (100, 0, False)

    @pytest.mark.parametrize(
        ("cells", "expected"),
        [
            (";12345;r;01-03-2025;31-03-2025;31-03-2025;16,500;;;;", [("Løn (kr.)", "not an amount in kroner")]),
            (";12345;r;01-03-2025;31-03-2025;31-03-2025;-1;;;;", [("Løn (kr.)", "the amount is negative")]),
            (";12345;r;01-03-2025;31-03-2025;31-03-2025;;;;;", [("Løn (kr.)", "Field required")]),
            (
                ";12345;r;31-02-2025;31-03-2025;03/31/2025;1;;;;",
                [
                    ("Arbejde fra", "not a day as DD-MM-YYYY or YYYY-MM-DD"),
                    ("Betalingsdag", "not a day as DD-MM-YYYY or YYYY-MM-DD"),
                ],
            ),
            (
                ";12345;r;31-03-2025;01-03-2025;31-03-2025;1;;;;",
                [("Arbejde til", "the last day lies before the first")],
            ),
            (";12345;r;01-03-2025;31-03-2025;31-03-2025;1;;;;måske", [("Tillad dublet", "must be ja or nej")]),
            (
                ";;r;01-03-2025;31-03-2025;31-03-2025;1;;;;",
                [("Frikortnummer", "give either employment_id or card_number")],
            ),
            (
                "e;12345;r;01-03-2025;31-03-2025;31-03-2025;1;;;;",
                [("Frikortnummer", "give either employment_id or card_number")],
            ),
            (f";12345;{CPR};01-03-2025;31-03-2025;31-03-2025;1;;;;", [("Reference", "must not contain a CPR number")]),
            (";12345;r;01-03-2025;31-03-2025;31-03-2025;1;;;", [("", "not as many cells as there are columns")]),
            (';12345;"r;01-03-2025;31-03-2025;31-03-2025;1;;;;', [("", "the quotation marks do not match")]),
        ],
    )
    def test_an_error_names_its_column_and_does_not_repeat_the_cell(
        self, cells: str, expected: list[tuple[str, str]]
    ) -> None:
        (line,) = read(Csv(), f"{DANISH_HEADER}\n{cells}\n".encode())
        assert errors(line) == expected
        assert isinstance(line, InvalidLine)
        assert line.number == 2
        assert CPR not in str(line)


class TestJsonLines:
    @pytest.mark.parametrize("text", ["[]", "7", "null", "{", "NaN", "[" * 5000, "9" * 5000, '"x"'])
    def test_a_line_that_is_not_an_object_is_invalid(self, text: str) -> None:
        (line,) = read(JsonLines(), text.encode())
        assert errors(line) == [("", "not a JSON object on one line")]

    def test_an_error_has_a_pointer_and_the_reference_of_its_line(self) -> None:
        body = json.loads(JSON_EXAMPLE) | {"components": {"wage_ore": 1.5}, "bonus": CPR}
        (line,) = read(JsonLines(), json.dumps(body).encode())
        assert [field for field, _ in errors(line)] == ["/components/wage_ore", "/bonus"]
        assert isinstance(line, InvalidLine)
        assert line.reference == body["reference"]
        assert CPR not in str(line)

    def test_a_line_that_is_too_long_is_invalid(self) -> None:
        (line,) = read(JsonLines(), b'{"reference": "' + b"x" * LONGEST_LINE + b'"}')
        assert errors(line) == [("", "the line is too long")]


def test_the_contract_names_the_columns_of_a_danish_file() -> None:
    assert (DANISH.delimiter, tuple(DANISH.all_names)) == (DANISH_CSV_DELIMITER, DANISH_CSV_COLUMNS)
