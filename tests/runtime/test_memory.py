"""The broker in memory distributes records as the producer does."""

from __future__ import annotations

import pytest
from frikort_contracts.cloudevents import Record
from frikort_contracts.topics import TOPICS, Topic

from tests.runtime.memory import MemoryKafka, partitions_of

_MANY = 200


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_keys_are_distributed_to_all_partitions_of_the_topic_table_and_no_others(topic: Topic) -> None:
    for name in (topic.name, topic.dead):
        records = [Record(name, str(key).encode(), b"{}", ()) for key in range(_MANY)]
        found = {MemoryKafka.partition_of(record) for record in records}
        assert found == set(partitions_of(name)) == {(name, number) for number in range(topic.partitions)}
