"""A record that breaks its contract anywhere is a dead letter, and nothing of it is counted."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from frikort_contracts.cloudevents import Record, encode
from frikort_contracts.messages import Message
from frikort_contracts.topics import BALANCES, EARNINGS
from frikort_contracts.values import LARGEST_ORE

from services.balance.ledger import Ledger
from services.balance.processor import LEDGERS
from tests.balance.build import corrected, reported, withdrawn
from tests.contracts.examples import envelope
from tests.runtime.memory import Faults, Instance, MemoryDatabase, MemoryKafka

DEAD: Final = f"{EARNINGS.name}.dead"
EVENTS: Final = {"reported": reported("r1", 500), "corrected": corrected("r1", 500), "withdrawn": withdrawn("r1")}


def record_of(event: Message, name: str, **wrong: Any) -> Record:
    """The record of an event in which these fields are replaced; None removes a field."""
    record = encode(envelope(event, name))
    fields = {**json.loads(record.value), **wrong}
    return record._replace(value=json.dumps({k: v for k, v in fields.items() if v is not None}).encode())


async def processed(*records: Record) -> tuple[MemoryKafka, MemoryDatabase[Ledger]]:
    kafka, database = MemoryKafka(), MemoryDatabase(LEDGERS)
    for record in records:
        kafka.append(record)
    await Instance(kafka, database, Faults(), cached=10).drain([EARNINGS.name])
    return kafka, database


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(
    "wrong",
    [{"report_id": None}, {"revision": 0}, {"cvr": "10000008"}, {"year": 2018}, {"employment_id": 1}],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_a_fault_in_any_event_is_a_dead_letter(event: str, wrong: dict[str, Any]) -> None:
    bad = record_of(EVENTS[event], "bad", **wrong)
    kafka, database = await processed(bad)

    assert [dead.value for dead in kafka.all(DEAD)] == [bad.value]
    assert kafka.all(BALANCES.name) == []
    assert database.documents == {}


@pytest.mark.parametrize("event", ["reported", "corrected"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"reference": "0101901234"},
        {"work": {"first": "2025-06-30", "last": "2025-06-01"}},
        {"payment_date": "yesterday"},
        {"components": {"wage": -1}},
        {"components": None},
        {"total": -1},
        {"allowance": "42766,00"},
        {"provisional": 0},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_a_fault_in_the_content_of_a_report_is_a_dead_letter(event: str, wrong: dict[str, Any]) -> None:
    bad = record_of(EVENTS[event], "bad", **wrong)
    kafka, database = await processed(bad)

    assert [dead.value for dead in kafka.all(DEAD)] == [bad.value]
    assert database.documents == {}


async def test_the_reports_around_a_bad_record_are_counted() -> None:
    bad = record_of(reported("r2", 700), "bad", reference="")
    good = [encode(envelope(reported(name, 500), name)) for name in ("r1", "r3")]
    kafka, database = await processed(good[0], bad, good[1])

    (ledger,) = map(database.state, database.documents)
    assert ledger is not None
    assert ledger.reported == 1000
    assert len(kafka.all(DEAD)) == 1


async def test_a_report_with_which_the_sum_exceeds_every_amount_is_a_dead_letter() -> None:
    first = record_of(reported("r1", 500), "first", total=LARGEST_ORE)
    second = record_of(reported("r2", 500), "second", total=1)
    kafka, database = await processed(first, second)

    (ledger,) = map(database.state, database.documents)
    assert ledger is not None
    assert ledger.reported == LARGEST_ORE
    assert [dead.value for dead in kafka.all(DEAD)] == [second.value]
