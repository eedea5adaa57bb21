"""The runtime on real Kafka and MongoDB: redelivery, duplicates, invalid records, two instances."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import cast
from uuid import UUID, uuid4, uuid5

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import NewPartitions
from aiokafka.consumer.group_coordinator import GroupCoordinator
from frikort_contracts.balance import BalanceChanged
from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.reporting import EarningsReported
from frikort_contracts.topics import AUTHORITY_STAR, BALANCES, EARNINGS
from frikort_contracts.values import Components, WorkPeriod
from structlog.testing import capture_logs

from deploy.local.engines import Engines
from services.balance.ledger import Ledger
from services.balance.processor import LEDGERS
from services.runtime.kafka.connection import client_options
from services.runtime.kafka.consumer import group_of
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.kafka.topics import admin_client
from services.runtime.kafka.topics.added_partitions import partition_watch
from services.runtime.kafka.topics.provisioning import provision
from services.runtime.processing.positions import Partition
from services.runtime.service import CannotStart, Runtime
from services.runtime.settings import RuntimeSettings
from tests.waiting import eventually

ALLOWANCE = 4_276_600
DAY = date(2025, 3, 31)


@pytest.fixture(scope="module")
async def settings(engines: Engines) -> RuntimeSettings:
    settings = RuntimeSettings(
        environment="local",
        **engines.access.settings().model_dump(),
        mongodb=engines.mongodb,
        topic_replication=1,
        publish_timeout=15,
    )
    await provision(settings)
    return settings


@pytest.fixture
async def producer(settings: RuntimeSettings) -> AsyncIterator[KafkaProducer]:
    producer = KafkaProducer(settings, client_id="test", timeout=15)
    yield producer
    await producer.stop()


async def test_partitions_that_are_added_to_a_topic_are_noticed_and_part_no_key(settings: RuntimeSettings) -> None:
    topic, keys = AUTHORITY_STAR, [str(uuid4()).encode() for _ in range(40)]
    records = [Record(topic.name, key, b"{}", ()) for key in keys]

    @asynccontextmanager
    async def fresh() -> AsyncIterator[KafkaProducer]:
        """A producer that has just asked for the partitions."""
        producer = KafkaProducer(settings, client_id="test", timeout=15)
        yield producer
        await producer.stop()

    async with fresh() as producer:
        await producer.publish(records)
        before = await producer.end_positions([topic])
        async with admin_client(settings) as admin:
            await admin.create_partitions({topic.name: NewPartitions(topic.partitions + 2)})

        async def all_are_there() -> bool:
            return (await producer.partitions([topic.name]))[topic.name] == topic.partitions + 2

        await eventually(all_are_there)
    async with fresh() as producer:
        await producer.publish(records)
        after = await producer.end_positions([topic])
        process = cast("Runtime", SimpleNamespace(producer=producer))
        with capture_logs() as logs:
            watching = asyncio.ensure_future(partition_watch([topic.name])(process))

            async def is_noticed() -> bool:
                return bool(logs)

            await eventually(is_noticed)
            watching.cancel()
    assert [end.offset for end in after] == [2 * end.offset for end in before], "every key is in its partition again"
    assert [(log["event"], log["topic"], log["partitions"]) for log in logs] == [
        ("topics.partitions_added", topic.name, topic.partitions + 2)
    ]


def reported(card_id: str, number: int, amount: int) -> Record:
    """An earnings event as reporting would publish it."""
    data = EarningsReported(
        card_id=card_id,
        employment_id=str(uuid5(UUID(card_id), "employment")),
        report_id=str(uuid5(UUID(card_id), str(number))),
        revision=1,
        cvr="10000009",
        year=2025,
        reference=f"r-{number}",
        work=WorkPeriod(first=DAY, last=DAY),
        payment_date=DAY,
        components=Components(wage=amount),
        total=amount,
        allowance=ALLOWANCE,
        provisional=False,
        allowance_version="2025/2025-01-01/1-final/000",
    )
    message_id = uuid5(UUID(card_id), f"event-{number}")
    return encode(
        Envelope(
            id=message_id,
            time=datetime(2025, 4, 1, tzinfo=UTC),
            source="/frikort/reporting",
            data=data,
            correlation_id=message_id,
        )
    )


@asynccontextmanager
async def running(service: str, settings: RuntimeSettings) -> AsyncIterator[Runtime]:
    """An instance of balance under another name, so that each test has its own group and database."""
    runtime = Runtime(service=service, settings=settings, processors=[LEDGERS])
    await runtime.start()
    try:
        yield runtime
    finally:
        await runtime.stop()


async def until_caught_up(runtime: Runtime, producer: KafkaProducer) -> None:
    """Wait until the service has committed all records that are on its topic now."""
    ends = await producer.end_positions([EARNINGS])

    async def reached() -> bool:
        committed = await runtime.committed_positions()
        return all(committed.get(Partition(end.topic, end.partition), 0) >= end.offset for end in ends)

    await eventually(reached, what="the group's committed offsets")


async def ledger_of(runtime: Runtime, card_id: str) -> Ledger:
    ledger = await runtime.reader(LEDGERS).get(f"{card_id}:2025")
    assert ledger is not None
    return ledger


async def read_all(settings: RuntimeSettings, topic: str) -> list[Record]:
    """Every record that is on the topic now."""
    consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(EARNINGS.partitions)]
        ends = await consumer.end_offsets(partitions)
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        records: list[Record] = []
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                records += [Record(r.topic, r.key, r.value, tuple(r.headers)) for r in batch]
        return records
    finally:
        await consumer.stop()


async def reset_offsets(settings: RuntimeSettings, service: str) -> None:
    """Reset the group's offsets to the beginning, so that Kafka delivers all records again."""
    consumer = AIOKafkaConsumer(
        **client_options(settings), group_id=group_of(service, [LEDGERS]), enable_auto_commit=False
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(EARNINGS.name, number) for number in range(EARNINGS.partitions)]
        consumer.assign(partitions)
        await consumer.commit(dict.fromkeys(partitions, 0))
    finally:
        await consumer.stop()


