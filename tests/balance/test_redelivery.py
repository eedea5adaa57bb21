"""A ledger stores no ids of earnings events: the revisions of its entries say what was posted."""

from __future__ import annotations

from typing import Final

import pytest
from frikort_contracts.cloudevents import Record, encode
from frikort_contracts.topics import BALANCES, EARNINGS

from services.balance.processor import LEDGERS
from tests.balance.build import corrected, reported, withdrawn
from tests.contracts.examples import envelope
from tests.runtime.memory import Crash, Faults, Instance, MemoryDatabase, MemoryKafka, by_id

MESSAGES: Final = [reported("r1", 500), reported("r2", 700), corrected("r1", 400), withdrawn("r2")]
RECORDS: Final = [encode(envelope(message, f"message {number}")) for number, message in enumerate(MESSAGES)]
HERE: Final = MemoryKafka.partition_of(RECORDS[0])


def kafka_with(records: list[Record]) -> MemoryKafka:
    kafka = MemoryKafka()
    for record in records:
        kafka.append(record)
    return kafka


async def test_no_id_is_stored() -> None:
    database = MemoryDatabase(LEDGERS)
    await Instance(kafka_with(RECORDS), database, Faults()).drain([EARNINGS.name])

    assert [len(database.read(name).applied) for name in database.documents] == [0]


@pytest.mark.parametrize("cached", [0, 10])
async def test_messages_that_are_delivered_twice_are_written_and_published_once(cached: int) -> None:
    kafka, database, faults = kafka_with([*RECORDS, *RECORDS]), MemoryDatabase(LEDGERS), Faults()
    instance = Instance(kafka, database, faults, cached=cached)
    for _ in range(2):
        await instance.process_next([(HERE, len(RECORDS))])

    assert faults.passed.count("write.before") == 1
    published = kafka.all(BALANCES.name)
    assert len(published) == len(by_id(published))


@pytest.mark.parametrize("point", ["write.before", "write.after", "publish.between", "publish.after", "commit.before"])
async def test_a_crash_loses_no_event_and_changes_none(point: str) -> None:
    undisturbed, database = kafka_with(RECORDS), MemoryDatabase(LEDGERS)
    await Instance(undisturbed, database, Faults()).process_next([(HERE, len(RECORDS))])

    kafka, again, faults = kafka_with(RECORDS), MemoryDatabase(LEDGERS), Faults()
    faults.crash_at(point)
    with pytest.raises(Crash):
        await Instance(kafka, again, faults).process_next([(HERE, len(RECORDS))])
    await Instance(kafka, again, Faults()).drain([EARNINGS.name])

    assert by_id(kafka.all(BALANCES.name)) == by_id(undisturbed.all(BALANCES.name))
    assert [again.state(name) for name in again.documents] == [database.state(name) for name in database.documents]
