"""Current code reads the records of earlier releases and computes the same totals."""

from __future__ import annotations

from typing import Any

import pytest
from frikort_contracts.cloudevents import BrokenContract, Envelope, decode
from frikort_contracts.topics import BALANCES, TOPICS, Topic

from services.balance.processor import LEDGERS
from services.exports.processor import statements
from services.gateway.projections import PROJECTIONS as VIEWS
from services.runtime.processing.decision import Processor
from services.runtime.processing.projection import Projection
from tests.history.recording import DIRECTORY, History, ledgers_in, read, statements_in
from tests.runtime.memory import Faults, Instance, MemoryDatabase, MemoryKafka

HISTORIES = [
    pytest.param(history, id=f"{path.name.removesuffix('.jsonl.gz')}-{number}")
    for path in sorted(DIRECTORY.glob("*.jsonl.gz"))
    for number, history in enumerate(read(path))
]
_TOPICS = {topic.name: topic for topic in TOPICS}


async def processed(
    history: History, processor: Processor[Any] | Projection[Any], service: str
) -> tuple[MemoryKafka, Any]:
    """The topics and documents after ``processor`` has read a history from its beginning."""
    kafka, database = MemoryKafka(), MemoryDatabase(processor)
    names = [topic.name for topic in processor.topics]
    for (topic, partition), records in history.partitions.items():
        for record in records if topic in names else ():
            kafka.append(record, partition)
    await Instance(kafka, database, Faults(), service=service).drain(names, most=50)
    return kafka, database


def valid_messages(history: History, topic: Topic) -> dict[str, Envelope[Any]]:
    """The valid messages of a topic, by id."""
    found = {}
    for (name, _), records in history.partitions.items():
        for record in records if name == topic.name else ():
            try:
                message = decode(topic, record.value, record.headers)
            except BrokenContract:
                continue
            found[str(message.id)] = message
    return found


def test_each_release_has_enough_recorded_years() -> None:
    for path in sorted(DIRECTORY.glob("*.jsonl.gz")):
        totals = [year for history in read(path) for year in history.ledgers.values()]
        assert len(totals) >= 10
        assert sum(1 for year in totals if year["excess"]) >= 3


@pytest.mark.parametrize("history", HISTORIES)
async def test_balance_computes_the_same_ledgers_and_events_from_recorded_topics(history: History) -> None:
    kafka, ledgers = await processed(history, LEDGERS, "balance")

    assert ledgers_in(ledgers) == history.ledgers
    published = [decode(BALANCES, i.value or b"", i.headers) for i in kafka.all(BALANCES.name)]
    recorded = valid_messages(history, BALANCES)
    assert {str(message.id): message.data for message in published} == {i: m.data for i, m in recorded.items()}


@pytest.mark.parametrize("history", HISTORIES)
async def test_exports_computes_the_same_statements_from_recorded_topics(history: History) -> None:
    _, cards = await processed(history, statements(lambda person, _: f"jwe {person.cpr_hash}"), "exports")

    assert statements_in(cards) == history.statements


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
async def test_projections_read_every_valid_recorded_message(history: History, view: Projection[Any]) -> None:
    kafka, _ = await processed(history, view, "gateway")

    for topic in view.topics:
        dead = {(i.key, i.value) for i in kafka.all(topic.dead)}
        assert dead == {
            (record.key, record.value)
            for (name, _), records in history.partitions.items()
            for record in (records if name == topic.name else ())
            if not _is_valid(record.topic, record.value, record.headers)
        }


def _is_valid(topic: str, value: bytes, headers: tuple[tuple[str, bytes], ...]) -> bool:
    try:
        decode(_TOPICS[topic], value, headers)
    except BrokenContract:
        return False
    return True
