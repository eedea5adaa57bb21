"""The documents of all databases: read at one moment for a backup, and written back.

One transaction reads all collections of all databases, so they are of one moment, and no write waits for it. It ends
after the server's ``transactionLifetimeLimitSeconds``. MongoDB's log of operations says which documents have changed
since an earlier moment; they are read as they are, so the form of the log does not matter.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import bson
from bson import json_util
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp
from pymongo import MongoClient, ReadPreference, ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from deploy.backup.archive import Archive, DocumentsDigest, HashingFile, StoredCollection, documents_file
from deploy.backup.topics import TargetNotEmpty
from deploy.mongodb.rights import DATABASES

Client = MongoClient[dict[str, Any]]
T = TypeVar("T")
Documents = tuple[str, str]
"""A database and the name of one of its collections."""

_DURABLE: Final = WriteConcern("majority", j=True)
_PROGRESS: Final = "frikort_restore"
_GROUP: Final = 500
_GROUP_BYTES: Final = 8 * 1024 * 1024
_WRITES: Final = ("i", "u", "d")
_TRANSACTION_OVER: Final = (251, 290, 239)
_CONNECT_MS: Final = 5000
_TRIES: Final = 20


class SnapshotExpired(RuntimeError):
    """The documents could not be read within the time that the server gives a transaction."""

    def __init__(self) -> None:
        super().__init__(
            "the server ended the transaction that reads the documents: raise transactionLifetimeLimitSeconds "
            "or take a snapshot of a member's volume"
        )


class OplogTooShort(RuntimeError):
    """MongoDB's log does not reach back to the last part of the backup."""

    def __init__(self) -> None:
        super().__init__(
            "MongoDB's log does not reach back to the last part: create a new backup, or enlarge the oplog"
        )


class RestoreFailed(RuntimeError):
    """What was restored differs from the backup; the text says where."""


class CollectionsChanged(RuntimeError):
    """A collection was dropped while the documents were read, or others were made at every try."""


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
    """All documents as they are now. Raises ``SnapshotExpired`` and ``CollectionsChanged``.

    A process makes a collection with its first document. One that is made after the moment is not part of it.
    """
    found = collections(client)
    try:
        for _ in range(_TRIES):
            with (
                client.start_session() as session,
                session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority"), ReadPreference.PRIMARY),
            ):
                # The first read fixes the moment. The majority commit guarantees that nothing read is rolled back.
                for database, name in list(found)[:1]:
                    client[database][name].find_one({}, session=session)
                before, found = found, collections(client)
                if found.keys() == before.keys():
                    yield Snapshot(client, session, found)
                    break
        else:
            raise CollectionsChanged("collections are created or dropped all the time: repeat the backup")
    except OperationFailure as error:
        if error.code in _TRANSACTION_OVER:
            raise SnapshotExpired from error
        raise
    if found.keys() - collections(client).keys():
        raise CollectionsChanged("a collection was dropped meanwhile: repeat the backup")


class Snapshot:
    """All documents of one moment."""

    def __init__(self, client: Client, session: ClientSession, found: dict[Documents, dict[str, Any]]) -> None:
        self._client = client
        self._session = session
        self._found = found

    def write_all(self, archive: Archive) -> tuple[StoredCollection, ...]:
        """Write every collection to a file of the first part."""
        found = []
        for place in sorted(self._found):
            with self._writing(archive, 0, place) as file:
                for batch in _batches(self._client[place[0]][place[1]], {}, self._session):
                    file.add_all(batch)
            found.append(self._collection(place, file))
        return tuple(found)

    def write_changes(self, archive: Archive, number: int, since: Timestamp) -> tuple[StoredCollection, ...]:
        """Write the documents that have changed, and the ids of those deleted, to files of a later part."""
        found = []
        for place, ids in sorted(changed_since(self._client, since).items()):
            if place not in self._found:  # it was made after the moment, or dropped before it
                continue
            missing = set(ids)
            with self._writing(archive, number, place) as file:
                for some in _in_groups(sorted(ids)):
                    query = {"_id": {"$in": [bson.decode(encoded)["_id"] for encoded in some]}}
                    for batch in _batches(self._client[place[0]][place[1]], query, self._session):
                        missing -= {_id_of(document) for document in _documents_in(batch)}
                        file.add_all(batch)
            found.append(self._collection(place, file))
            if missing:
                with self._writing(archive, number, place, ".deleted") as file:
                    for encoded in sorted(missing):
                        file.add_all(encoded)
                found.append(self._collection(place, file, deleted=True))
        return tuple(each for each in found if each.documents)

    @contextmanager
    def _writing(self, archive: Archive, number: int, place: Documents, suffix: str = "") -> Iterator[_DocumentsFile]:
        with archive.writing(documents_file(number, place[0], place[1] + suffix)) as file:
            yield _DocumentsFile(file)

    def _collection(self, place: Documents, file: _DocumentsFile, *, deleted: bool = False) -> StoredCollection:
        database, name = place
        indexes = self._client[database][name].list_indexes()
        return StoredCollection(
            database=database,
            name=name,
            deleted=deleted,
            options=_plain(self._found.get(place, {})),
            indexes=tuple(_plain(dict(index)) for index in indexes if index["name"] != "_id_"),
            documents=file.counted.documents,
            digest=file.counted.digest,
            file=file.file.written,
        )


