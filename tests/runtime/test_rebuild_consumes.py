"""A rebuild decodes the records that can touch a document, and no others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import pytest
from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.cloudevents import encode
from frikort_contracts.messages import Message

from services.exports.rebuilding.card_feeds import REPLAYED as CARD_FEEDS
from services.exports.rebuilding.statements import REPLAYED as STATEMENTS
from services.exports.statistics.card_history import CARD_HISTORIES
from services.gateway.projections import PROJECTIONS
from services.gateway.projections.ledgers import PROJECTION as LEDGERS
from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchResult
from services.runtime.processing.decision import DocumentSet
from services.runtime.rebuild.replay import ConsumedRecords
from tests.contracts.examples import EXAMPLES, envelope

REBUILT: Final[Sequence[DocumentSet[Any]]] = (*PROJECTIONS, CARD_HISTORIES, STATEMENTS, CARD_FEEDS)
MIXED: Final[Sequence[type[Message]]] = (BalanceChanged, ReportSettled, BalanceChanged, ReportSettled)


class Handler:
    """Keeps the batches that it gets."""

    name, reader = "ledgers", "gateway.ledgers"
    topics: Collection[str] = tuple(topic.name for topic in LEDGERS.topics)

    def __init__(self) -> None:
        self.batches: list[Sequence[Incoming]] = []

    async def process(self, batch: Sequence[Incoming]) -> BatchResult:
        self.batches.append(batch)
        return BatchResult(applied=len(batch), published=0, dead=0)

    def revoked(self) -> None:
        self.batches.clear()


def record_of(kind: type[Message], offset: int) -> Incoming:
    example = next(each for each in EXAMPLES if type(each) is kind)
    record = encode(envelope(example, f"message {offset}"))
    return Incoming(record.topic, 0, offset, record.key, record.value, record.headers)


def types_on_topics(documents: DocumentSet[Any]) -> set[type[Message]]:
    return {kind for topic in documents.topics for kind in topic.types.values()}


@pytest.mark.parametrize("documents", REBUILT, ids=lambda documents: documents.name)
def test_a_message_that_is_not_consumed_touches_no_document(documents: Any) -> None:
    others = [each for each in EXAMPLES if type(each) in types_on_topics(documents)]
    for message in others:
        if not isinstance(message, documents.consumes):
            assert documents.address_of(envelope(message, "a message")) is None


async def test_a_batch_has_only_the_consumed_records_in_their_order() -> None:
    handler, batch = Handler(), [record_of(kind, at) for at, kind in enumerate(MIXED)]

    result = await ConsumedRecords(handler, LEDGERS).process(batch)

    assert [[each.offset for each in got] for got in handler.batches] == [[0, 2]]
    assert result.applied == 2


async def test_a_record_without_a_type_is_left_to_the_handler() -> None:
    handler, record = Handler(), record_of(ReportSettled, 0)._replace(headers=())

    await ConsumedRecords(handler, LEDGERS).process([record])

    assert handler.batches == [[record]]


async def test_a_batch_without_a_consumed_record_is_done_at_once() -> None:
    handler = Handler()

    result = await ConsumedRecords(handler, LEDGERS).process([record_of(ReportSettled, 0)])

    assert (handler.batches, result.applied) == ([], 0)
