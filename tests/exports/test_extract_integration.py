"""Exports as a process on a real broker and database, from card events to the agency's file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from random import SystemRandom
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from frikort_contracts.cloudevents import Envelope, Record, decode, encode
from frikort_contracts.extract_files import (
    ExtractKind,
    ExtractMade,
    ExtractProgressed,
    FileFormat,
    RequestExtractFiles,
)
from frikort_contracts.extracts import FollowUpStatementUpdated, Position, TaxStatementUpdated
from frikort_contracts.messages import Event
from frikort_contracts.outcomes import CommandAccepted
from frikort_contracts.topics import AUTHORITY_SKAT, AUTHORITY_STAR, BALANCES, CARDS, EXTRACT_FILES, OUTCOMES, Topic
from pymongo import MongoClient

from deploy.local.system import LocalSystem
from services.runtime.kafka.producer import KafkaProducer
from tests import agency
from tests.exports.build import A, B, Ledger, envelope, handed_over, issued
from tests.person_keys import KeysOnDemand, encrypted_person, provider_of
from tests.waiting import eventually

CPR = "6101011234"
SECONDS = 100.0  # longer than a dead worker's lease
_YEARS: Final = count(2060)


@dataclass
class Topics:
    """Writes and reads topics as the other services do."""

    system: LocalSystem
    log: KafkaProducer

    async def publish(self, messages: Sequence[Any]) -> None:
        await self.log.publish([_record(message) for message in messages])

    async def positions(self) -> tuple[Position, ...]:
        return await self.log.end_positions((CARDS, BALANCES))

    async def until(
        self, topic: Topic, is_mine: Callable[[Any], bool], is_complete: Callable[[list[Envelope[Any]]], bool]
    ) -> list[Envelope[Any]]:
        """The messages of ``topic`` that match ``is_mine``, from its beginning until they satisfy ``is_complete``."""
        consumer = AIOKafkaConsumer(**self.system.access.options(), enable_auto_commit=False)
        await consumer.start()
        found: list[Envelope[Any]] = []
        try:
            partitions = [TopicPartition(topic.name, partition) for partition in range(topic.partitions)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            async with asyncio.timeout(SECONDS):
                while not is_complete(found):
                    record = await consumer.getone()
                    message = decode(topic, record.value, record.headers)
                    if is_mine(message.data):
                        found.append(message)
        finally:
            await consumer.stop()
        return found

    async def extract(self, *extract_ids: str) -> list[Envelope[Any]]:
        """Everything published about these extracts until each has its manifest."""
        wanted = set(extract_ids)

        def complete(found: list[Envelope[Any]]) -> bool:
            return {m.data.extract_id for m in found if isinstance(m.data, ExtractMade)} == wanted

        return await self.until(EXTRACT_FILES, lambda event: event.extract_id in wanted, complete)


def _record(message: Any) -> Record:
    return encode(message if isinstance(message, Envelope) else envelope(message))


@pytest.fixture
async def topics(system: LocalSystem) -> AsyncIterator[Topics]:
    log = KafkaProducer(system.access.settings(), client_id="test-exports", timeout=20)
    await log.start()
    yield Topics(system, log)
    await log.stop()


@pytest.fixture
def year() -> int:
    """A year that no other test uses, because broker and database are shared."""
    return next(_YEARS)


def a_card(system: LocalSystem, year: int, *amounts: int) -> tuple[list[Event], list[Event]]:
    """The card events and the balance events of a new card."""
    card_id, cpr_hash = str(uuid4()), uuid4().hex[:22]
    keys = KeysOnDemand(provider_of(system.keys.key_encryption_keys))
    person = encrypted_person(keys, CPR, card_id, cpr_hash)
    ledger = Ledger(card_id=card_id, year=year)
    balances: list[Event] = []
    for index, amount in enumerate(amounts):
        balances += ledger.report(f"{card_id}-{index}", (A, B)[index % 2], amount)
    return [*keys.events, issued(card_id=card_id, person=person), handed_over("849", card_id=card_id)], balances


def request(
    kind: ExtractKind, year: int, positions: tuple[Position, ...] = (), *, municipality: str | None = None
) -> Envelope[RequestExtractFiles]:
    return envelope(
        RequestExtractFiles(
            extract_id=str(uuid4()),
            kind=kind,
            requester="authority:skat",
            year=year,
            municipality=municipality,
            positions=positions,
            actor="authority",
        )
    )


def file_of(system: LocalSystem, manifest: ExtractMade, file_format: FileFormat) -> bytes:
    (file,) = (file for file in manifest.files if file.format is file_format)
    content = (system.config.data / "extracts" / file.name).read_bytes()
    assert (file.size, file.sha256) == (len(content), sha256(content).hexdigest())
    return content


async def test_the_agencys_file_contains_the_published_events(system: LocalSystem, topics: Topics, year: int) -> None:
    cards = [a_card(system, year, 100_000, 4_200_050) for _ in range(30)]
    for card, balances in cards:
        await topics.publish([*balances, *card])  # the consumer may see any order across topics
    command = request(ExtractKind.TAX_YEAR, year, await topics.positions())
    await topics.publish([command])

    messages = await topics.extract(command.data.extract_id)
    assert isinstance(messages[0].data, ExtractProgressed)
    manifest = messages[-1].data
    assert isinstance(manifest, ExtractMade)
    assert (manifest.count, manifest.reported, manifest.exempt) == (30, 30 * 4_300_050, 30 * 4_276_600)
    assert {message.correlation_id for message in messages} == {command.id}

    rows = [json.loads(line) for line in file_of(system, manifest, FileFormat.JSON_LINES).splitlines()]
    assert file_of(system, manifest, FileFormat.CSV).startswith(b"\xef\xbb\xbfCPR")
    assert {row["municipality"] for row in rows} == {"849"}
    assert [row["card_id"] for row in rows] == sorted(card[-1].key for card, _ in cards)
    private = agency.private_key(system.keys.authority_private_keys)
    for row in rows:
        assert agency.cpr_of(row["cpr"], private, row["card_id"]) == CPR

    outcomes = await topics.until(OUTCOMES, lambda outcome: outcome.command_id == str(command.id), lambda m: len(m) > 0)
    assert isinstance(outcomes[0].data, CommandAccepted)

    last = {row["card_id"]: row for row in rows}
    tax = await _last_of(topics, AUTHORITY_SKAT, year, last)
    assert {card_id: event.model_dump(mode="json") for card_id, event in tax.items()} == last
    follow_up = await _last_of(topics, AUTHORITY_STAR, year, last)
    for event in follow_up.values():
        assert isinstance(event, FollowUpStatementUpdated)
        assert "cpr" not in event.model_dump()


async def _last_of(topics: Topics, topic: Topic, year: int, rows: dict[str, Any]) -> dict[str, Any]:
    """The statement of each card on the feed that has the revision of ``rows``; before it, earlier revisions."""

    def complete(found: list[Envelope[Any]]) -> bool:
        return {m.data.card_id for m in found if m.data.revision == rows[m.data.card_id]["revision"]} == set(rows)

    found = await topics.until(topic, lambda event: event.card_id in rows and event.year == year, complete)
    for card_id in rows:
        revisions = [m.data.revision for m in found if m.data.card_id == card_id]
        assert revisions == sorted(set(revisions))
    return {m.data.card_id: m.data for m in found}


async def test_repeated_events_lead_to_one_statement(system: LocalSystem, topics: Topics, year: int) -> None:
    card, balances = a_card(system, year, 100)
    events = [envelope(event) for event in [*card, *balances]]
    await topics.publish([*events, *events])
    command = request(ExtractKind.TAX_YEAR, year, await topics.positions())
    await topics.publish([command])
    manifest = (await topics.extract(command.data.extract_id))[-1].data
    assert (manifest.count, manifest.reported) == (1, 100)

    def is_mine(event: Any) -> bool:
        return isinstance(event, TaxStatementUpdated) and event.card_id == card[-1].key

    found = await topics.until(AUTHORITY_SKAT, is_mine, lambda m: len({e.data.revision for e in m}) >= 1)
    contents: dict[UUID, Any] = {}
    for message in found:
        assert contents.setdefault(message.id, message.data) == message.data


async def test_an_extract_waits_for_its_positions(system: LocalSystem, topics: Topics, year: int) -> None:
    """The command arrives before the events that its positions cover."""
    card, balances = a_card(system, year, 100)
    ahead = tuple(
        position.model_copy(update={"offset": position.offset + 1})
        for position in await topics.positions()
        if position.topic == CARDS.name
    )
    command = request(ExtractKind.FOLLOW_UP, year, ahead, municipality="849")
    await topics.publish([command])
    await topics.publish([*card, *balances])

    fillers: list[Event] = []
    while {int(p.partition) for p in ahead} - await _reached(topics, ahead):
        filler, _ = a_card(system, year)
        fillers += filler
        await topics.publish(filler)

    manifest = (await topics.extract(command.data.extract_id))[-1].data
    assert (manifest.count, manifest.reported) == (1, 100)


async def test_an_extract_waits_until_a_rebuild_of_the_statements_has_ended(
    system: LocalSystem, topics: Topics, year: int
) -> None:
    card, balances = a_card(system, year, 100)
    await topics.publish([*card, *balances])
    log = system.config.log("exports")

    async def waits() -> bool:
        return "exports.extracts_wait_for_rebuild" in log.read_text()

    with MongoClient[dict[str, Any]](system.mongodb) as client:
        rebuilds = client["frikort_exports"]["rebuilds"]
        rebuilds.replace_one({"_id": "statements"}, {"done": False}, upsert=True)
        command = request(ExtractKind.FOLLOW_UP, year, await topics.positions(), municipality="849")
        await topics.publish([command])
        await topics.until(OUTCOMES, lambda event: event.command_id == str(command.id), bool)
        await eventually(waits, what="exports waiting for the rebuild")
        ended_at = datetime.now(UTC)
        rebuilds.update_one({"_id": "statements"}, {"$set": {"done": True}})

    manifest = (await topics.extract(command.data.extract_id))[-1].data
    assert manifest.completed_at > ended_at
    assert manifest.count == 1


async def _reached(topics: Topics, asked: tuple[Position, ...]) -> set[int]:
    ends = {(p.topic, p.partition): p.offset for p in await topics.positions()}
    return {p.partition for p in asked if ends[p.topic, p.partition] >= p.offset}


@pytest.mark.verify
async def test_another_worker_replaces_a_killed_one(system: LocalSystem, topics: Topics, year: int) -> None:
    """With many extracts and one of two instances killed, each extract has one manifest and complete parts."""
    for _ in range(20):
        card, balances = a_card(system, year, 100, 200)
        await topics.publish([*card, *balances])
    second = system.start_service("exports", instance=SystemRandom().randrange(2, 10**6))
    commands = [request(ExtractKind.TAX_YEAR, year, await topics.positions()) for _ in range(40)]
    await topics.publish(commands)
    await topics.extract(commands[0].data.extract_id)
    await asyncio.to_thread(second.kill)

    messages = await topics.extract(*(command.data.extract_id for command in commands))
    manifests = {m.data.extract_id: m.data for m in messages if isinstance(m.data, ExtractMade)}
    assert len({m.id for m in messages if isinstance(m.data, ExtractMade)}) == len(commands)
    for manifest in manifests.values():
        assert (manifest.count, manifest.reported) == (20, 20 * 300)
        for file_format in FileFormat:
            file_of(system, manifest, file_format)
