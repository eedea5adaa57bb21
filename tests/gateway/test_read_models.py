"""Queries of the read models that depend on MongoDB."""

from __future__ import annotations

from typing import Any

from deploy.local.engines import Engines
from services.gateway.read_models import GatewayReadModels
from services.runtime.mongo.document_store import connect, durable_database

YEAR = 2025


async def test_the_exempt_amounts_of_a_year_include_reports_without_a_split(engines: Engines) -> None:
    client = connect(engines.mongodb)
    database = durable_database(client, "test_models")

    def report(report_id: str, card_id: str, year: int, exempt: int | None) -> dict[str, Any]:
        settlement = None if exempt is None else {"exempt": exempt, "excess": 1}
        return {"_id": report_id, "state": {"card_id": card_id, "year": year, "settlement": settlement}}

    await database["reports"].insert_many(
        [
            report("split", "card", YEAR, 700),
            report("not split", "card", YEAR, None),
            report("another year", "card", YEAR + 1, 5),
            report("another card", "other", YEAR, 7),
        ]
    )
    models = GatewayReadModels(lambda processor: None, database)  # type: ignore[arg-type]

    assert await models._exempt_of_year("card", YEAR) == {"split": 700, "not split": 0}
    assert await models._exempt_of_year("nobody's", YEAR) == {}
    client.close()
