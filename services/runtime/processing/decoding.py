"""Decodes each record once in a process, for all of its processors that read the topic."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Any, Final

from frikort_contracts.cloudevents import Envelope, decode
from frikort_contracts.topics import Topic

from services.runtime.processing.apply import Incoming
from services.runtime.processing.decision import DocumentSet

MOST_KEPT: Final = 2_000
"""Messages that wait for another processor: more than the batches in progress have."""


class RecordDecoder:
    """Decodes records. A message of a topic that several of ``processors`` read is kept until all have read it."""

    def __init__(self, processors: Iterable[DocumentSet[Any]] = ()) -> None:
        self._readers = Counter(topic.name for processor in processors for topic in processor.topics)
        self._kept: OrderedDict[tuple[str, int, int], tuple[Envelope[Any], int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def decode(self, topic: Topic, incoming: Incoming) -> Envelope[Any]:
        """The message in a record of ``topic``. Raises ``BrokenContract``, to each processor."""
        if self._readers[topic.name] < 2:
            return decode(topic, incoming.value, incoming.headers)
        position = incoming.topic, incoming.partition, incoming.offset
        envelope, readers = self._kept.pop(position, (None, self._readers[topic.name]))
        if envelope is None:
            envelope = decode(topic, incoming.value, incoming.headers)
        if readers > 1:
            self._kept[position] = envelope, readers - 1
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return envelope
