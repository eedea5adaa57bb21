"""Waits for changes of the read models without polling: a MongoDB change stream wakes the waiters.

Every process watches the gateway's database, so it learns of a change whichever instance applied the event. The stream
reports a write when a majority has it, and brings the documents, so that a waiter need not read them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

import structlog
from pymongo.errors import PyMongoError

from services.runtime.mongo.driver import Collection, Database, change_stream, read_changes

logger = structlog.get_logger(__name__)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_RECHECK_SECONDS: Final = 1.0
_PAUSE_AFTER_ERROR: Final = 0.5
_MOST_RECEIVED: Final = 500  # documents of a wait: a file that is booked for one card changes thousands


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


class Waiter:
    """A wait, and the keys to which it is subscribed.

    While it collects the changes of a key, ``received`` has the newest form of each document that changed since, as it
    is stored. It ends to collect when changes may have been missed, or are too many, and then has received nothing.
    """

    def __init__(self, subscriptions: ChangeSubscriptions) -> None:
        self.keys: dict[Key, None] = {}
        self.collected: Key | None = None
        self.received: dict[Key, Mapping[str, Any]] = {}
        self.changed = asyncio.Event()
        self._subscriptions = subscriptions

    def forget(self) -> None:
        """Stop to collect, and drop what was received."""
        if self.collected is not None:
            self._subscriptions.unsubscribe(self, self.collected)
            self.collected = None
            self.received.clear()


class ChangeSubscriptions:
    """The waiters of this process by the keys to which they subscribe. Waits end once ``stopping`` is set.

    ``is_followed``: every change reaches the waiters.
    """

    def __init__(self, stopping: asyncio.Event) -> None:
        self.is_followed = False
        self._stopping = stopping
        # Dictionaries in place of sets: they keep their order, so the simulation can repeat a run.
        self._waiters: dict[Key, dict[Waiter, None]] = {}

    @contextlib.contextmanager
    def waiter(self, keys: Iterable[Key] = ()) -> Iterator[Waiter]:
        """A waiter that is subscribed to ``keys`` until the end of the context."""
        waiter = Waiter(self)
        self.subscribe(waiter, keys)
        try:
            yield waiter
        finally:
            for key in list(waiter.keys):
                self.unsubscribe(waiter, key)

    def subscribe(self, waiter: Waiter, keys: Iterable[Key]) -> None:
        """Subscribe a waiter to more keys."""
        for key in keys:
            waiter.keys[key] = None
            self._waiters.setdefault(key, {})[waiter] = None

    def unsubscribe(self, waiter: Waiter, key: Key) -> None:
        """End the subscription of a waiter to a key."""
        del waiter.keys[key]
        waiters = self._waiters[key]
        del waiters[waiter]
        if not waiters:
            del self._waiters[key]

    def collect(self, waiter: Waiter, key: Key) -> None:
        """Let a waiter receive the documents that change, for all changes of ``key`` from now on."""
        if self.is_followed and waiter.collected is None:
            self.subscribe(waiter, [key])
            waiter.collected = key

    def wake(self, key: Key) -> None:
        """Wake the waiters of ``key``."""
        for waiter in self._waiters.get(key, ()):
            waiter.changed.set()

    def deliver(self, document: Key, stored: Mapping[str, Any], keys: Iterable[Key]) -> None:
        """Wake the waiters of ``keys``, and give the changed document to those that collect."""
        for key in keys:
            for waiter in list(self._waiters.get(key, ())):
                waiter.changed.set()
                if waiter.collected is not None:
                    waiter.received[document] = stored
                    if len(waiter.received) > _MOST_RECEIVED:
                        waiter.forget()

    def follow(self) -> None:
        """From now on every change is delivered. Earlier ones may have been missed, so all waiters check again."""
        self.is_followed = True
        self._forget_all()

    def lose(self) -> None:
        """Changes may be missed from now on."""
        self.is_followed = False
        self._forget_all()

    def _forget_all(self) -> None:
        for waiter in [waiter for waiters in self._waiters.values() for waiter in waiters]:
            waiter.forget()
            waiter.changed.set()

    async def changes(self, key: Key, *, every: float, seconds: float) -> AsyncIterator[bool]:
        """Yield True at once and after each change of ``key``, False after ``every`` seconds without a change.

        Ends after ``seconds``, or when this process stops.
        """
        loop = asyncio.get_running_loop()
        started = last_yield = loop.time()
        with self.waiter([key]) as waiter:
            waiter.changed.set()  # earlier changes are unknown
            while loop.time() < started + seconds and not self._stopping.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(_RECHECK_SECONDS, every, seconds)):
                        await waiter.changed.wait()
                if waiter.changed.is_set() or loop.time() >= last_yield + every:
                    changed, last_yield = waiter.changed.is_set(), loop.time()
                    waiter.changed.clear()
                    yield changed

    async def until(
        self, check: Callable[[], Awaitable[Ready[T] | Pending]], seconds: float, *, keys: Iterable[Key] = ()
    ) -> T | None:
        """The value of ``check`` as soon as it is ready; None after ``seconds``. See ``until_ready``."""
        with self.waiter(keys) as waiter:
            return await self.until_ready(waiter, check, seconds)

    async def until_ready(
        self, waiter: Waiter, check: Callable[[], Awaitable[Ready[T] | Pending]], seconds: float
    ) -> T | None:
        """The value of ``check`` as soon as it is ready; None after ``seconds``. ``check`` is called at least once.

        With keys to which the waiter is subscribed, ``check`` is not called a second time at the start. After a second
        without a change, ``check`` reads the database: what was received is dropped.

        Also returns None when this process stops; the client then asks another instance. While the database is
        unreachable the value is not ready, and nothing is raised: the command is already in Kafka.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            waiter.changed.clear()
            found = await _checked(check)
            if not isinstance(found, Pending):
                return found.value
            new = [key for key in found.keys if key not in waiter.keys]
            self.subscribe(waiter, new)
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or self._stopping.is_set():
                return None
            if new and waiter.collected is None:
                continue  # a change between the check and the subscription would be missed
            try:
                async with asyncio.timeout(min(left, _RECHECK_SECONDS)):
                    await waiter.changed.wait()
            except TimeoutError:
                waiter.forget()


