"""Documents in MongoDB, and the only module that knows motor; see ``docs/decisions/0003-motor-behind-one-module.md``.

A document of a processor is ``{_id, version, state, aliases, applied, outbox}``, one of a projection
``{_id, version, state, aliases}``. ``applied`` is a text with one message id a line; ``outbox_codec.py`` gives the form
of the outbox.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import ASCENDING, IndexModel, InsertOne, ReplaceOne
from pymongo.errors import BulkWriteError, OperationFailure
from pymongo.monitoring import CommandListener
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from services.runtime.batched_calls import BatchedCalls
from services.runtime.mongo.outbox_codec import pending_from, stored_pending
from services.runtime.processing.applied_ids import AppliedIds
from services.runtime.processing.apply import Document, Documents
from services.runtime.processing.decision import Address, DocumentSet, Processor, S, no_aliases
from services.runtime.processing.projection import Projection

Client = AsyncIOMotorClient[dict[str, Any]]
Database = AsyncIOMotorDatabase[dict[str, Any]]
Collection = AsyncIOMotorCollection[dict[str, Any]]

_DURABLE = WriteConcern(w="majority", j=True, wtimeout=10_000)
_MAJORITY = ReadConcern("majority")
_DUPLICATE_KEY = 11000
_NAMESPACE_EXISTS = 48
_LAST_CHARACTER = "\uffff"
# Documents are stored in the index on their ids, so a find or a guarded write by id needs one search instead of two.
_CLUSTERED = {"key": {"_id": 1}, "unique": True}


def connect(uri: str, *, timeout_ms: int = 5000, listeners: Sequence[CommandListener] = ()) -> Client:
    """A client that waits at most ``timeout_ms`` for a server. ``listeners`` observe its commands."""
    return AsyncIOMotorClient(uri, retryWrites=True, **_options(timeout_ms, listeners))


def connect_for_processing(uri: str, *, timeout_ms: int = 5000, listeners: Sequence[CommandListener] = ()) -> Client:
    """A client for batch processing, without retryable writes.

    The server stores every statement of a retryable write. Batch processing does not need that: after an interrupted
    write it loads the documents again.
    """
    return AsyncIOMotorClient(uri, retryWrites=False, **_options(timeout_ms, listeners))


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


async def read_changes(stream: Any, on_changes: Callable[[Sequence[Mapping[str, Any]]], None]) -> None:
    """Read a change stream until the server has no further change, and call ``on_changes`` with those that arrived.

    The public API of pymongo gives one change at a time. One thread reads them all, and the event loop takes those that
    have arrived meanwhile: a task switch for each change would cost too much in a payroll run. Raises ``PyMongoError``.
    """
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


async def create_clustered(database: Any, name: str) -> None:
    """Create a clustered collection. One that exists is left as it is."""
    try:
        # The driver's own check would list all collections, which no process may do.
        await database.create_collection(name, check_exists=False, clusteredIndex=_CLUSTERED)
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise


async def add_all(collection: Collection, documents: Sequence[dict[str, Any]]) -> list[bool]:
    """Insert the documents whose ``_id`` is new. Returns for each, in order, whether it was."""
    added = [True] * len(documents)
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        details: dict[str, Any] = dict(error.details or {})
        errors = details.get("writeErrors", [])
        if details.get("writeConcernErrors") or any(e["code"] != _DUPLICATE_KEY for e in errors):
            raise
        for refused in errors:
            added[refused["index"]] = False
    return added


class MongoStore(Generic[S]):
    """The documents of a processor or projection."""

    def __init__(self, database: Database, documents: Processor[S] | Projection[S]) -> None:
        self._database: Any = database
        self._collection: Any = database[documents.name]
        self._documents = documents
        self._write_once = isinstance(documents, Projection) and documents.write_once

    async def prepare(self) -> None:
        """Create the collection and its indexes: those on fields of the state, and the unique one on aliases.

        The collection of a processor is clustered, unless it exists already.
        """
        if isinstance(self._documents, Processor):
            await create_clustered(self._database, self._documents.name)
        models = [IndexModel([(f"state.{field}", ASCENDING)]) for field in self._documents.indexes]
        if self._documents.aliases is not no_aliases:
            models.append(
                IndexModel(
                    [("aliases", ASCENDING)],
                    unique=True,
                    name="aliases_unique",
                    partialFilterExpression={"aliases": {"$exists": True}},
                )
            )
        if models:
            await self._collection.create_indexes(models)

    async def load(self, addresses: Sequence[Address]) -> Documents[S]:
        """The documents at ``addresses`` and the holders of their aliases; nothing for documents written once."""
        ids = {address.id for address in addresses}
        aliases = {
            alias for address in addresses for alias in (address.alias, *address.candidates) if alias is not None
        }
        if not ids or self._write_once:
            return Documents()
        by_id = {"_id": {"$in": list(ids)}}
        query = {"$or": [by_id, {"aliases": {"$in": list(aliases)}}]} if aliases else by_id
        # All in one response; by default the first response has at most a hundred documents.
        found = await self._collection.find(query, batch_size=len(ids) + len(aliases) + 1).to_list(None)
        return Documents([document_from(stored, self._documents) for stored in found])

    async def write(self, documents: Sequence[Document[S]]) -> bool:
        """Insert new documents and replace loaded ones of the same version.

        False if a document has changed or an alias is taken. A document written once is kept as it is stored.
        """
        if self._write_once:
            await add_all(self._collection, [document_of(document, self._documents) for document in documents])
            return True
        writes = [self._write_of(document) for document in documents]
        try:
            result = await self._collection.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            details: dict[str, Any] = dict(error.details or {})
            errors = details.get("writeErrors", [])
            if details.get("writeConcernErrors") or any(e["code"] != _DUPLICATE_KEY for e in errors):
                raise
            return False
        return bool(result.inserted_count + result.matched_count == len(writes))

    def _write_of(self, document: Document[S]) -> InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]]:
        stored = document_of(document, self._documents)
        if document.version == 0:
            return InsertOne(stored)
        return ReplaceOne({"_id": document.id, "version": document.version}, stored)


class Reader(Generic[S]):
    """Read access to the states of a processor or projection."""

    def __init__(self, database: Database, documents: DocumentSet[S]) -> None:
        self._collection: Collection = database[documents.name]
        self._state_from = documents.from_stored
        self._together = BatchedCalls(self._get)

    async def get(self, document_id: str) -> S | None:
        """The state of one document."""
        return await self._together(document_id)

    async def by_alias(self, alias: str) -> S | None:
        """The state of the document that holds ``alias``."""
        return self._one(await self._collection.find_one({"aliases": alias}, {"state": 1}))

    async def find(
        self,
        query: Mapping[str, Any],
        *,
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
        skip: int = 0,
    ) -> list[S]:
        """The states whose fields match ``query`` (MongoDB operators on fields of the state)."""
        cursor = self._collection.find({f"state.{name}": value for name, value in query.items()}, {"state": 1})
        if sort:
            cursor = cursor.sort([(f"state.{name}", direction) for name, direction in sort])
        found = await cursor.skip(skip).limit(limit).to_list(None)
        return [self._state_from(stored["state"]) for stored in found if stored["state"] is not None]

    async def starting_with(self, prefixes: Sequence[str]) -> list[S]:
        """The states of the documents whose ids begin with one of ``prefixes``."""
        ranges = [{"_id": {"$gte": prefix, "$lt": prefix + _LAST_CHARACTER}} for prefix in prefixes]
        found = await self._collection.find({"$or": ranges}, {"state": 1}).to_list(None)
        return [self._state_from(stored["state"]) for stored in found if stored["state"] is not None]

    async def _get(self, ids: Sequence[str]) -> list[S | None]:
        found = await self._collection.find({"_id": {"$in": list(set(ids))}}, {"state": 1}).to_list(None)
        by_id = {stored["_id"]: stored for stored in found}
        return [self._one(by_id.get(document_id)) for document_id in ids]

    def _one(self, stored: Mapping[str, Any] | None) -> S | None:
        if stored is None or stored["state"] is None:
            return None
        return self._state_from(stored["state"])


def document_of(document: Document[S], documents: Processor[S] | Projection[S]) -> dict[str, Any]:
    """The stored form of a document."""
    stored: dict[str, Any] = {
        "_id": document.id,
        "version": document.version + 1,
        "state": None if document.state is None else documents.to_stored(document.state),
    }
    if document.aliases:
        stored["aliases"] = list(document.aliases)
    if isinstance(documents, Processor):
        stored["applied"] = document.applied.text
        stored["outbox"] = [stored_pending(pending) for pending in document.outbox]
    return stored


def document_from(stored: Mapping[str, Any], documents: Processor[S] | Projection[S]) -> Document[S]:
    """The document of a stored form."""
    state, outbox = stored["state"], stored.get("outbox")
    return Document(
        stored["_id"],
        stored["version"],
        None if state is None else documents.from_stored(state),
        tuple(stored.get("aliases", ())),
        AppliedIds(stored.get("applied", "")),
        [pending_from(pending) for pending in outbox] if outbox else [],
    )
