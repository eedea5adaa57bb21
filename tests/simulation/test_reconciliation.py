"""A reconciliation finds a difference in any of the four databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final
from unittest.mock import patch

import pytest

from services.exports.card_year import ReportSplit
from tests.simulation.environment import Environment
from tests.simulation.run import simulate

Change = Callable[[dict[str, Any]], bool]
"""Changes a stored state. False if there is nothing in it to change."""

SEED: Final = 11
"""It has reports of several card years, so each difference can be planted."""


def _lose_a_report(card: dict[str, Any]) -> bool:
    reports = card["reports"]["inside"]
    return bool(reports and reports.popitem())


def _take_from_the_exempt_sum(ledger: dict[str, Any]) -> bool:
    ledger["exempt"] -= 1
    return bool(ledger["exempt"] + 1)


def _change_a_statement(card: dict[str, Any]) -> bool:
    statements = [year["statement"] for year in card["years"].values() if year["statement"] is not None]
    for statement in statements[:1]:
        statement["reported"] += 1
    return bool(statements)


def _lose_the_splits(card: dict[str, Any]) -> bool:
    by_year = [year["reports"]["inside"] for year in card["years"].values()]
    counted = [splits for splits in by_year if any(ReportSplit(*split).is_counted for split in splits.values())]
    for splits in counted[:1]:
        splits.clear()
    return bool(counted)


def _withdraw(report: dict[str, Any]) -> bool:
    is_shown = report["booked"] is not None and not report["withdrawn"]
    report["withdrawn"] = True
    return is_shown


def _forget_the_last_change(ledger: dict[str, Any]) -> bool:
    ledger["revision"] -= 1
    return bool(ledger["totals"])


PLANTED: Final[tuple[tuple[str, str, Change], ...]] = (
    ("reporting", "card_states", _lose_a_report),
    ("balance", "ledgers", _take_from_the_exempt_sum),
    ("exports", "statements", _change_a_statement),
    ("exports", "statements", _lose_the_splits),
    ("gateway", "reports", _withdraw),
    ("gateway", "ledgers", _forget_the_last_change),
)


@pytest.mark.parametrize(
    ("service", "collection", "change"), PLANTED, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_difference_in_a_database_is_found(service: str, collection: str, change: Change) -> None:
    assert "found differences" in _violation(service, collection, change)


@pytest.mark.parametrize(
    ("service", "collection"), sorted({(service, collection) for service, collection, _ in PLANTED})
)
def test_a_document_that_is_lost_is_found(service: str, collection: str) -> None:
    assert "found differences" in _violation(service, collection, None)


def _violation(service: str, collection: str, change: Change | None) -> str:
    """What the check of a run says if a difference is planted before its last reconciliation; empty if nothing."""
    reconcile = Environment.reconcile_again

    def plant_and_reconcile(environment: Environment) -> str:
        _plant(environment, service, collection, change)
        return reconcile(environment)

    with patch.object(Environment, "reconcile_again", plant_and_reconcile):
        return simulate(SEED, faultless=True, citizens=2).violation or ""


def _plant(environment: Environment, service: str, collection: str, change: Change | None) -> None:
    database = environment.database(service, collection)
    for name in list(database.documents):
        if change is None:
            database.delete(name)
            continue
        document = database.read(name)
        stored = json.loads(json.dumps(database.processor.to_stored(document.state)))
        if change(stored):
            database.move_out(document)
            document.state = database.processor.from_stored(stored)
            database.put(document)
            return
