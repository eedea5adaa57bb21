"""The environment of one seed: two processes of every service, the broker, the stores and the clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, Final

from frikort_contracts.cloudevents import Record
from frikort_contracts.rules.allowances import AllowanceTable
from frikort_contracts.topics import TOPICS
from frikort_contracts.values import SealedPerson

from services.balance.processor import LEDGERS
from services.exports.processor import REQUESTS, statements
from services.gateway.commands.service import CommandService
from services.gateway.person_encryption import Persons
from services.gateway.projections import PROJECTIONS as VIEWS
from services.gateway.read_models import ReadModels
from services.issuance.processor import CARDS
from services.reporting.processor import card_states
from services.reporting.rules import Rules
from services.runtime.allowance_file import load_allowances
from services.runtime.encryption import Encryptor, KeyedHasher
from services.runtime.kafka.producer import KafkaUnavailable
from services.runtime.processing.batch_processor import BatchProcessor
from services.runtime.processing.consumer import BatchConsumer
from services.runtime.processing.decision import DocumentSet, Processor, S
from services.runtime.processing.policies import CommitPolicy
from services.runtime.processing.projection import Projection
from services.runtime.processing.published import CommittedOffsets, PublishedEvents
from services.runtime.retryable import RETRYABLE
from services.runtime.settings import REPOSITORY
from tests.runtime.memory import MemoryDatabase, MemoryStore
from tests.runtime.memory import Partition as Place
from tests.simulation import jobs
from tests.simulation.broker import Broker, Group, SimLog
from tests.simulation.fault_schedule import Climate, FaultSchedule, expire_dead
from tests.simulation.jobs import SimJobs
from tests.simulation.member import Member, WatchedProcessor
from tests.simulation.ports import Clock, SchedulerPoints, SimReader, SimSubmissions
from tests.simulation.scheduler import OUTSIDE, Died, Pause, Process, Rates, Scheduler, Violation, Work, dice, pause

INSTANCES: Final = 2
_OFFSETS_READ: Final = Pause("offsets.before", KafkaUnavailable)
MOST_DEAD_LETTERS: Final = 10**9  # the limit is not simulated: two replays of much poison come to it


@dataclass(eq=False)
class GatewayInstance:
    """One gateway: its process, and what its requests use."""

    process: Process
    intake: CommandService
    models: ReadModels


@dataclass(eq=False)
class Service:
    """A service: its processors with their durable documents and groups, and its running processes."""

    name: str
    databases: dict[str, MemoryDatabase[Any]]
    group: Group
    processes: list[Process] = field(default_factory=list)


class Environment:
    """Everything of one run."""

    def __init__(self, seed: int, *, record: bool = False, calm: bool = False) -> None:
        self.rng = dice("environment", seed)
        self.climate = Climate.calm(self.rng) if calm else Climate.of(self.rng)
        self.scheduler = Scheduler(dice("schedule", seed), self.climate.rates, record=record, tick=self.climate.tick)
        self.scheduler.on_death = self._died
        self.broker = Broker(dice("broker", seed), by_number=calm)
        self.broker.violated = self._violated
        self.clock = Clock(
            _beginning(self.rng), timedelta(seconds=self.rng.choice((2, 20, 60))), lambda: self.scheduler.step
        )
        self.allowances = allowances()
        self.provisional_accepted = self.rng.random() < 0.9
        self.submissions = SimSubmissions()
        self.gateways: list[GatewayInstance] = []
        self.counts: Counter[str] = Counter()
        self.poison: list[tuple[str, int, int]] = []
        self.outside = self.scheduler.process(OUTSIDE)
        self._points = SchedulerPoints()
        self._persons = Persons(Encryptor({"k": b"k" * 32}), KeyedHasher(b"h" * 32))
        self._sealed = 0
        self._starts = Counter[str]()
        self.services = {name: self._service(name, processors) for name, processors in self._processors().items()}
        self.document_jobs = SimJobs(self.database("exports", "statements"), self.clock)
        for service in self.services.values():
            for _ in range(INSTANCES):
                self.start(service)
        self.scheduler.spawn(self.outside, "faults", FaultSchedule(self).run())

    def outside_work(self, name: str, work: Work) -> None:
        """Let ``work`` run outside of every process: a client."""
        self.scheduler.spawn(self.outside, name, work)

    def database(self, service: str, processor: str) -> MemoryDatabase[Any]:
        """What a processor has made durable."""
        return self.services[service].databases[processor]

    def groups(self) -> Iterator[Group]:
        """Every consumer group."""
        for service in self.services.values():
            yield service.group

    def tally(self) -> Counter[str]:
        """What the stores and groups have counted."""
        counts: Counter[str] = Counter()
        for service in self.services.values():
            for database in service.databases.values():
                counts["writes fenced by a version or alias"] += database.conflicts
            counts["commits refused to a zombie"] += service.group.refused_commits
            counts["redeliveries"] += service.group.redelivered
        return counts

    def heal(self) -> None:
        """No more faults: everything starts again, and what is on its way arrives."""
        self.scheduler.rates = Rates()
        self.document_jobs.expire_leases()
        self.broker.calm_down()
        for service in self.services.values():
            while len(service.processes) < INSTANCES:
                self.start(service)
        for group in self.groups():
            expire_dead(group)

    def replay_dead_letters(self) -> int:
        """What an operator does who does not know better: every dead letter goes back to its topic, once more."""
        count = 0
        for topic in TOPICS:
            for dead in self.broker.all(topic.dead):
                headers = tuple((name, value) for name, value in dead.headers if not name.startswith("dead_"))
                incoming = self.broker.append(Record(topic.name, dead.key or b"", dead.value or b"", headers))
                self.poison.append((topic.name, incoming.partition, incoming.offset))
                count += 1
        return count

    def _processors(self) -> dict[str, Sequence[Processor[Any] | Projection[Any]]]:
        rules = Rules(self.allowances, self.provisional_accepted)
        return {
            "issuance": (CARDS,),
            "reporting": (card_states(rules),),
            "balance": (LEDGERS,),
            "exports": (statements(self._seal_cpr), REQUESTS),
            "gateway": VIEWS,
        }

    def _seal_cpr(self, person: SealedPerson) -> str:
        # Encryption is randomised: never the same twice.
        self._sealed += 1
        return f"jwe-{self._sealed}-{person.cpr_hash}"

    def _service(self, name: str, processors: Sequence[Processor[Any] | Projection[Any]]) -> Service:
        return Service(
            name=name,
            databases={p.name: MemoryDatabase(p) for p in processors},
            group=Group(self.broker, name, {p.name: [topic.name for topic in p.topics] for p in processors}),
        )

    def start(self, service: Service) -> None:
        self._starts[service.name] += 1
        process = self.scheduler.process(f"{service.name}-{self._starts[service.name]}")
        service.processes.append(process)
        log = SimLog(self.broker, self._points)
        member = Member(process.name, process, service.group, self.broker)
        consumer = BatchConsumer(
            consumer=member,
            processors=[
                WatchedProcessor(self._batch_processor(service, database, log), member, self.broker)
                for database in service.databases.values()
            ],
            batching=self.climate.batching,
            committing=CommitPolicy(min_interval=0.2),
            retryable=RETRYABLE,
            stop_service=self._stopped,
        )
        pace = self.rng.choice((0.3, 0.05, 0.01)) if self.rng.random() < self.climate.slow else 1.0
        self.scheduler.spawn(process, "consumer", consumer.start(), pace=pace)
        if service.name == "exports":
            work = jobs.runner(self.document_jobs, log, lambda: self.counts.update(["job runners failed"]))
            self.scheduler.spawn(process, "jobs", work)
        if service.name == "gateway":
            self.gateways.append(self._gateway(process, log))

    def _batch_processor(self, service: Service, database: MemoryDatabase[Any], log: SimLog) -> BatchProcessor[Any]:
        return BatchProcessor(
            service=service.name,
            processor=database.processor,
            store=MemoryStore(database, self._points),
            producer=log,
            published=PublishedEvents(_committed(service.group)),
            dead_letter_limit=MOST_DEAD_LETTERS,
        )

    def _stopped(self, reason: str) -> None:
        self.scheduler.fail(Died(f"a service stopped itself: {reason}"))

    def _violated(self, what: str) -> None:
        self.scheduler.fail(Violation(what))

    def _gateway(self, process: Process, log: SimLog) -> GatewayInstance:
        databases = self.services["gateway"].databases
        skew = self.climate.skew * (self.rng.random() - 0.5)
        intake = CommandService(
            store=self.submissions, publisher=log, now=self.clock.skewed(skew), persons=self._persons
        )

        def states_of(processor: DocumentSet[S]) -> SimReader[S]:
            return SimReader(databases[processor.name])

        return GatewayInstance(process, intake, ReadModels(states_of))

    def _died(self, process: Process) -> None:
        for service in self.services.values():
            if process in service.processes:
                service.processes.remove(process)
        self.gateways = [gateway for gateway in self.gateways if gateway.process.alive]


def _committed(group: Group) -> CommittedOffsets:
    async def committed() -> Mapping[Place, int]:
        await pause(_OFFSETS_READ)
        return {(p.topic, p.partition): offset for p, offset in group.committed.items()}

    return committed


@cache
def allowances() -> AllowanceTable:
    """The table that ships."""
    return load_allowances(REPOSITORY / "deploy" / "allowances.toml")


def _beginning(rng: Random) -> datetime:
    if rng.random() < 0.6:
        return datetime(2025, 12, 29, tzinfo=UTC) + timedelta(hours=rng.randrange(96))
    return datetime(2025, 1, 2, tzinfo=UTC) + timedelta(hours=rng.randrange(24 * 330))
