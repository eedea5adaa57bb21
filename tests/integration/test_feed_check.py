"""The check of the feeds on the running system, with the rights of exports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from frikort_contracts.authorities import FEEDS
from frikort_contracts.cloudevents import Record, decode, encode
from frikort_contracts.feeds import CardUseUpdated, FillFeed
from frikort_contracts.rules.allowances import AllowanceTable
from frikort_contracts.topics import FEED_TOPICS

from services.exports.card_feeds.processor import card_feeds
from services.exports.feed_check import FeedCheck, last_records
from services.runtime.envelopes import new_envelope
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.mongo.document_store import Reader
from services.runtime.mongo.driver import close, connect, durable_database
from tests.integration.scene import Job, World
from tests.integration.topics import publish, read_all
from tests.waiting import eventually

TOPIC = FEED_TOPICS["star"]


@pytest.fixture
async def check(world: World) -> AsyncIterator[FeedCheck]:
    """The check as exports runs it, with its users of broker and database, and no wait for what is being published."""
    settings = world.system.access.settings("exports")
    producer = KafkaProducer(settings, client_id="test-feed-check", timeout=20)
    client = connect(world.system.mongodb_access.uri("exports"))
    reader = Reader(durable_database(client, "frikort_exports"), card_feeds(FEEDS, {}, AllowanceTable(years={})))

    async def send(messages: Sequence[FillFeed]) -> None:
        await producer.publish([encode(new_envelope(each, writer="exports")) for each in messages])

    yield FeedCheck(
        feeds=FEEDS,
        read_last=last_records(settings),
        get_card=reader.get,
        send=send,
        sleep=lambda _: asyncio.sleep(0),
    )
    await producer.stop()
    await close(client)


async def records_about(world: World, job: Job) -> list[tuple[Record, CardUseUpdated]]:
    """The records of a card's years on the feed, in their order."""
    found = []
    for record in await read_all(world.system.access, TOPIC.name):
        data = decode(TOPIC, record.value, record.headers).data
        if isinstance(data, CardUseUpdated) and data.card_id == job.card.id:
            found.append((Record(TOPIC.name, record.key, record.value, tuple(record.headers)), data))
    return found


async def test_a_record_that_was_published_late_is_followed_by_the_newest_again(world: World, check: FeedCheck) -> None:
    job = world.job()

    async def record_of(reported: int) -> tuple[Record, CardUseUpdated]:
        async def last() -> tuple[Record, CardUseUpdated] | None:
            found = await records_about(world, job)
            return found[-1] if found and found[-1][1].reported == reported else None

        return await eventually(last, within=30, what=f"the record with {reported} øre")

    job.report(100_000)
    first, _ = await record_of(100_000)
    job.report(200_000)
    _, newest = await record_of(300_000)
    await publish(world.system.access, [first])
    assert (await records_about(world, job))[-1][1].reported == 100_000, "the older one is the last of its key"

    assert await check.run() >= 1

    async def newest_is_last() -> bool:
        return (await records_about(world, job))[-1][1] == newest

    assert await eventually(newest_is_last, within=30, what="the newest record again")
