"""A deterministic scheduler with fault injection: one seed decides the order of all steps, and every fault.

The services' own asyncio code runs on an event loop with virtual time (``event_loop.py``). Each call that leaves a
process (load, write, publish, poll, commit) pauses at named points: before its effect, in the middle and after it. In
each step the scheduler picks one paused task at random. That task continues, gets an error from its call, stalls for a
number of steps, or its whole process crashes. The same seed makes the same choices, so a failure can be replayed.
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

# Factors above 1 make faults rarer. Faults between write and publish find the most defects, so they are frequent.
ELSEWHERE: Final = 6.0
WEIGHTS: Final = {"log.publish.before": 0.25, "store.write.before": 0.5}
Ready = Callable[[], bool]
Work = Coroutine[Any, Any, Any]


def random_stream(what: str, seed: int) -> Random:
    """The random numbers of one part of a run; the draws of one part do not affect another part."""
    return Random(f"{what} {seed}")  # noqa: S311 - must be reproducible


class Fault(StrEnum):
    """A fault that can be injected into a task at a point."""

    CRASH = "crash"
    ERROR_BEFORE = "error before the effect"
    ERROR_BETWEEN = "error in the middle of the effect"
    ERROR_AFTER = "error after the effect"
    STALL = "stall"


@dataclass(frozen=True, slots=True)
class Pause:
    """A named point at which a task pauses.

    ``error`` is the type of exception that can be injected there; the task continues only when ``ready()`` is true.
    """

    point: str
    error: type[Exception] | None = None
    ready: Ready | None = None


def pause(at: Pause) -> asyncio.Future[None]:
    """Pause the current task until the scheduler continues it. Raises the error that the scheduler injects."""
    actor = OWNER.get()
    assert isinstance(actor, Actor)
    return actor.process.scheduler.suspend(actor, at)


@dataclass(eq=False)
class Process:
    """A simulated process: tasks that share memory and end together in a crash."""

    name: str
    scheduler: Scheduler
    alive: bool = True
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    def add_task(self, task: asyncio.Task[Any]) -> None:
        """Register a task, so that a crash of the process ends it."""
        if len(self.tasks) > 100:
            self.tasks = [task for task in self.tasks if not task.done()]
        self.tasks.append(task)


@dataclass(eq=False, slots=True)
class Actor:
    """A concurrent activity of a process, with all tasks that it starts."""

    name: str
    process: Process
    pace: float = 1.0  # the probability that it runs when it is picked; below 1 on a slow machine

    @property
    def alive(self) -> bool:
        return self.process.alive

    def add_task(self, task: asyncio.Task[Any]) -> None:
        self.process.add_task(task)


@dataclass(eq=False, slots=True)
class PausedTask:
    """A task that waits at a point to be continued."""

    actor: Actor
    at: Pause
    future: asyncio.Future[None]
    stalled_until: int = 0


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A fault that was injected: the step, the task, the point and the kind."""

    step: int
    who: str
    point: str
    what: str

    def __str__(self) -> str:
        return f"{self.step:6d}  {self.who:28s} {self.point:24s} {self.what}"


@dataclass(frozen=True, slots=True)
class Rates:
    """The probability of each fault at a point. ``longest_stall`` is in steps."""

    crash: float = 0.0
    error: float = 0.0
    stall: float = 0.0
    longest_stall: int = 400


class UnexpectedError(Exception):
    """A task raised an exception that no part of the system may raise, or a service stopped itself."""


class Violation(Exception):
    """An invariant does not hold; the text says which one and gives the evidence."""


class NoProgress(Exception):
    """The run exceeds its limit of steps: a livelock, or a task that waits without end."""


