"""Of the records that a batch publishes on a compacted topic, those that a later one replaces are left out."""

from __future__ import annotations

from frikort_contracts.cloudevents import Record
from frikort_contracts.topics import CARDS, FEED_TOPICS

from services.runtime.processing.batch_processor import last_of_each_key

FEED = FEED_TOPICS["skat"].name


def record(topic: str, key: str, value: str) -> Record:
    return Record(topic, key.encode(), value.encode(), ())


def test_an_older_record_of_a_key_is_left_out_of_a_compacted_topic() -> None:
    records = [record(FEED, "a", "1"), record(FEED, "b", "1"), record(FEED, "a", "2")]
    assert last_of_each_key(records) == records[1:]


def test_another_topic_gets_every_record_in_order() -> None:
    records = [record(CARDS.name, "a", "1"), record(FEED, "a", "1"), record(CARDS.name, "a", "2")]
    assert last_of_each_key(records) == records


def test_the_same_key_of_two_feeds_is_two_keys() -> None:
    records = [record(FEED, "a", "1"), record(FEED_TOPICS["star"].name, "a", "1")]
    assert last_of_each_key(records) == records
