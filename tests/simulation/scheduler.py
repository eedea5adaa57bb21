"""A deterministic scheduler: tasks stop at named points, and one seed decides what happens at each.

The services' own asyncio code runs on an event loop with virtual time. Whatever a process does beyond its own memory
(a call of the store, of the producer, a poll, a commit) is a sequence of points around effects that are atomic. At
each point the seed decides who moves next, and whether that one continues, fails there, stalls for a while, or dies
with its whole process.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any, Final

from tests.simulation.event_loop import OWNER, SimulatedLoop

# Above 1 a fault is rarer. Faults between two effects find the most: all is written, and nothing published yet.
ELSEWHERE: Final = 6.0
WEIGHTS: Final = {"log.publish.before": 0.25, "store.write.before": 0.5}
Ready = Callable[[], bool]
Work = Coroutine[Any, Any, Any]


def dice(what: str, seed: int) -> Random:
    """The random numbers of one part of a run: what one part draws does not change another's."""
    return Random(f"{what} {seed}")  # noqa: S311 - it is to be reproducible


class Fault(StrEnum):
    """What can happen to a task at a point."""

    CRASH = "crash"
    ERROR_BEFORE = "error before the effect"
    ERROR_BETWEEN = "error in the middle of the effect"
    ERROR_AFTER = "error after the effect"
    STALL = "stall"


@dataclass(frozen=True, slots=True)
class Pause:
    """A point at which a task stops. ``error`` is what can be raised there; ``ready`` says when it may continue."""

    point: str
    error: type[Exception] | None = None
    ready: Ready | None = None


def pause(at: Pause) -> asyncio.Future[None]:
    """Stop here until the scheduler continues the task."""
    actor = OWNER.get()
    assert isinstance(actor, Actor)
    return actor.process.scheduler.stop_at(actor, at)


@dataclass(eq=False)
class Process:
    """Lines of work that share a memory, and die together."""

    name: str
    scheduler: Scheduler
    alive: bool = True
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    def add_task(self, task: asyncio.Task[Any]) -> None:
        """Note a task, to end it if the process dies."""
        if len(self.tasks) > 100:
            self.tasks = [task for task in self.tasks if not task.done()]
        self.tasks.append(task)


@dataclass(eq=False, slots=True)
class Actor:
    """One line of work in a process, with all tasks that it starts."""

    name: str
    process: Process
    pace: float = 1.0  # below 1 on a slow machine

    @property
    def alive(self) -> bool:
        return self.process.alive

    def add_task(self, task: asyncio.Task[Any]) -> None:
        self.process.add_task(task)


@dataclass(eq=False, slots=True)
class Stop:
    """A task that waits at a point."""

    actor: Actor
    at: Pause
    future: asyncio.Future[None]
    stalled_until: int = 0


@dataclass(frozen=True, slots=True)
class Happened:
    """A fault, where and when."""

    step: int
    who: str
    point: str
    what: str

    def __str__(self) -> str:
        return f"{self.step:6d}  {self.who:28s} {self.point:24s} {self.what}"


@dataclass(frozen=True, slots=True)
class Rates:
    """How often each fault happens at a point where it can."""

    crash: float = 0.0
    error: float = 0.0
    stall: float = 0.0
    longest_stall: int = 400


class Died(Exception):
    """A task raised what no part of the system may raise."""


class Violation(Exception):
    """A rule is broken; the text says which, and by what."""


class Stuck(Exception):
    """Nothing can move, or it never comes to rest."""


