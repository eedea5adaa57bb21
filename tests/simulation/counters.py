"""The services' counters of cards, which a reconciliation passes, and the finder of messages, on simulated ports."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from frikort_contracts.reconciliation import Counter
from frikort_contracts.topics import RECONCILIATION, Topic

from services.balance.counting import count_with as count_balance
from services.exports.difference_messages import MessageFinder
from services.exports.figures import figures_of as figures_of_exports
from services.exports.reconciliation import RECONCILIATIONS
from services.gateway.projections.counting import count_with as count_views
from services.reporting.figures import figures_of as figures_of_reporting
from services.runtime.error_kinds import RETRYABLE
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.processing.apply import Incoming
from services.runtime.processing.consumer import BatchConsumer
from services.runtime.processing.policies import BatchPolicy, CommitPolicy
from services.runtime.processing.positions import Offsets
from services.runtime.processing.producer import Producer
from services.runtime.processing.responder import Responder, catch_up
from services.runtime.reconciliation import NAME, CountCards, answer_with, count_cards
from tests.runtime.memory import MemoryDatabase, partitions_of
from tests.simulation.broker import Broker, Group
from tests.simulation.member import CheckedProcessor, Member
from tests.simulation.ports import SimReader
from tests.simulation.scheduler import Pause, Process, pause

if TYPE_CHECKING:
    from tests.simulation.environment import Service

COUNTER_OF: Final[Mapping[str, Counter]] = {
    "reporting": "reporting",
    "balance": "balance",
    "exports": "exports",
    "gateway": "projections",
}
_READS: Final = {
    "reporting": ("card_states",),
    "balance": ("ledgers",),
    "exports": ("statements",),
    "gateway": ("reports", "ledgers"),
}
_ENDS: Final = Pause("counter.ends", KafkaUnavailable)
_COMMITTED: Final = Pause("counter.committed", KafkaUnavailable)
_SLEEP: Final = Pause("counter.sleep")
_READ_TOPIC: Final = Pause("messages.read", KafkaUnavailable)


def counting_group(broker: Broker, service: str) -> Group:
    """The consumer group of a service's counters."""
    return Group(broker, f"{service}.{NAME}", {NAME: [RECONCILIATION.name]})


def counter_of(
    service: Service, process: Process, broker: Broker, log: Producer, stopped: Callable[[str], None]
) -> BatchConsumer:
    """The consumer of a process that counts cards."""
    assert service.counting is not None
    topics = {topic.name for name in _READS[service.name] for topic in service.databases[name].processor.topics}

    async def ends() -> Offsets:
        await pause(_ENDS)
        return {place: len(broker.partitions.get(place, ())) for topic in topics for place in partitions_of(topic)}

    async def committed() -> Offsets:
        await pause(_COMMITTED)
        return dict(service.group.committed)

    async def sleep(_: float) -> None:
        await pause(_SLEEP)

    async def caught_up() -> None:
        await catch_up(ends, committed, sleep)

    member = Member(f"{process.name}-counter", process, service.counting, broker)
    responder = Responder(
        service=service.name,
        name=NAME,
        writer=COUNTER_OF[service.name],
        topic=RECONCILIATION,
        answer=answer_with(COUNTER_OF[service.name], _count(service.name, service.databases), caught_up),
        producer=log,
    )
    return BatchConsumer(
        consumer=member,
        processors=[CheckedProcessor(responder, member, broker)],
        batching=BatchPolicy(min_records=1, max_records=10, max_wait=0.0),
        committing=CommitPolicy(min_interval=0.2),
        retryable=RETRYABLE,
        stop_service=stopped,
    )


async def find_messages(service: Service, broker: Broker, log: Producer) -> None:
    """Find the messages about the differences of each run: a background task of exports."""
    runs = service.databases[RECONCILIATIONS.name]

    async def read(topic: Topic, keys: Collection[bytes]) -> AsyncIterator[Incoming]:
        await pause(_READ_TOPIC)
        for partition in partitions_of(topic.name):
            for record in broker.partitions.get(partition, ()):
                if record.key in keys:
                    yield record

    def is_wanted() -> bool:
        return any(stored.state is not None and _is_waiting(stored.state) for stored in runs.documents.values())

    finder = MessageFinder(SimReader(runs), read, log.publish)
    while True:
        await pause(Pause("messages.idle", ready=is_wanted))
        try:
            await finder.find_wanted()
        except RETRYABLE:
            continue


@lru_cache(maxsize=64)
def _is_waiting(stored: bytes) -> bool:
    return bool(RECONCILIATIONS.from_stored(json.loads(stored)).without_messages)


def _count(service: str, databases: Mapping[str, MemoryDatabase[Any]]) -> CountCards:
    readers = {name: SimReader(databases[name]) for name in _READS[service]}
    match service:
        case "reporting":
            return count_cards(readers["card_states"], figures_of_reporting)
        case "balance":
            return count_balance(readers["ledgers"])
        case "exports":
            return count_cards(readers["statements"], figures_of_exports)
        case _:
            return count_views(readers["reports"], readers["ledgers"])
