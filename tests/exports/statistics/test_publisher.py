"""The publisher on a real MongoDB: each month once, and the same bytes again after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

import pytest
from frikort_contracts.cloudevents import Record
from frikort_contracts.statistics import StatisticsPublished

from services.exports.statistics.card_history import CARD_HISTORIES
from services.exports.statistics.publisher import StatisticsPublisher, last_complete_month
from services.runtime.kafka.unavailable import KafkaUnavailable
from tests.exports.harness import Exports, RecordingProducer
from tests.exports.statistics.build import card

NOW: Final = datetime(2025, 4, 11, tzinfo=UTC)


async def add_cards(exports: Exports, cards: int) -> None:
    stored = [card(exempt={"2025-03": 100_00}, number=number) for number in range(cards)]
    await exports.database[CARD_HISTORIES.name].insert_many(
        [{"_id": each.card_id, "version": 1, "state": CARD_HISTORIES.to_stored(each)} for each in stored]
    )


async def test_each_month_is_published_once_from_the_first_card_on(exports: Exports) -> None:
    await add_cards(exports, 7)
    producer = RecordingProducer()
    publisher = StatisticsPublisher(exports.database, producer.publish)

    for _ in range(2):
        for month in await publisher.due("2025-03"):
            await publisher.add(month, NOW)
        await publisher.publish_stored()

    published = producer.events()
    assert all(isinstance(event, StatisticsPublished) for event in published)
    assert [event.month for event in published] == ["2025-01", "2025-02", "2025-03"]
    assert [event.municipalities[0].used for event in published] == [0, 0, 5]


async def test_a_publication_keeps_its_figures_and_its_bytes_after_a_crash(exports: Exports) -> None:
    await add_cards(exports, 5)
    failing, producer = RecordingProducer(fails_at=1), RecordingProducer()
    await StatisticsPublisher(exports.database, failing.publish).add("2025-01", NOW)
    with pytest.raises(KafkaUnavailable):
        await StatisticsPublisher(exports.database, failing.publish).publish_stored()
    await exports.database[CARD_HISTORIES.name].delete_many({})

    await StatisticsPublisher(exports.database, producer.publish).publish_stored()
    await StatisticsPublisher(exports.database, producer.publish).publish_stored()

    (event,) = producer.events()
    assert event.municipalities[0].issued == 5


async def test_an_instance_that_was_slower_keeps_the_publication_of_the_other(exports: Exports) -> None:
    await add_cards(exports, 5)
    producer = RecordingProducer()
    await StatisticsPublisher(exports.database, producer.publish).add("2025-01", NOW)
    await exports.database[CARD_HISTORIES.name].delete_many({})  # the figures are others when the second one computes

    await StatisticsPublisher(exports.database, producer.publish).add("2025-01", NOW)
    await StatisticsPublisher(exports.database, producer.publish).publish_stored()

    (event,) = producer.events()
    assert event.municipalities[0].issued == 5


async def test_a_stop_between_publishing_and_its_mark_publishes_nothing_twice(exports: Exports) -> None:
    await add_cards(exports, 5)
    producer, published, may_end = RecordingProducer(), asyncio.Event(), asyncio.Event()

    async def publish_slowly(records: Sequence[Record]) -> None:
        await producer.publish(records)
        published.set()
        await may_end.wait()

    await StatisticsPublisher(exports.database, producer.publish).add("2025-01", NOW)
    stopped = asyncio.create_task(StatisticsPublisher(exports.database, publish_slowly).publish_stored())
    await published.wait()
    stopped.cancel()
    await asyncio.sleep(0)
    may_end.set()
    await asyncio.wait([stopped])

    await StatisticsPublisher(exports.database, producer.publish).publish_stored()

    assert stopped.cancelled()
    assert len(producer.events()) == 1


def test_a_month_is_complete_when_its_delay_has_passed() -> None:
    assert last_complete_month(date(2025, 4, 10), 10) == "2025-02"
    assert last_complete_month(date(2025, 4, 11), 10) == "2025-03"
    assert last_complete_month(date(2025, 1, 11), 10) == "2024-12"
