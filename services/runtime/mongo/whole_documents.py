"""Documents of a processor together with all of their entries, read from one snapshot and replaced in one transaction.

For the command that compares documents with the topics; a batch loads only what it needs (``document_store.py``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, Generic, NamedTuple

from pymongo import ReplaceOne
from pymongo.errors import DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from services.runtime.mongo.document_store import MongoStore, document_from, document_of, ids_below
from services.runtime.mongo.driver import Database, session_of, transaction
from services.runtime.processing.apply import Document
from services.runtime.processing.decision import Processor, S

_SNAPSHOT: Final = ReadConcern("snapshot")
_DURABLE: Final = WriteConcern("majority", j=True)


class StoredValue(NamedTuple):
    """An entry outside its document, and the version of the document that had it first."""

    version: int
    value: Any


class WholeDocument(NamedTuple, Generic[S]):
    """A document, all of whose entries are loaded, and what is stored outside it, by id. Version 0: not stored."""

    document: Document[S]
    entries: Mapping[str, StoredValue]


class WholeDocuments(Generic[S]):
    """The documents of a processor."""

    def __init__(self, database: Database, documents: Processor[S]) -> None:
        self._database = database
        self._collection: Any = database[documents.name]
        self._entries: Any = database[f"{documents.name}_entries"]
        self._documents = documents
        self._store = MongoStore(database, documents)

    async def read(self, ids: Sequence[str], *, are_neighbours: bool = False) -> dict[str, WholeDocument[S]]:
        """The documents with these ids, each also if it is not stored.

        ``are_neighbours``: the ids are sorted and few documents lie between them, so their entries are read at once.
        """
        if not ids:
            return {}
        ranges = [(ids[0], ids[-1])] if are_neighbours else [(each, each) for each in ids]
        entries: dict[str, dict[str, StoredValue]] = {each: {} for each in ids}
        async with self._transaction() as session:
            stored = await self._collection.find({"_id": {"$in": list(ids)}}, session=session).to_list(None)
            for first, last in ranges:
                among = {"_id": ids_below(first, last)}
                for entry in await self._entries.find(among, session=session).to_list(None):
                    of = entries.get(entry["_id"].partition("/")[0])
                    if of is not None:
                        of[entry["_id"]] = StoredValue(entry["version"], entry["value"])
        found = {each["_id"]: document_from(each, self._documents) for each in stored}
        return {each: self._with_entries(found.get(each) or Document(each), entries[each]) for each in ids}

    def has_its_entries(self, whole: WholeDocument[S]) -> bool:
        """Whether the entries outside are those that the document counts, and no others."""
        known = dict.fromkeys(whole.entries, 0)
        for entries in whole.document.entry_maps(self._documents):
            prefix = f"{whole.document.id}/{entries.name}/"
            outside = {key.removeprefix(prefix) for key in known if key.startswith(prefix)}
            known = {key: 0 for key in known if not key.startswith(prefix)}
            if outside & entries.inside.keys() or len(outside | entries.recent.keys()) != entries.outside:
                return False
        return not known

    def has_recent_entries(self, whole: WholeDocument[S]) -> bool:
        """Whether a writer may be moving entries out of the document at this moment."""
        return any(entries.recent for entries in whole.document.entry_maps(self._documents))

    async def move_out(self, whole: WholeDocument[S]) -> bool:
        """Write the document as it is, its recent entries outside. False if it was written meanwhile."""
        return await self._store.write([whole.document])

    async def replace(self, whole: WholeDocument[S], state: S) -> bool:
        """Give the document a state all of whose entries are known. False if it was written meanwhile.

        It has no recent entries. No reader sees the state with the entries of another.
        """
        document, entries = whole
        after = replace(document, state=state, applied=document.applied.arranged_as(document.applied))
        stored = document_of(after, self._documents)
        wanted = {
            f"{document.id}/{each.name}/{key}": value
            for each in after.entry_maps(self._documents)
            for key, value in each.outside_items()
        }
        changed = [
            ReplaceOne({"_id": key}, {"_id": key, "version": stored["version"], "value": value}, upsert=True)
            for key, value in wanted.items()
            if key not in entries or entries[key].value != value or entries[key].version > stored["version"]
        ]
        return await self._write(document, stored, changed, [key for key in entries if key not in wanted])

    async def remove(self, whole: WholeDocument[S]) -> bool:
        """Remove the document and its entries. False if it was written meanwhile."""
        return await self._write(whole.document, None, [], list(whole.entries))

    async def _write(
        self,
        document: Document[S],
        stored: Mapping[str, Any] | None,
        changed: Sequence[ReplaceOne[dict[str, Any]]],
        removed: Sequence[str],
    ) -> bool:
        guard = {"_id": document.id, "version": document.version}
        try:
            async with self._transaction() as session:
                if stored is None:
                    count = (await self._collection.delete_one(guard, session=session)).deleted_count
                elif document.version == 0:
                    await self._collection.insert_one(stored, session=session)
                    count = 1
                else:
                    count = (await self._collection.replace_one(guard, stored, session=session)).matched_count
                if not count:
                    return False  # with nothing to commit
                if removed:
                    await self._entries.delete_many({"_id": {"$in": list(removed)}}, session=session)
                if changed:
                    await self._entries.bulk_write(changed, ordered=False, session=session)
        except DuplicateKeyError:
            return False
        except PyMongoError as error:
            if error.has_error_label("TransientTransactionError"):
                return False
            raise
        return True

    def _with_entries(self, document: Document[S], entries: Mapping[str, StoredValue]) -> WholeDocument[S]:
        for each in document.entry_maps(self._documents):
            prefix = f"{document.id}/{each.name}/"
            values = {key.removeprefix(prefix): kept.value for key, kept in entries.items() if key.startswith(prefix)}
            each.add_loaded(values, None)
        return WholeDocument(document, entries)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        async with (
            session_of(self._database.client) as session,
            transaction(session, _SNAPSHOT, _DURABLE),
        ):
            yield session
