"""The real service over the load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from frikort_contracts.topics import BALANCES

from deploy.local.ports import free_port
from deploy.local.process import Process
from deploy.local.system import MEMORY
from services.balance.processor import LEDGERS
from services.runtime.kafka.consumer import group_of
from tests.bench.bench import Bench, python
from tests.bench.case import Figures
from tests.bench.contest import Contest, measure
from tests.bench.events import YEAR
from tests.bench.replay.history import store_history

GROUP = group_of("balance", [LEDGERS])
DATABASE = "frikort_balance"
MODULE: Final = "services.balance"
_ASIDE = "ten_years"
EVENTS_A_REPORT = 2  # ReportSettled and BalanceChanged; a correction that changes other splits publishes more


LARGE: Final = {"FRIKORT_BATCH_RECORDS": "1500", "FRIKORT_CACHED_DOCUMENTS": "20000"}
"""The larger memory setting; see docs/operations.md."""


async def replay(
    bench: Bench, instances: int = 1, settings: Mapping[str, str] | None = None, *, module: str = MODULE
) -> Figures:
    """The whole load on an empty database."""
    async with bench.database() as client:
        await client[DATABASE].drop_collection(LEDGERS.name)
    return await settle(bench, instances, settings, module=module)


async def large(bench: Bench) -> Figures:
    """The whole load on an empty database, with the larger memory setting."""
    return await replay(bench, settings=LARGE)


async def without_tracing(bench: Bench) -> Figures:
    """The whole load on an empty database, by a process in which OpenTelemetry cannot be imported."""
    return await replay(bench, module="tests.bench.replay.without_tracing")


async def traced(bench: Bench) -> Figures:
    """The whole load on an empty database, with a span for each record, sent where nothing listens."""
    return await replay(bench, settings={"FRIKORT_TRACES_URL": f"http://127.0.0.1:{free_port()}/v1/traces"})


async def two(bench: Bench) -> Figures:
    """The whole load on an empty database, by two instances."""
    return await replay(bench, 2)


async def onto_history(bench: Bench) -> Figures:
    """The whole load on a database with ten years, which is created once and restored between rounds."""
    async with bench.database() as client:
        database = client[DATABASE]
        if "history" not in bench.kept:
            await store_history(bench, DATABASE, _ASIDE)
            bench.kept["history"] = True
        await database[_ASIDE].rename(LEDGERS.name, dropTarget=True)
        try:
            return await settle(bench, instances=1)
        finally:
            new = [f"{card_id}:{YEAR}" for card_id in bench.load.card_ids()]
            await database[LEDGERS.name].delete_many({"_id": {"$in": new}})
            await database[LEDGERS.name].rename(_ASIDE)


async def settle(
    bench: Bench, instances: int, settings: Mapping[str, str] | None = None, *, module: str = MODULE
) -> Figures:
    """The whole load on the present contents of the database."""
    source = await bench.source()
    await bench.rewind(GROUP, source)
    contest = Contest(source, BALANCES.name, GROUP, bench.load.events, EVENTS_A_REPORT * bench.load.events)
    processes = [service(bench, f"balance {number}", settings or {}, module) for number in range(instances)]
    return await measure(bench, processes, contest)


def service(bench: Bench, name: str, settings: Mapping[str, str], module: str = MODULE) -> Process:
    """``python -m services.balance``, or another module that runs it, as the launcher starts it."""
    return bench.process(
        name,
        python(module),
        {
            "FRIKORT_ENVIRONMENT": "local",
            **bench.environment_of("balance"),
            "FRIKORT_HEALTH_PORT": str(free_port()),
            "FRIKORT_TOPIC_REPLICATION": "1",
            **MEMORY,
            **settings,
        },
    )
