"""When a job settles a year, and the messages that it sends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from frikort_contracts.balance import SettleYear
from frikort_contracts.rules.allowances import Allowance, AllowanceTable

from services.balance.jobs import settle_kind, settle_kinds, start_due_settlements
from services.runtime.processing.jobs import JobKind

FIRST = Allowance(year=2023, allowance=2_000_000, income_limit=1, effective_from=date(2023, 1, 1))
JULY = Allowance(year=2023, allowance=4_000_000, income_limit=1, effective_from=date(2023, 7, 1))
NEXT_YEAR = Allowance(year=2024, allowance=4_128_000, income_limit=1, effective_from=date(2024, 1, 1))
TABLE = AllowanceTable(years={2023: (FIRST, JULY), 2024: (NEXT_YEAR,)})
ALL = [FIRST, JULY, NEXT_YEAR]


class MemorySettlements:
    """Ledgers, by their versions, and the names of running jobs."""

    def __init__(self, versions: Sequence[str], running: Sequence[str] = ()) -> None:
        self.versions = versions
        self.running = list(running)

    async def is_due(self, amounts: Allowance) -> bool:
        return any(f"{amounts.year}/" <= version < amounts.version for version in self.versions)

    async def is_running(self, kind: JobKind) -> bool:
        return kind.name in self.running

    async def start(self, kind: JobKind) -> None:
        self.running.append(kind.name)


@pytest.mark.parametrize(
    ("today", "versions", "started"),
    [
        pytest.param(date(2023, 6, 30), [FIRST.version], [], id="not before the day"),
        pytest.param(date(2023, 7, 1), [FIRST.version], [JULY], id="on the day"),
        pytest.param(date(2026, 1, 1), [JULY.version, FIRST.version], [JULY], id="later, while one ledger is behind"),
        pytest.param(date(2026, 1, 1), [JULY.version, NEXT_YEAR.version], [], id="not while no ledger is behind"),
        pytest.param(date(2023, 7, 1), [""], [], id="not for a ledger without a report"),
        pytest.param(date(2023, 7, 1), [], [], id="not without ledgers"),
    ],
)
async def test_a_year_is_settled_from_the_day_on_which_its_amounts_take_effect(
    today: date, versions: list[str], started: list[Allowance]
) -> None:
    settlements = MemorySettlements(versions)
    await start_due_settlements(TABLE, today, settlements)
    assert settlements.running == [settle_kind(amounts).name for amounts in started]


async def test_a_closed_year_is_settled_when_it_is_opened_again() -> None:
    settlements = MemorySettlements([FIRST.version])
    await start_due_settlements(TABLE.with_year(2023, (FIRST, JULY), closed=True), date(2023, 7, 1), settlements)
    assert settlements.running == []

    await start_due_settlements(TABLE, date(2023, 7, 1), settlements)
    assert settlements.running == [settle_kind(JULY).name]


async def test_a_running_job_is_not_started_again() -> None:
    settlements = MemorySettlements([FIRST.version], running=[settle_kind(JULY).name])
    await start_due_settlements(TABLE, date(2023, 7, 1), settlements)
    assert settlements.running == [settle_kind(JULY).name]


def test_the_job_sends_the_amounts_to_the_ledgers_of_their_year() -> None:
    kind = settle_kind(JULY)
    assert [name for name in ("card-1:2023", "card-1:2024", "card-2:2023") if kind.selects(name)] == [
        "card-1:2023",
        "card-2:2023",
    ]
    assert kind.message("card-1:2023") == SettleYear(
        card_id="card-1",
        year=2023,
        allowance=4_000_000,
        provisional=False,
        allowance_version="2023/2023-07-01/1-final/000",
    )


def test_every_row_of_the_table_has_its_own_job() -> None:
    assert [kind.name for kind in settle_kinds(TABLE)] == [settle_kind(amounts).name for amounts in ALL]
    assert len({kind.name for kind in settle_kinds(TABLE)}) == len(ALL)
