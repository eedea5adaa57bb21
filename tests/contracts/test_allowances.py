"""The allowance table file, and the split of an amount into exempt and excess."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from frikort_contracts.rules.allowances import Allowance, AllowanceTable, hourly_rate, split
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.allowance_file import load_allowances

TODAY = date(2026, 11, 28)
AMOUNTS = "allowance = 1\nincome_limit = 1\n"
SHIPPED = Path(__file__).parents[2] / "deploy" / "allowances.toml"


def test_the_allowances_and_rates_are_those_of_the_law() -> None:
    table = load_allowances(SHIPPED)
    in_force = [table.in_force(year, TODAY) for year in table.years]
    in_kroner = {row.year: row.allowance / 100 for row in in_force if row is not None and not row.provisional}
    assert in_kroner == {
        2019: 20_000, 2020: 20_000, 2021: 20_000, 2022: 20_000, 2023: 40_000, 2024: 41_280, 2025: 42_766,
    }  # fmt: skip
    assert table.years[2025][0].hourly_rate == 29_554
    assert table.years[2019][0].hourly_rate == 24_173


def test_amounts_without_a_rate_keep_the_rate_before() -> None:
    first = Allowance(year=2025, allowance=100, income_limit=1, hourly_rate=295, effective_from=date(2025, 1, 1))
    settled = Allowance(
        year=2025, allowance=120, income_limit=1, effective_from=date(2025, 6, 1), correction=first.correction + 1
    )
    table = AllowanceTable(years={2025: (first, settled)})

    assert [hourly_rate(table, 2025, date(2025, month, 1)) for month in (1, 5, 6)] == [295, 295, 295]
    assert hourly_rate(table, 2024, date(2025, 1, 1)) is None


def test_2026_is_provisional_with_the_amounts_of_2025() -> None:
    table = load_allowances(SHIPPED)
    (present,), (before,) = table.years[2026], table.years[2025]
    assert present.provisional
    assert (present.allowance, present.income_limit, present.hourly_rate) == (
        before.allowance,
        before.income_limit,
        before.hourly_rate,
    )


@pytest.mark.parametrize(
    ("day", "allowance"),
    [
        pytest.param(date(2022, 12, 31), 2_000_000, id="before the year"),
        pytest.param(date(2023, 6, 30), 2_000_000, id="the day before"),
        pytest.param(date(2023, 7, 1), 4_000_000, id="the day"),
        pytest.param(date(2024, 1, 1), 4_000_000, id="after the year"),
    ],
)
def test_the_allowance_of_2023_rose_on_1_july(day: date, allowance: int) -> None:
    """E2."""
    row = load_allowances(SHIPPED).in_force(2023, day)
    assert row is not None
    assert row.allowance == allowance


@pytest.mark.parametrize(
    ("text", "row"),
    [
        pytest.param("[2025]\nincome_limit = 1\n", "2025.0.allowance", id="no allowance"),
        pytest.param("[2025]\nallowance = 42766.00\nincome_limit = 1\n", "2025.0.allowance", id="a decimal fraction"),
        pytest.param("[2025]\nallowance = 0\nincome_limit = 1\n", "2025.0.allowance", id="nothing"),
        pytest.param("[2025]\nallowance = -1\nincome_limit = 1\n", "2025.0.allowance", id="negative"),
        pytest.param("[2025]\nallowance = 1\nincome_limit = 1\nrate = 2\n", "2025.0.rate", id="unknown field"),
        pytest.param("[1999]\nallowance = 1\nincome_limit = 1\n", "1999", id="a year before the scheme"),
        pytest.param("[next]\nallowance = 1\nincome_limit = 1\n", "next", id="no year"),
        pytest.param("2025 = 1\n", "2025", id="no row"),
        pytest.param("[2025\n", "line 1", id="no TOML"),
        pytest.param("[2025]\n[2025]\n", "2025", id="twice"),
        pytest.param("2025 = []\n", "2025: no amounts from 1 January", id="an empty year"),
        pytest.param(
            f"[[2025]]\neffective_from = 2025-01-02\n{AMOUNTS}",
            "2025: no amounts from 1 January",
            id="not from 1 January",
        ),
        pytest.param(
            f"[[2025]]\n{AMOUNTS}[[2025]]\n{AMOUNTS}", "2025: twice 2025/2025-01-01", id="two without an order"
        ),
        pytest.param(f'[2025]\neffective_from = "soon"\n{AMOUNTS}', "2025.0.effective_from", id="no day"),
    ],
)
def test_a_bad_file_is_refused_with_its_name_and_the_row(tmp_path: Path, text: str, row: str) -> None:
    path = tmp_path / "table.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match="the allowance table") as refused:
        load_allowances(path)
    assert str(path) in str(refused.value)
    assert row in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the allowance table .*absent\.toml cannot be used"):
        load_allowances(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("amount", "remaining", "exempt", "excess"),
    [
        pytest.param(100, 300, 100, 0, id="wholly inside"),
        pytest.param(300, 300, 300, 0, id="to the øre"),
        pytest.param(301, 300, 300, 1, id="an øre above"),
        pytest.param(100, 0, 0, 100, id="nothing left"),
        pytest.param(100, -5, 0, 100, id="less than nothing left"),
        pytest.param(0, 300, 0, 0, id="withdrawn"),
    ],
)
def test_the_exempt_part_is_at_most_what_remains(amount: int, remaining: int, exempt: int, excess: int) -> None:
    assert split(amount, remaining) == (exempt, excess)


@given(st.integers(0, 10**9), st.integers(-(10**9), 10**9))
def test_exempt_and_excess_add_up_to_the_amount(amount: int, remaining: int) -> None:
    exempt, excess = split(amount, remaining)
    assert exempt + excess == amount
    assert 0 <= exempt <= max(remaining, 0)
    assert excess >= 0


NEW_YEAR = date(2025, 1, 1)
rows_of_2025 = st.lists(
    st.builds(
        Allowance,
        year=st.just(2025),
        allowance=st.integers(1, 9),
        income_limit=st.just(1),
        provisional=st.booleans(),
        effective_from=st.dates(NEW_YEAR, date(2026, 3, 1)),
        correction=st.integers(0, 2),
    ),
    unique_by=lambda row: row.version,
    max_size=6,
).map(lambda rows: (Allowance(year=2025, allowance=1, income_limit=1, effective_from=date(2024, 12, 1)), *rows))
days = st.dates(date(2024, 11, 1), date(2026, 6, 1))


@given(rows_of_2025, days)
def test_the_amounts_in_force_are_the_greatest_that_have_taken_effect(rows: tuple[Allowance, ...], day: date) -> None:
    table = AllowanceTable(years={2025: rows})
    in_force, announced = table.in_force(2025, day), table.announced(2025, day)
    assert in_force in rows
    effective = [row for row in rows if row not in announced]
    assert all(row.effective_from <= max(day, NEW_YEAR) for row in effective)
    assert in_force == max(effective, key=lambda row: (row.effective_from, not row.provisional, row.correction))


@given(rows_of_2025, days, st.integers(0, 500), st.data())
def test_what_is_in_force_only_grows_with_time_and_with_rows(
    rows: tuple[Allowance, ...], day: date, later: int, data: st.DataObject
) -> None:
    fewer = rows[: data.draw(st.integers(1, len(rows)))]
    before = AllowanceTable(years={2025: fewer}).in_force(2025, day)
    after = AllowanceTable(years={2025: rows}).in_force(2025, day + timedelta(days=later))
    assert before is not None
    assert after is not None
    assert before.version <= after.version


def test_final_amounts_replace_provisional_ones_and_a_correction_replaces_final_ones() -> None:
    """E1."""
    provisional = Allowance(
        year=2026, allowance=4_276_600, income_limit=1, provisional=True, effective_from=date(2026, 1, 1)
    )
    final = provisional.model_copy(update={"allowance": 4_390_000, "provisional": False})
    corrected = final.model_copy(update={"allowance": 4_390_100, "correction": 1})
    table = AllowanceTable(years={2026: (corrected, provisional, final)})
    assert table.in_force(2026, TODAY) == corrected
    assert AllowanceTable(years={2026: (final, provisional)}).in_force(2026, TODAY) == final
    assert table.in_force(2027, TODAY) is None
