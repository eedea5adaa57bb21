"""Documents in MongoDB. ``driver.py`` connects to it.

A document of a processor is ``{_id, version, format, state, aliases, applied, outbox}``, one of a projection
``{_id, version, format, state, aliases}``. ``applied`` is the stored form of an ``EntryMap``; ``outbox_codec.py`` gives
that of the outbox, and ``formats.py`` says what a format is. Entries outside a document are in the collection
``<processor>_entries``: ``{_id, version, value}``, with the id ``<document>/<map>/<key>`` and the version of the
document that had them first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic

from pymongo import ASCENDING, IndexModel, InsertOne, ReplaceOne
from pymongo.errors import BulkWriteError, OperationFailure

from services.runtime.batched_calls import BatchedCalls
from services.runtime.error_kinds import problem_of
from services.runtime.mongo.driver import Collection, Database, session_of
from services.runtime.mongo.outbox_codec import pending_from, stored_pending
from services.runtime.processing.apply import APPLIED, Document, Documents
from services.runtime.processing.decision import Address, DocumentSet, Processor, S, no_aliases
from services.runtime.processing.entries import EntryMap
from services.runtime.processing.entry_loading import MapAddress, Needed, StoredEntries, add_loaded, all_entries
from services.runtime.processing.projection import Projection
from services.runtime.processing.unwritable import CannotBeWritten

_DUPLICATE_KEY = 11000
_ID = {"_id": 1}
_NAMESPACE_EXISTS = 48
_LAST_CHARACTER = "\uffff"
_AFTER_SLASH = chr(ord("/") + 1)
_MOST_READS = 100
# Documents are stored in the index on their ids, so a guarded write by id needs one search instead of two.
_CLUSTERED = {"key": {"_id": 1}, "unique": True}
# A write changes one document, and MongoDB stores the whole page of it. Pages hold the years and cards that are next to
# it, so with the default of 32 kB it stores mostly documents that did not change.
_SMALL_PAGES = {"wiredTiger": {"configString": "leaf_page_max=4KB"}}
_BY_ID = "_id_"  # the name of the clustered index; a list of fields would be converted for each write
# To find several ids or ranges, MongoDB scans the whole of a clustered collection (SERVER-67105), unless it has another
# index that begins with the id. The format never changes, so no replacement changes this index.
_IDS = IndexModel([("_id", ASCENDING), ("format", ASCENDING)], name="ids")


async def create_clustered(database: Any, name: str) -> None:
    """Create a clustered collection of small pages, and the index by which several ids are found.

    A collection that exists keeps its form.
    """
    try:
        # The driver's own check would list all collections, which no process may do.
        await database.create_collection(
            name, check_exists=False, clusteredIndex=_CLUSTERED, storageEngine=_SMALL_PAGES
        )
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise
    await database[name].create_indexes([_IDS])


async def add_all(collection: Collection, documents: Sequence[dict[str, Any]]) -> list[bool]:
    """Insert the documents whose ``_id`` is new. Returns for each, in order, whether it was."""
    added = [True] * len(documents)
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        for refused in _duplicates(error, key=_ID):
            added[refused["index"]] = False
    return added


def _duplicates(error: BulkWriteError, *, key: Mapping[str, int] | None = None) -> Sequence[Mapping[str, Any]]:
    """The documents whose key exists. Raises ``error`` if it is about anything else; ``key`` restricts to one index."""
    details: dict[str, Any] = dict(error.details or {})
    errors: Sequence[Mapping[str, Any]] = details.get("writeErrors", [])
    others = (
        each["code"] != _DUPLICATE_KEY or (key is not None and each.get("keyPattern", key) != key) for each in errors
    )
    if details.get("writeConcernErrors") or any(others):
        raise error
    return errors


class LaterFormat(RuntimeError):
    """A later release wrote a document in a form that this one cannot read. Not retryable."""


class MongoStore(Generic[S]):
    """The documents of a processor or projection."""

    def __init__(self, database: Database, documents: Processor[S] | Projection[S]) -> None:
        self._database: Any = database
        self._collection: Any = database[documents.name]
        self._entries: Any = database[f"{documents.name}_entries"]
        self._documents = documents
        self._write_once = isinstance(documents, Projection) and documents.write_once

    async def prepare(self) -> None:
        """Create the collection and its indexes: those on fields of the state, and the unique one on aliases.

        The collections of a processor are clustered, unless they exist already.
        """
        if isinstance(self._documents, Processor):
            await create_clustered(self._database, self._documents.name)
            await create_clustered(self._database, self._entries.name)
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

    async def load_entries(self, needed: Needed) -> Mapping[MapAddress, StoredEntries]:
        """See ``Store``."""
        return await load_entries(self._database, self._documents.name, needed)

    async def write(self, documents: Sequence[Document[S]]) -> bool:
        """Insert new documents and replace loaded ones of the same version.

        False if a document has changed or an alias is taken. A document written once is kept as it is stored. Recent
        entries are stored outside the documents first: the documents that replace these no longer have them. Raises
        ``CannotBeWritten`` if MongoDB never takes one of them; the others may be written.
        """
        try:
            return await self._write(documents)
        except Exception as error:
            if (problem := problem_of(error)) is not None:
                raise CannotBeWritten(problem) from error
            raise

    async def _write(self, documents: Sequence[Document[S]]) -> bool:
        if self._write_once:
            await add_all(self._collection, [document_of(document, self._documents) for document in documents])
            return True
        await self._move_out([write for document in documents for write in self._moves_of(document)])
        writes = [self._write_of(document) for document in documents]
        try:
            result = await self._collection.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            _duplicates(error)
            return False
        return bool(result.inserted_count + result.matched_count == len(writes))

    async def _move_out(self, writes: Sequence[ReplaceOne[dict[str, Any]]]) -> None:
        try:
            if writes:
                await self._entries.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            _duplicates(error)  # these, or newer ones, are there already

    def _moves_of(self, document: Document[S]) -> Iterator[ReplaceOne[dict[str, Any]]]:
        if not isinstance(self._documents, Processor):
            return
        for entries in document.entry_maps(self._documents):
            for key, value in entries.recent.items():
                entry_id = f"{document.id}/{entries.name}/{key}"
                stored = {"_id": entry_id, "version": document.version, "value": value}
                older = {"_id": entry_id, "version": {"$lt": document.version}}
                yield ReplaceOne(older, stored, upsert=True, hint=_BY_ID)

    def _write_of(self, document: Document[S]) -> InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]]:
        stored = document_of(document, self._documents)
        if document.version == 0:
            return InsertOne(stored)
        return ReplaceOne({"_id": document.id, "version": document.version}, stored, hint=_BY_ID)


def ids_below(first: str, last: str | None = None) -> dict[str, str]:
    """The range of the ids of the entries below ``first`` (a document or one of its maps), or on to below ``last``."""
    return {"$gt": f"{first}/", "$lt": f"{last or first}{_AFTER_SLASH}"}


async def load_entries(database: Any, processor: str, needed: Needed) -> Mapping[MapAddress, StoredEntries]:
    """The stored entries of maps outside their documents.

    They are read in one causally consistent session: after a failover, a read of the entries could otherwise miss some
    that were written with the version of the document that an earlier read has seen.
    """
    addresses = {f"{address.document}/{address.name}/": address for address in needed}
    ids = [prefix + key for prefix, address in addresses.items() for key in needed[address] or ()]
    ranges = [
        {"_id": ids_below(prefix.removesuffix("/"))} for prefix, address in addresses.items() if needed[address] is None
    ]
    by_document = {"_id": {"$in": [address.document for address in needed]}}
    by_entry = {"$or": [*ranges, {"_id": {"$in": ids}}]}
    async with session_of(database.client, causal_consistency=True) as session:
        documents = await database[processor].find(by_document, {"version": 1}, session=session).to_list(None)
        entries = await database[f"{processor}_entries"].find(by_entry, session=session).to_list(None)
    versions = {stored["_id"]: stored["version"] for stored in documents}
    found: dict[MapAddress, list[dict[str, Any]]] = {address: [] for address in needed}
    for stored in entries:
        document_id, name, _ = stored["_id"].split("/", 2)
        found[MapAddress(document_id, name)].append(stored)
    return {
        address: StoredEntries(
            versions.get(address.document, 0),
            max((stored["version"] for stored in of_map), default=0),
            {stored["_id"].split("/", 2)[2]: stored["value"] for stored in of_map},
        )
        for address, of_map in found.items()
    }


class Reader(Generic[S]):
    """Read access to the states of a processor or projection."""

    def __init__(self, database: Database, documents: DocumentSet[S]) -> None:
        self._database = database
        self._collection: Collection = database[documents.name]
        self._documents = documents
        self._together = BatchedCalls(self._get)

    async def get(self, document_id: str) -> S | None:
        """The state of one document."""
        return await self._together(document_id)

    async def by_alias(self, alias: str) -> S | None:
        """The state of the document that holds ``alias``."""
        return next(iter((await self._read({"aliases": alias})).values()), None)

    async def find(
        self,
        query: Mapping[str, Any],
        *,
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
        skip: int = 0,
    ) -> list[S]:
        """The states whose fields match ``query`` (MongoDB operators on fields of the state)."""
        of_state = {f"state.{name}": value for name, value in query.items()}
        return [*(await self._read(of_state, sort=sort, limit=limit, skip=skip)).values()]

    async def starting_with(self, prefixes: Sequence[str]) -> list[S]:
        """The states of the documents whose ids begin with one of ``prefixes``."""
        ranges = [{"_id": {"$gte": prefix, "$lt": prefix + _LAST_CHARACTER}} for prefix in prefixes]
        return [*(await self._read({"$or": ranges})).values()]

    async def _get(self, ids: Sequence[str]) -> list[S | None]:
        found = await self._read({"_id": {"$in": list(set(ids))}})
        return [found.get(document_id) for document_id in ids]

    async def _read(
        self, query: Mapping[str, Any], *, sort: Sequence[tuple[str, int]] = (), limit: int = 0, skip: int = 0
    ) -> dict[str, S]:
        """The states of the documents that match, by document id, with all of their entries."""
        for _ in range(_MOST_READS):
            cursor = self._collection.find(query, {"version": 1, "state": 1})
            if sort:
                cursor = cursor.sort([(f"state.{name}", direction) for name, direction in sort])
            found = await cursor.skip(skip).limit(limit).to_list(None)
            documents = Documents([document_from(stored, self._documents) for stored in found])
            if await self._add_entries(documents):
                return {document.id: document.state for document in documents if document.state is not None}
        raise RuntimeError(f"{self._documents.name}: documents change too fast for a reader, or entries are newer")

    async def _add_entries(self, documents: Documents[S]) -> bool:
        """Add the entries outside the documents. False if one of these was written since it was read."""
        if not isinstance(self._documents, Processor):
            return True
        needed = all_entries(self._documents, documents)
        if not needed:
            return True
        found = await load_entries(self._database, self._documents.name, needed)
        return add_loaded(self._documents, documents, needed, found)


def document_of(document: Document[S], documents: Processor[S] | Projection[S]) -> dict[str, Any]:
    """The stored form of a document."""
    stored: dict[str, Any] = {
        "_id": document.id,
        "version": document.version + 1,
        "format": documents.format,
        "state": None if document.state is None else documents.to_stored(document.state),
    }
    if document.aliases:
        stored["aliases"] = list(document.aliases)
    if isinstance(documents, Processor):
        stored["applied"] = document.applied.to_stored()
        stored["outbox"] = [stored_pending(pending) for pending in document.outbox]
    return stored


def document_from(stored: Mapping[str, Any], documents: DocumentSet[S]) -> Document[S]:
    """The document of a stored form. Raises ``LaterFormat``."""
    if stored.get("format", 1) > documents.format:
        raise LaterFormat(
            f"{stored['_id']} of {documents.name} is of format {stored['format']}: a later release wrote it"
        )
    state, outbox = stored["state"], stored.get("outbox")
    return Document(
        stored["_id"],
        stored["version"],
        None if state is None else documents.from_stored(state),
        tuple(stored.get("aliases", ())),
        EntryMap.from_stored(stored["applied"]) if "applied" in stored else EntryMap(APPLIED),
        [pending_from(pending) for pending in outbox] if outbox else [],
    )
