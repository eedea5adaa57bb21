"""Builds the documents of a projection again from the topics, while the service runs, and puts them in place at once.

The new documents are made in a collection of their own (``<name>_rebuilt``) by a consumer group of their own, while
those in place serve and are kept up to date. When the new ones have caught up, their collection replaces the other one
in one step (``renameCollection``), and this consumer goes on until it has applied everything that the service had
applied before the step. From both sides a message is applied again without effect, because a projection ignores what
its state contains, and a version guards each write. See ``docs/decisions/0051-rebuilding-beside.md``.

A rebuild that was interrupted continues where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import uuid4

from pymongo.errors import BulkWriteError

from services.runtime.mongo.document_store import MongoStore
from services.runtime.mongo.driver import Database, connect_for_processing, durable_database
from services.runtime.operator_commands import write
from services.runtime.processing.batch_processor import BatchProcessor, BatchResult
from services.runtime.processing.decision import no_aliases
from services.runtime.processing.document_cache import DocumentCache
from services.runtime.rebuild.claim import Claim
from services.runtime.rebuild.replay import Discarded, Replay, Report

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.runtime.processing.apply import Document, Documents, Incoming
    from services.runtime.processing.decision import Address, DocumentSet
    from services.runtime.processing.entry_loading import MapAddress, Needed, StoredEntries
    from services.runtime.processing.positions import Offsets
    from services.runtime.processing.projection import Projection
    from services.runtime.settings import RuntimeSettings

COLLECTION: Final = "rebuilds"
SUFFIX: Final = "_rebuilt"
_WORKERS: Final = 2
_CACHED: Final = 20_000
_COPIED_AT_ONCE: Final = 500


async def is_unfinished(database: Database, name: str) -> bool:
    """Whether a rebuild of the documents ``name`` has begun and not ended."""
    return await database[COLLECTION].find_one({"_id": name, "done": False}, {"_id": 1}) is not None


class _Store:
    """The store of the new documents, which changes its collection once."""

    def __init__(self, database: Database, projection: Projection[Any]) -> None:
        self._database = database
        self._projection = projection
        self.use(projection.name + SUFFIX)

    def use(self, collection: str) -> None:
        self.inner: MongoStore[Any] = MongoStore(self._database, replace(self._projection, name=collection))

    async def load(self, addresses: Sequence[Address]) -> Documents[Any]:
        return await self.inner.load(addresses)

    async def load_entries(self, needed: Needed) -> Mapping[MapAddress, StoredEntries]:
        return await self.inner.load_entries(needed)

    async def write(self, documents: Sequence[Document[Any]]) -> bool:
        return await self.inner.write(documents)


class _Gate:
    """A batch handler that can be held between two batches."""

    def __init__(self, processor: BatchProcessor[Any]) -> None:
        self._processor = processor
        self._running = asyncio.Semaphore(_WORKERS)
        self.name, self.reader = processor.name, processor.reader

    @property
    def topics(self) -> Collection[str]:
        return self._processor.topics

    async def process(self, batch: Sequence[Incoming]) -> BatchResult:
        async with self._running:
            return await self._processor.process(batch)

    def revoked(self) -> None:
        self._processor.revoked()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """No batch is in progress within this context, and no document is cached."""
        for _ in range(_WORKERS):
            await self._running.acquire()
        try:
            self._processor.revoked()
            yield
        finally:
            for _ in range(_WORKERS):
                self._running.release()


class Rebuild:
    """The rebuild of one projection of a service. ``report`` gets a line now and then."""

    def __init__(
        self, service: str, projection: Projection[Any], settings: RuntimeSettings, *, report: Report = write
    ) -> None:
        self._service = service
        self._projection = projection
        self._settings = settings
        self._report = report
        self._client = connect_for_processing(settings.mongodb_uri)
        self._database = durable_database(self._client, f"frikort_{service}")
        self._rebuilds = self._database[COLLECTION]
        self._replay = Replay(service, projection.name, projection, settings, report)
        self._claim = Claim(self._rebuilds, projection.name, report)

    async def run(self, *, every: float = 5.0) -> int:
        """Rebuild, and return the number of records. ``every``: seconds between two lines of progress."""
        try:
            await self._replay.kafka.start()
            async with self._claim.held():
                return await self._rebuild(every)
        finally:
            await self._replay.kafka.stop()
            self._client.close()

    async def _rebuild(self, every: float) -> int:
        name, run = self._projection.name, await self._begin()
        store = _Store(self._database, self._projection)
        if run["switched"]:
            store.use(name)
        processor: BatchProcessor[Any] = BatchProcessor(
            service=self._service,
            processor=self._projection,
            store=store,
            producer=Discarded(),
            cache=cache_for(self._projection, _CACHED),
            dead_letter_limit=self._settings.dead_letter_limit,
        )
        gate = _Gate(processor)
        await self._replay.start(gate, run["run"])
        try:
            ends = await self._replay.until_applied(every)
            if not run["switched"]:
                ends = await self._switch(gate, store)
            await self._replay.until(ends, every)
        finally:
            await self._replay.stop()
        await self._rebuilds.update_one({"_id": name}, {"$set": {"done": True, "ended_at": now_text()}})
        count = self._replay.progress.records(ends)
        self._report(f"{name}: rebuilt from {count:,} records")
        return count

    async def _begin(self) -> Mapping[str, Any]:
        """The run that was interrupted, or a new one."""
        name = self._projection.name
        found = await self._rebuilds.find_one({"_id": name})
        if found is not None and not found["done"]:
            self._report(f"{name}: continues the rebuild of {found['started_at']}")
            # The new collection is there from before a run is stored until it replaces the other one.
            is_there = [index async for index in self._database[name + SUFFIX].list_indexes()]
            return {**found, "switched": not is_there}
        new = {"_id": name, "run": uuid4().hex, "started_at": now_text(), "done": False}
        await self._database[name + SUFFIX].drop()
        await self._prepare()
        await self._rebuilds.replace_one({"_id": name}, new, upsert=True)
        return {**new, "switched": False}

    async def _prepare(self) -> None:
        """Create the new collection with every index of the one in place."""
        name, database = self._projection.name, cast("Any", self._database)
        # The driver's own check would list all collections, which this user may not do.
        await database.create_collection(name + SUFFIX, check_exists=False)
        target = database[name + SUFFIX]
        async for index in database[name].list_indexes():
            options = {key: value for key, value in index.items() if key not in ("key", "v", "ns")}
            if options["name"] != "_id_":
                await target.create_index(list(index["key"].items()), **options)

    async def _switch(self, gate: _Gate, store: _Store) -> Offsets:
        """Put the new documents in place. Returns the positions that must still be applied to them."""
        name = self._projection.name
        await self._take_over()
        async with gate.held():
            await self._claim.check()
            await self._database[name + SUFFIX].rename(name, dropTarget=True)
            store.use(name)
        # What the service had applied before the step is before these.
        return await self._replay.ends()

    async def _take_over(self) -> None:
        """Copy the documents whose messages are too old for a topic that does not keep them without limit."""
        if all(topic.retention is None for topic in self._projection.topics):
            return
        source, target = self._database[self._projection.name], self._database[self._projection.name + SUFFIX]
        cursor, count = source.find({}).batch_size(_COPIED_AT_ONCE), 0
        while some := await cursor.to_list(_COPIED_AT_ONCE):
            known = target.find({"_id": {"$in": [stored["_id"] for stored in some]}}, {"_id": 1})
            ids = {stored["_id"] async for stored in known}
            missing = [stored for stored in some if stored["_id"] not in ids]
            if missing:
                try:
                    await target.insert_many(missing, ordered=False)
                except BulkWriteError:  # a message made one meanwhile
                    self._report(f"{self._projection.name}: documents were made while older ones were taken over")
            count += len(missing)
        self._report(f"{self._projection.name}: took over {count:,} documents that are older than their topics")


def cache_for(documents: DocumentSet[Any], most: int) -> DocumentCache[Any]:
    """A cache of at most ``most`` documents beside; none for those that can be found by an alias.

    Only this run writes them, or one that takes over its partitions: then the cache is cleared. From the step on the
    service writes them too, and the version guards each write, as it does in two workers that have the same document.
    """
    return DocumentCache(most if documents.aliases is no_aliases else 0)


def now_text() -> str:
    """The time now, as a run keeps it."""
    return datetime.now(UTC).isoformat()