class Scheduler:
    """Continues one task at a time. Only ``rng`` decides. ``tick`` is the virtual time of a step, in seconds."""

    def __init__(self, rng: Random, rates: Rates, *, record: bool, tick: float = 0.01) -> None:
        self.rng = rng
        self.rates = rates
        self.step = 0
        self.counts: Counter[str] = Counter()
        self.happened: list[Happened] = []
        self.trace: list[str] | None = [] if record else None
        self.on_death: Callable[[Process], None] = lambda _: None
        self._tick = tick
        self._loop = SimulatedLoop()  # type: ignore[abstract] # it does no I/O
        self._stops: list[Stop] = []
        self._failure: Exception | None = None
        self._processes: list[Process] = []
        self._outer_loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Scheduler:
        """Make its event loop the running one of this thread."""
        asyncio._set_running_loop(self._loop)
        return self

    def __exit__(self, *_: object) -> None:
        self.on_death = lambda _: None
        for process in self._processes:
            if process.alive:
                self.kill(process)
        asyncio._set_running_loop(None)

    def process(self, name: str) -> Process:
        """A new process."""
        process = Process(name, self)
        self._processes.append(process)
        return process

    def spawn(self, process: Process, name: str, work: Work, *, pace: float = 1.0) -> None:
        """Run ``work`` in ``process``."""
        actor = Actor(f"{process.name}/{name}", process, pace)

        async def run() -> None:
            try:
                await pause(START)
                await work
            except Exception as error:  # noqa: BLE001 - the run ends with it
                self.fail(error if isinstance(error, Died) else Died(f"{actor.name}: {type(error).__name__}: {error}"))
            finally:
                work.close()

        self._loop.spawn(actor, run(), actor.name)

    def stop_at(self, actor: Actor, at: Pause) -> asyncio.Future[None]:
        """Let a task of ``actor`` wait at a point until it is chosen."""
        future = self._loop.create_future()
        self._stops.append(Stop(actor, at, future))
        return future

    def fail(self, error: Exception) -> None:
        """End the run with ``error``."""
        self._failure = self._failure or error

    def note(self, who: str, point: str, what: str) -> None:
        """Keep a fault for the schedule that a failing seed prints."""
        self.counts[what] += 1
        self.happened.append(Happened(self.step, who, point, what))
        self._trace(f"{who} {point} {what}")

    def kill(self, process: Process) -> None:
        """The process dies where it stands; its memory is lost."""
        process.alive = False
        self._stops = [stop for stop in self._stops if stop.actor.process is not process]
        for task in process.tasks:
            if not task.done():
                work: Any = task.get_coro()
                work.close()
        process.tasks.clear()
        self.on_death(process)

    def run(self, until: Ready, most: int) -> None:
        """Move until ``until``. Raises ``Stuck`` after ``most`` steps, and what ends the run."""
        last = self.step + most
        while not until():
            if self.step >= last:
                raise Stuck(f"no end after {most} steps; waiting: {self._waiting()}")
            self.move()

    def rest(self, most: int) -> None:
        """Move until nothing can."""
        last = self.step + most
        while self.step < last:
            if not self.move():
                return
        raise Stuck(f"no rest after {most} steps; busy: {self._waiting()}")

    def move(self) -> bool:
        """Continue one task that can. False if none can and no time is awaited."""
        self.step += 1
        self._loop.advance(self._loop.now + self._tick)
        self._run_ready()
        stop = self._choose()
        if stop is None:
            return self._pass_time()
        self._continue(stop, self._fault(stop))
        self._run_ready()
        return True

    def _run_ready(self) -> None:
        self._loop.run_ready()
        if self._failure is not None:
            raise self._failure

    def _choose(self) -> Stop | None:
        stops, random = self._stops, self.rng.random
        count = len(stops)
        if not count:
            return None
        for _ in range(6):
            stop = stops[int(random() * count)]
            if (stop.actor.pace == 1.0 or random() < stop.actor.pace) and self._can_move(stop):
                return stop
        self._stops = [stop for stop in stops if not stop.future.done()]
        able = [stop for stop in self._stops if self._can_move(stop)]
        return able[int(random() * len(able))] if able else None

    def _can_move(self, stop: Stop) -> bool:
        if stop.stalled_until > self.step or stop.future.done():
            return False
        ready = stop.at.ready
        return ready is None or ready()

    def _pass_time(self) -> bool:
        """Nothing can move now: go to the end of the next stall, or to the next timer."""
        stalled = [stop.stalled_until for stop in self._stops if stop.stalled_until > self.step]
        timer = self._loop.next_timer()
        if stalled:
            self.step = min(stalled)
        if timer is not None:
            self._loop.advance(timer)
            self._run_ready()
        return bool(stalled) or timer is not None

    def _fault(self, stop: Stop) -> Fault | None:
        rates, rng = self.rates, self.rng
        if not (rates.crash or rates.error or rates.stall):
            return None
        lot = rng.random()
        lot *= WEIGHTS.get(stop.at.point, 1.0) if stop.at.error is not None else ELSEWHERE
        if lot < rates.crash:
            return Fault.CRASH
        lot -= rates.crash
        if lot < rates.stall:
            return Fault.STALL
        lot -= rates.stall
        if stop.at.error is not None and lot < rates.error:
            name = stop.at.point
            if name.endswith("before"):
                return Fault.ERROR_BEFORE
            return Fault.ERROR_BETWEEN if name.endswith("between") else Fault.ERROR_AFTER
        return None

    def _continue(self, stop: Stop, fault: Fault | None) -> None:
        actor, point = stop.actor, stop.at.point
        mortal = actor.process.name != OUTSIDE
        if fault is None:
            self._trace(f"{actor.name} {point}")
            self._stops.remove(stop)
            stop.future.set_result(None)
        elif fault is Fault.CRASH and mortal:
            self.note(actor.name, point, f"{fault}")
            self.kill(actor.process)
        elif fault is Fault.STALL or not mortal:
            stop.stalled_until = self.step + 1 + int(self.rng.random() * self.rates.longest_stall)
            self.note(actor.name, point, Fault.STALL)
        else:
            self.note(actor.name, point, fault)
            assert stop.at.error is not None
            self._stops.remove(stop)
            stop.future.set_exception(stop.at.error(f"simulated at {point}"))

    def _trace(self, line: str) -> None:
        if self.trace is not None:
            self.trace.append(f"{self.step} {line}")

    def _waiting(self) -> str:
        return ", ".join(f"{stop.actor.name}@{stop.at.point}" for stop in self._stops)


OUTSIDE: Final = "outside"
"""The process of the clients and of what happens to the system; it never dies."""
START: Final = Pause("start")
