"""Amounts that take effect in the course of a run, and the start of the jobs that settle the year by them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from random import Random
from typing import Final

from frikort_contracts.rules.allowances import Allowance, AllowanceTable
from frikort_contracts.topics import BALANCE_JOBS
from frikort_contracts.values import danish_day
from pymongo.errors import AutoReconnect

from services.balance import jobs as balance_jobs
from services.runtime.processing.jobs import JobKind
from tests.simulation.broker import Group
from tests.simulation.jobs import SimJobs
from tests.simulation.ports import Clock
from tests.simulation.scheduler import Pause, pause

_MAX_TRIES: Final = 200  # a defect must not keep a run from becoming idle
_ASKED: Final = Pause("settlements.before", AutoReconnect)
_STARTED: Final = Pause("settlements.after", AutoReconnect)


def with_change(table: AllowanceTable, rng: Random, start: datetime) -> AllowanceTable:
    """The table with other amounts of the year of the start and the next one from one of its first days on."""
    first = danish_day(start + timedelta(hours=rng.randrange(12, 72)))
    years = dict(table.years)
    for year in (start.year, start.year + 1):
        if year in years:
            last = years[year][-1]
            years[year] = (
                *years[year],
                Allowance(
                    year=year,
                    allowance=last.allowance * rng.choice((30, 90, 120, 200)) // 100,
                    income_limit=last.income_limit,
                    provisional=last.provisional and rng.random() < 0.5,
                    effective_from=first,
                    correction=1,
                ),
            )
    return AllowanceTable(years=years)


class SimSettlements:
    """The ``Settlements`` of balance."""

    def __init__(self, table: AllowanceTable, jobs: SimJobs, group: Group, clock: Clock) -> None:
        self._table = table
        self._jobs = jobs
        self._group = group
        self._clock = clock
        self._tries = 0
        self._due = lru_cache(maxsize=1)(self._rows_due)  # the scheduler asks at every step

    def waiting(self) -> bool:
        """Whether a year is due, and no job of it is running or has messages that are not processed yet."""
        if self._tries > _MAX_TRIES:
            return False
        due = self._due(self._jobs.documents.changes, danish_day(self._clock.read()))
        return any(not self._jobs.is_running(balance_jobs.settle_kind(row)) for row in due) and not any(
            partition.topic == BALANCE_JOBS.name for partition in self._group.lag()
        )

    async def is_due(self, amounts: Allowance) -> bool:
        await pause(_ASKED)
        return self._behind(amounts)

    async def is_running(self, kind: JobKind) -> bool:
        await pause(_ASKED)
        return self._jobs.is_running(kind)

    async def start(self, kind: JobKind) -> None:
        await pause(_ASKED)
        self._jobs.start(kind)
        await pause(_STARTED)

    async def keep_starting(self, failed: Callable[[], None]) -> None:
        """Start the jobs that are due: a background task of a process of balance."""
        while True:
            await pause(Pause("settlements.idle", ready=self.waiting))
            self._tries += 1
            try:
                await balance_jobs.start_due_settlements(self._table, danish_day(self._clock.read()), self)
            except AutoReconnect:
                failed()

    def _rows_due(self, _changes: int, day: date) -> list[Allowance]:
        in_force = [self._table.in_force(year, day) for year in self._table.years]
        return [row for row in in_force if row is not None and self._behind(row)]

    def _behind(self, amounts: Allowance) -> bool:
        first, last = f"{amounts.year}/", amounts.version
        stored = self._jobs.documents.documents.values()
        return any(first <= _version_of(one.state) < last for one in stored if one.state is not None)


@cache
def _version_of(state: str) -> str:
    """The version of the amounts of a stored ledger."""
    return str(json.loads(state)["allowance_version"])
