"""What happens to the system as a whole in one seed: restarts, rebalances, expired sessions, poison, clock jumps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Final

from frikort_contracts.cloudevents import Record
from frikort_contracts.topics import TOPICS

from services.runtime.processing.policies import BatchPolicy
from tests.simulation.broker import Group
from tests.simulation.scheduler import Pause, Rates, pause

if TYPE_CHECKING:
    from tests.simulation.environment import Environment

INSTANCES: Final = 2
POISON: Final = b"poison"


@dataclass(frozen=True)
class Climate:
    """How often each fault happens in one seed."""

    rates: Rates
    batching: BatchPolicy
    tick: float
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
            batching=_batching(rng.choice((1, 3, 10, 50)), rng.choice((0.0, 0.03, 0.3))),
            tick=rng.choice((0.001, 0.01, 0.1)),
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


def _batching(most: int, max_wait: float) -> BatchPolicy:
    return BatchPolicy(min_records=-(-most // 8), max_records=most, max_wait=max_wait)


def expire_dead(group: Group) -> bool:
    """End the sessions of members whose process is dead. Returns whether there were any."""
    gone = [member for member in group.members if not member.alive]
    for member in gone:
        group.expel(member)
    return bool(gone)


class FaultSchedule:
    """Faults of the system, as often as its climate says."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    async def run(self) -> None:
        """Each time it is its turn, a few random numbers decide what happens to the system."""
        rng, climate = self._environment.rng, self._environment.climate
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
        every = Pause("faults")
        while True:
            await pause(every)
            if self._environment.broker.calm:
                await pause(Pause("over", ready=lambda: False))
            for partition in self._environment.broker.hidden():
                if rng.random() < 0.3:
                    self._environment.broker.show(partition)
            if self._environment.broker.in_flight and rng.random() < 0.1:
                self._environment.scheduler.note("broker", "in flight", "late append")
                self._environment.broker.arrive()
            for chance, deed in deeds:
                if rng.random() < chance and (what := deed()) is not None:
                    self._environment.scheduler.note(what, "-", deed.__name__.strip("_").replace("_", " "))

    def _restart_one(self) -> str | None:
        for service in self._environment.services.values():
            if len(service.processes) < INSTANCES:
                self._environment.start(service)
                return service.name
        return None

    def _expire_dead(self) -> str | None:
        return next((group.name for group in self._environment.groups() if expire_dead(group)), None)

    def _some_group(self) -> Group:
        return self._environment.rng.choice(list(self._environment.groups()))

    def _rebalance_one(self) -> str | None:
        group = self._some_group()
        group.rebalance()
        return group.name

    def _expel_one(self) -> str | None:
        """A session expires although its process lives: it works on as a zombie until a commit is refused."""
        group = self._some_group()
        if len(group.members) < 2:
            return None
        group.expel(self._environment.rng.choice(group.members))
        return group.name

    def _rewind_one(self) -> str | None:
        group = self._some_group()
        partition = group.rewind(self._environment.rng)
        return None if partition is None else f"{group.name} {partition}"

    def _jump(self) -> str | None:
        self._environment.clock.jumped += timedelta(hours=self._environment.rng.choice((1, 12, 40)))
        return f"clock {self._environment.clock.read():%Y-%m-%d %H:%M}"

    def _start_job(self) -> str | None:
        return "exports" if self._environment.document_jobs.start(self._environment.rng) else None

    def _poison_one(self) -> str | None:
        topic = self._environment.rng.choice(TOPICS)
        headers: tuple[tuple[str, bytes], ...] = self._environment.rng.choice(
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
        key = f"poison-{self._environment.rng.randrange(50)}".encode()
        incoming = self._environment.broker.append(Record(topic.name, key, POISON, headers))
        self._environment.poison.append((topic.name, incoming.partition, incoming.offset))
        return f"{topic.name}/{incoming.partition}@{incoming.offset}"
