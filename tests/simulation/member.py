"""The simulated implementation of the consumer port: a member of a simulated consumer group.

It behaves as aiokafka does: a rebalance runs concurrently with polls and waits for the listener; a member whose session
expired keeps reading until its next heartbeat; a commit is accepted only from the present generation, and only for
assigned partitions. A member whose coordinator task has ended with an error reads and commits no more; it leaves the
group when its consumer stops it, and can join again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from aiokafka.errors import KafkaError

from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchHandler, BatchResult
from services.runtime.processing.consumer import MembershipLost, RebalanceListener
from services.runtime.processing.document_cache import DocumentCache
from services.runtime.processing.offset_committer import CommitRefused
from services.runtime.processing.positions import Offsets, Partition, StartOffset
from tests.simulation.broker import Broker, Group
from tests.simulation.scheduler import Pause, Process, pause

MAX_STEPS_TO_HEARTBEAT = 300
POLL_MORE = Pause("poll.before", KafkaError)
COMMIT_BEFORE = Pause("commit.before", KafkaError)
COMMIT_AFTER = Pause("commit.after", KafkaError)
OFFSETS = Pause("offsets.before", KafkaError)


class Member:
    """A group member, which ``BatchConsumer`` uses as its ``Consumer``."""

    def __init__(
        self, name: str, process: Process, group: Group, broker: Broker, caches: Sequence[DocumentCache[Any]] = ()
    ) -> None:
        self.name = name
        self._caches = caches
        self.group = group
        self.generation = -1
        self.positions: dict[Partition, int] = {}
        self.next: dict[tuple[str, Partition], int] = {}
        self.in_progress = 0
        self._process = process
        self._broker = broker
        self._assigned: dict[Partition, int] | None = None
        self._starts: dict[Partition, int] = {}
        self._heartbeat_at = 0
        self._empty_at = -1
        self._lost = False
        self._poll = Pause("poll.before", KafkaError, ready=self._has_records)
        self._heartbeat = Pause("heartbeat", ready=self._has_group_change)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def alive(self) -> bool:
        """Whether its process runs. The group notices a crash when the session expires."""
        return self._process.alive

    def assigned(self, generation: int, positions: Mapping[Partition, int]) -> None:
        """Receive an assignment, each partition from its offset."""
        self.generation, self._assigned = generation, dict(positions)

    def expelled(self) -> None:
        """Called when the group has removed this member, which notices it at its next heartbeat."""
        self._heartbeat_at = self._process.scheduler.step + self._broker.rng.randrange(MAX_STEPS_TO_HEARTBEAT)

    def lose_membership(self) -> bool:
        """End the coordinator task with an error. False while a rebalance is in progress."""
        if self._lost or not self.positions or self._has_group_change():
            return False
        self._lost = True
        return True

    async def start(self, listener: RebalanceListener) -> None:
        self._lost = False
        self.group.join(self)
        self._tasks.append(asyncio.create_task(self._run_coordinator(listener)))

    async def stop(self) -> None:
        """Leave the group. Used to join again; simulated processes end by crashing."""
        self._lost = True
        await asyncio.gather(*self._tasks)
        self._tasks.clear()
        self._check_nothing_kept("left its group")
        self.positions, self._assigned = {}, None
        if self.group.is_member(self):
            self.group.expel(self)

    async def poll(self, *, max_records: int, max_wait: float) -> Sequence[Incoming]:
        await pause(self._poll if max_wait else POLL_MORE)
        if self._lost:
            raise MembershipLost("simulated")
        return self._fetch(max_records)

    async def commit(self, offsets: Offsets) -> None:
        await pause(COMMIT_BEFORE)
        if self._process.scheduler.step < self.group.coordinator_from:
            raise KafkaError("no coordinator")
        if self._lost or not offsets.keys() <= self.positions.keys():
            raise CommitRefused("not assigned")
        if not self.group.commit(self, self.generation, offsets):
            raise CommitRefused("another generation")
        await pause(COMMIT_AFTER)

    def assignment(self) -> Sequence[Partition]:
        return sorted(self.positions)

    async def start_offsets(self, partitions: Sequence[Partition]) -> Mapping[Partition, StartOffset]:
        await pause(OFFSETS)
        # Not the group's current offsets: Kafka refuses to reset offsets while the group has members.
        return {partition: StartOffset(0, self._starts[partition]) for partition in partitions}

    async def end_offsets(self, partitions: Sequence[Partition]) -> Offsets:
        await pause(OFFSETS)
        return {partition: self._broker.visible.get(partition, 0) for partition in partitions}

    def last_known_ends(self) -> Offsets:
        return {partition: self._broker.visible.get(partition, 0) for partition in self.positions}

    async def _run_coordinator(self, listener: RebalanceListener) -> None:
        """Handle heartbeats and rebalances, as the coordinator task of a Kafka consumer does."""
        group = self.group
        while True:
            await pause(self._heartbeat)
            if self._lost:
                return
            if not group.is_member(self):
                await self._release(listener)
                group.join(self)
            elif group.is_revoking(self):
                await self._release(listener)
                group.release(self)
            elif self._assigned is not None:
                self.positions, self._assigned, self._empty_at = self._assigned, None, -1
                self._starts = dict(self.positions)
                self.next.clear()
                await listener.assigned(list(self.positions))

    async def _release(self, listener: RebalanceListener) -> None:
        await listener.revoked()
        self._check_nothing_kept("released its partitions")
        self.positions, self._assigned = {}, None

    def _check_nothing_kept(self, action: str) -> None:
        if self.in_progress:
            self._broker.violated(f"{self.name} {action} in the middle of a batch")
        if any(map(len, self._caches)):
            self._broker.violated(f"{self.name} {action} and keeps documents in its cache")

    def _has_group_change(self) -> bool:
        if self._lost:
            return True
        if not self.group.is_member(self):
            return self._process.scheduler.step >= self._heartbeat_at
        return self._assigned is not None or self.group.is_revoking(self)

    def _has_records(self) -> bool:
        if self._lost:
            return True
        if self._empty_at == self.group.changes:
            return False
        visible = self._broker.visible
        if any(position < visible.get(partition, 0) for partition, position in self.positions.items()):
            return True
        self._empty_at = self.group.changes
        return False

    def _fetch(self, max_records: int) -> list[Incoming]:
        """Up to ``max_records`` records of the assigned partitions, in order within each."""
        visible, rng = self._broker.visible, self._broker.rng
        ready = [p for p, position in self.positions.items() if position < visible.get(p, 0)]
        rng.shuffle(ready)
        left = 1 + rng.randrange(max_records)
        fetched: list[Incoming] = []
        for partition in ready:
            start = self.positions[partition]
            records = self._broker.partitions[partition][start : min(visible[partition], start + left)]
            self.positions[partition] = start + len(records)
            self.group.count_delivered(partition, start, start + len(records))
            fetched += records
            left -= len(records)
            if left <= 0:
                break
        return fetched


class CheckedProcessor:
    """A processor with a checker of how the runtime calls it.

    Batches of a partition must come one at a time, in the order of offsets, and only while the partition is assigned.
    """

    def __init__(self, processor: BatchHandler, member: Member, broker: Broker) -> None:
        self.name, self.reader = processor.name, processor.reader
        self._processor = processor
        self._member = member
        self._broker = broker

    @property
    def topics(self) -> Collection[str]:
        return self._processor.topics

    def revoked(self) -> None:
        self._processor.revoked()

    async def process(self, batch: Sequence[Incoming]) -> BatchResult:
        ends = self._check_order(batch)
        self._member.in_progress += 1
        try:
            result = await self._processor.process(batch)
        finally:
            self._member.in_progress -= 1
        for partition, end in ends.items():
            self._member.next[self.name, partition] = end
            self._member.group.note_processed(self.name, partition, end)
        return result

    def _check_order(self, batch: Sequence[Incoming]) -> dict[Partition, int]:
        """Returns the offset after the last record of each partition."""
        member, ends = self._member, dict[Partition, int]()
        for record in batch:
            partition = Partition(record.topic, record.partition)
            if partition not in member.positions:
                self._broker.violated(f"{member.name} processes {partition}, which is not assigned to it")
            expected = ends.get(partition, member.next.get((self.name, partition), record.offset))
            if record.offset != expected:
                self._broker.violated(
                    f"{member.name} processes {record.offset} of {partition} when {expected} is the next"
                )
            ends[partition] = record.offset + 1
        return ends
