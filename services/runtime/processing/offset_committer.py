"""Offsets committed behind the work: one commit for all that was done meanwhile, and nobody waits for it.

A commit costs the client and the broker as much as a fetch, whatever it says. What is done and not committed yet is
delivered again after a crash, which changes nothing; so it may wait a moment for more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from services.runtime.backoff import delays, is_set_within

logger = structlog.get_logger(__name__)

Offsets = Mapping[TopicPartition, int]

_GATHERING_SECONDS: Final = 0.2


class OffsetCommitter:
    """The commits of one consumer. ``committed`` is told of each that Kafka has, ``fail`` of what may not pass."""

    def __init__(
        self,
        name: str,
        *,
        consumer: Callable[[], AIOKafkaConsumer | None],
        committed: Callable[[Offsets], None],
        fail: Callable[[Exception], None],
    ) -> None:
        self._name = name
        self._consumer = consumer
        self._committed = committed
        self._fail = fail
        self._done: dict[TopicPartition, int] = {}
        self._at_once = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    def done(self, offsets: Offsets) -> None:
        """All before these offsets is wholly done: commit it soon."""
        self._done.update(offsets)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._commit_all())

    async def finish(self) -> None:
        """Commit at once what is done, with one try; what cannot be committed now is delivered again."""
        self._at_once.set()
        try:
            if self._work is not None:
                await self._work
        finally:
            self._at_once.clear()
            self._done.clear()

    async def _commit_all(self) -> None:
        pauses = delays()
        await is_set_within(self._at_once, _GATHERING_SECONDS)
        while self._done and (consumer := self._consumer()) is not None:
            offsets, self._done = self._done, {}
            try:
                await consumer.commit(offsets)
            except (CommitFailedError, IllegalStateError) as error:
                # The partitions have gone to another instance, which will find it applied.
                logger.info("runtime.commit_refused", processor=self._name, reason=type(error).__name__)
            except KafkaError as error:
                logger.warning("runtime.commit_waits", processor=self._name, reason=type(error).__name__)
                self._done = {**offsets, **self._done}
                if self._at_once.is_set():
                    return
                await is_set_within(self._at_once, next(pauses))
            except Exception as error:
                logger.critical("runtime.stopped", processor=self._name, reason=str(error), exc_info=True)
                self._fail(error)
                return
            else:
                self._committed(offsets)
                pauses = delays()
                if self._done:
                    await is_set_within(self._at_once, _GATHERING_SECONDS)
