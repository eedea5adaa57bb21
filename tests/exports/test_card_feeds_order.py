"""A reader that keeps the last record of each key does not go back, whatever is published again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from frikort_contracts.authorities import LOCAL
from frikort_contracts.cloudevents import Envelope, Record, decode, encode
from frikort_contracts.extracts import TaxStatementUpdated
from frikort_contracts.rules.allowances import AllowanceTable
from frikort_contracts.topics import FEED_TOPICS

from services.exports.card_feeds.processor import card_feeds
from services.exports.card_feeds.state import CardFeeds
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchProcessor
from tests.exports.build import A, B, Ledger, envelope, issued, play
from tests.runtime.memory import Faults, MemoryDatabase, MemoryStore

PROCESSOR = card_feeds(LOCAL, {feed.name: lambda *_: "jwe" for feed in LOCAL}, AllowanceTable(years={}))


class Broker:
    """Records what is published; a call after ``fail`` publishes, and its acknowledgement is lost."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.fail = False

    async def publish(self, records: Sequence[Record]) -> None:
        self.records += records
        if self.fail:
            raise KafkaUnavailable("the acknowledgement is lost")

    def revisions(self) -> list[int]:
        """The revisions on the tax agency's feed, in order."""
        topic = FEED_TOPICS["skat"]
        messages: list[Envelope[TaxStatementUpdated]] = [
            decoded for record in self.records if record.topic == topic.name and (decoded := _decode(record))
        ]
        return [message.data.revision for message in messages]


def _decode(record: Record) -> Envelope[TaxStatementUpdated]:
    return decode(FEED_TOPICS["skat"], record.value, record.headers)


def statements() -> list[Incoming]:
    """Three statements of one card and year, as exports reads them."""
    ledger = Ledger()
    _, emitted = play(
        [issued(), *ledger.report("r1", A, 100), *ledger.report("r2", B, 200), *ledger.report("r3", A, 300)]
    )
    made = [encode(envelope(event)) for event in emitted if isinstance(event, TaxStatementUpdated)]
    return [Incoming(r.topic, 0, offset, r.key, r.value, r.headers) for offset, r in enumerate(made)]


def instance(database: MemoryDatabase[CardFeeds], broker: Broker) -> BatchProcessor[CardFeeds]:
    return BatchProcessor(
        service="exports", processor=PROCESSOR, store=MemoryStore(database, Faults()), producer=broker
    )


async def test_a_batch_publishes_the_last_record_of_a_key() -> None:
    broker = Broker()
    await instance(MemoryDatabase(PROCESSOR), broker).process(statements())
    assert broker.revisions() == [3]


@pytest.mark.parametrize("again", [1, 2, 3], ids="{} redelivered first".format)
async def test_a_batch_that_is_published_again_after_a_crash_begins_with_the_last_record(again: int) -> None:
    broker, database = Broker(), MemoryDatabase(PROCESSOR)
    broker.fail = True
    with pytest.raises(KafkaUnavailable):
        await instance(database, broker).process(statements())
    broker.fail = False
    restarted = instance(database, broker)
    await restarted.process(statements()[:again])
    await restarted.process(statements()[again:])
    assert broker.revisions() == sorted(broker.revisions())
    assert broker.revisions()[-1] == 3
