"""Fault injection above the level of a task: restarts, rebalances, expired sessions, invalid records, clock jumps.

(Crashes, errors and stalls of tasks are injected by the scheduler.) The rates differ from seed to seed, and some kinds
of fault are left out of some seeds: rare combinations of faults then occur too (swarm testing).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from frikort_contracts.cloudevents import Record
from frikort_contracts.topics import TOPICS, Topic

from services.runtime.processing.apply import Incoming
from services.runtime.processing.policies import BatchPolicy
from tests.simulation.broker import Group
from tests.simulation.scheduler import Pause, Rates, pause

if TYPE_CHECKING:
    from tests.simulation.environment import Environment

INSTANCES: Final = 2
INVALID: Final = b"poison"
"""The value of injected records that break their contract."""
FORGED: Final = ("ce_source", b"/frikort/forger")
"""The source of injected records that are valid but for their writer."""
_FORGERY: Final = UUID(int=0x5EED)
_OUTAGE_STEPS: Final = (100, 500, 2000)
_FAILOVER_STEPS: Final = (30, 100, 300)


@dataclass(frozen=True)
class RunConfig:
    """The configuration of one seed.

    ``rates`` are those of the scheduler. ``rebalance`` to ``job`` are probabilities in each turn of the fault schedule;
    ``slow`` is the probability that a started process is slow. ``tick`` is the virtual time of a step in seconds,
    ``skew`` the largest difference between the clocks of two gateways.
    """

    rates: Rates
    batching: BatchPolicy
    tick: float
    rebalance: float
    expire: float
    rewind: float
    restart: float
    outage: float
    failover: float
    membership: float
    invalid: float
    clock_jump: float
    job: float
    slow: float
    skew: timedelta

    @classmethod
    def faultless(cls, rng: Random) -> RunConfig:
        """A configuration without faults: only the order of the steps is random."""
        return replace(
            cls.of(rng),
            rates=Rates(),
            rebalance=0,
            expire=0,
            rewind=0,
            restart=0,
            outage=0,
            failover=0,
            membership=0,
            invalid=0,
            slow=0,
            skew=timedelta(),
        )

    @classmethod
    def of(cls, rng: Random) -> RunConfig:
        """A random configuration; each kind of fault is left out with a probability of 0.3."""

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
            outage=some(0.008),
            failover=some(0.03),
            membership=some(0.03),
            invalid=some(0.05),
            clock_jump=some(0.05),
            job=some(0.02),
            slow=some(0.6),
            skew=timedelta(seconds=rng.choice((0, 0, 2, 60, 3 * 3600))),
        )


def _batching(most: int, max_wait: float) -> BatchPolicy:
    return BatchPolicy(min_records=-(-most // 8), max_records=most, max_wait=max_wait, burst=2)


def expire_dead(group: Group) -> bool:
    """Expire the sessions of members whose process has crashed. Returns whether there were any."""
    crashed = [member for member in group.members if not member.alive]
    for member in crashed:
        group.expel(member)
    return bool(crashed)


class FaultSchedule:
    """Injects the faults of one environment, at the rates of its configuration."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    async def run(self) -> None:
        """Inject faults whenever the scheduler continues this task, until the faults of the run end."""
        rng, config = self._environment.rng, self._environment.config
        actions: tuple[tuple[float, Callable[[], str | None]], ...] = (
            (config.restart, self._restart_process),
            (config.outage, self._stop_service),
            (config.expire, self._expire_crashed_members),
            (config.rebalance / 2, self._rebalance),
            (config.rebalance / 2, self._expire_live_member),
            (config.failover, self._move_coordinator),
            (config.membership, self._lose_membership),
            (config.rewind, self._reset_offset),
            (config.invalid, self._append_invalid_record),
            (config.clock_jump, self._jump_clock),
            (config.job, self._start_job),
        )
        every = Pause("faults")
        while True:
            await pause(every)
            if self._environment.broker.faultless:
                await pause(Pause("over", ready=lambda: False))
            for partition in self._environment.broker.hidden():
                if rng.random() < 0.3:
                    self._environment.broker.show(partition)
            if self._environment.broker.in_flight and rng.random() < 0.1:
                self._environment.scheduler.record_fault("broker", "in flight", "late append")
                self._environment.broker.append_late()
            for probability, action in actions:
                if rng.random() < probability and (target := action()) is not None:
                    self._environment.scheduler.record_fault(target, "-", action.__name__.strip("_").replace("_", " "))

    def _restart_process(self) -> str | None:
        step = self._environment.scheduler.step
        for service in self._environment.services.values():
            if len(service.processes) < INSTANCES and step >= service.down_until:
                self._environment.start(service)
                return service.name
        return None

    def _stop_service(self) -> str | None:
        """Kill both processes of a service, and start none of them for a while."""
        scheduler = self._environment.scheduler
        service = self._environment.rng.choice(list(self._environment.services.values()))
        service.down_until = scheduler.step + self._environment.rng.choice(_OUTAGE_STEPS)
        for process in list(service.processes):
            scheduler.kill(process)
        return service.name

    def _expire_crashed_members(self) -> str | None:
        return next((group.name for group in self._environment.groups() if expire_dead(group)), None)

    def _some_group(self) -> Group:
        return self._environment.rng.choice(list(self._environment.groups()))

    def _rebalance(self) -> str | None:
        group = self._some_group()
        group.rebalance()
        return group.name

    def _move_coordinator(self) -> str | None:
        """Fail the coordinator of a group: commits fail until another broker takes over, and the members join again."""
        group = self._some_group()
        group.coordinator_from = self._environment.scheduler.step + self._environment.rng.choice(_FAILOVER_STEPS)
        group.rebalance()
        return group.name

    def _expire_live_member(self) -> str | None:
        """Expire the session of a running process, which is a zombie until its next heartbeat."""
        group = self._some_group()
        if len(group.members) < 2:
            return None
        group.expel(self._environment.rng.choice(group.members))
        return group.name

    def _lose_membership(self) -> str | None:
        """End the coordinator task of a running consumer, which must leave the group and join it again."""
        group = self._some_group()
        running = [member for member in group.members if member.alive]
        if not running:
            return None
        member = self._environment.rng.choice(running)
        return member.name if member.lose_membership() else None

    def _reset_offset(self) -> str | None:
        group = self._some_group()
        partition = group.rewind(self._environment.rng)
        return None if partition is None else f"{group.name} {partition}"

    def _jump_clock(self) -> str | None:
        self._environment.clock.jumped += timedelta(hours=self._environment.rng.choice((1, 12, 40)))
        return f"clock {self._environment.clock.read():%Y-%m-%d %H:%M}"

    def _start_job(self) -> str | None:
        environment = self._environment
        jobs = environment.rng.choice((environment.document_jobs, environment.feed_jobs, environment.reconciliations))
        return jobs.service if jobs.start_any(self._environment.rng) else None

    def _append_invalid_record(self) -> str | None:
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
                    FORGED,
                ),
            )
        )
        key = f"poison-{self._environment.rng.randrange(50)}".encode()
        record = self._forged(topic) if FORGED in headers else None
        incoming = self._environment.broker.append(record or Record(topic.name, key, INVALID, headers))
        self._environment.invalid.append((topic.name, incoming.partition, incoming.offset))
        return f"{topic.name}/{incoming.partition}@{incoming.offset}"

    def _forged(self, topic: Topic) -> Record | None:
        """The topic's last record again, as a new message of a process that may not write there."""
        for last in reversed(list(self._environment.broker.all(topic.name))):
            headers = dict(last.headers)
            if last.value != INVALID and FORGED not in last.headers:
                headers |= {"ce_id": str(uuid5(_FORGERY, headers["ce_id"].decode())).encode(), FORGED[0]: FORGED[1]}
                return Record(topic.name, last.key or b"", last.value or b"", tuple(headers.items()))
        return None


def is_injected(record: Incoming) -> bool:
    """Whether a record was injected by a fault, so that no process may read it as a message."""
    return record.value == INVALID or FORGED in record.headers
