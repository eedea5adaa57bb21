"""The allowance table file, and the split of an amount into exempt and excess."""

from __future__ import annotations

from pathlib import Path

import pytest
from frikort_contracts.rules.allowances import split
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.allowance_file import load_allowances

SHIPPED = Path(__file__).parents[2] / "deploy" / "allowances.toml"


def test_the_allowances_and_rates_are_those_of_the_law() -> None:
    table = load_allowances(SHIPPED)
    in_kroner = {year: row.allowance / 100 for year, row in table.items() if not row.provisional}
    assert in_kroner == {
        2019: 20_000, 2020: 20_000, 2021: 20_000, 2022: 20_000, 2023: 40_000, 2024: 41_280, 2025: 42_766,
    }  # fmt: skip
    assert table[2025].hourly_rate == 29_554
    assert table[2019].hourly_rate == 24_173


def test_2026_is_provisional_with_the_amounts_of_2025() -> None:
    table = load_allowances(SHIPPED)
    assert table[2026].provisional
    assert table[2026].model_copy(update={"provisional": False}) == table[2025]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        pytest.param("[2025]\nincome_limit = 1\n", "2025.allowance", id="no allowance"),
        pytest.param("[2025]\nallowance = 42766.00\nincome_limit = 1\n", "2025.allowance", id="a decimal fraction"),
        pytest.param("[2025]\nallowance = 0\nincome_limit = 1\n", "2025.allowance", id="nothing"),
        pytest.param("[2025]\nallowance = -1\nincome_limit = 1\n", "2025.allowance", id="negative"),
        pytest.param("[2025]\nallowance = 1\nincome_limit = 1\nrate = 2\n", "2025.rate", id="unknown field"),
        pytest.param("[1999]\nallowance = 1\nincome_limit = 1\n", "1999", id="a year before the scheme"),
        pytest.param("[next]\nallowance = 1\nincome_limit = 1\n", "next", id="no year"),
        pytest.param("2025 = 1\n", "2025", id="no row"),
        pytest.param("[2025\n", "line 1", id="no TOML"),
        pytest.param("[2025]\n[2025]\n", "2025", id="twice"),
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
