"""The table of amounts that everyone can read has the rate by which hours are counted."""

from __future__ import annotations

from datetime import date

from frikort_contracts.rules.allowances import Allowance, AllowanceTable

from services.gateway import presenters
from services.gateway.cards.presenters import balances

FIRST = Allowance(
    year=2025, allowance=100, income_limit=1, hourly_rate=295, provisional=True, effective_from=date(2025, 1, 1)
)
SETTLED = Allowance(year=2025, allowance=120, income_limit=1, effective_from=date(2025, 6, 1))
ANNOUNCED = Allowance(year=2025, allowance=130, income_limit=1, effective_from=date(2025, 12, 1))
TABLE = AllowanceTable(years={2025: (FIRST, SETTLED, ANNOUNCED)})


def test_amounts_without_a_rate_are_shown_with_the_rate_that_cards_are_counted_by() -> None:
    for day in (date(2025, 5, 31), date(2025, 6, 1), date(2025, 12, 1), date(2026, 1, 1)):
        (row,) = presenters.allowances(TABLE, day).allowances
        assert row.hourly_rate_ore == 295
        if day.year == row.year:
            (card,) = balances([], day, TABLE).balances
            assert (card.hourly_rate_ore, card.allowance_ore) == (row.hourly_rate_ore, row.allowance_ore)


def test_announced_amounts_have_the_rate_of_their_first_day() -> None:
    july = ANNOUNCED.model_copy(update={"hourly_rate": 300, "effective_from": date(2025, 7, 1)})
    table = AllowanceTable(years={2025: (*TABLE.years[2025], july)})

    announced = presenters.allowances(table, date(2025, 5, 1)).announced

    assert [(row.effective_from.month, row.hourly_rate_ore) for row in announced] == [(6, 295), (7, 300), (12, 300)]


def test_a_year_that_never_had_a_rate_has_none_on_the_table_and_the_card() -> None:
    for rate in (None, 0):
        table = AllowanceTable(years={2025: (FIRST.model_copy(update={"hourly_rate": rate}), SETTLED)})
        (row,) = presenters.allowances(table, date(2025, 6, 1)).allowances
        (card,) = balances([], date(2025, 6, 1), table).balances
        assert (row.hourly_rate_ore, card.hourly_rate_ore, card.converted_hours) == (None, None, None)
