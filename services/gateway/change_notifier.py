"""Waiting for the read models to show something, without polling: a change stream wakes those who wait.

Every instance watches the gateway's one database, so that any of them can answer, whichever applied the event.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

import structlog
from pymongo.errors import PyMongoError

from services.runtime.mongo.document_store import Database, next_changes

logger = structlog.get_logger(__name__)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_RECHECK_SECONDS: Final = 1.0
_PAUSE_AFTER_ERROR: Final = 0.5


class Key(NamedTuple):
    """A document of a read model."""

    collection: str
    id: str


def of_card(card_id: str) -> Key:
    """Every document about a card, whatever the read model."""
    return Key("of-card", card_id)


class Missing(NamedTuple):
    """Not yet: these documents have to change first."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Shown(Generic[T_co]):
    """It is there."""

    value: T_co


class ChangeSubscriptions:
    """Those in this process who wait, by the document that they wait for; nobody does once ``stopping`` is set."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self._events: dict[Key, set[asyncio.Event]] = {}

    def wake(self, key: Key) -> None:
        """``key`` changed."""
        for event in self._events.get(key, ()):
            event.set()

    def wake_all(self) -> None:
        """Anything may have changed."""
        for key in self._events:
            self.wake(key)

    async def changes(self, key: Key, *, every: float, seconds: float) -> AsyncIterator[bool]:
        """True at once and whenever ``key`` has changed since, False when it has not for ``every`` seconds.

        It ends after ``seconds``, or when this process stops.
        """
        event = asyncio.Event()
        event.set()  # nobody knows what changed before
        loop = asyncio.get_running_loop()
        begun = told = loop.time()
        self._add(event, (key,))
        try:
            while loop.time() < begun + seconds and not self._stopping.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(_RECHECK_SECONDS, every, seconds)):
                        await event.wait()
                if event.is_set() or loop.time() >= told + every:
                    changed, told = event.is_set(), loop.time()
                    event.clear()
                    yield changed
        finally:
            self._remove(event, (key,))

    async def until(
        self, check: Callable[[], Awaitable[Shown[T] | Missing]], seconds: float, *, keys: Iterable[Key] = ()
    ) -> T | None:
        """What ``check`` shows, as soon as it does; None after ``seconds``. It is asked at least once.

        ``keys`` are those that it is already reportedhand to wait for: then it need not be asked twice to begin with.

        None also when this process stops: the caller asks another one for the outcome. A store that is away for a
        while shows nothing, and is no error: the command is in the log.
        """
        event = asyncio.Event()
        waited_for = set(keys)
        self._add(event, waited_for)
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            while True:
                event.clear()
                found = await _checked(check)
                if not isinstance(found, Missing):
                    return found.value
                new = set(found.keys) - waited_for
                self._add(event, new)
                waited_for |= new
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0 or self._stopping.is_set():
                    return None
                if new:
                    continue  # it may have changed between the check and our waiting for it
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left, _RECHECK_SECONDS)):
                        await event.wait()
        finally:
            self._remove(event, waited_for)

    def _add(self, event: asyncio.Event, keys: Iterable[Key]) -> None:
        for key in keys:
            self._events.setdefault(key, set()).add(event)

    def _remove(self, event: asyncio.Event, keys: Iterable[Key]) -> None:
        for key in keys:
            events = self._events[key]
            events.discard(event)
            if not events:
                del self._events[key]


async def _checked(check: Callable[[], Awaitable[Shown[T] | Missing]]) -> Shown[T] | Missing:
    try:
        return await check()
    except PyMongoError as error:
        logger.warning("gateway.wait_without_store", reason=type(error).__name__)
        return Missing(())


class ChangeStreamListener:
    """Wakes the waiters of this process at every change of the read models."""

    def __init__(self, database: Database, waiters: ChangeSubscriptions, collections: Iterable[str]) -> None:
        self._database = database
        self._waiters = waiters
        self._pipeline: list[dict[str, Any]] = [
            {"$match": {"ns.coll": {"$in": sorted(collections)}, "operationType": {"$in": ["insert", "replace"]}}},
            {"$project": {"ns": 1, "documentKey": 1, "fullDocument.state.card_id": 1}},
        ]
        self._resume_after: Any = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            try:
                await self._follow()
            except PyMongoError as error:
                # A resume token may be too old to be found: then begin at the present; the waiters look again anyway.
                self._resume_after = None
                logger.warning("gateway.change_stream_broke", reason=type(error).__name__)
                await asyncio.sleep(_PAUSE_AFTER_ERROR)

    async def _follow(self) -> None:
        async with self._database.watch(self._pipeline, resume_after=self._resume_after) as stream:
            self._waiters.wake_all()
            while stream.alive:  # type: ignore[truthy-function] # a property, whatever motor's stubs say
                changes = await next_changes(stream)
                self._resume_after = stream.resume_token
                for change in changes:
                    for key in keys_of(change):
                        self._waiters.wake(key)


def keys_of(change: Mapping[str, Any]) -> Iterator[Key]:
    """Who is to be woken by a change: those who wait for the document, and for anything about its card."""
    yield Key(change["ns"]["coll"], str(change["documentKey"]["_id"]))
    state = change["fullDocument"].get("state") or {}
    if (card_id := state.get("card_id")) is not None:
        yield of_card(card_id)
