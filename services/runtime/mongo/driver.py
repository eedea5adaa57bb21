"""The driver of MongoDB: motor, or pymongo's asynchronous client by a setting. The only module that knows motor.

The two have the same calls, except those that have a function here. The types are motor's. See
``docs/decisions/0003-motor-behind-one-module.md``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, cast, get_args

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import AsyncMongoClient
from pymongo.asynchronous.change_stream import AsyncChangeStream
from pymongo.monitoring import CommandListener
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

Client = AsyncIOMotorClient[dict[str, Any]]
Database = AsyncIOMotorDatabase[dict[str, Any]]
Collection = AsyncIOMotorCollection[dict[str, Any]]
Driver = Literal["motor", "pymongo"]
DRIVERS: Final[tuple[Driver, ...]] = get_args(Driver)

_DURABLE: Final = WriteConcern(w="majority", j=True, wtimeout=10_000)
_MAJORITY: Final = ReadConcern("majority")


def connect(
    uri: str, *, timeout_ms: int = 5000, listeners: Sequence[CommandListener] = (), driver: Driver = "motor"
) -> Client:
    """A client that waits at most ``timeout_ms`` for a server. ``listeners`` observe its commands."""
    return _client(driver, uri, retryWrites=True, **_options(timeout_ms, listeners))


def connect_for_processing(
    uri: str, *, timeout_ms: int = 5000, listeners: Sequence[CommandListener] = (), driver: Driver = "motor"
) -> Client:
    """A client for batch processing, without retryable writes.

    The server stores every statement of a retryable write. Batch processing does not need that: after an interrupted
    write it loads the documents again.
    """
    return _client(driver, uri, retryWrites=False, **_options(timeout_ms, listeners))


def _client(driver: Driver, uri: str, **options: Any) -> Client:
    if driver == "pymongo":
        return cast("Client", AsyncMongoClient[dict[str, Any]](uri, **options))
    return AsyncIOMotorClient(uri, **options)


def _options(timeout_ms: int, listeners: Sequence[CommandListener]) -> dict[str, Any]:
    return {
        "event_listeners": list(listeners),
        "serverSelectionTimeoutMS": timeout_ms,
        "connectTimeoutMS": timeout_ms,
        "socketTimeoutMS": 4 * timeout_ms,
        "tz_aware": True,
    }


def durable_database(client: Client, name: str) -> Database:
    """A database whose writes are journaled on a majority and whose reads cannot be rolled back.

    A read below majority could return a write that a failover then rolls back.
    """
    return client.get_database(name, write_concern=_DURABLE, read_concern=_MAJORITY)


async def close(client: Client) -> None:
    """Close the connections of a client of either driver."""
    if isinstance(client, AsyncMongoClient):
        await client.close()
    else:
        client.close()


async def aggregate(
    collection: Collection, pipeline: Sequence[Mapping[str, Any]], session: Any = None
) -> list[dict[str, Any]]:
    """All results of a pipeline."""
    cursor: Any = collection.aggregate(pipeline, session=session)
    if asyncio.iscoroutine(cursor):
        cursor = await cursor
    return cast("list[dict[str, Any]]", await cursor.to_list(None))


@asynccontextmanager
async def session_of(client: Client, *, causal_consistency: bool | None = None) -> AsyncIterator[Any]:
    """A session of a client."""
    started: Any = client.start_session(causal_consistency=causal_consistency)
    if asyncio.iscoroutine(started):
        started = await started
    async with started:
        yield started


@asynccontextmanager
async def transaction(of: Any, read_concern: ReadConcern, write_concern: WriteConcern) -> AsyncIterator[None]:
    """A transaction of a session, committed at the end of the context."""
    started: Any = of.start_transaction(read_concern, write_concern)
    if asyncio.iscoroutine(started):
        started = await started
    async with started:
        yield


@asynccontextmanager
async def change_stream(
    source: Database | Collection, pipeline: Sequence[Mapping[str, Any]], resume_after: Any
) -> AsyncIterator[Any]:
    """A change stream of a database or collection, open at the server, for ``read_changes``."""
    opened: Any = source.watch(pipeline, resume_after=resume_after)
    if asyncio.iscoroutine(opened):
        opened = await opened
    async with opened as stream:
        yield stream


async def read_changes(stream: Any, on_changes: Callable[[Sequence[Mapping[str, Any]]], None]) -> None:
    """Read a change stream until the server has no further change, and call ``on_changes`` with those that arrived.

    The public API of pymongo gives one change at a time. With motor, one thread reads them all, and the event loop
    takes those that have arrived meanwhile: a task switch for each change would cost too much in a payroll run. Raises
    ``PyMongoError``.
    """
    if isinstance(stream, AsyncChangeStream):
        while (change := await stream.try_next()) is not None:
            on_changes([change])
        # pymongo sends through asyncio.wait_for, which in Python 3.11 can lose a cancellation.
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise asyncio.CancelledError
        return
    loop = asyncio.get_running_loop()
    arrived: deque[Mapping[str, Any]] = deque()

    def read() -> None:
        while (change := stream.delegate.try_next()) is not None:
            arrived.append(change)
            if len(arrived) == 1:  # else a call of hand_over is already scheduled or in progress
                loop.call_soon_threadsafe(hand_over)

    def hand_over() -> None:
        changes = []
        while arrived:
            changes.append(arrived.popleft())
        if changes:
            on_changes(changes)

    await loop.run_in_executor(None, read)
    hand_over()
