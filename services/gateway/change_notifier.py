"""Waits for changes of the read models without polling: a MongoDB change stream wakes the waiters.

Every process watches the gateway's database, so it learns of a change whichever instance applied the event.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

import structlog
from pymongo.errors import PyMongoError

from services.runtime.mongo.document_store import Collection, Database, read_changes

logger = structlog.get_logger(__name__)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_RECHECK_SECONDS: Final = 1.0
_PAUSE_AFTER_ERROR: Final = 0.5


class Key(NamedTuple):
    """A document to which waiters subscribe. The id ``*`` stands for any document of the collection."""

    collection: str
    id: str


def card_key(card_id: str) -> Key:
    """The key of all documents about a card, in all read models."""
    return Key("of-card", card_id)


class Pending(NamedTuple):
    """The value is not ready: one of these documents must change first."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Ready(Generic[T_co]):
    """The value that was waited for."""

    value: T_co


class ChangeSubscriptions:
    """The waiters of this process by the keys to which they subscribe. Waits end once ``stopping`` is set."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self._events: dict[Key, set[asyncio.Event]] = {}

    def wake(self, key: Key) -> None:
        """Wake the waiters of ``key``."""
        for event in self._events.get(key, ()):
            event.set()

    def wake_all(self) -> None:
        """Wake all waiters."""
        for key in self._events:
            self.wake(key)

    async def changes(self, key: Key, *, every: float, seconds: float) -> AsyncIterator[bool]:
        """Yield True at once and after each change of ``key``, False after ``every`` seconds without a change.

        Ends after ``seconds``, or when this process stops.
        """
        event = asyncio.Event()
        event.set()  # earlier changes are unknown
        loop = asyncio.get_running_loop()
        started = last_yield = loop.time()
        self._add(event, (key,))
        try:
            while loop.time() < started + seconds and not self._stopping.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(_RECHECK_SECONDS, every, seconds)):
                        await event.wait()
                if event.is_set() or loop.time() >= last_yield + every:
                    changed, last_yield = event.is_set(), loop.time()
                    event.clear()
                    yield changed
        finally:
            self._remove(event, (key,))

    async def until(
        self, check: Callable[[], Awaitable[Ready[T] | Pending]], seconds: float, *, keys: Iterable[Key] = ()
    ) -> T | None:
        """The value of ``check`` as soon as it is ready; None after ``seconds``. ``check`` is called at least once.

        With ``keys`` that are known in advance, ``check`` is not called a second time at the start.

        Also returns None when this process stops; the client then asks another instance. While the database is
        unreachable the value is not ready, and nothing is raised: the command is already in Kafka.
        """
        event = asyncio.Event()
        waited_for = set(keys)
        self._add(event, waited_for)
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            while True:
                event.clear()
                found = await _checked(check)
                if not isinstance(found, Pending):
                    return found.value
                new = set(found.keys) - waited_for
                self._add(event, new)
                waited_for |= new
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0 or self._stopping.is_set():
                    return None
                if new:
                    continue  # a change between the check and the subscription would be missed
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


async def _checked(check: Callable[[], Awaitable[Ready[T] | Pending]]) -> Ready[T] | Pending:
    try:
        return await check()
    except PyMongoError as error:
        logger.warning("gateway.wait_without_store", reason=type(error).__name__)
        return Pending(())


class ChangeStreamListener:
    """Wakes the subscriptions of this process at every change of ``collections`` in ``source``.

    ``source`` is the database, which the process must be allowed to read as a whole, or one collection.
    """

    def __init__(
        self, source: Database | Collection, subscriptions: ChangeSubscriptions, collections: Iterable[str]
    ) -> None:
        self._source = source
        self._subscriptions = subscriptions
        self._pipeline: list[dict[str, Any]] = [
            {
                "$match": {
                    "ns.coll": {"$in": sorted(collections)},
                    "operationType": {"$in": ["insert", "replace", "update"]},
                }
            },
            {"$project": {"ns": 1, "documentKey": 1, "fullDocument.state.card_id": 1}},
        ]
        self._resume_after: Any = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to follow the stream."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stop following the stream."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            try:
                await self._follow()
            except PyMongoError as error:
                # The resume token may be too old: start at the present. All waiters check again then.
                self._resume_after = None
                logger.warning("gateway.change_stream_broke", reason=type(error).__name__)
                await asyncio.sleep(_PAUSE_AFTER_ERROR)

    async def _follow(self) -> None:
        async with self._source.watch(self._pipeline, resume_after=self._resume_after) as stream:
            self._subscriptions.wake_all()
            while stream.alive:
                await read_changes(stream, self._wake)
                self._resume_after = stream.resume_token

    def _wake(self, changes: Iterable[Mapping[str, Any]]) -> None:
        for change in changes:
            for key in keys_of(change):
                self._subscriptions.wake(key)


def keys_of(change: Mapping[str, Any]) -> Iterator[Key]:
    """The keys of a change: the document, its collection, and its card."""
    yield Key(change["ns"]["coll"], str(change["documentKey"]["_id"]))
    yield Key(change["ns"]["coll"], "*")
    state = change.get("fullDocument", {}).get("state") or {}
    if (card_id := state.get("card_id")) is not None:
        yield card_key(card_id)
