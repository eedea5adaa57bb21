"""What is written to a backup is read again, and every file that is missing, cut off or changed is found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import bson
import pytest
from frikort_contracts.topics import BALANCES, EARNINGS
from hypothesis import given
from hypothesis import strategies as st

from deploy.backup import commands
from deploy.backup.__main__ import main
from deploy.backup.archive import (
    Archive,
    ArchiveBroken,
    DocumentsDigest,
    Manifest,
    Part,
    Range,
    StoredCollection,
    StoredRecord,
    documents_file,
    ends_of,
    records_file,
)
from services.runtime import exit_codes
from services.runtime.processing.positions import Partition

NOW = datetime(2026, 11, 29, tzinfo=UTC)
DOCUMENTS: list[dict[str, object]] = [{"_id": "card", "total": 4_276_600}, {"_id": "other", "name": "æøå"}]
RECORDS = [
    StoredRecord(Partition(topic, number), offset, 1_700_000_000_000, b"key", b"value \xff", (("ce_id", b"1"),))
    for topic in (BALANCES.name, EARNINGS.name)
    for number in (0, 3)
    for offset in range(3)
]


def write_part(
    archive: Archive, number: int, records: Sequence[StoredRecord], collections: tuple[StoredCollection, ...] = ()
) -> None:
    with archive.writing(records_file(number)) as file:
        for record in records:
            file.add(record.to_line())
    offsets: dict[Partition, list[int]] = {}
    for record in records:
        offsets.setdefault(record.partition, []).append(record.offset)
    ranges = (
        Range(topic=p.topic, partition=p.partition, first=places[0], end=places[-1] + 1, records=len(places))
        for p, places in offsets.items()
    )
    part = Part(
        backup="b",
        number=number,
        at=NOW,
        oplog=(1, 1),
        groups=(),
        collections=collections,
        records=file.written,
        ranges=tuple(ranges),
    )
    archive.write_part(part)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path / "backup")
    archive.create()
    counted = DocumentsDigest()
    with archive.writing(documents_file(0, "frikort_balance", "ledgers")) as file:
        for document in DOCUMENTS:
            counted.add(bson.encode(document))
            file.add(bson.encode(document))
    collection = StoredCollection(
        database="frikort_balance",
        name="ledgers",
        options={},
        indexes=(),
        documents=counted.documents,
        digest=counted.digest,
        file=file.written,
    )
    write_part(archive, 0, RECORDS, (collection,))
    archive.write_manifest(Manifest(id="b"))
    return archive


def later(offset: int) -> StoredRecord:
    return RECORDS[0]._replace(offset=offset)


def test_documents_and_records_are_read_as_they_were_written(archive: Archive) -> None:
    (part,) = commands.verify(archive)
    assert [bson.decode(raw) for raw in archive.documents(part.collections[0])] == DOCUMENTS
    assert list(archive.records()) == RECORDS
    assert ends_of(archive.parts()) == {record.partition: 3 for record in RECORDS}


_BYTES = st.none() | st.binary(max_size=40)


@given(_BYTES, _BYTES, st.lists(st.tuples(st.text(max_size=5), _BYTES), max_size=3))
def test_every_byte_of_a_record_is_kept(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    record = StoredRecord(Partition("topic", 5), 2**40, 1, key, value, tuple(headers))
    assert StoredRecord.from_line(record.to_line()) == record
    assert record.to_line().count(b"\n") == 1


def test_the_digest_of_documents_does_not_depend_on_their_order() -> None:
    one, two, three = DocumentsDigest(), DocumentsDigest(), DocumentsDigest()
    for digest, documents in ((one, [b"a", b"b"]), (two, [b"b", b"a"]), (three, [b"a", b"c"])):
        for document in documents:
            digest.add(document)
    assert one.digest == two.digest != three.digest


def test_later_records_are_added_as_a_part(archive: Archive) -> None:
    write_part(archive, 1, [later(3), later(4)])
    commands.verify(archive)
    assert list(archive.records()) == [*RECORDS, later(3), later(4)]


def test_a_part_that_was_not_finished_is_ignored(archive: Archive) -> None:
    def interrupted() -> None:
        with archive.writing(records_file(1)) as file:
            file.add(later(3).to_line())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    commands.verify(archive)
    assert list(archive.records()) == RECORDS
    write_part(archive, 1, [later(3)])
    assert list(archive.records()) == [*RECORDS, later(3)]


def test_every_changed_byte_is_found(archive: Archive) -> None:
    for path in sorted(archive.directory.rglob("*.gz")):
        content = path.read_bytes()
        for place in range(0, len(content), 7):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(ArchiveBroken, match=path.name):
                commands.verify(archive)
        path.write_bytes(content)
    commands.verify(archive)


def test_every_missing_file_is_found(archive: Archive) -> None:
    write_part(archive, 1, [later(3)])
    for path in sorted(path for path in archive.directory.rglob("*") if path.is_file()):
        content = path.read_bytes()
        path.unlink()
        if path.name == "000001.json":  # as if the part had never been finished
            commands.verify(archive)
        else:
            with pytest.raises(ArchiveBroken):
                commands.verify(archive)
        path.write_bytes(content)
    commands.verify(archive)


def test_a_part_of_another_backup_or_with_records_twice_is_found(archive: Archive) -> None:
    write_part(archive, 1, [later(2)])
    with pytest.raises(ArchiveBroken, match="does not continue"):
        commands.verify(archive)
    path = archive.directory / "parts" / "000001.json"
    path.write_text(path.read_text().replace('"backup": "b"', '"backup": "c"'))
    with pytest.raises(ArchiveBroken, match="another backup"):
        commands.verify(archive)


def test_a_backup_is_written_to_an_empty_directory_only(archive: Archive) -> None:
    with pytest.raises(ArchiveBroken, match="not empty"):
        Archive(archive.directory).create()


def test_one_command_at_a_time_adds_to_a_backup(archive: Archive) -> None:
    with archive.locked(), pytest.raises(ArchiveBroken, match="another command"), Archive(archive.directory).locked():
        pass


def test_only_the_owner_can_read_a_backup(archive: Archive) -> None:
    files = [archive.directory, *archive.directory.rglob("*")]
    assert [path for path in files if path.stat().st_mode & 0o077] == []


def test_the_command_says_whether_a_backup_is_whole(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(archive.directory)]) == exit_codes.DONE
    assert "whole: 1 parts; the last: part 0 of b" in capsys.readouterr().out
    (archive.directory / records_file(0)).unlink()
    assert main(["verify", str(archive.directory)]) == exit_codes.NOT_DONE
    assert "topics/000000.jsonl.gz cannot be read" in capsys.readouterr().err
