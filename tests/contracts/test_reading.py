"""Reading of amounts, days, numbers and texts that people write; a row is named after the case that it holds."""

from __future__ import annotations

import time
import unicodedata
from datetime import date
from typing import Any, Final

import pytest
from frikort_contracts.http.common import PersonName, Text
from frikort_contracts.http.employments import Email, Label, Phone
from frikort_contracts.rules import reading
from frikort_contracts.rules.reading import DecimalSign, plain_text
from frikort_contracts.values import Reference
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

DANISH: Final[DecimalSign] = ","
ENGLISH: Final[DecimalSign] = "."
DIRECTIONS: Final = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
INVISIBLE: Final = "\u00ad\u200b\u2060\ufeff\u3164\U000e0041"


class TestAmounts:
    @pytest.mark.parametrize(
        ("text", "ore"),
        [
            ("1234,5", 123_450),
            ("1 234,50 kr.", 123_450),
            ("1\u00a0234,50", 123_450),
            ("100,-", 10_000),
            ("kr 100", 10_000),
            ("kr. 100,00", 10_000),
            ("DKK 1.234", 123_400),
            ("1.000.000", 100_000_000),
            ("1234.50", 123_450),
            ("1,234.50", 123_450),
            ("1,234,567", 123_456_700),
            ("-1.234,50", -123_450),
            ("\u2212 5", -500),
        ],
    )
    def test_t5_an_amount_that_can_mean_only_one_thing_is_read(self, text: str, ore: int) -> None:
        assert reading.amount(text, DANISH) == ore

    @pytest.mark.parametrize(
        "text",
        [
            "1,234",
            "1.5",
            "1.2345",
            "1.23,50",
            "1.234.56",
            "12,",
            ",5",
            "+1",
            "1e3",
            "--1",
            "1..000",
            "\u0661",
            "kr",
            "",
        ],
    )
    def test_t5_an_amount_that_could_mean_two_things_or_none_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="amount"):
            reading.amount(text, DANISH)

    @given(st.integers(-(10**14), 10**14))
    def test_every_notation_of_an_amount_means_the_same_oere(self, ore: int) -> None:
        kroner, rest, minus = abs(ore) // 100, abs(ore) % 100, "-" if ore < 0 else ""
        for whole in (f"{kroner:,}".replace(",", "."), f"{kroner:,}".replace(",", " "), str(kroner)):
            notations = {
                f"{minus}{whole},{rest:02d}",
                f"{minus}{whole},{rest:02d} kr.",
                f"kr. {minus}{whole},{rest:02d}",
            }
            if rest == 0:
                notations |= {f"{minus}{whole}", f"{minus}{whole},-"}
            if rest % 10 == 0:
                notations.add(f"{minus}{whole},{rest // 10}")
            assert {reading.amount(text, DANISH) for text in notations} == {ore}

    @given(st.text(alphabet="0123456789., -kr", max_size=14))
    def test_no_text_means_different_amounts_in_danish_and_english(self, text: str) -> None:
        meant = set()
        for sign in (DANISH, ENGLISH):
            try:
                meant.add(reading.amount(text, sign))
            except ValueError:
                continue
        assert len(meant) <= 1


class TestDays:
    @pytest.mark.parametrize("text", ["01-03-2025", "1.3.2025", "1/3/2025", "1 3 2025", "2025-03-01"])
    def test_a_danish_or_an_iso_day_is_read(self, text: str) -> None:
        assert reading.day(text) == date(2025, 3, 1)

    @pytest.mark.parametrize("text", ["31-02-2025", "1-3/2025", "1-3-25", "20250301", "1-3-1899", "1-3-2200", ""])
    def test_a_day_that_does_not_exist_or_has_another_form_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="day"):
            reading.day(text)

    @given(st.dates(date(1900, 1, 1), date(2199, 12, 31)))
    def test_the_notations_of_a_day_mean_the_same_day(self, day: date) -> None:
        notations = [day.isoformat(), f"{day:%d-%m-%Y}", f"{day.day}.{day.month}.{day.year}"]
        assert {reading.day(text) for text in notations} == {reading.iso_day(day.isoformat())} == {day}


