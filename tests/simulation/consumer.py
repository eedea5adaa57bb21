"""A consumer of the simulation: the shape of ``services.runtime.kafka.consumer``, over simulated ports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiokafka.errors import KafkaError

from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchProcessor
from services.runtime.retryable import RETRYABLE
from tests.runtime.memory import Partition
from tests.simulation.broker import Broker, Group
from tests.simulation.scheduler import Pause, Process, pause

GOES_ON_AS_A_ZOMBIE = 0.6
COMMITS_BEFORE_THE_NEXT = 0.6

BACKOFF = Pause("backoff")
COMMIT_BEFORE = Pause("commit.before", KafkaError)
COMMIT_AFTER = Pause("commit.after", KafkaError)


class Consumer:
    """Feeds one loop from the log, and commits what it has finished."""

    def __init__(
        self, name: str, process: Process, group: Group, broker: Broker, loop: BatchProcessor[Any], most: int
    ) -> None:
        self.name = name
        self.process = process
        self.group = group
        self.loop = loop
        self._broker = broker
        self._most = most
        self._generation = -1
        self._positions: dict[Partition, int] = {}
        self._nothing_at = -1
        self._done: dict[Partition, int] = {}

    @property
    def alive(self) -> bool:
        return self.process.alive

    def assigned(self, generation: int, positions: dict[Partition, int]) -> None:
        self._generation, self._positions, self._nothing_at = generation, positions, -1
        self._done = {}

    async def run(self) -> None:
        """Consume for ever. It can stop only at points outside of its work: a batch is done wholly, or not at all."""
        self.group.join(self)
        idle = Pause("idle", ready=self._has_something_to_do)
        while True:
            await pause(idle)
            if self.group.is_revoking(self):
                await self.commit()
                self._positions = {}
                self.group.release(self)
                continue
            batch = self._fetch()
            if not batch:
                await self.commit()
            is_zombie = not self.group.is_member(self)
            if is_zombie and (not batch or self._broker.rng.random() > GOES_ON_AS_A_ZOMBIE):
                self._positions = {}
                self.group.join(self)
                continue
            if batch:
                await self.handle(batch)

    async def handle(self, batch: Sequence[Incoming]) -> None:
        """Carry out ``batch``; what is done is committed sooner or later."""
        if await self.carry_out(batch):
            self.note_done(batch)
            if self._broker.rng.random() < COMMITS_BEFORE_THE_NEXT:
                await self.commit()

    def note_done(self, batch: Sequence[Incoming]) -> None:
        """``batch`` may be committed."""
        self._done.update({(incoming.topic, incoming.partition): incoming.offset + 1 for incoming in batch})

    async def carry_out(self, batch: Sequence[Incoming]) -> bool:
        """True when the batch is done; False if its partitions are being taken away while it cannot be done."""
        while True:
            try:
                await self.loop.process(batch)
            except RETRYABLE:
                if self.group.is_revoking(self):
                    return False
                await pause(BACKOFF)
            else:
                return True

    async def commit(self) -> None:
        """Commit what is done; try again while the partitions are ours."""
        offsets, self._done = self._done, {}
        while offsets:
            try:
                await pause(COMMIT_BEFORE)
                if not self.group.commit(self, self._generation, offsets):
                    return
                await pause(COMMIT_AFTER)
            except KafkaError:
                if self.group.is_revoking(self):
                    return
                await pause(BACKOFF)
            else:
                return

    def _has_something_to_do(self) -> bool:
        if self._nothing_at == self.group.changes and not self._done:
            return False
        visible = self._broker.visible
        if (
            self._done
            or self.group.is_revoking(self)
            or not self.group.is_member(self)
            or any(position < visible.get(partition, 0) for partition, position in self._positions.items())
        ):
            return True
        self._nothing_at = self.group.changes
        return False

    def _fetch(self) -> list[Incoming]:
        """Up to so many records, from any of the assigned partitions, in order for each."""
        visible, rng = self._broker.visible, self._broker.rng
        ready = [p for p, position in self._positions.items() if position < visible.get(p, 0)]
        rng.shuffle(ready)
        left = 1 + rng.randrange(self._most)
        batch: list[Incoming] = []
        for partition in ready:
            start = self._positions[partition]
            records = self._broker.partitions[partition][start : min(visible[partition], start + left)]
            self._positions[partition] = start + len(records)
            self.group.count_delivered(partition, start, start + len(records))
            batch += records
            left -= len(records)
            if left <= 0:
                break
        return batch