def events_about(records: list[Record], card_id: str) -> list[tuple[str, bytes]]:
    """(event id, body) of the records about a card."""
    return [(dict(r.headers)["ce_id"].decode(), r.value) for r in records if r.key == card_id.encode()]


async def test_a_message_sent_twice_counts_once(settings: RuntimeSettings, producer: KafkaProducer) -> None:
    card_id = str(uuid4())
    async with running("sent-twice", settings) as runtime:
        await producer.publish([reported(card_id, 1, 1_000), reported(card_id, 1, 1_000), reported(card_id, 2, 500)])
        await producer.publish([reported(card_id, 1, 1_000)])
        await until_caught_up(runtime, producer)
        assert (await ledger_of(runtime, card_id)).reported == 1_500


async def test_redelivery_of_all_records_changes_nothing_and_publishes_no_new_event(
    settings: RuntimeSettings, producer: KafkaProducer
) -> None:
    cards = [str(uuid4()) for _ in range(20)]
    async with running("redelivered", settings) as runtime:
        await producer.publish([reported(card, number, 500_000) for number in range(12) for card in cards])
        await until_caught_up(runtime, producer)
        before = [await ledger_of(runtime, card) for card in cards]
    events_before = {card: set(events_about(await read_all(settings, BALANCES.name), card)) for card in cards}
    await reset_offsets(settings, "redelivered")
    async with running("redelivered", settings) as runtime:
        await until_caught_up(runtime, producer)
        assert [await ledger_of(runtime, card) for card in cards] == before
    events_after = {card: set(events_about(await read_all(settings, BALANCES.name), card)) for card in cards}
    assert events_after == events_before
    assert all(ledger.exempt == ALLOWANCE for ledger in before)


async def test_invalid_records_become_dead_letters_and_block_nothing(
    settings: RuntimeSettings, producer: KafkaProducer
) -> None:
    card_id = str(uuid4())
    key = card_id.encode()
    good = reported(card_id, 2, 700)
    invalid = [
        Record(EARNINGS.name, key, b"\xff\xfe no json", good.headers),
        Record(EARNINGS.name, key, b"{}", good.headers),
        Record(EARNINGS.name, key, good.value.replace(b'"total":700', b'"total":700.0'), good.headers),
        Record(EARNINGS.name, key, good.value, (*good.headers, ("note", b"\xff\xfe"))),
        Record(EARNINGS.name, key, good.value, (("ce_type", b"dk.frikort.card.issued.v1"), *good.headers[:2])),
        Record(EARNINGS.name, key, good.value, ()),
    ]
    async with running("poisoned", settings) as runtime:
        await producer.publish([reported(card_id, 1, 300), *invalid, good])
        await until_caught_up(runtime, producer)
        assert (await ledger_of(runtime, card_id)).reported == 1_000
    dead = [r for r in await read_all(settings, EARNINGS.dead) if r.key == key]
    assert [r.value for r in dead] == [p.value for p in invalid]
    for record in dead:
        headers = dict(record.headers)
        assert headers["dead_reason"]
        assert headers["dead_topic"].decode() == EARNINGS.name
        assert headers["dead_service"] == b"poisoned"
    assert dict(dead[3].headers)["note"] == b"\xff\xfe"


