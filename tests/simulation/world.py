"""The world of one seed: two processes of every service, the broker, the stores, and what befalls them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, Final

from frikort_contracts.cloudevents import Record
from frikort_contracts.rules.allowances import AllowanceTable, load_allowances
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
from services.runtime.encryption import Encryptor, KeyedHasher
from services.runtime.kafka.producer import KafkaUnavailable
from services.runtime.processing.batch_processor import BatchProcessor
from services.runtime.processing.decision import DocumentSet, Processor, S
from services.runtime.processing.projection import Projection
from services.runtime.processing.published import CommittedOffsets, PublishedEvents
from services.runtime.settings import REPOSITORY
from tests.runtime.memory import MemoryDatabase, MemoryStore, Partition
from tests.simulation import jobs
from tests.simulation.broker import Broker, Group, SimLog
from tests.simulation.consumer import Consumer
from tests.simulation.jobs import SimJobs
from tests.simulation.ports import Clock, SchedulerPoints, SimReader, SimSubmissions
from tests.simulation.scheduler import Pause, Process, Rates, Scheduler, dice, pause

INSTANCES: Final = 2
POISON: Final = b"poison"
_OFFSETS_READ: Final = Pause("offsets.before", KafkaUnavailable)
_WAIT: Final = Pause("wait")
MOST_DEAD_LETTERS: Final = 10**9  # the limit is not simulated: two replays of much poison come to it


@dataclass(frozen=True)
class Climate:
    """How much of everything there is in one seed: each has its own weather."""

    rates: Rates
    batch: int
    rebalance: float
    expire: float
    rewind: float
    restart: float
    poison: float
    jump: float
    job: float
    slow: float
    skew: timedelta

    @classmethod
    def calm(cls, rng: Random) -> Climate:
        """No crash, no error, no stall, no rebalance: only the order of steps is random."""
        return replace(
            cls.of(rng), rates=Rates(), rebalance=0, expire=0, rewind=0, restart=0, poison=0, slow=0, skew=timedelta()
        )

    @classmethod
    def of(cls, rng: Random) -> Climate:
        """Some kinds of fault are left out of some seeds, so that rare combinations come up."""

        def some(most: float) -> float:
            return most * rng.random() if rng.random() < 0.7 else 0.0

        return cls(
            rates=Rates(crash=some(0.02), error=some(0.04), stall=some(0.03), longest_stall=rng.choice((30, 300, 800))),
            batch=rng.choice((1, 3, 10, 50)),
            rebalance=some(0.06),
            expire=0.1 + some(0.15),
            rewind=some(0.06),
            restart=0.15,
            poison=some(0.05),
            jump=some(0.05),
            job=some(0.02),
            slow=some(0.6),
            skew=timedelta(seconds=rng.choice((0, 0, 2, 60, 3 * 3600))),
        )


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
    groups: dict[str, Group]
    processes: list[Process] = field(default_factory=list)


class World:
    """Everything of one run."""

    def __init__(self, seed: int, *, record: bool = False, calm: bool = False) -> None:
        self.rng = dice("world", seed)
        self.climate = Climate.calm(self.rng) if calm else Climate.of(self.rng)
        self.scheduler = Scheduler(dice("schedule", seed), self.climate.rates, record=record)
        self.scheduler.on_death = self._died
        self.broker = Broker(dice("broker", seed), by_number=calm)
        self.clock = Clock(
            _beginning(self.rng), timedelta(seconds=self.rng.choice((2, 20, 60))), lambda: self.scheduler.step
        )
        self.allowances = allowances()
        self.provisional_accepted = self.rng.random() < 0.9
        self.submissions = SimSubmissions()
        self.gateways: list[GatewayInstance] = []
        self.counts: Counter[str] = Counter()
        self.poison: list[tuple[str, int, int]] = []
        self.outside = Process("world")
        self._points = SchedulerPoints()
        self._persons = Persons(Encryptor({"k": b"k" * 32}), KeyedHasher(b"h" * 32))
        self._sealed = 0
        self._starts = Counter[str]()
        self.services = {name: self._service(name, processors) for name, processors in self._processors().items()}
        self.document_jobs = SimJobs(self.database("exports", "statements"), self.clock)
        for service in self.services.values():
            for _ in range(INSTANCES):
                self._start(service)
        self.fate = self.scheduler.spawn(self.outside, "fate", self._fate())

    def outside_work(self, name: str, work: Coroutine[Pause, None, Any]) -> None:
        """Let ``work`` run outside of every process: a client."""
        self.scheduler.spawn(self.outside, name, work)

    def database(self, service: str, processor: str) -> MemoryDatabase[Any]:
        """What a processor has made durable."""
        return self.services[service].databases[processor]

    def groups(self) -> Iterator[Group]:
        """Every consumer group."""
        for service in self.services.values():
            yield from service.groups.values()

    def tally(self) -> Counter[str]:
        """What the stores and groups have counted."""
        counts: Counter[str] = Counter()
        for service in self.services.values():
            for database in service.databases.values():
                counts["writes fenced by a version or alias"] += database.conflicts
            for group in service.groups.values():
                counts["commits refused to a zombie"] += group.refused_commits
                counts["redeliveries"] += group.redelivered
        return counts

    def heal(self) -> None:
        """No more faults: everything starts again, and what is on its way arrives."""
        self.scheduler.rates = Rates()
        self.document_jobs.expire_leases()
        self.broker.calm_down()
        for service in self.services.values():
            while len(service.processes) < INSTANCES:
                self._start(service)
        for group in self.groups():
            self._expire(group, dead_only=True)

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
            groups={p.name: Group(self.broker, f"{name}.{p.name}", [t.name for t in p.topics]) for p in processors},
        )

    def _start(self, service: Service) -> None:
        self._starts[service.name] += 1
        process = Process(f"{service.name}-{self._starts[service.name]}")
        service.processes.append(process)
        log = SimLog(self.broker, self._points)
        for name, database in service.databases.items():
            loop = BatchProcessor(
                service=service.name,
                processor=database.processor,
                store=MemoryStore(database, self._points),
                producer=log,
                published=PublishedEvents(_committed(service.groups[name]), sleep=_wait),
                dead_letter_limit=MOST_DEAD_LETTERS,
            )
            group = service.groups[name]
            consumer = Consumer(f"{process.name}.{name}", process, group, self.broker, loop, self.climate.batch)
            pace = self.rng.choice((0.3, 0.05, 0.01)) if self.rng.random() < self.climate.slow else 1.0
            self.scheduler.spawn(process, name, consumer.run(), pace=pace)
        if service.name == "exports":
            work = jobs.runner(self.document_jobs, log, lambda: self.counts.update(["job runners failed"]))
            self.scheduler.spawn(process, "jobs", work)
        if service.name == "gateway":
            self.gateways.append(self._gateway(process, log))

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

    async def _fate(self) -> None:
        """What happens to the whole: each time it is its turn, a few dice are thrown."""
        rng, climate = self.rng, self.climate
        deeds: tuple[tuple[float, Callable[[], str | None]], ...] = (
            (climate.restart, self._restart_one),
            (climate.expire, self._expire_dead),
            (climate.rebalance / 2, self._rebalance_one),
            (climate.rebalance / 2, self._expel_one),
            (climate.rewind, self._rewind_one),
            (climate.poison, self._poison_one),
            (climate.jump, self._jump),
            (climate.job, self._start_job),
        )
        every = Pause("fate")
        while True:
            await pause(every)
            if self.broker.calm:
                await pause(Pause("over", ready=lambda: False))
            for partition in self.broker.hidden():
                if rng.random() < 0.3:
                    self.broker.show(partition)
            if self.broker.in_flight and rng.random() < 0.1:
                self.scheduler.note("broker", "in flight", "late append")
                self.broker.arrive()
            for chance, deed in deeds:
                if rng.random() < chance and (what := deed()) is not None:
                    self.scheduler.note(what, "-", deed.__name__.strip("_").replace("_", " "))

    def _restart_one(self) -> str | None:
        for service in self.services.values():
            if len(service.processes) < INSTANCES:
                self._start(service)
                return service.name
        return None

    def _expire_dead(self) -> str | None:
        for group in self.groups():
            if self._expire(group, dead_only=True):
                return group.name
        return None

    @staticmethod
    def _expire(group: Group, *, dead_only: bool) -> bool:
        gone = [member for member in group.members if not (dead_only and member.alive)]
        for member in gone:
            group.expel(member)
        return bool(gone)

    def _some_group(self) -> Group:
        return self.rng.choice(list(self.groups()))

    def _rebalance_one(self) -> str | None:
        group = self._some_group()
        group.rebalance()
        return group.name

    def _expel_one(self) -> str | None:
        """A session expires although its process lives: it works on as a zombie until a commit is refused."""
        group = self._some_group()
        if len(group.members) < 2:
            return None
        group.expel(self.rng.choice(group.members))
        return group.name

    def _rewind_one(self) -> str | None:
        group = self._some_group()
        partition = group.rewind(self.rng)
        return None if partition is None else f"{group.name} {partition}"

    def _start_job(self) -> str | None:
        return "exports" if self.document_jobs.start(self.rng) else None

    def _jump(self) -> str | None:
        self.clock.jumped += timedelta(hours=self.rng.choice((1, 12, 40)))
        return f"clock {self.clock.read():%Y-%m-%d %H:%M}"

    def _poison_one(self) -> str | None:
        topic = self.rng.choice(TOPICS)
        headers: tuple[tuple[str, bytes], ...] = self.rng.choice(
            (
                (),
                (("ce_id", b"\xff"),),
                (("ce_type", topic.messages[0].type.encode()), ("ce_time", b"2025-01-01T00:00:00Z")),
                (
                    ("ce_type", topic.messages[0].type.encode()),
                    ("ce_time", b"2025-01-01T00:00:00Z"),
                    ("ce_id", b"7f0e0d0c-0000-4000-8000-000000000000"),
                    ("ce_source", b"/poison"),
                ),
            )
        )
        key = f"poison-{self.rng.randrange(50)}".encode()
        incoming = self.broker.append(Record(topic.name, key, POISON, headers))
        self.poison.append((topic.name, incoming.partition, incoming.offset))
        return f"{topic.name}/{incoming.partition}@{incoming.offset}"


def _committed(group: Group) -> CommittedOffsets:
    async def committed() -> Mapping[Partition, int]:
        await pause(_OFFSETS_READ)
        return dict(group.committed)

    return committed


async def _wait(_: float) -> None:
    await pause(_WAIT)


@cache
def allowances() -> AllowanceTable:
    """The table that ships."""
    return load_allowances(REPOSITORY / "deploy" / "allowances.toml")


def _beginning(rng: Random) -> datetime:
    if rng.random() < 0.6:
        return datetime(2025, 12, 29, tzinfo=UTC) + timedelta(hours=rng.randrange(96))
    return datetime(2025, 1, 2, tzinfo=UTC) + timedelta(hours=rng.randrange(24 * 330))
