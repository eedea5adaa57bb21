"""A projection ignores messages that its state contains, merges two topics, and refuses writes of old instances."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import uuid4

import pytest
from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.issuance import CardHandedOver, DeactivateCard
from frikort_contracts.topics import CARDS, ISSUANCE_COMMANDS
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic_core import to_json

from deploy.local.engines import Engines
from services.runtime.mongo.document_store import MongoStore, Reader
from services.runtime.mongo.driver import connect, durable_database
from services.runtime.processing.apply import Document, Incoming
from services.runtime.processing.batch_processor import BatchProcessor
from services.runtime.processing.entries import EntryMap
from services.runtime.processing.positions import Partition
from services.runtime.processing.projection import Projection
from tests.contracts.examples import envelope
from tests.runtime.memory import Crash, Faults, Instance, MemoryDatabase, MemoryKafka

COMMANDS, EVENTS = ISSUANCE_COMMANDS.name, CARDS.name
HERE, THERE = Partition(COMMANDS, 0), Partition(EVENTS, 0)


class View(BaseModel):
    """The last command and the last event of a card, each with its revision."""

    card_id: str
    commands: int = 0
    events: int = 0


def _project(view: View | None, message: Envelope[Any]) -> View:
    view = view or View(card_id=message.data.card_id)
    if isinstance(message.data, DeactivateCard):
        revision = int(message.data.case_reference or 0)
        return view if revision <= view.commands else view.model_copy(update={"commands": revision})
    revision = message.data.revision
    return view if revision <= view.events else view.model_copy(update={"events": revision})


VIEWS = Projection(
    name="views",
    topics=(ISSUANCE_COMMANDS, CARDS),
    state=View,
    document_id=lambda message: message.data.card_id,
    project=_project,
)
FIRST_ONLY = Projection(
    name="firsts",
    topics=(CARDS,),
    state=View,
    document_id=lambda message: message.data.card_id,
    project=lambda view, message: view or View(card_id=message.data.card_id, events=message.data.revision),
    write_once=True,
)


def command(card_id: str, revision: int) -> Record:
    data = DeactivateCard(card_id=card_id, municipality="849", actor="a", case_reference=str(revision))
    return encode(envelope(data, f"command {card_id} {revision}"))


def event(card_id: str, revision: int) -> Record:
    data = CardHandedOver(card_id=card_id, revision=revision, municipality="849", actor="a", from_municipality="101")
    return encode(envelope(data, f"event {card_id} {revision}"))


def kafka_with(*placed: tuple[Partition, Record]) -> tuple[MemoryKafka, MemoryDatabase[View]]:
    kafka = MemoryKafka()
    for (_, partition), record in placed:
        kafka.append(record, partition=partition)
    return kafka, MemoryDatabase(VIEWS)


async def test_a_redelivered_message_writes_nothing() -> None:
    kafka, database = kafka_with((HERE, command("a", 1)))
    await Instance(kafka, database, Faults()).drain([COMMANDS])
    before = dict(database.documents)
    kafka.committed.clear()
    faults = Faults()
    await Instance(kafka, database, faults).drain([COMMANDS])
    assert database.documents == before
    assert "write.before" not in faults.passed


async def test_an_older_message_that_arrives_later_changes_nothing() -> None:
    kafka, database = kafka_with((HERE, command("a", 2)), (HERE, command("a", 1)))
    await Instance(kafka, database, Faults()).drain([COMMANDS])
    assert database.state("a") == View(card_id="a", commands=2)


async def test_a_projection_stores_no_applied_ids_and_no_outbox() -> None:
    kafka, database = kafka_with((HERE, command("a", 1)), (THERE, event("a", 1)))
    await Instance(kafka, database, Faults()).drain([COMMANDS, EVENTS])
    stored = database.documents["a"]
    assert (stored.applied, stored.outbox, stored.aliases) == (to_json(EntryMap("applied").to_stored()), (), ())


async def test_an_instance_that_lost_its_partitions_cannot_write_older_state_back() -> None:
    kafka, database = kafka_with((HERE, command("a", 1)), (HERE, command("a", 2)))
    faults = Faults()
    slow = Instance(kafka, database, faults)

    async def another_finishes() -> None:
        slow.fenced = True
        await Instance(kafka, database, Faults()).drain([COMMANDS])

    faults.do_at("write.before", another_finishes)
    await slow.process_next([(HERE, 1)])
    assert database.state("a") == View(card_id="a", commands=2)
    assert database.conflicts == 1


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from((HERE, THERE)), st.integers(1, 3)), max_size=8),
    st.lists(st.integers(0, 12), max_size=3),
)
def test_two_topics_converge_in_any_order_and_after_any_crash(
    turns: Sequence[tuple[Partition, int]], crashes: Sequence[int]
) -> None:
    async def run() -> None:
        placed = [(HERE, command(card, n)) for n in range(1, 4) for card in "ab"]
        placed += [(THERE, event(card, n)) for n in range(1, 4) for card in "ab"]
        kafka, database = kafka_with(*placed)
        faults = Faults()
        instance, due = Instance(kafka, database, faults), list(crashes)
        for turn in turns:
            if due:
                faults.crash_in(due.pop())
            try:
                await instance.process_next([turn])
            except Crash:
                faults = Faults()
                instance = Instance(kafka, database, faults)
        await Instance(kafka, database, Faults()).drain([COMMANDS, EVENTS])
        assert [database.state(card) for card in "ab"] == [View(card_id=c, commands=3, events=3) for c in "ab"]

    asyncio.run(run())


@pytest.fixture
async def mongodb(engines: Engines) -> AsyncIterator[Any]:
    client = connect(engines.mongodb)
    name = f"test_projections_{uuid4().hex}"
    yield durable_database(client, name)
    await client.drop_database(name)
    client.close()


class Silent:
    """A producer that must not be used."""

    async def publish(self, records: Sequence[Record]) -> None:
        assert not records


def incoming(*records: Record) -> list[Incoming]:
    return [Incoming(r.topic, 0, offset, r.key, r.value, r.headers) for offset, r in enumerate(records)]


async def test_a_stored_read_model_has_only_its_version_format_and_state(mongodb: Any) -> None:
    loop = BatchProcessor(service="test", processor=VIEWS, store=MongoStore(mongodb, VIEWS), producer=Silent())
    await loop.process(incoming(command("a", 1), event("a", 1)))
    await loop.process(incoming(command("a", 1), command("a", 2)))
    state = {"card_id": "a", "commands": 2, "events": 1}
    assert await mongodb["views"].find_one({"_id": "a"}) == {"_id": "a", "version": 2, "format": 1, "state": state}
    assert await Reader(mongodb, VIEWS).get("a") == View(card_id="a", commands=2, events=1)


async def test_an_old_version_is_not_written_over_a_newer_one(mongodb: Any) -> None:
    store = MongoStore(mongodb, VIEWS)
    first = Document("a", state=View(card_id="a", commands=1))
    assert await store.write([first])
    newer = Document("a", version=1, state=View(card_id="a", commands=2))
    assert await store.write([newer])
    assert not await store.write([Document("a", version=1, state=View(card_id="a", commands=9))])
    assert not await store.write([first])
    assert await Reader(mongodb, VIEWS).get("a") == newer.state


async def test_a_write_once_document_keeps_its_first_state(mongodb: Any) -> None:
    loop = BatchProcessor(
        service="test", processor=FIRST_ONLY, store=MongoStore(mongodb, FIRST_ONLY), producer=Silent()
    )
    await loop.process(incoming(event("a", 1), event("a", 2), event("b", 5)))
    await loop.process(incoming(event("a", 3), event("c", 6)))
    found = [await Reader(mongodb, FIRST_ONLY).get(card) for card in "abc"]
    assert [view.events if view else None for view in found] == [1, 5, 6]