async def test_two_instances_share_the_partitions_and_the_ledgers_are_correct(
    settings: RuntimeSettings, producer: KafkaProducer
) -> None:
    cards = [str(uuid4()) for _ in range(30)]
    async with running("shared", settings) as first:
        await producer.publish([reported(card, number, 200_000) for number in range(15) for card in cards])
        # The second instance joins while the first processes batches, which causes a rebalance.
        async with running("shared", settings) as second:
            await producer.publish([reported(card, number, 200_000) for number in range(15, 30) for card in cards])
            await until_caught_up(first, producer)
            assert second.consumer is not None
            assert second.consumer.lag(), "the second instance got partitions"
        await until_caught_up(first, producer)
        ledgers = [await ledger_of(first, card) for card in cards]
    assert all(ledger.revision == 30 for ledger in ledgers)
    assert all((ledger.exempt, ledger.excess) == (ALLOWANCE, 6_000_000 - ALLOWANCE) for ledger in ledgers)
    records = await read_all(settings, BALANCES.name)
    for card in cards:
        contents: dict[str, set[bytes]] = {}
        for event_id, body in events_about(records, card):
            contents.setdefault(event_id, set()).add(body)
        assert all(len(bodies) == 1 for bodies in contents.values()), "an event id has two contents"


async def test_a_member_whose_coordination_ends_joins_its_group_again(
    settings: RuntimeSettings, producer: KafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka ends its coordination at the first error that it does not expect, and does not start it again."""
    card_id, errors = str(uuid4()), [RuntimeError("unexpected")]
    find_coordinator = GroupCoordinator.ensure_coordinator_known

    async def fail_once(coordinator: GroupCoordinator) -> None:
        if errors:
            raise errors.pop()
        await find_coordinator(coordinator)

    async with running("joins-again", settings) as first:
        await producer.publish([reported(card_id, 1, 100)])
        await until_caught_up(first, producer)
        monkeypatch.setattr(GroupCoordinator, "ensure_coordinator_known", fail_once)
        async with running("joins-again", settings) as second:  # whose arrival makes both look for the coordinator
            await producer.publish([reported(card_id, 2, 200)])
            await until_caught_up(first, producer)
            assert (await ledger_of(first, card_id)).reported == 300

            async def both_joined() -> bool:
                return all(runtime.consumer is not None and runtime.consumer.joined for runtime in (first, second))

            await eventually(both_joined)
    assert errors == []


async def test_events_of_a_card_are_published_in_order(settings: RuntimeSettings, producer: KafkaProducer) -> None:
    card_id = str(uuid4())
    async with running("in-order", settings) as runtime:
        await producer.publish([reported(card_id, number, 100) for number in range(300)])
        await until_caught_up(runtime, producer)
        records = [r for r in await read_all(settings, BALANCES.name) if r.key == card_id.encode()]
    mine = [r for r in records if dict(r.headers)["ce_source"] == b"/frikort/in-order"]
    revisions = [
        BalanceChanged.model_validate_json(r.value).revision
        for r in mine
        if dict(r.headers)["ce_type"].decode() == BalanceChanged.type
    ]
    assert list(dict.fromkeys(revisions)) == list(range(1, 301))
    assert Counter(revisions).most_common(1)[0][1] == 1


async def test_a_service_that_cannot_reach_kafka_does_not_start(engines: Engines) -> None:
    settings = RuntimeSettings(
        environment="local", kafka="127.0.0.1:1", mongodb=engines.mongodb, start_timeout=2, publish_timeout=1
    )
    runtime = Runtime(service="unreachable", settings=settings, processors=[LEDGERS])
    with pytest.raises(CannotStart, match="Kafka"):
        await runtime.start()
