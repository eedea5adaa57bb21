"""The jobs that settle years by other amounts. They start themselves; ``python -m services.balance.jobs status``.

A year is due as long as one of its ledgers has older amounts than those in force. The ledgers are asked, not the
calendar: so nothing depends on which process was up at midnight, or on ledgers that were opened with the older amounts
while a job was running.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, date, datetime
from typing import Final, Protocol

import structlog
from frikort_contracts.balance import SettleYear
from frikort_contracts.rules.allowances import Allowance, Allowances
from frikort_contracts.values import danish_day

from services.balance.processor import LEDGERS
from services.runtime.document_jobs import main
from services.runtime.mongo.driver import Database
from services.runtime.mongo.job_store import MongoJobStore
from services.runtime.processing.jobs import DEFAULT_RATE, JobKind
from services.runtime.service import BackgroundTask, Runtime

logger = structlog.get_logger(__name__)

_CHECK_SECONDS: Final = 10.0


class Settlements(Protocol):
    """The ledgers and the jobs of this service."""

    async def is_due(self, amounts: Allowance) -> bool:
        """Whether a ledger of their year has older amounts."""
        ...

    async def is_running(self, kind: JobKind) -> bool:
        """Whether a job of this kind is running."""
        ...

    async def start(self, kind: JobKind) -> None:
        """Start a job."""
        ...


async def start_due_settlements(table: Allowances, today: date, settlements: Settlements) -> None:
    """Start a job for each open year that is due and has none running.

    A second one, of another instance, does no harm.
    """
    for year in table.years.keys() - table.closed:
        amounts = table.in_force(year, today)
        if amounts is None or not await settlements.is_due(amounts):
            continue
        kind = settle_kind(amounts)
        if not await settlements.is_running(kind):
            await settlements.start(kind)
            logger.info("balance.settlement_started", year=year, allowance_version=amounts.version)


def settle_kind(amounts: Allowance) -> JobKind:
    """The job that settles all ledgers of the amounts' year."""
    ending = f":{amounts.year}"

    def message(ledger_id: str) -> SettleYear:
        return SettleYear(
            card_id=ledger_id.removesuffix(ending),
            year=amounts.year,
            allowance=amounts.allowance,
            provisional=amounts.provisional,
            allowance_version=amounts.version,
        )

    return JobKind(
        f"settle-{amounts.version}",
        documents=LEDGERS.name,
        message=message,
        selects=lambda ledger_id: ledger_id.endswith(ending),
    )


def settle_kinds(table: Allowances) -> list[JobKind]:
    """The jobs for all amounts of the table."""
    return [settle_kind(amounts) for rows in table.years.values() for amounts in rows]


class MongoSettlements:
    """``Settlements`` in MongoDB. The index on the version answers ``is_due`` from one entry."""

    def __init__(self, database: Database) -> None:
        self._ledgers = database[LEDGERS.name]
        self._jobs = MongoJobStore(database)

    async def is_due(self, amounts: Allowance) -> bool:
        """Whether a ledger of their year has older amounts."""
        older = {"$gte": f"{amounts.year}/", "$lt": amounts.version}
        return await self._ledgers.find_one({"state.allowance_version": older}, {"_id": 1}) is not None

    async def is_running(self, kind: JobKind) -> bool:
        """Whether a job of this kind is running."""
        return any((job.kind, job.status) == (kind.name, "running") for job in await self._jobs.all())

    async def start(self, kind: JobKind) -> None:
        """Start a job."""
        await self._jobs.start(kind, rate=DEFAULT_RATE)


def settlement_starter(table: Allowances) -> BackgroundTask:
    """A background task for ``Runtime``: settles a year from the Danish midnight on which its amounts take effect."""

    async def settlements(runtime: Runtime) -> None:
        store = MongoSettlements(runtime.database)
        while True:
            await start_due_settlements(table, danish_day(datetime.now(UTC)), store)
            await asyncio.sleep(_CHECK_SECONDS)

    return settlements


if __name__ == "__main__":
    sys.exit(main("balance", ()))
