"""A simulated Kafka broker with the guarantees of the real one, and no more.

Records become visible to consumers late; the records of a failed publish may be appended later; a rebalance may give
any partitions to any member. Every commit is checked: it must not pass a record that a processor has not finished.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from random import Random
from typing import Any, Protocol

from frikort_contracts.cloudevents import BrokenContract, Record, decode, to_json_bytes
from frikort_contracts.topics import TOPICS

from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.processing.apply import Incoming
from services.runtime.processing.positions import Partition
from tests.runtime.memory import MemoryKafka, MemoryProducer, Points, partitions_of

DELAYED_VISIBILITY = 0.2  # the probability that consumers do not see an appended record at once
LATE_APPEND = 0.3  # the probability that a failed publish is appended later

_TOPICS = {topic.name: topic for topic in TOPICS}


class Broker(MemoryKafka):
    """All topics of the system.

    With ``by_number`` a rebalance gives a member the same partition numbers of all topics, as Kafka's range assignor
    does; without it any partitions.
    """

    def __init__(self, rng: Random, *, by_number: bool = False) -> None:
        super().__init__()
        self.by_number = by_number
        self.rng = rng
        self.groups: dict[str, list[Group]] = {}
        self.faultless = False
        self.visible: dict[Partition, int] = {}
        self.in_flight: list[list[Record]] = []
        self.violated: Callable[[str], None] = _raise

    def append(self, record: Record, partition: int | None = None) -> Incoming:
        """Append a record. Consumers may see it later, but in order."""
        incoming = super().append(record, partition)
        if self.faultless or self.rng.random() >= DELAYED_VISIBILITY:
            self.show(Partition(incoming.topic, incoming.partition))
        return incoming

    def show(self, partition: Partition) -> None:
        """Make all records of a partition visible to consumers."""
        self.visible[partition] = len(self.partitions[partition])
        for group in self.groups.get(partition[0], ()):
            group.changes += 1

    def hidden(self) -> list[Partition]:
        """Partitions with records that are not visible yet."""
        return [p for p, records in self.partitions.items() if self.visible.get(p, 0) < len(records)]

    def append_late(self) -> None:
        """Append the records of a failed publish that are still in flight."""
        for record in self.in_flight.pop(self.rng.randrange(len(self.in_flight))):
            self.append(record)

    def end_faults(self) -> None:
        """Append all records in flight, make all records visible, and delay nothing from now on."""
        self.faultless = True
        while self.in_flight:
            self.append_late()
        for partition in self.hidden():
            self.show(partition)


def _raise(what: str) -> None:
    raise AssertionError(what)


class SimLog(MemoryProducer):
    """A producer. It keeps the order within a partition only; the records of a failed publish may be appended later."""

    def __init__(self, broker: Broker, points: Points) -> None:
        super().__init__(broker, points)
        self._broker = broker

    async def publish(self, records: Sequence[Record]) -> None:
        if not records:
            return
        for record in records:
            self._check_contract(record)
        arranged = _interleaved(records, self._broker)
        try:
            await super().publish(arranged)
        except (KafkaUnavailable, GeneratorExit):
            self._schedule_late_append(arranged)
            raise

    def _check_contract(self, record: Record) -> None:
        """Services publish some events without validating them, so everything that they publish is validated here."""
        if (topic := _TOPICS.get(record.topic)) is None:  # a dead letter
            return
        try:
            message = decode(topic, record.value, record.headers).data
        except BrokenContract as reason:
            self._broker.violated(f"a record for {record.topic} breaks its contract: {reason}")
            return
        if (message.key.encode(), to_json_bytes(message)) != (record.key, record.value):
            self._broker.violated(f"a record for {record.topic} has another form than its contract: {record.value!r}")

    def _schedule_late_append(self, records: Sequence[Record]) -> None:
        rng = self._broker.rng
        if not self._broker.faultless and rng.random() < LATE_APPEND:
            self._broker.in_flight.append(list(records[: 1 + rng.randrange(len(records))]))


def _interleaved(records: Sequence[Record], broker: Broker) -> list[Record]:
    """``records`` by partition, in a random order of partitions: each partition has its own leader."""
    if len(records) == 1:
        return list(records)
    by_partition: dict[Partition, list[Record]] = {}
    for record in records:
        by_partition.setdefault(broker.partition_of(record), []).append(record)
    order = list(by_partition.values())
    broker.rng.shuffle(order)
    return [record for chosen in order for record in chosen]


class Member(Protocol):
    """A consumer, as its group sees it."""

    name: str

    @property
    def alive(self) -> bool:
        """Whether its process runs. The group notices a crash when the session expires."""
        ...

    def assigned(self, generation: int, positions: Mapping[Partition, int]) -> None:
        """Assign these partitions, each from its offset."""
        ...

    def expelled(self) -> None:
        """Called when the group has removed the member, which notices it at its next heartbeat."""
        ...


class Group:
    """A consumer group: its members, their partitions, and the committed offsets.

    ``applied`` are the positions that its members store before they commit them, if they do.
    """

    def __init__(
        self,
        broker: Broker,
        name: str,
        reads: Mapping[str, Collection[str]],
        applied: Mapping[Partition, int] | None = None,
    ) -> None:
        self.name = name
        self.topics = sorted({topic for topics in reads.values() for topic in topics})
        self.committed: dict[Partition, int] = {}
        self.members: list[Any] = []
        self.generation = 0
        self.changes = 0  # incremented whenever a member may have records to read
        self.coordinator_from = 0  # the step from which a coordinator answers commits
        self.refused_commits = 0
        self.redelivered = 0
        self._delivered: dict[Partition, int] = {}
        self._broker = broker
        self._applied = applied
        self._partitions = [partition for topic in self.topics for partition in partitions_of(topic)]
        self._readers = {topic: [name for name, topics in reads.items() if topic in topics] for topic in self.topics}
        self._processed: dict[tuple[str, Partition], int] = {}
        self._awaited: list[Any] = []
        for topic in self.topics:
            broker.groups.setdefault(topic, []).append(self)

    def join(self, member: Member) -> None:
        """Add a member and start a rebalance."""
        if member not in self.members:
            self.members.append(member)
        self.rebalance()
        self.release(member)  # a new member holds no partitions

    def is_member(self, member: Member) -> bool:
        """Whether ``member`` belongs to the group."""
        return member in self.members

    def is_revoking(self, member: Member) -> bool:
        """Whether the rebalance waits for ``member`` to release its partitions."""
        return member in self._awaited

    def rebalance(self) -> None:
        """Revoke all partitions; they are assigned again when every member has released its own."""
        self._awaited = list(self.members)
        self.changes += 1
        self._assign_if_released()

    def release(self, member: Member) -> None:
        """Record that ``member`` has released its partitions."""
        if member in self._awaited:
            self._awaited.remove(member)
            self._assign_if_released()

    def expel(self, member: Member) -> None:
        """Expire the session of ``member``. If its process still runs, it is a zombie until its next heartbeat."""
        self.members.remove(member)
        member.expelled()
        self.rebalance()

    def commit(self, member: Member, generation: int, offsets: Mapping[Partition, int]) -> bool:
        """Commit offsets. False if they are refused: the member is not part of the group's present generation."""
        if not self.is_current(member, generation):
            self.refused_commits += 1
            return False
        for partition, offset in offsets.items():
            self._check_commit(partition, offset)
        self.committed.update(offsets)
        return True

    def is_current(self, member: Member, generation: int) -> bool:
        """Whether ``member`` belongs to the group and has the present generation."""
        return generation == self.generation and self.is_member(member)

    def note_processed(self, processor: str, partition: Partition, end: int) -> None:
        """Record that ``processor`` has finished all records of ``partition`` before ``end``."""
        done = self._processed.get((processor, partition), 0)
        self._processed[processor, partition] = max(done, end)

    def _check_commit(self, partition: Partition, offset: int) -> None:
        """The checker of commits: none passes an unprocessed record, and none decreases the committed offset."""
        for name in self._readers[partition.topic]:
            done = self._processed.get((name, partition), 0)
            if offset > done:
                self._broker.violated(f"{self.name} commits {offset} of {partition}, and {name} has processed {done}")
        if self._applied is not None and offset > (stored := self._applied.get(partition, 0)):
            self._broker.violated(f"{self.name} commits {offset} of {partition}, and its database is at {stored}")
        if offset < (before := self.committed.get(partition, 0)):
            self._broker.violated(f"{self.name} commits {offset} of {partition} after {before}")

    def count_delivered(self, partition: Partition, start: int, end: int) -> None:
        """Count a fetch of the offsets ``start`` to ``end``, and how many of them are redelivered."""
        before = self._delivered.get(partition, 0)
        self.redelivered += max(0, min(before, end) - start)
        self._delivered[partition] = max(before, end)

    def rewind(self, rng: Random) -> Partition | None:
        """Reset the group to an earlier offset in one partition; records from there on are redelivered."""
        behind = [partition for partition, offset in self.committed.items() if offset]
        if not behind:
            return None
        partition = behind[rng.randrange(len(behind))]
        self.committed[partition] = rng.randrange(self.committed[partition])
        self.rebalance()
        return partition

    def lag(self) -> dict[Partition, int]:
        """The number of records that the group has not committed, by partition."""
        ends = {p: len(self._broker.partitions.get(p, ())) for p in self._partitions}
        return {p: end - self.committed.get(p, 0) for p, end in ends.items() if end > self.committed.get(p, 0)}

    def deliveries_left(self) -> int:
        """The uncommitted records, each counted once for every processor that reads it."""
        return sum(count * len(self._readers[partition.topic]) for partition, count in self.lag().items())

    def _assign_if_released(self) -> None:
        if self._awaited or not self.members:
            return
        self.generation += 1
        partitions = list(self._partitions)
        self._broker.rng.shuffle(partitions)
        count = len(self.members)
        for index, member in enumerate(self.members):
            mine = (
                [p for p in partitions if p[1] % count == index] if self._broker.by_number else partitions[index::count]
            )
            member.assigned(self.generation, {p: self.committed.get(p, 0) for p in mine})
        self.changes += 1
