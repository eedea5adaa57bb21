"""The Danish identifiers, the calendar and the small value types."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from frikort_contracts.municipalities import MUNICIPALITIES
from frikort_contracts.values import (
    Actor,
    CardNumber,
    Components,
    Cpr,
    Cvr,
    MunicipalityCode,
    Ore,
    Period,
    Reference,
    WorkPeriod,
    birth_date_of,
    danish_day,
    is_cvr,
    redact_cpr,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError


def valid(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("cpr", "born"),
    [
        # Digit 7 and the year give the century: the first and last year of each row of the official table.
        pytest.param("0101000001", date(1900, 1, 1), id="0, year 00: 1900"),
        pytest.param("3112993999", date(1999, 12, 31), id="3, year 99: 1999"),
        pytest.param("0101004000", date(2000, 1, 1), id="4, year 00: 2000"),
        pytest.param("0101364000", date(2036, 1, 1), id="4, year 36: 2036"),
        pytest.param("0101374000", date(1937, 1, 1), id="4, year 37: 1937"),
        pytest.param("0101994000", date(1999, 1, 1), id="4, year 99: 1999"),
        pytest.param("0101005000", date(2000, 1, 1), id="5, year 00: 2000"),
        pytest.param("0101578999", date(2057, 1, 1), id="8, year 57: 2057"),
        pytest.param("0101585000", date(1858, 1, 1), id="5, year 58: 1858"),
        pytest.param("0101998000", date(1899, 1, 1), id="8, year 99: 1899"),
        pytest.param("0101369000", date(2036, 1, 1), id="9, year 36: 2036"),
        pytest.param("0101379000", date(1937, 1, 1), id="9, year 37: 1937"),
        pytest.param("6101901234", date(1990, 1, 1), id="synthetic: day + 60, first"),
        pytest.param("9112901234", date(1990, 12, 31), id="synthetic: day + 60, last"),
        pytest.param("2902004000", date(2000, 2, 29), id="29 February 2000, a leap year"),
    ],
)
def test_the_birth_date_is_in_the_cpr_number(cpr: str, born: date) -> None:
    assert birth_date_of(cpr) == born
    assert TypeAdapter(Cpr).validate_python(f"{cpr[:6]}-{cpr[6:]}") == cpr


def test_modulus_11_is_not_required_of_a_cpr_number() -> None:
    assert all(valid(Cpr, f"010190{serial:04d}") for serial in range(1000, 1020))


@pytest.mark.parametrize(
    "cpr",
    [
        pytest.param("3002901234", id="30 February"),
        pytest.param("2902001234", id="29 February 1900, no leap year"),
        pytest.param("0013901234", id="month 13"),
        pytest.param("0001901234", id="day 0"),
        pytest.param("6001901234", id="day 60, which is day 0 of the synthetic"),
        pytest.param("9201901234", id="day 92"),
        pytest.param("3201901234", id="day 32"),
        pytest.param("010190123", id="nine digits"),
        pytest.param("01019012345", id="eleven digits"),
        pytest.param("01-01901234", id="hyphen elsewhere"),
        pytest.param("010190 1234", id="blank"),
        pytest.param("٠١٠١٩٠١٢٣٤", id="other digits"),
        pytest.param("", id="empty"),
    ],
)
def test_an_invalid_cpr_number_is_refused(cpr: str) -> None:
    assert not valid(Cpr, cpr)


@pytest.mark.parametrize("cvr", ["10000009", "10000017", "20304057"])
def test_a_cvr_number_keeps_modulus_11(cvr: str) -> None:
    assert is_cvr(cvr)
    # One wrong digit is always noticed.
    for place in range(8):
        for digit in set("0123456789") - {cvr[place]}:
            assert not is_cvr(cvr[:place] + digit + cvr[place + 1 :])


@pytest.mark.parametrize("cvr", ["", "1000000", "100000090", "00000000", "1000000a", "DK10000009", "١٠٠٠٠٠٠٩"])
def test_an_invalid_cvr_number_is_refused(cvr: str) -> None:
    assert not valid(Cvr, cvr)


def test_card_numbers_are_five_digits_and_not_00000() -> None:
    assert all(valid(CardNumber, f"{number:05d}") for number in range(1, 100_000, 7))
    assert valid(CardNumber, "00001")
    assert valid(CardNumber, "99999")
    assert not any(
        valid(CardNumber, text) for text in ("00000", "1", "1234", "123456", "1234a", " 1234", "12345\n", 12345)
    )


def test_there_are_98_municipalities() -> None:
    assert len(MUNICIPALITIES) == 98
    assert (MUNICIPALITIES["101"], MUNICIPALITIES["849"]) == ("København", "Jammerbugt")
    assert sum(valid(MunicipalityCode, f"{code:03d}") for code in range(1000)) == 98


@pytest.mark.parametrize("kind", [Reference, Actor])
@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        pytest.param("løn 2025-05", True, id="plain"),
        pytest.param("0101901234", False, id="a CPR number"),
        pytest.param("010190-1234", False, id="with a hyphen"),
        pytest.param("løn 010190 1234 maj", False, id="with a blank, inside text"),
        pytest.param("x6101901234y", False, id="synthetic, between letters"),
        pytest.param("9999991234", True, id="ten digits that are no date"),
        pytest.param("20250101901234", True, id="more digits"),
        pytest.param("9999991234 0101901234", False, id="the second of two"),
        pytest.param("5c0cba0f-3c3b-4d8e-9d5e-0101901234ab", True, id="digits of a UUID"),
        pytest.param("ab010190-1234-4d8e-9d5e-9d5e9d5e9d5e", True, id="digits of a UUID across its hyphen"),
        pytest.param("5c0cba0f-3c3b-4d8e-9d5e-9d5e9d5e9d5e 0101901234", False, id="beside a UUID"),
        pytest.param("", False, id="empty"),
    ],
)
def test_a_reference_holds_no_cpr_number(kind: Any, text: str, allowed: bool) -> None:
    assert valid(kind, text) is allowed


def test_a_reference_has_at_most_64_characters_and_no_control_characters() -> None:
    assert valid(Reference, "a" * 64)
    assert not any(valid(Reference, text) for text in ("a" * 65, "a\nb", "a\x00", "a\x7f"))


@settings(max_examples=200)
@given(st.uuids())
def test_any_uuid_can_be_an_actor_and_is_logged_as_it_is(uuid: UUID) -> None:
    assert valid(Actor, str(uuid))
    assert redact_cpr(str(uuid)) == str(uuid)


@pytest.mark.parametrize(
    ("logged", "redacted"),
    [
        pytest.param("cpr 010190-1234!", "cpr [CPR]!", id="hyphen"),
        pytest.param("0101901234", "[CPR]", id="bare"),
        pytest.param("x0101901234y 6101901234", "x[CPR]y [CPR]", id="two"),
        pytest.param("3002901234", "[CPR]", id="also where the date is wrong"),
        pytest.param("12345678901", "12345678901", id="eleven digits"),
        pytest.param({"a": ["0101901234", 7], "b": ("010190 1234",)}, {"a": ["[CPR]", 7], "b": ["[CPR]"]}, id="nested"),
        pytest.param(None, None, id="nothing"),
        pytest.param(
            "5c0cba0f-3c3b-4d8e-9d5e-0101901234ab of 0101901234",
            "5c0cba0f-3c3b-4d8e-9d5e-0101901234ab of [CPR]",
            id="an id beside it stays",
        ),
    ],
)
def test_logs_show_no_cpr_number(logged: object, redacted: object) -> None:
    assert redact_cpr(logged) == redacted


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        pytest.param(datetime(2024, 12, 31, 22, 59, 59, tzinfo=UTC), date(2024, 12, 31), id="a second before New Year"),
        pytest.param(datetime(2024, 12, 31, 23, 0, tzinfo=UTC), date(2025, 1, 1), id="New Year is at 23 UTC"),
        pytest.param(datetime(2025, 7, 1, 21, 59, 59, tzinfo=UTC), date(2025, 7, 1), id="summer, before midnight"),
        pytest.param(datetime(2025, 7, 1, 22, 0, tzinfo=UTC), date(2025, 7, 2), id="summer, midnight is at 22 UTC"),
        pytest.param(datetime(2025, 3, 29, 23, 0, tzinfo=UTC), date(2025, 3, 30), id="the day the clock goes forward"),
        pytest.param(datetime(2025, 3, 30, 22, 0, tzinfo=UTC), date(2025, 3, 31), id="and the midnight after it"),
        pytest.param(datetime(2025, 10, 25, 22, 0, tzinfo=UTC), date(2025, 10, 26), id="the day the clock goes back"),
        pytest.param(datetime(2025, 10, 26, 22, 59, tzinfo=UTC), date(2025, 10, 26), id="which has 25 hours"),
    ],
)
def test_the_day_of_a_moment_is_the_danish_date(moment: datetime, day: date) -> None:
    assert danish_day(moment) == day


D = date(2025, 6, 1)


def period(first: int, last: int | None) -> Period:
    return Period(first=D + timedelta(first), last=None if last is None else D + timedelta(last))


periods = st.tuples(st.integers(0, 12), st.none() | st.integers(0, 8)).map(
    lambda pair: period(pair[0], None if pair[1] is None else pair[0] + pair[1])
)


def days(of: Period) -> set[date]:
    last = of.last or D + timedelta(40)  # "open" reaches beyond every closed one here
    return {of.first + timedelta(n) for n in range((last - of.first).days + 1)}


@settings(max_examples=300)
@given(periods, periods)
def test_periods_cover_and_overlap_as_their_days_do(one: Period, other: Period) -> None:
    assert one.overlaps(other) is other.overlaps(one) is bool(days(one) & days(other))
    assert one.covers(other) is (days(other) <= days(one))


@pytest.mark.parametrize(
    ("one", "other", "covers", "overlaps"),
    [
        pytest.param((0, 9), (0, 9), True, True, id="itself"),
        pytest.param((0, None), (3, None), True, True, id="open covers open"),
        pytest.param((0, 9), (3, None), False, True, id="closed never covers open"),
        pytest.param((0, 3), (3, 5), False, True, id="one day shared"),
        pytest.param((0, 3), (4, 5), False, False, id="next to each other"),
    ],
)
def test_a_period_covers_or_overlaps_another(
    one: tuple[int, int], other: tuple[int, int], covers: bool, overlaps: bool
) -> None:
    assert period(*one).covers(period(*other)) is covers
    assert period(*one).overlaps(period(*other)) is overlaps


@pytest.mark.parametrize("kind", [Period, WorkPeriod])
def test_a_period_does_not_end_before_it_begins(kind: type[Period | WorkPeriod]) -> None:
    assert kind(first=D, last=D).last == D
    with pytest.raises(ValidationError, match="the last day lies before the first"):
        kind(first=D, last=D - timedelta(1))


def test_a_work_period_has_a_last_day() -> None:
    with pytest.raises(ValidationError):
        WorkPeriod.model_validate({"first": D, "last": None})
    assert WorkPeriod(first=D, last=D).as_period() == Period(first=D, last=D)


def test_an_amount_is_an_integer_number_of_oere() -> None:
    assert not any(valid(Ore, amount) for amount in (1.0, "1", True, -1, 10**15 + 1, None))
    assert Components(wage=1, holiday_pay=2, atp=4, pension=8).total == 15
    with pytest.raises(ValidationError):
        Components.model_validate({"wage": 1, "bonus": 1})
