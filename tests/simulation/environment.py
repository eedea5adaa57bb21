"""The simulated system of one seed: two processes of every service, the broker, the stores and the clock.

The services' rules, batch processors and consumers are the real ones; only their ports are simulated.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, Final

from frikort_contracts.rules.allowances import AllowanceTable
from frikort_contracts.topics import TOPICS
from frikort_contracts.values import EncryptedPerson

from services.balance.jobs import settle_kinds
from services.balance.processor import LEDGERS
from services.exports.card_feeds.processor import NAME
from services.gateway.changes.change_notifier import ChangeSubscriptions
from services.gateway.changes.received_states import received_first
from services.gateway.commands.outcomes import OutcomeWaits
from services.gateway.commands.service import CommandService
from services.gateway.person_encryption import Persons
from services.gateway.projections import PROJECTIONS as VIEWS
from services.gateway.read_models import ReadModels
from services.issuance import jobs as issuance_jobs
from services.issuance.processor import cards
from services.reporting.processor import card_states
from services.reporting.rules import Rules
from services.runtime.allowance_file import load_allowances
from services.runtime.encryption import Encryptor, KeyedHasher
from services.runtime.error_kinds import RETRYABLE
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.processing.apply import Document, Incoming
from services.runtime.processing.batch_processor import BatchProcessor
from services.runtime.processing.consumer import BatchConsumer
from services.runtime.processing.dead_letters import FACTS, Origin, Replay, facts_of
from services.runtime.processing.decision import DocumentSet, Processor, S, no_aliases
from services.runtime.processing.decoding import RecordDecoder
from services.runtime.processing.document_cache import DocumentCache
from services.runtime.processing.entry_loading import MapAddress, Needed, StoredEntries
from services.runtime.processing.policies import CommitPolicy
from services.runtime.processing.positions import Partition
from services.runtime.processing.projection import Projection
from services.runtime.processing.published import CommittedOffsets, PublishedEvents
from services.runtime.settings import REPOSITORY
from tests.person_keys import KeysOnDemand
from tests.runtime.memory import MemoryDatabase, MemoryStore, Points
from tests.simulation import exports, jobs
from tests.simulation.broker import Broker, Group, SimLog
from tests.simulation.change_stream import Changes, follow
from tests.simulation.counters import COUNTER_OF, counter_of, counting_group, find_messages
from tests.simulation.fault_schedule import FaultSchedule, RunConfig, expire_dead
from tests.simulation.jobs import SimJobs
from tests.simulation.member import CheckedProcessor, Member
from tests.simulation.ports import Clock, SchedulerPoints, SimAppliedPositions, SimCommandStore, SimReader
from tests.simulation.scheduler import (
    OUTSIDE,
    Pause,
    Process,
    Rates,
    Scheduler,
    UnexpectedError,
    Violation,
    Work,
    pause,
    random_stream,
)
from tests.simulation.settlements import SimSettlements, with_change

INSTANCES: Final = 2
CACHE_SIZES: Final = (0, 2, 100)
MOST_A_YEAR: Final = (4, 10, 10_000)  # reports and corrections of a card
_OFFSETS_READ: Final = Pause("offsets.before", KafkaUnavailable)
DEAD_LETTER_LIMIT: Final = 10**9  # not simulated: two replays of many invalid records would reach a real limit


class CountedCache(DocumentCache[Any]):
    """A cache that counts for the coverage check."""

    def __init__(self, most: int, counts: Counter[str]) -> None:
        super().__init__(most)
        self._counts = counts

    def take(self, ids: Iterable[str]) -> list[Document[Any]]:
        found = super().take(ids)
        self._counts["documents from a cache"] += len(found)
        return found


class CountedStore(MemoryStore[Any]):
    """A store that counts for the coverage check."""

    def __init__(self, database: MemoryDatabase[Any], points: Points, counts: Counter[str]) -> None:
        super().__init__(database, points)
        self._counts = counts

    async def load_entries(self, needed: Needed) -> Mapping[MapAddress, StoredEntries]:
        found = await super().load_entries(needed)
        self._counts["entries from outside"] += sum(len(each.values) for each in found.values())
        return found


@dataclass(eq=False)
class GatewayInstance:
    """A gateway process, with its command service, its read models, and its waits for outcomes."""

    process: Process
    intake: CommandService
    models: ReadModels
    waits: OutcomeWaits


@dataclass(eq=False)
class Service:
    """A service: the durable documents of its processors, its consumer group and its running processes."""

    name: str
    databases: dict[str, MemoryDatabase[Any]]
    group: Group
    counting: Group | None
    applied: dict[Partition, int]
    processes: list[Process] = field(default_factory=list)
    down_until: int = 0
    """The step before which no process of it is started."""


def origin_of(dead: Incoming) -> Origin:
    """The identity of a dead letter."""
    facts = facts_of(dead.headers)
    assert facts is not None
    return facts.origin


class Environment:
    """The system of one run.

    ``record`` keeps a trace; ``faultless`` injects no faults. In two of three runs other amounts take effect after the
    start, unless ``amounts_change`` is false.
    """

    def __init__(
        self, seed: int, *, record: bool = False, faultless: bool = False, amounts_change: bool = True
    ) -> None:
        self.rng = random_stream("environment", seed)
        self._number_secret = random_stream("card numbers", seed).randbytes(32)
        self._faultless = faultless
        self.config = RunConfig.faultless(self.rng) if faultless else RunConfig.of(self.rng)
        self.scheduler = Scheduler(
            random_stream("schedule", seed), self.config.rates, record=record, tick=self.config.tick
        )
        self.scheduler.on_crash = self._crashed
        self.broker = Broker(random_stream("broker", seed), by_number=faultless)
        self.broker.violated = self._invariant_violated
        self.clock = Clock(
            _start_time(self.rng), timedelta(seconds=self.rng.choice((2, 20, 60))), lambda: self.scheduler.step
        )
        self.allowances = allowances()
        amounts = random_stream("amounts", seed)
        if amounts_change and amounts.random() < 2 / 3:
            self.allowances = with_change(self.allowances, amounts, self.clock.start)
        self.provisional_accepted = self.rng.random() < 0.9
        self._stream_rng = random_stream("change streams", seed)
        self.most_a_year = random_stream("limits", seed).choice(MOST_A_YEAR)
        self.commands = SimCommandStore()
        self.gateways: list[GatewayInstance] = []
        self.counts: Counter[str] = Counter()
        self.invalid: list[tuple[str, int, int]] = []
        self.replays: defaultdict[Origin, set[int]] = defaultdict(set)
        self.outside = self.scheduler.process(OUTSIDE)
        self._points = SchedulerPoints()
        self._persons = Persons(Encryptor({"k": b"k" * 32}), {"": KeyedHasher(b"h" * 32)}, KeysOnDemand())
        self._encrypted = 0
        self._starts = Counter[str]()
        self.services = {name: self._service(name, processors) for name, processors in self._processors().items()}
        self._changes = Changes(self.services["gateway"].databases)
        self.document_jobs = SimJobs(
            "exports", exports.jobs_over("statements"), self.database("exports", "statements"), self.clock
        )
        self.feed_jobs = SimJobs("exports", exports.jobs_over(NAME), self.database("exports", NAME), self.clock)
        self.balance_jobs = SimJobs(
            "balance", settle_kinds(self.allowances), self.database("balance", "ledgers"), self.clock
        )
        self.reconciliations = SimJobs(
            "issuance", issuance_jobs.JOB_KINDS, self.database("issuance", "cards"), self.clock
        )
        self._all_jobs = (self.document_jobs, self.feed_jobs, self.balance_jobs, self.reconciliations)
        self.settlements = SimSettlements(
            self.allowances, self.balance_jobs, self.services["balance"].group, self.clock
        )
        for service in self.services.values():
            for _ in range(INSTANCES):
                self.start(service)
        self.scheduler.spawn(self.outside, "faults", FaultSchedule(self).run())

    def start_client(self, name: str, work: Work) -> None:
        """Start ``work`` as a client, outside of the services' processes. Clients never crash."""
        self.scheduler.spawn(self.outside, name, work)

    def database(self, service: str, processor: str) -> MemoryDatabase[Any]:
        """The durable documents of a processor."""
        return self.services[service].databases[processor]

    def groups(self) -> Iterator[Group]:
        """Every consumer group."""
        for service in self.services.values():
            yield service.group
            if service.counting is not None:
                yield service.counting

    def counters(self) -> Counter[str]:
        """The counters of the stores and groups, for the coverage check."""
        counts: Counter[str] = Counter()
        for service in self.services.values():
            for database in service.databases.values():
                counts["writes refused by version or alias"] += database.conflicts
        for group in self.groups():
            counts["commits of zombies refused"] += group.refused_commits
            counts["redeliveries"] += group.redelivered
        return counts

    def heal(self) -> None:
        """End the faults: start missing processes, deliver records in flight, expire sessions of crashed members."""
        self.scheduler.rates = Rates()
        if not self._faultless:  # else every job has its runner, and a second one would repeat its messages
            for jobs_of_service in self._all_jobs:
                jobs_of_service.expire_leases()
        self.broker.end_faults()
        for service in self.services.values():
            while len(service.processes) < INSTANCES:
                self.start(service)
        for group in self.groups():
            group.coordinator_from = 0
            expire_dead(group)

    def reconcile_again(self) -> str:
        """Start a reconciliation. Returns the run's id."""
        return str(self.reconciliations.start(issuance_jobs.RECONCILE))

    def replay_dead_letters(self) -> int:
        """Replay every dead letter, also those that were replayed before. Returns their number."""
        letters: dict[Origin, Incoming] = {}
        for topic in TOPICS:
            for dead in self.broker.all(topic.dead):
                letters.setdefault(origin_of(dead), dead)
        for origin, dead in letters.items():
            # No two replays have one number, so that a reader which takes the replay of another is noticed.
            number = 1 + sum(map(len, self.replays.values()))
            self.replays[origin].add(number)
            replay = Replay(origin, number)
            self.broker.append(replay.record(dead.key or b"", dead.value or b"", dead.headers[: -len(FACTS)]))
        return len(letters)

    def _processors(self) -> dict[str, Sequence[Processor[Any] | Projection[Any]]]:
        rules = Rules(self.allowances, self.provisional_accepted, most_a_year=self.most_a_year)
        return {
            "issuance": (cards(self._number_secret),),
            "reporting": (card_states(rules),),
            "balance": (LEDGERS,),
            "exports": exports.processors(self._encrypt_cpr, self.allowances),
            "gateway": VIEWS,
        }

    def _encrypt_cpr(self, person: EncryptedPerson, _: str) -> str:
        # As real encryption, this is different each time.
        self._encrypted += 1
        return f"jwe-{self._encrypted}-{person.cpr_hash}"

    def _service(self, name: str, processors: Sequence[Processor[Any] | Projection[Any]]) -> Service:
        applied: dict[Partition, int] = {}
        reads = {p.name: [topic.name for topic in p.topics] for p in processors}
        return Service(
            name=name,
            databases={p.name: MemoryDatabase(p) for p in processors},
            group=Group(self.broker, name, reads, applied),
            applied=applied,
            counting=counting_group(self.broker, name) if name in COUNTER_OF else None,
        )

    def start(self, service: Service) -> None:
        """Start a process of ``service``."""
        self._starts[service.name] += 1
        process = self.scheduler.process(f"{service.name}-{self._starts[service.name]}")
        service.processes.append(process)
        log = SimLog(self.broker, self._points)
        caches = [self._cache(database) for database in service.databases.values()]
        decoder = RecordDecoder([database.processor for database in service.databases.values()])
        member = Member(process.name, process, service.group, self.broker, caches)
        consumer = BatchConsumer(
            consumer=member,
            processors=[
                CheckedProcessor(self._batch_processor(service, database, log, cache, decoder), member, self.broker)
                for database, cache in zip(service.databases.values(), caches, strict=True)
            ],
            batching=self.config.batching,
            committing=CommitPolicy(min_interval=0.2),
            retryable=RETRYABLE,
            stop_service=self._service_stopped,
            applied=SimAppliedPositions(service.applied),
        )
        pace = self.rng.choice((0.3, 0.05, 0.01)) if self.rng.random() < self.config.slow else 1.0
        self.scheduler.spawn(process, "consumer", consumer.start(), pace=pace)
        if service.counting is not None:
            counter = counter_of(service, process, self.broker, log, self._service_stopped)
            self.scheduler.spawn(process, "counter", counter.start(), pace=pace)
        for of_service in self._all_jobs:
            if service.name == of_service.service:
                work = jobs.runner(of_service, log, lambda: self.counts.update(["job runners failed"]))
                self.scheduler.spawn(process, "jobs", work)
        if service.name == "exports":
            finding = find_messages(service, self.broker, log)
            self.scheduler.spawn(process, "messages", finding)
        if service.name == "balance":
            starting = self.settlements.keep_starting(lambda: self.counts.update(["settlement starts failed"]))
            self.scheduler.spawn(process, "settlements", starting)
        if service.name == "gateway":
            self.gateways.append(self._gateway(process, log))

    def _batch_processor(
        self, service: Service, database: MemoryDatabase[Any], log: SimLog, cache: CountedCache, decoder: RecordDecoder
    ) -> BatchProcessor[Any]:
        return BatchProcessor(
            service=service.name,
            processor=database.processor,
            store=CountedStore(database, self._points, self.counts),
            producer=log,
            published=PublishedEvents(_committed(service.group)),
            cache=cache,
            decoder=decoder,
            dead_letter_limit=DEAD_LETTER_LIMIT,
        )

    def _cache(self, database: MemoryDatabase[Any]) -> CountedCache:
        """A cache wherever there are no aliases, also where several members write one document: the guard must do."""
        processor = database.processor
        may_cache = processor.aliases is no_aliases and not database.write_once
        return CountedCache(self.rng.choice(CACHE_SIZES) if may_cache else 0, self.counts)

    def _service_stopped(self, reason: str) -> None:
        self.scheduler.fail(UnexpectedError(f"a service stopped itself: {reason}"))

    def _invariant_violated(self, what: str) -> None:
        self.scheduler.fail(Violation(what))

    def _gateway(self, process: Process, log: SimLog) -> GatewayInstance:
        databases = self.services["gateway"].databases
        skew = self.config.skew * (self.rng.random() - 0.5)
        intake = CommandService(store=self.commands, producer=log, now=self.clock.skewed(skew), persons=self._persons)

        def states_of(processor: DocumentSet[S]) -> SimReader[S]:
            return SimReader(databases[processor.name])

        models, subscriptions = ReadModels(received_first(states_of)), ChangeSubscriptions(asyncio.Event())
        self.scheduler.spawn(process, "changes", follow(self._changes, subscriptions, self._stream_rng, self.counts))
        return GatewayInstance(process, intake, models, OutcomeWaits(models, subscriptions))

    def _crashed(self, process: Process) -> None:
        for service in self.services.values():
            if process in service.processes:
                service.processes.remove(process)
        self.gateways = [gateway for gateway in self.gateways if gateway.process.alive]


def _committed(group: Group) -> CommittedOffsets:
    async def committed() -> Mapping[Partition, int]:
        await pause(_OFFSETS_READ)
        return dict(group.committed)

    return committed


@cache
def allowances() -> AllowanceTable:
    """The allowance table of the repository."""
    return load_allowances(REPOSITORY / "deploy" / "allowances.toml")


def _start_time(rng: Random) -> datetime:
    if rng.random() < 0.6:  # the run passes the new year
        return datetime(2025, 12, 29, tzinfo=UTC) + timedelta(hours=rng.randrange(96))
    return datetime(2025, 1, 2, tzinfo=UTC) + timedelta(hours=rng.randrange(24 * 330))
