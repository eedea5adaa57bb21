"""What the commands do: create, extend, verify and restore a backup.

The order of a backup makes it consistent while the system runs. First the positions of the consumer groups, then the
documents of one moment, then the ends of the topics: every record before a position is in the documents, and every
event that a document has published is on the topics. After a restore the processes read from the positions on; messages
that a document has applied change nothing, the others are applied.

Records since that moment are restored on the topics of commands and years alone. The processors decide them again, and
publish the events: kept events would stand beside them under the same ids, and where a processor reads several topics,
with other contents. For the same reason a moment is preferred at which no processor publishes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from deploy.backup.archive import (
    Archive,
    ArchiveBroken,
    DocumentsDigest,
    Manifest,
    Part,
    Range,
    StoredRecord,
    ends_of,
    part_file,
)
from deploy.backup.stores import Client, RestoreFailed, Target, snapshot
from deploy.backup.topics import NAMES, KafkaRefused, Summary, Topics, all_partitions, is_followed, is_input
from services.runtime.processing.positions import Offsets, Partition

_TRIES: Final = 200


def create(archive: Archive, topics: Topics, client: Client) -> tuple[Manifest, Part]:
    """Back up everything into a new directory while the system runs.

    Raises ``ArchiveBroken``, ``KafkaRefused``, ``SnapshotExpired``, ``CollectionsChanged`` and the errors of pymongo.
    """
    archive.create()
    with archive.locked():
        backup, groups = str(uuid4()), topics.groups()
        for tries_left in reversed(range(_TRIES)):
            before = topics.ends()
            with snapshot(client) as documents:
                at, ends = datetime.now(UTC), topics.ends()
                if tries_left and _derived(before) != _derived(ends):
                    continue
                collections = documents.write_to(archive)
                break
        part = _write_part(archive, topics, backup, 0, dict.fromkeys(ends, 0), ends, at)
        manifest = Manifest(id=backup, at=at, groups=tuple(groups), collections=collections)
        archive.write_manifest(manifest)
    return manifest, part


def extend(archive: Archive, topics: Topics) -> Part | None:
    """Add the records since the last part; None if there are none. Raises ``ArchiveBroken`` and ``KafkaRefused``."""
    with archive.locked():
        parts = archive.parts()
        read = {**dict.fromkeys(all_partitions(), 0), **ends_of(parts)}
        at, ends = datetime.now(UTC), topics.ends()
        for partition, end in ends.items():
            if end < read[partition]:
                raise KafkaRefused(
                    f"{partition.topic}/{partition.partition} ends before the backup does: "
                    "it is another cluster, or it was restored; create a new backup"
                )
        if ends == read:
            return None
        return _write_part(archive, topics, archive.manifest().id, len(parts), read, ends, at)


def verify(archive: Archive) -> Manifest:
    """Compare every file and its content with what was written, without any engine. Raises ``ArchiveBroken``."""
    manifest = _check_files(archive)
    for collection in manifest.collections:
        counted = DocumentsDigest()
        for document in archive.documents(collection):
            counted.add(document)
        if (counted.documents, counted.digest) != (collection.documents, collection.digest):
            raise ArchiveBroken(f"{collection.file.path} has other documents than were written")
    for part in archive.parts():
        counts = Counter(record.partition for record in archive.records([part]))
        if counts != Counter({Partition(r.topic, r.partition): r.records for r in part.ranges}):
            raise ArchiveBroken(f"{part.file.path} has other records than were written")
    return manifest


def restore(archive: Archive, topics: Topics, client: Client) -> Manifest:
    """Restore into an empty system, or go on with an interrupted restore, and compare the result with the backup.

    Raises ``ArchiveBroken``, ``TargetNotEmpty``, ``KafkaRefused``, ``RestoreFailed`` and the errors of pymongo.
    """
    manifest, parts = _check_files(archive), archive.parts()
    target = Target(client, manifest.id)
    if not target.has_begun():
        topics.require_empty()
        target.begin()
    topics.write(_restored(archive, parts), _firsts(parts))
    for collection in manifest.collections:
        target.write(archive, collection)
    # Last: a group with positions and no documents would skip records.
    topics.set_groups(manifest.groups)
    if found := list(_differences(archive, topics)):
        raise RestoreFailed("; ".join(found))
    target.end()
    return manifest


def _differences(archive: Archive, topics: Topics) -> Iterator[str]:
    """How the topics of a restored system differ from the backup."""
    parts, starts = archive.parts(), topics.starts()
    expected, found = Summary(), Summary()
    for record in _restored(archive, parts):
        # A topic with a retention may have lost its oldest records by now.
        if record.offset >= starts[record.partition]:
            expected.add(record)
    for record in topics.read(starts, topics.ends()):
        found.add(record)
    ours, theirs = expected.contents(), found.contents()
    for partition in sorted(ours.keys() | theirs.keys()):
        if ours.get(partition) != theirs.get(partition):
            yield f"{partition.topic}/{partition.partition} has other records"
    if set(archive.manifest().groups) != set(topics.groups()):
        yield "the consumer groups have other positions"


def _restored(archive: Archive, parts: Sequence[Part]) -> Iterator[StoredRecord]:
    """The records up to the moment of the documents, and those since on the topics from which all others follow."""
    yield from archive.records(parts[:1])
    yield from (record for record in archive.records(parts[1:]) if is_input(record.partition.topic))


def _derived(ends: Offsets) -> Offsets:
    return {partition: end for partition, end in ends.items() if not is_input(partition.topic)}


def _check_files(archive: Archive) -> Manifest:
    manifest = archive.manifest()
    for file in [each.file for each in manifest.collections] + [part.file for part in archive.parts()]:
        archive.check_file(file)
    return manifest


def _write_part(
    archive: Archive, topics: Topics, backup: str, number: int, read: Offsets, ends: Offsets, at: datetime
) -> Part:
    first = topics.starts()
    starts = {partition: max(read[partition], first[partition]) for partition in ends}
    for partition, start in starts.items():
        if start > read[partition] and NAMES[partition.topic].retention is None and not is_followed(partition.topic):
            raise KafkaRefused(
                f"records {read[partition]} to {start - 1} of {partition.topic}/{partition.partition} were deleted, "
                "and this topic keeps all"
            )
    counts: Counter[Partition] = Counter()
    with archive.writing(part_file(number)) as file:
        for record in topics.read(starts, ends):
            counts[record.partition] += 1
            file.add(record.to_line())
    ranges = (
        Range(topic=p.topic, partition=p.partition, first=starts[p], end=end, records=counts[p])
        for p, end in sorted(ends.items())
        if end > read[p]
    )
    part = Part(backup=backup, number=number, at=at, file=file.written, ranges=tuple(ranges))
    archive.write_part(part)
    return part


def _firsts(parts: Sequence[Part]) -> Offsets:
    """The first record of each partition that is restored: records before a gap have expired."""
    firsts: dict[Partition, int] = dict.fromkeys(all_partitions(), 0)
    ends: dict[Partition, int] = {}
    for each in (each for part in parts for each in part.ranges if part.number == 0 or is_input(each.topic)):
        partition = Partition(each.topic, each.partition)
        if each.first != ends.get(partition, 0):
            firsts[partition] = each.first
        ends[partition] = each.end
    return firsts