class _DocumentsFile:
    """A file of documents that is written."""

    def __init__(self, file: HashingFile) -> None:
        self.file = file
        self.counted = DocumentsDigest()

    def add_all(self, batch: bytes) -> None:
        """Add documents, one after another as BSON."""
        for document in _documents_in(batch):
            self.counted.add(document)
        self.file.add(batch)


def last_majority_write(client: Client) -> Timestamp:
    """A time in MongoDB's log: a snapshot that is taken later has every write up to it."""
    found: Timestamp = client.admin.command("hello")["lastWrite"]["majorityOpTime"]["ts"]
    return found


def changed_since(client: Client, since: Timestamp) -> dict[Documents, set[bytes]]:
    """The ids of the documents that were written since, by collection; each as the BSON of ``{_id}``.

    Raises ``OplogTooShort``.
    """
    oplog = client["local"]["oplog.rs"]
    first = oplog.find_one({}, {"ts": 1}, sort=[("$natural", 1)])
    if first is None or first["ts"] > since:
        raise OplogTooShort
    changed: dict[Documents, set[bytes]] = defaultdict(set)
    fields = {"op": 1, "ns": 1, "o._id": 1, "o2._id": 1, "o.applyOps": 1}
    for entry in oplog.find({"ts": {"$gte": since}}, fields):
        # A write of several documents can be one entry.
        for each in entry["o"].get("applyOps", [entry]):
            database, _, name = each["ns"].partition(".")
            if database in DATABASES and each["op"] in _WRITES:
                changed[database, name].add(bson.encode({"_id": each["o2" if each["op"] == "u" else "o"]["_id"]}))
    return changed


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

    def begin(self, wanted: Container[Documents] | None = None) -> None:
        """Raises ``TargetNotEmpty`` if one of the databases, or of the ``wanted`` collections, has documents."""
        places = [place for place in collections(self._client) if wanted is None or place in wanted]
        if used := [f"{d}.{n}" for d, n in places if self._client[d][n].find_one() is not None]:
            raise TargetNotEmpty(f"these collections have documents: {', '.join(used)}")
        self._client[_PROGRESS].get_collection("backup", write_concern=_DURABLE).insert_one({"_id": self._backup})

    def write(self, archive: Archive, collection: StoredCollection) -> None:
        """Write a file of documents, unless an earlier restore has. Files are written in the order of their parts."""
        done = {"_id": collection.file.path}
        if self._progress.find_one(done) is not None:
            return
        database = self._client[collection.database]
        if collection.file.path == documents_file(0, collection.database, collection.name):
            database.drop_collection(collection.name)
        if collection.name not in database.list_collection_names():
            database.create_collection(collection.name, **_read(collection.options))
        stored = database.get_collection(collection.name, write_concern=_DURABLE)
        for documents in _in_groups(map(RawBSONDocument, archive.documents(collection))):
            if collection.deleted:
                stored.delete_many({"_id": {"$in": [document["_id"] for document in documents]}})
            else:
                writes: list[ReplaceOne[Any]] = [
                    ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in documents
                ]
                stored.bulk_write(writes)
        if not collection.deleted and (found := list(self._differences(archive, collection))):
            raise RestoreFailed("; ".join(found))
        self._progress.insert_one(done)

    def create_indexes(self, collections: Iterable[StoredCollection]) -> None:
        """Create the indexes, at the end: unique ones hold then, and others may expire documents."""
        for collection in collections:
            if collection.indexes:
                indexes = [_read(index) for index in collection.indexes]
                self._client[collection.database].command("createIndexes", collection.name, indexes=indexes)

    def end(self) -> None:
        """Forget the progress."""
        self._client.drop_database(_PROGRESS)

    def _differences(self, archive: Archive, expected: StoredCollection) -> Iterator[str]:
        """How the documents of a file differ from those that are stored."""
        counted = DocumentsDigest()
        stored = self._client[expected.database].get_collection(
            expected.name, read_concern=ReadConcern("majority"), read_preference=ReadPreference.PRIMARY
        )
        for documents in _in_groups(map(RawBSONDocument, archive.documents(expected))):
            for batch in _batches(stored, {"_id": {"$in": [document["_id"] for document in documents]}}):
                for document in _documents_in(batch):
                    counted.add(document)
        if (counted.documents, counted.digest) != (expected.documents, expected.digest):
            yield f"{expected.database}.{expected.name} is not as in {expected.file.path}"


def _batches(
    collection: Collection[dict[str, Any]], query: Mapping[str, Any], session: ClientSession | None = None
) -> Iterator[bytes]:
    """Documents as they are stored, in batches."""
    raw: Any = collection.find_raw_batches(query, session=session)  # typed as decoded documents
    yield from raw


def _in_groups(items: Iterable[T]) -> Iterator[list[T]]:
    """The items in groups, of at most some hundred items and some megabytes."""
    group: list[T] = []
    size = 0
    for item in items:
        group.append(item)
        size += len(item.raw) if isinstance(item, RawBSONDocument) else 0
        if len(group) >= _GROUP or size >= _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _id_of(document: memoryview) -> bytes:
    """The BSON of ``{_id}`` of a document."""
    return bson.encode({"_id": RawBSONDocument(bytes(document))["_id"]})


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
