"""Counts the dead letters of a process that wait to be replayed or discarded, for its metrics."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import structlog
from frikort_contracts.topics import Topic

from services.runtime import metrics
from services.runtime.error_kinds import RETRYABLE
from services.runtime.kafka.dead_letters.journal import Journal, state_of
from services.runtime.kafka.dead_letters.reader import DeadLetter, Positions, read_on
from services.runtime.processing.dead_letters import Origin
from services.runtime.settings import RuntimeSettings

if TYPE_CHECKING:
    from services.runtime.service import BackgroundTask, Runtime

logger = structlog.get_logger(__name__)

_EVERY_SECONDS: Final = 30.0
_CLOSED: Final = ("replayed", "discarded")


class WaitingDeadLetters:
    """The dead letters that wait, by topic and processor. ``readers`` are the topics of each processor, by its name."""

    def __init__(self, settings: RuntimeSettings, journal: Journal, readers: Mapping[str, tuple[Topic, ...]]) -> None:
        self._settings = settings
        self._journal = journal
        self._readers = readers
        self._topics = {topic.name: topic for topics in readers.values() for topic in topics}
        self._positions: Positions = {}
        self._open: dict[Origin, int] = {}
        for reader, topics in readers.items():
            for topic in topics:
                metrics.DEAD_WAITING.labels(reader, topic.name)

    async def count(self) -> Mapping[tuple[str, str], int]:
        """The number of dead letters by processor and topic. Reads what is new since the last call.

        Raises the errors of ``RETRYABLE``.
        """
        topics = tuple(self._topics.values())
        self._positions = await read_on(self._settings, topics, self._positions, self._add)
        history = await self._journal.entries(self._open)
        # A closed letter waits again only if a replay of it is rejected, which is a new record on the topic.
        self._open = {o: n for o, n in self._open.items() if state_of(history[o], n) not in _CLOSED}
        counts = Counter((origin.reader, origin.topic) for origin in self._open)
        return {(reader, t.name): counts[reader, t.name] for reader, topics in self._readers.items() for t in topics}

    def _add(self, letter: DeadLetter) -> None:
        if letter.origin.reader in self._readers:
            self._open[letter.origin] = max(letter.replay, self._open.get(letter.origin, 0))


def dead_letter_counter(settings: RuntimeSettings) -> BackgroundTask:
    """A background task for a process with processors: keeps ``frikort_dead_letters_waiting`` current."""

    async def count_dead_letters(runtime: Runtime) -> None:
        waiting = WaitingDeadLetters(settings, Journal(runtime.client), runtime.readers)
        while True:
            try:
                for labels, count in (await waiting.count()).items():
                    metrics.DEAD_WAITING.labels(*labels).set(count)
            except RETRYABLE as error:
                logger.warning("runtime.dead_letters_not_counted", reason=type(error).__name__)
            await asyncio.sleep(_EVERY_SECONDS)

    return count_dead_letters
