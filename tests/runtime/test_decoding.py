"""A record is decoded once in a process, for all of its processors that read the topic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from frikort_contracts.cloudevents import BrokenContract
from frikort_contracts.topics import EARNINGS

from services.balance.processor import LEDGERS
from services.runtime.processing.apply import Incoming
from services.runtime.processing.decision import Processor
from services.runtime.processing.decoding import MOST_KEPT, RecordDecoder
from tests.bench.events import Load

OTHER: Final[Processor[Any]] = replace(LEDGERS, name="others")
RECORDS: Final = [
    Incoming(EARNINGS.name, 0, offset, record.key, record.value, record.headers)
    for offset, record in enumerate(Load(events=2, cards=1).records())
]


def test_both_processors_get_the_message_that_was_decoded_once() -> None:
    decoder = RecordDecoder([LEDGERS, OTHER])
    first = [decoder.decode(EARNINGS, record) for record in RECORDS]
    second = [decoder.decode(EARNINGS, record) for record in RECORDS]

    assert [one.data.report_id for one in first] == [one.data.report_id for one in second]
    assert all(one is another for one, another in zip(first, second, strict=True))
    assert len(decoder) == 0


def test_a_retry_decodes_the_record_again() -> None:
    decoder = RecordDecoder([LEDGERS, OTHER])
    messages = [decoder.decode(EARNINGS, RECORDS[0]) for _ in range(3)]

    assert messages[2] == messages[0]
    assert messages[2] is not messages[0]


def test_nothing_is_kept_of_a_topic_with_one_reader() -> None:
    decoder = RecordDecoder([LEDGERS])
    decoder.decode(EARNINGS, RECORDS[0])

    assert len(decoder) == 0


def test_a_broken_record_is_broken_for_each_processor() -> None:
    decoder = RecordDecoder([LEDGERS, OTHER])
    for _ in range(3):
        with pytest.raises(BrokenContract):
            decoder.decode(EARNINGS, RECORDS[0]._replace(value=b"{}"))
    assert len(decoder) == 0


def test_messages_that_no_other_processor_fetches_do_not_fill_the_memory() -> None:
    decoder = RecordDecoder([LEDGERS, OTHER])
    for offset in range(MOST_KEPT + 5):
        decoder.decode(EARNINGS, RECORDS[0]._replace(offset=offset))

    assert len(decoder) == MOST_KEPT
