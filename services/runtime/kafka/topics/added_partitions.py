"""Partitions that somebody has added to a topic: they are not used, and a warning says so.

The partition of a key follows from their number, so another number would part a card's later events from its earlier
ones. The producer therefore uses the partitions of the topic table, and added ones stay empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

import structlog
from frikort_contracts.topics import TOPICS

from services.runtime.kafka.topics import names_of

if TYPE_CHECKING:
    from services.runtime.service import BackgroundTask, Runtime

logger = structlog.get_logger(__name__)

_TABLE: Final[Mapping[str, int]] = {name: topic.partitions for name, topic in names_of(TOPICS).items()}
_EVERY_SECONDS: Final = 60.0


def used_partitions(topic: str, existing: Collection[int]) -> tuple[int, ...]:
    """The numbers of the partitions to which keys are distributed, in order."""
    return tuple(sorted(existing)[: _TABLE.get(topic, len(existing))])


def warn_of_added(counts: Mapping[str, int], known: Mapping[str, int]) -> None:
    """Log each topic that has more partitions than the table; ``known`` are the counts of an earlier call."""
    for topic, count in sorted(counts.items()):
        if count > _TABLE.get(topic, count) and known.get(topic) != count:
            logger.warning("topics.partitions_added", topic=topic, partitions=count, used=_TABLE[topic])


def partition_watch(topics: Collection[str]) -> BackgroundTask:
    """A background task that notices partitions that are added to ``topics`` while the process runs."""

    async def watch_partitions(runtime: Runtime) -> None:
        known: Mapping[str, int] = {}
        while True:
            counts = await runtime.producer.partitions(topics)
            warn_of_added(counts, known)
            known = counts
            await asyncio.sleep(_EVERY_SECONDS)

    return watch_partitions