async def _checked(check: Callable[[], Awaitable[Ready[T] | Pending]]) -> Ready[T] | Pending:
    try:
        return await check()
    except PyMongoError as error:
        logger.warning("gateway.wait_without_store", reason=type(error).__name__)
        return Pending(())


class ChangeStreamListener:
    """Gives the subscriptions of this process every change of ``collections`` in ``source``.

    ``source`` is the database, which the process must be allowed to read as a whole, or one collection. Changes of
    ``delivered`` bring the document; the others only wake the waiters.
    """

    def __init__(
        self,
        source: Database | Collection,
        subscriptions: ChangeSubscriptions,
        collections: Iterable[str],
        *,
        delivered: Iterable[str] = (),
    ) -> None:
        self._source = source
        self._subscriptions = subscriptions
        shown = ("_id", "version", "format", "state")
        is_delivered = {"$in": ["$ns.coll", sorted(delivered)]}
        document = {
            "$cond": [
                is_delivered,
                {name: f"$fullDocument.{name}" for name in shown},
                {"state": {"card_id": "$fullDocument.state.card_id"}},
            ]
        }
        self._delivered = frozenset(delivered)
        self._pipeline: list[dict[str, Any]] = [
            {
                "$match": {
                    "ns.coll": {"$in": sorted(collections)},
                    "operationType": {"$in": ["insert", "replace", "update"]},
                }
            },
            {"$project": {"ns": 1, "documentKey": 1, "fullDocument": document}},
        ]
        self._resume_after: Any = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to follow the stream, from the present."""
        self._resume_after = None
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
                self._subscriptions.lose()
                await asyncio.sleep(_PAUSE_AFTER_ERROR)

    async def _follow(self) -> None:
        async with change_stream(self._source, self._pipeline, self._resume_after) as stream:
            self._subscriptions.follow()
            while stream.alive:
                await read_changes(stream, self._deliver)
                self._resume_after = stream.resume_token

    def _deliver(self, changes: Iterable[Mapping[str, Any]]) -> None:
        for change in changes:
            if change["ns"]["coll"] in self._delivered and "state" in change.get("fullDocument", {}):
                document = Key(change["ns"]["coll"], str(change["documentKey"]["_id"]))
                self._subscriptions.deliver(document, change["fullDocument"], keys_of(change))
            else:
                for key in keys_of(change):
                    self._subscriptions.wake(key)


class SharedListeners:
    """Listeners that follow their streams while they are used: each change costs this process and the database."""

    def __init__(self, listeners: Sequence[ChangeStreamListener]) -> None:
        self._listeners = listeners
        self._users = 0

    @contextlib.asynccontextmanager
    async def used(self) -> AsyncIterator[None]:
        """Follow the streams, within the context. The waits check again when the streams are open."""
        self._users += 1
        if self._users == 1:
            for listener in self._listeners:
                listener.start()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                for listener in self._listeners:
                    await listener.stop()


def keys_of(change: Mapping[str, Any]) -> Iterator[Key]:
    """The keys of a change: the document, its collection, and its card."""
    yield Key(change["ns"]["coll"], str(change["documentKey"]["_id"]))
    yield Key(change["ns"]["coll"], "*")
    state = change.get("fullDocument", {}).get("state") or {}
    if (card_id := state.get("card_id")) is not None:
        yield card_key(card_id)