class Scheduler:
    """Continues one task in each step. Every choice comes from ``rng``.

    ``tick`` is the virtual time of a step in seconds. ``record`` keeps a trace of all steps.
    """

    def __init__(self, rng: Random, rates: Rates, *, record: bool, tick: float = 0.01) -> None:
        self.rng = rng
        self.rates = rates
        self.step = 0
        self.counts: Counter[str] = Counter()
        self.injected: list[InjectedFault] = []
        self.trace: list[str] | None = [] if record else None
        self.on_crash: Callable[[Process], None] = lambda _: None
        self._tick = tick
        self._loop = SimulatedLoop()  # type: ignore[abstract] # it does no I/O
        self._paused: list[PausedTask] = []
        self._failure: Exception | None = None
        self._processes: list[Process] = []
        self._outer_loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Scheduler:
        """Make the simulated event loop the running loop of this thread."""
        asyncio._set_running_loop(self._loop)
        return self

    def __exit__(self, *_: object) -> None:
        self.on_crash = lambda _: None
        for process in self._processes:
            if process.alive:
                self.kill(process)
        asyncio._set_running_loop(None)

    def process(self, name: str) -> Process:
        """Create a process."""
        process = Process(name, self)
        self._processes.append(process)
        return process

    def spawn(self, process: Process, name: str, work: Work, *, pace: float = 1.0) -> None:
        """Start ``work`` as an activity of ``process``. An exception from it ends the run."""
        actor = Actor(f"{process.name}/{name}", process, pace)

        async def run() -> None:
            try:
                await pause(START)
                await work
            except Exception as error:  # noqa: BLE001 - an error ends the run
                if not isinstance(error, UnexpectedError):
                    error = UnexpectedError(f"{actor.name}: {type(error).__name__}: {error}")
                self.fail(error)
            finally:
                work.close()

        self._loop.spawn(actor, run(), actor.name)

    def suspend(self, actor: Actor, at: Pause) -> asyncio.Future[None]:
        """Pause a task of ``actor`` at a point. The future is resolved when the scheduler picks the task."""
        future = self._loop.create_future()
        self._paused.append(PausedTask(actor, at, future))
        return future

    def fail(self, error: Exception) -> None:
        """End the run with ``error``."""
        self._failure = self._failure or error

    def record_fault(self, who: str, point: str, what: str) -> None:
        """Record a fault for the report of a failing seed."""
        self.counts[what] += 1
        self.injected.append(InjectedFault(self.step, who, point, what))
        self._trace(f"{who} {point} {what}")

    def kill(self, process: Process) -> None:
        """Crash ``process`` at its present points; its memory is lost."""
        process.alive = False
        self._paused = [paused for paused in self._paused if paused.actor.process is not process]
        for task in process.tasks:
            if not task.done():
                work: Any = task.get_coro()
                work.close()
        process.tasks.clear()
        self.on_crash(process)

    def run(self, until: Ready, most: int) -> None:
        """Run until ``until()``. Raises ``NoProgress`` after ``most`` steps, and the error that ends the run."""
        last = self.step + most
        while not until():
            if self.step >= last:
                raise NoProgress(f"the clients are not done after {most} steps; waiting: {self._waiting()}")
            self.run_step()

    def run_until_idle(self, most: int) -> None:
        """Run until no task can continue and no timer is due. Raises ``NoProgress`` after ``most`` steps."""
        last = self.step + most
        while self.step < last:
            if not self.run_step():
                return
        raise NoProgress(f"not idle after {most} steps; waiting: {self._waiting()}")

    def run_step(self) -> bool:
        """Continue one task, or let time pass. False if no task can continue and none waits for a time."""
        self.step += 1
        self._loop.advance(self._loop.now + self._tick)
        self._run_ready()
        paused = self._choose()
        if paused is None:
            return self._pass_time()
        self._continue(paused, self._fault(paused))
        self._run_ready()
        return True

    def _run_ready(self) -> None:
        self._loop.run_ready()
        if self._failure is not None:
            raise self._failure

    def _choose(self) -> PausedTask | None:
        tasks, random = self._paused, self.rng.random
        count = len(tasks)
        if not count:
            return None
        for _ in range(6):
            paused = tasks[int(random() * count)]
            if (paused.actor.pace == 1.0 or random() < paused.actor.pace) and self._can_continue(paused):
                return paused
        self._paused = [paused for paused in tasks if not paused.future.done()]
        candidates = [paused for paused in self._paused if self._can_continue(paused)]
        return candidates[int(random() * len(candidates))] if candidates else None

    def _can_continue(self, paused: PausedTask) -> bool:
        if paused.stalled_until > self.step or paused.future.done():
            return False
        ready = paused.at.ready
        return ready is None or ready()

    def _pass_time(self) -> bool:
        """No task can continue now: advance to the end of the next stall, or to the next timer."""
        stalled = [paused.stalled_until for paused in self._paused if paused.stalled_until > self.step]
        timer = self._loop.next_timer()
        if stalled:
            self.step = min(stalled)
        if timer is not None:
            self._loop.advance(timer)
            self._run_ready()
        return bool(stalled) or timer is not None

    def _fault(self, paused: PausedTask) -> Fault | None:
        rates, rng = self.rates, self.rng
        if not (rates.crash or rates.error or rates.stall):
            return None
        draw = rng.random()
        draw *= WEIGHTS.get(paused.at.point, 1.0) if paused.at.error is not None else ELSEWHERE
        if draw < rates.crash:
            return Fault.CRASH
        draw -= rates.crash
        if draw < rates.stall:
            return Fault.STALL
        draw -= rates.stall
        if paused.at.error is not None and draw < rates.error:
            name = paused.at.point
            if name.endswith("before"):
                return Fault.ERROR_BEFORE
            return Fault.ERROR_BETWEEN if name.endswith("between") else Fault.ERROR_AFTER
        return None

    def _continue(self, paused: PausedTask, fault: Fault | None) -> None:
        actor, point = paused.actor, paused.at.point
        can_crash = actor.process.name != OUTSIDE
        if fault is None:
            self._trace(f"{actor.name} {point}")
            self._paused.remove(paused)
            paused.future.set_result(None)
        elif fault is Fault.CRASH and can_crash:
            self.record_fault(actor.name, point, f"{fault}")
            self.kill(actor.process)
        elif fault is Fault.STALL or not can_crash:
            paused.stalled_until = self.step + 1 + int(self.rng.random() * self.rates.longest_stall)
            self.record_fault(actor.name, point, Fault.STALL)
        else:
            self.record_fault(actor.name, point, fault)
            assert paused.at.error is not None
            self._paused.remove(paused)
            paused.future.set_exception(paused.at.error(f"simulated at {point}"))

    def _trace(self, line: str) -> None:
        if self.trace is not None:
            self.trace.append(f"{self.step} {line}")

    def _waiting(self) -> str:
        return ", ".join(f"{paused.actor.name}@{paused.at.point}" for paused in self._paused)


OUTSIDE: Final = "outside"
"""The process of the clients and of the fault schedule; it never crashes."""
START: Final = Pause("start")
