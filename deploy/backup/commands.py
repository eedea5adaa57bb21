"""What the commands do: create, extend, verify and restore a backup.

A part of a backup is the system at one moment, taken while it runs: first the positions of the consumer groups, then
the documents, then the ends of the topics. Every record before a position is in the documents, and every event that a
document has published is on the topics. After a restore the processes read from the positions on; messages that a
document has applied change nothing.

A record that is on a topic, and whose cause is in no document yet, would be decided again, and not always in the same
way: a processor may read several partitions in another order. So a moment is preferred at which no processor publishes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from typing import Final, NamedTuple
from uuid import uuid4

from bson.timestamp import Timestamp

from deploy.backup.archive import (
    Archive,
    ArchiveBroken,
    DocumentsDigest,
    GroupOffset,
    Manifest,
    Part,
    Range,
    StoredCollection,
    ends_of,
    records_file,
)
from deploy.backup.stores import Client, Documents, RestoreFailed, Snapshot, Target, last_majority_write, snapshot
from deploy.backup.topics import NAMES, KafkaRefused, Summary, Topics, all_partitions, is_followed, is_input
from services.runtime.processing.positions import Offsets, Partition

_TRIES: Final = 200


def create(archive: Archive, topics: Topics, client: Client) -> Part:
    """Back up everything into a new directory while the system runs.

    Raises ``ArchiveBroken``, ``KafkaRefused``, ``SnapshotExpired``, ``CollectionsChanged`` and the errors of pymongo.
    """
    archive.create()
    with archive.locked():
        backup, read = str(uuid4()), dict.fromkeys(all_partitions(), 0)
        with _moment(topics, client) as moment:
            collections = moment.documents.write_all(archive)
        part = _write_part(archive, topics, backup, 0, moment, collections, read)
        archive.write_manifest(Manifest(id=backup))
    return part


def extend(archive: Archive, topics: Topics, client: Client) -> Part | None:
    """Add what has changed since the last part; None if nothing has.

    Raises ``OplogTooShort`` and the errors of ``create``.
    """
    with archive.locked():
        parts = archive.parts()
        read = {**dict.fromkeys(all_partitions(), 0), **ends_of(parts)}
        with _moment(topics, client) as moment:
            for partition, end in moment.ends.items():
                if end < read[partition]:
                    raise KafkaRefused(
                        f"{partition.topic}/{partition.partition} ends before the backup does: "
                        "it is another cluster, or it was restored; create a new backup"
                    )
            collections = moment.documents.write_changes(archive, len(parts), Timestamp(*parts[-1].oplog))
        if moment.ends == read and not collections:
            return None
        return _write_part(archive, topics, archive.manifest().id, len(parts), moment, collections, read)


def verify(archive: Archive) -> Sequence[Part]:
    """Compare every file and its content with what was written, without any engine. Raises ``ArchiveBroken``."""
    parts = _check_files(archive)
    for collection in chain.from_iterable(part.collections for part in parts):
        counted = DocumentsDigest()
        for document in archive.documents(collection):
            counted.add(document)
        if (counted.documents, counted.digest) != (collection.documents, collection.digest):
            raise ArchiveBroken(f"{collection.file.path} has other documents than were written")
    for part in parts:
        counts = Counter(record.partition for record in archive.records([part]))
        if counts != Counter({Partition(r.topic, r.partition): r.records for r in part.ranges if r.records}):
            raise ArchiveBroken(f"{part.records.path} has other records than were written")
    return parts


def restore(archive: Archive, topics: Topics, client: Client) -> Part:
    """Restore the last part into an empty system, or go on with an interrupted restore, and compare the result.

    Raises ``ArchiveBroken``, ``TargetNotEmpty``, ``KafkaRefused``, ``RestoreFailed`` and the errors of pymongo.
    """
    parts = _check_files(archive)
    target = Target(client, parts[-1].backup)
    if not target.has_begun():
        topics.require_empty()
        target.begin()
    topics.write(archive.records(parts), _firsts(parts))
    _write_documents(archive, target, parts)
    # Last: a group with positions and no documents would skip records.
    topics.set_groups(parts[-1].groups)
    if found := list(_differences(archive, parts, topics)):
        raise RestoreFailed("; ".join(found))
    target.end()
    return parts[-1]


def restore_documents(archive: Archive, client: Client, names: Collection[str]) -> Part:
    """Restore the documents of some databases or collections alone, which must be empty, beside living topics.

    ``names`` are names of databases, or ``<database>.<collection>``. Goes on with an interrupted restore of the same
    ones. Raises ``ArchiveBroken``, ``TargetNotEmpty``, ``RestoreFailed`` and the errors of pymongo.
    """
    parts = _check_files(archive)
    stored = chain.from_iterable(part.collections for part in parts)
    wanted = {
        (each.database, each.name) for each in stored if {each.database, f"{each.database}.{each.name}"} & {*names}
    }
    found = {each for database, name in wanted for each in (database, f"{database}.{name}")}
    if missing := sorted({*names} - found):
        raise ArchiveBroken(f"the backup has no documents of {', '.join(missing)}")
    target = Target(client, f"{parts[-1].backup} ({', '.join(sorted(names))})")
    if not target.has_begun():
        target.begin(wanted)
    _write_documents(archive, target, parts, wanted)
    target.end()
    return parts[-1]


def _write_documents(
    archive: Archive, target: Target, parts: Sequence[Part], wanted: Collection[Documents] | None = None
) -> None:
    """Write the documents of all parts in order, or those of the ``wanted`` collections, then their indexes."""
    newest: dict[Documents, StoredCollection] = {}
    for collection in chain.from_iterable(part.collections for part in parts):
        place = (collection.database, collection.name)
        if wanted is None or place in wanted:
            target.write(archive, collection)
            newest[place] = collection
    target.create_indexes(newest.values())


class _Moment(NamedTuple):
    at: datetime
    oplog: Timestamp
    groups: tuple[GroupOffset, ...]
    documents: Snapshot
    ends: Offsets


@contextmanager
def _moment(topics: Topics, client: Client) -> Iterator[_Moment]:
    """The system at a moment at which no processor publishes, or at any if there is none in many tries."""
    groups = tuple(topics.groups())
    for tries_left in reversed(range(_TRIES)):
        before, oplog = topics.ends(), last_majority_write(client)
        with snapshot(client) as documents:
            at, ends = datetime.now(UTC), topics.ends()
            if tries_left and _derived(before) != _derived(ends):
                continue
            yield _Moment(at, oplog, groups, documents, ends)
            return


def _derived(ends: Offsets) -> Offsets:
    return {partition: end for partition, end in ends.items() if not is_input(partition.topic)}


def _differences(archive: Archive, parts: Sequence[Part], topics: Topics) -> Iterator[str]:
    """How the topics and groups of a restored system differ from the backup."""
    starts = topics.starts()
    expected, found = Summary(), Summary()
    for record in archive.records(parts):
        # A topic with a retention may have lost its oldest records by now.
        if record.offset >= starts[record.partition]:
            expected.add(record)
    for record in topics.read(starts, topics.ends()):
        found.add(record)
    ours, theirs = expected.contents(), found.contents()
    for partition in sorted(ours.keys() | theirs.keys()):
        if ours.get(partition) != theirs.get(partition):
            yield f"{partition.topic}/{partition.partition} has other records"
    if set(parts[-1].groups) != set(topics.groups()):
        yield "the consumer groups have other positions"


def _check_files(archive: Archive) -> Sequence[Part]:
    parts = archive.parts()
    for part in parts:
        for file in (part.records, *(each.file for each in part.collections)):
            archive.check_file(file)
    return parts


def _write_part(
    archive: Archive,
    topics: Topics,
    backup: str,
    number: int,
    moment: _Moment,
    collections: tuple[StoredCollection, ...],
    read: Offsets,
) -> Part:
    first, ends = topics.starts(), moment.ends
    starts = {partition: max(read[partition], first[partition]) for partition in ends}
    for partition, start in starts.items():
        if start > read[partition] and NAMES[partition.topic].retention is None and not is_followed(partition.topic):
            raise KafkaRefused(
                f"records {read[partition]} to {start - 1} of {partition.topic}/{partition.partition} were deleted, "
                "and this topic keeps all"
            )
    counts: Counter[Partition] = Counter()
    with archive.writing(records_file(number)) as file:
        for record in topics.read(starts, ends):
            counts[record.partition] += 1
            file.add(record.to_line())
    ranges = (
        Range(topic=p.topic, partition=p.partition, first=starts[p], end=end, records=counts[p])
        for p, end in sorted(ends.items())
        if end > read[p]
    )
    part = Part(
        backup=backup,
        number=number,
        at=moment.at,
        oplog=(moment.oplog.time, moment.oplog.inc),
        groups=moment.groups,
        collections=collections,
        records=file.written,
        ranges=tuple(ranges),
    )
    archive.write_part(part)
    return part


def _firsts(parts: Sequence[Part]) -> Offsets:
    """The first record of each partition that is restored: records before a gap have expired."""
    firsts: dict[Partition, int] = dict.fromkeys(all_partitions(), 0)
    ends: dict[Partition, int] = {}
    for each in chain.from_iterable(part.ranges for part in parts):
        partition = Partition(each.topic, each.partition)
        if each.first != ends.get(partition, 0):
            firsts[partition] = each.first
        ends[partition] = each.end
    return firsts