class TestNumbers:
    def test_t10_a_spreadsheet_may_remove_the_leading_zeros_of_a_card_number(self) -> None:
        assert reading.card_number("8131", zeros_lost=True) == reading.card_number("08 131") == "08131"

    @pytest.mark.parametrize("text", ["8131", "00000", "123456", "1234x", "\u0661\u0662\u0663\u0664\u0665", ""])
    def test_t10_elsewhere_a_card_number_has_five_digits(self, text: str) -> None:
        with pytest.raises(ValueError, match="five digits"):
            reading.card_number(text)

    @pytest.mark.parametrize("text", ["", "0", "000000", "x"])
    def test_a_spreadsheet_does_not_make_a_card_number_of_something_else(self, text: str) -> None:
        with pytest.raises(ValueError, match="five digits"):
            reading.card_number(text, zeros_lost=True)

    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("(+45) 12345678", "+45 12 34 56 78"),
            ("12-34-56-78", "12 34 56 78"),
            ("0045 1234 5678", "+45 12 34 56 78"),
            ("+46 70-123 45 67", "+46701234567"),
        ],
    )
    def test_t8_the_common_forms_of_a_phone_number_are_read(self, text: str, number: str) -> None:
        assert reading.phone_number(text) == number
        assert reading.phone_number(number) == number

    @pytest.mark.parametrize("text", ["call me", "1234", "1" * 16, "+", "12 34 56 78 lok. 9", ""])
    def test_a_text_that_is_no_phone_number_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="phone"):
            reading.phone_number(text)


class TestTexts:
    @pytest.mark.parametrize("of", [Reference, PersonName, Text, Label, Email, Phone])
    def test_t3_direction_controls_and_invisible_characters_are_removed_from_every_text(self, of: Any) -> None:
        adapter: TypeAdapter[str] = TypeAdapter(of)
        shown = {Email: "bo@example.dk", Phone: "12 34 56 78"}.get(of, "Løn 1.000 kr.")
        hidden = "".join(
            f"{extra}{letter}" for extra, letter in zip(10 * (DIRECTIONS + INVISIBLE), shown, strict=False)
        )
        assert adapter.validate_python(hidden) == adapter.validate_python(shown) == shown

    @pytest.mark.parametrize(
        "text",
        [
            "Café ☕😀 nov",
            "👩\u200d🚀",
            "❤\ufe0f\u200d🔥",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0936\u0915\u094d\u200d\u0924\u093f",
            "עברית 12",
        ],
    )
    def test_t3_scripts_and_emoji_keep_what_they_need(self, text: str) -> None:
        assert plain_text(text) == text

    @pytest.mark.parametrize("text", ["A\u200d1", "\u200d", "❤\u200d", "a\ufe0f"])
    def test_t3_a_joiner_that_joins_nothing_is_removed(self, text: str) -> None:
        assert not {"\u200d", "\ufe0f"} & set(plain_text(text))

    def test_t3_a_cpr_number_cannot_hide_behind_an_invisible_character(self) -> None:
        with pytest.raises(ValueError, match="CPR"):
            TypeAdapter(Reference).validate_python("61018\u200b01234")

    @given(st.text())
    def test_t3_a_read_text_has_no_direction_control_and_is_read_as_itself(self, text: str) -> None:
        read = plain_text(text)
        assert not set(DIRECTIONS) & set(read)
        assert plain_text(read) == read
        assert unicodedata.is_normalized("NFC", read)


@pytest.mark.parametrize(
    "text", ["1" + 60_000 * " " + "1", "9" * 60_000, 30_000 * "1.", 30_000 * "a\u200d", "-" * 60_000]
)
def test_t7_reading_takes_no_long_time(text: str) -> None:
    began = time.perf_counter()
    plain_text(text)
    for read in (reading.day, reading.iso_day, reading.whole_ore, reading.card_number, reading.phone_number):
        with pytest.raises(ValueError, match="not"):
            read(text)
    for sign in (DANISH, ENGLISH):
        with pytest.raises(ValueError, match="amount"):
            reading.amount(text, sign)
    assert time.perf_counter() - began < 0.5
