"""Queries of the read models that depend on MongoDB."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from deploy.local.engines import Engines
from services.gateway.changes.change_notifier import ChangeStreamListener, ChangeSubscriptions, Key, card_key
from services.gateway.read_models import GatewayReadModels
from services.runtime.mongo.driver import DRIVERS, Driver, close, connect, durable_database

YEAR = 2025


@pytest.mark.parametrize("driver", DRIVERS)
async def test_the_exempt_sum_of_a_year_counts_nothing_of_a_report_without_a_split(
    engines: Engines, driver: Driver
) -> None:
    client = connect(engines.mongodb, driver=driver)
    database = durable_database(client, f"test_models_{driver}")

    def report(report_id: str, card_id: str, year: int, exempt: int | None) -> dict[str, Any]:
        settlement = None if exempt is None else {"exempt": exempt, "excess": 1}
        return {"_id": report_id, "state": {"card_id": card_id, "year": year, "settlement": settlement}}

    await database["reports"].insert_many(
        [
            report("split", "card", YEAR, 700),
            report("also split", "card", YEAR, 30),
            report("not split", "card", YEAR, None),
            report("another year", "card", YEAR + 1, 5),
            report("another card", "other", YEAR, 7),
        ]
    )
    models = GatewayReadModels(lambda processor: None, database)  # type: ignore[arg-type]

    assert await models._exempt_of_year("card", YEAR) == 730
    assert await models._exempt_of_year("nobody's", YEAR) == 0
    await close(client)


@pytest.mark.parametrize("driver", DRIVERS)
async def test_the_change_stream_brings_the_documents_of_the_delivered_models_and_of_others_only_the_card(
    engines: Engines, driver: Driver
) -> None:
    client = connect(engines.mongodb, driver=driver)
    database = durable_database(client, f"test_changes_{driver}")
    subscriptions = ChangeSubscriptions(asyncio.Event())
    listener = ChangeStreamListener(database, subscriptions, ["reports", "extract_parts"], delivered=["reports"])
    stored = {"version": 1, "state": {"card_id": "card", "content": "everything"}, "aliases": ["not delivered"]}
    await database["reports"].insert_one({"_id": "before"})
    listener.start()
    try:
        async with asyncio.timeout(20):
            while not subscriptions.is_followed:  # noqa: ASYNC110 - a state, not an event
                await asyncio.sleep(0.01)
            with subscriptions.waiter() as waiter:
                subscriptions.collect(waiter, card_key("card"))
                for name in ("extract_parts", "reports"):
                    await database[name].insert_one({"_id": name, **stored})
                while not waiter.received:
                    waiter.changed.clear()
                    await waiter.changed.wait()
                received = dict(waiter.received)
    finally:
        await listener.stop()
        await close(client)

    shown = {"_id": "reports", "version": 1, "state": stored["state"]}
    assert received == {Key("reports", "reports"): shown}
