"""A deterministic scheduler: coroutines that stop at named points, and one seed that says what happens at each.

There is no event loop and no clock. Whatever a process does beyond its own memory (a call of the store, of the log, a
commit) is a sequence of points around effects that are atomic. At each point the seed decides who moves next, and
whether that one goes on, fails there, stands still for a while, or dies with its whole process.
"""

from __future__ import annotations

import types
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any, Final

# Above 1 a fault is rarer. Most telling is what happens between two effects: all is written, and nothing said yet.
ELSEWHERE: Final = 6.0
WEIGHTS: Final = {"log.publish.before": 0.25, "store.write.before": 0.5}
Ready = Callable[[], bool]


def dice(what: str, seed: int) -> Random:
    """The dice of one part of a run: what one part throws does not move the others'."""
    return Random(f"{what} {seed}")  # noqa: S311 - it is to be foretold


class Fault(StrEnum):
    """What can befall an actor at a point."""

    CRASH = "crash"
    ERROR_BEFORE = "error before the effect"
    ERROR_BETWEEN = "error in the middle of the effect"
    ERROR_AFTER = "error after the effect"
    STALL = "stall"


@dataclass(frozen=True, slots=True)
class Pause:
    """A point at which an actor stops. ``error`` is what can be raised there; ``ready`` says when it may go on."""

    point: str
    error: type[Exception] | None = None
    ready: Ready | None = None


@types.coroutine
def pause(at: Pause) -> Generator[Pause, None, None]:
    """Stop here until the scheduler says otherwise."""
    yield at


@dataclass(eq=False)
class Process:
    """Actors that share a memory, and die together."""

    name: str
    alive: bool = True
    actors: list[Actor] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Actor:
    """One line of work in a process."""

    name: str
    process: Process
    work: Coroutine[Pause, None, Any]
    at: Pause
    stalled_until: int = 0
    pace: float = 1.0  # below 1 on a slow machine


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
    """An actor raised what no part of the system may raise."""


class Stuck(Exception):
    """Nothing can move, or it never comes to rest."""


class Scheduler:
    """Moves actors, one point at a time. Only ``rng`` decides."""

    def __init__(self, rng: Random, rates: Rates, *, record: bool) -> None:
        self.rng = rng
        self.rates = rates
        self.step = 0
        self.counts: Counter[str] = Counter()
        self.happened: list[Happened] = []
        self.trace: list[str] | None = [] if record else None
        self.on_death: Callable[[Process], None] = lambda _: None
        self._actors: list[Actor] = []

    def spawn(self, process: Process, name: str, work: Coroutine[Pause, None, Any], *, pace: float = 1.0) -> Actor:
        """Let ``work`` run in ``process``."""
        actor = Actor(f"{process.name}/{name}", process, work, Pause("start"), pace=pace)
        process.actors.append(actor)
        self._actors.append(actor)
        return actor

    def note(self, who: str, point: str, what: str) -> None:
        """Keep a fault for the schedule that a failing seed prints."""
        self.counts[what] += 1
        self.happened.append(Happened(self.step, who, point, what))
        self._trace(f"{who} {point} {what}")

    def kill(self, process: Process) -> None:
        """The process dies where it stands; its memory is lost."""
        process.alive = False
        for actor in process.actors:
            actor.work.close()
            self._actors.remove(actor)
        process.actors.clear()
        self.on_death(process)

    def close(self) -> None:
        """Everybody stops where they stand."""
        for actor in self._actors:
            actor.work.close()
        self._actors.clear()

    def run(self, until: Ready, most: int) -> None:
        """Move actors until ``until``. Raises ``Stuck`` after ``most`` steps or when nobody can move."""
        last = self.step + most
        while not until():
            if self.step >= last:
                raise Stuck(f"no end after {most} steps; waiting: {self._waiting()}")
            self.move()

    def rest(self, most: int) -> None:
        """Move actors until nobody can."""
        last = self.step + most
        while self.step < last:
            if not self.move():
                return
        raise Stuck(f"no rest after {most} steps; busy: {self._waiting()}")

    def move(self) -> bool:
        """Move one actor that can. False if none can."""
        self.step += 1
        actor = self._choose()
        if actor is None:
            return self._wake_a_stalled_one()
        self._advance(actor, self._fate(actor))
        return True

    def _choose(self) -> Actor | None:
        actors, random = self._actors, self.rng.random
        count = len(actors)
        for _ in range(6):
            actor = actors[int(random() * count)]
            if (actor.pace == 1.0 or random() < actor.pace) and self._can_move(actor):
                return actor
        able = [actor for actor in actors if self._can_move(actor)]
        return able[int(random() * len(able))] if able else None

    def _can_move(self, actor: Actor) -> bool:
        if actor.stalled_until > self.step:
            return False
        ready = actor.at.ready
        return ready is None or ready()

    def _wake_a_stalled_one(self) -> bool:
        stalled = [actor for actor in self._actors if actor.stalled_until > self.step]
        if stalled:
            self.step = min(actor.stalled_until for actor in stalled)
        return bool(stalled)

    def _fate(self, actor: Actor) -> Fault | None:
        rates, rng = self.rates, self.rng
        if not (rates.crash or rates.error or rates.stall):
            return None
        lot = rng.random()
        lot *= WEIGHTS.get(actor.at.point, 1.0) if actor.at.error is not None else ELSEWHERE
        if lot < rates.crash:
            return Fault.CRASH
        lot -= rates.crash
        if lot < rates.stall:
            return Fault.STALL
        lot -= rates.stall
        if actor.at.error is not None and lot < rates.error:
            name = actor.at.point
            if name.endswith("before"):
                return Fault.ERROR_BEFORE
            return Fault.ERROR_BETWEEN if name.endswith("between") else Fault.ERROR_AFTER
        return None

    def _advance(self, actor: Actor, fate: Fault | None) -> None:
        point = actor.at.point
        if fate is None:
            self._trace(f"{actor.name} {point}")
            self._send(actor, None)
            return
        mortal = actor.process.name != "world"
        if fate is Fault.CRASH and mortal:
            self.note(actor.name, point, f"{fate}")
            self.kill(actor.process)
        elif fate is Fault.STALL or not mortal:
            length = 1 + int(self.rng.random() * self.rates.longest_stall)
            actor.stalled_until = self.step + length
            self.note(actor.name, point, Fault.STALL)
        else:
            self.note(actor.name, point, fate)
            assert actor.at.error is not None
            self._send(actor, actor.at.error(f"simulated at {point}"))

    def _send(self, actor: Actor, error: Exception | None) -> None:
        try:
            actor.at = actor.work.send(None) if error is None else actor.work.throw(error)
        except StopIteration:
            self._actors.remove(actor)
            actor.process.actors.remove(actor)
        except Died:
            raise
        except Exception as unexpected:
            raise Died(f"{actor.name} at {actor.at.point}: {type(unexpected).__name__}: {unexpected}") from unexpected

    def _trace(self, line: str) -> None:
        if self.trace is not None:
            self.trace.append(f"{self.step} {line}")

    def _waiting(self) -> str:
        return ", ".join(f"{actor.name}@{actor.at.point}" for actor in self._actors)
