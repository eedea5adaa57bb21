"""The documents of all databases: read at one moment for a backup, and written back.

One transaction reads all collections of all databases, so they are of one moment, and no write waits for it. It ends
after the server's ``transactionLifetimeLimitSeconds``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from bson import json_util
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient, ReadPreference
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from deploy.backup.archive import Archive, DocumentsDigest, StoredCollection
from deploy.backup.topics import TargetNotEmpty
from deploy.mongodb.rights import DATABASES

Client = MongoClient[dict[str, Any]]
Documents = tuple[str, str]
"""A database and the name of one of its collections."""

_DURABLE: Final = WriteConcern("majority", j=True)
_PROGRESS: Final = "frikort_restore"
_BATCH_DOCUMENTS: Final = 1000
_BATCH_BYTES: Final = 8 * 1024 * 1024
_TRANSACTION_OVER: Final = (251, 290, 239)
_CONNECT_MS: Final = 5000


class SnapshotExpired(RuntimeError):
    """The documents could not be read within the time that the server gives a transaction."""

    def __init__(self) -> None:
        super().__init__(
            "the server ended the transaction that reads the documents: raise transactionLifetimeLimitSeconds "
            "or take a snapshot of a member's volume"
        )


class RestoreFailed(RuntimeError):
    """What was restored differs from the backup; the text says where."""


class CollectionsChanged(RuntimeError):
    """A collection was made while the documents were read; a backup that is repeated has it."""


def connect(uri: str) -> Client:
    """A client that waits at most some seconds for the primary."""
    return MongoClient(uri, serverSelectionTimeoutMS=_CONNECT_MS)


def collections(client: Client) -> dict[Documents, dict[str, Any]]:
    """The options of every collection of the table's databases."""
    return {
        (name, found["name"]): found.get("options", {})
        for name in DATABASES
        for found in client[name].list_collections(filter={"type": "collection"})
        if not found["name"].startswith("system.")
    }


@contextmanager
def snapshot(client: Client) -> Iterator[Snapshot]:
    """All documents as they are now. Raises ``SnapshotExpired`` and ``CollectionsChanged``."""
    found = collections(client)
    try:
        with (
            client.start_session() as session,
            session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority"), ReadPreference.PRIMARY),
        ):
            # The first read fixes the moment. The majority commit guarantees that nothing read is rolled back.
            for database, name in list(found)[:1]:
                client[database][name].find_one({}, session=session)
            yield Snapshot(client, session, found)
    except OperationFailure as error:
        if error.code in _TRANSACTION_OVER:
            raise SnapshotExpired from error
        raise
    if collections(client).keys() != found.keys():
        raise CollectionsChanged("a collection was created or dropped meanwhile: repeat the backup")


class Snapshot:
    """All documents of one moment."""

    def __init__(self, client: Client, session: ClientSession, found: dict[Documents, dict[str, Any]]) -> None:
        self._client = client
        self._session = session
        self._found = found

    def write_to(self, archive: Archive) -> tuple[StoredCollection, ...]:
        """Write every collection to a file."""
        return tuple(self._write(archive, *place, options) for place, options in sorted(self._found.items()))

    def _write(self, archive: Archive, database: str, name: str, options: dict[str, Any]) -> StoredCollection:
        counted = DocumentsDigest()
        with archive.writing(f"stores/{database}/{name}.bson.gz") as file:
            for batch in _batches(self._client[database][name], self._session):
                for document in _documents_in(batch):
                    counted.add(document)
                file.add(batch)
        indexes = self._client[database][name].list_indexes()
        return StoredCollection(
            database=database,
            name=name,
            options=_plain(options),
            indexes=tuple(_plain(dict(index)) for index in indexes if index["name"] != "_id_"),
            documents=counted.documents,
            digest=counted.digest,
            file=file.written,
        )


class Target:
    """The databases that a backup is restored into. The progress is kept beside them until the end."""

    def __init__(self, client: Client, backup: str) -> None:
        self._client = client
        self._backup = backup
        self._progress = client[_PROGRESS].get_collection("collections", write_concern=_DURABLE)

    def has_begun(self) -> bool:
        """Whether a restore of this backup was interrupted here. Raises ``TargetNotEmpty`` if one of another was."""
        found = self._client[_PROGRESS]["backup"].find_one()
        if found is not None and found["_id"] != self._backup:
            raise TargetNotEmpty(f"the restore of the backup {found['_id']} was not finished here")
        return found is not None

    def begin(self) -> None:
        """Raises ``TargetNotEmpty`` if a database has documents."""
        if used := [f"{d}.{n}" for d, n in collections(self._client) if self._client[d][n].find_one() is not None]:
            raise TargetNotEmpty(f"these collections have documents: {', '.join(used)}")
        self._client[_PROGRESS].get_collection("backup", write_concern=_DURABLE).insert_one({"_id": self._backup})

    def write(self, archive: Archive, collection: StoredCollection) -> None:
        """Write a collection with its options and indexes, unless an earlier restore has."""
        done = {"_id": f"{collection.database}.{collection.name}"}
        if self._progress.find_one(done) is not None:
            return
        database = self._client[collection.database]
        database.drop_collection(collection.name)
        database.create_collection(collection.name, **_read(collection.options))
        stored = database.get_collection(collection.name, write_concern=_DURABLE)
        batch: list[RawBSONDocument] = []
        size = 0
        for document in archive.documents(collection):
            batch.append(RawBSONDocument(document))
            size += len(document)
            if len(batch) >= _BATCH_DOCUMENTS or size >= _BATCH_BYTES:
                stored.insert_many(batch)
                batch, size = [], 0
        if batch:
            stored.insert_many(batch)
        # Compared before there are indexes: one that expires documents may delete some at once.
        if found := list(self._differences(collection)):
            raise RestoreFailed("; ".join(found))
        if collection.indexes:
            database.command("createIndexes", collection.name, indexes=[_read(i) for i in collection.indexes])
        self._progress.insert_one(done)

    def end(self) -> None:
        """Forget the progress."""
        self._client.drop_database(_PROGRESS)

    def _differences(self, expected: StoredCollection) -> Iterator[str]:
        """How a collection differs from the backup."""
        counted = DocumentsDigest()
        stored = self._client[expected.database].get_collection(
            expected.name, read_concern=ReadConcern("majority"), read_preference=ReadPreference.PRIMARY
        )
        for batch in _batches(stored):
            for document in _documents_in(batch):
                counted.add(document)
        if counted.documents != expected.documents:
            yield f"{expected.database}.{expected.name} has {counted.documents} documents, not {expected.documents}"
        elif counted.digest != expected.digest:
            yield f"{expected.database}.{expected.name} has another content"


def _batches(collection: Collection[dict[str, Any]], session: ClientSession | None = None) -> Iterator[bytes]:
    """The documents of a collection as they are stored, in batches."""
    raw: Any = collection.find_raw_batches({}, session=session)  # typed as decoded documents
    yield from raw


def _documents_in(batch: bytes) -> Iterator[memoryview]:
    """The documents of a batch, as BSON."""
    view, start = memoryview(batch), 0
    while start < len(view):
        length = int.from_bytes(view[start : start + 4], "little")
        yield view[start : start + length]
        start += length


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Extended JSON of options or of an index."""
    plain: dict[str, Any] = json.loads(json_util.dumps(value))
    return plain


def _read(plain: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json_util.loads(json.dumps(plain))
    return read
