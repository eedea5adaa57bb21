"""A deterministic asyncio event loop: callbacks run in the order in which they became ready, and time is virtual.

It does no I/O and starts no threads. A context variable assigns every task to the activity that created it, so that a
crash of a process ends its tasks, timers and callbacks, and no others.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, Protocol, TypeVarTuple

Ts = TypeVarTuple("Ts")


class Owner(Protocol):
    """The owner of tasks, timers and callbacks."""

    @property
    def alive(self) -> bool:
        """Whether they may still run."""
        ...

    def add_task(self, task: asyncio.Task[Any]) -> None:
        """Register a new task."""
        ...


OWNER: ContextVar[Owner | None] = ContextVar("owner", default=None)


class Callback(asyncio.TimerHandle):
    """A callback that is ready or scheduled for a time."""

    __slots__ = ("arguments", "callback", "context", "is_cancelled")

    def __init__(self, callback: Callable[..., Any], arguments: Any, context: Context | None) -> None:
        # Not Handle.__init__: it formats the handle for debugging, which is slow.
        self.callback = callback
        self.arguments = arguments
        self.context = copy_context() if context is None else context
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled

    def run(self) -> None:
        """Run the callback, unless it was cancelled or its owner has crashed."""
        owner = self.context.get(OWNER)
        if not self.is_cancelled and (owner is None or owner.alive):
            self.context.run(self.callback, *self.arguments)


class SimulatedLoop(asyncio.AbstractEventLoop):
    """An event loop that runs callbacks when the scheduler calls ``run_ready``, in virtual time."""

    def __init__(self) -> None:
        self.now = 0.0
        self._ready: deque[Callback] = deque()
        self._timers: list[tuple[float, int, Callback]] = []
        self._count = 0

    def run_ready(self) -> None:
        """Run callbacks, and those that they make ready, until none is left."""
        ready = self._ready
        while ready:
            ready.popleft().run()

    def advance(self, to: float) -> None:
        """Advance the virtual time to ``to`` seconds, and make the timers ready that are due."""
        self.now = max(self.now, to)
        timers = self._timers
        while timers and timers[0][0] <= self.now:
            self._ready.append(heapq.heappop(timers)[2])

    def next_timer(self) -> float | None:
        """The time of the next timer whose owner is alive; None if there is none."""
        timers = self._timers
        while timers:
            callback = timers[0][2]
            owner = callback.context.get(OWNER)
            if not callback.is_cancelled and (owner is None or owner.alive):
                return timers[0][0]
            heapq.heappop(timers)
        return None

    def time(self) -> float:
        return self.now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        owner = OWNER.get() if context is None else context.get(OWNER)
        if owner is not None:
            owner.add_task(task)
        return task

    def spawn(self, owner: Owner, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start ``work`` as a task of ``owner``."""
        context = copy_context()
        context.run(OWNER.set, owner)
        return self.create_task(work, name=name, context=context)

    def call_soon(self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None) -> Callback:
        handle = Callback(callback, args, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Callback:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Callback:
        handle = Callback(callback, args, context)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, handle))
        return handle

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Ignore the destruction of a crashed process's pending tasks; raise ``RuntimeError`` for any other report."""
        if "was destroyed but it is pending" not in context["message"]:
            raise RuntimeError(context["message"]) from context.get("exception")
