"""The files of a backup, and whether they are whole.

A backup is a directory::

    manifest.json                                  written last: without it the backup is incomplete
    parts/000000.json                              what the first part contains: everything at one moment
    stores/000000/<database>/<collection>.bson.gz  its documents, one after another, as MongoDB's tools do
    topics/000000.jsonl.gz                         its records
    parts/000001.json, ...                         what has changed up to a later moment; `extend` adds a part each time

A line of a topic file is a JSON object; keys, values and headers are bytes read as Latin-1, so every byte is kept and
text stays readable. All files belong to their owner alone (mode 0600). They hold no key.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Any, Final, Literal, NamedTuple, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from services.runtime.processing.positions import Partition

MANIFEST: Final = "manifest.json"
_LEVEL: Final = 3
_CHUNK: Final = 1 << 20
_BYTES: Final = "latin-1"


class ArchiveBroken(RuntimeError):
    """A file of the backup is missing, cut off or changed; the text names it."""


class StoredRecord(NamedTuple):
    """A record of a topic. ``time`` is its timestamp in milliseconds since 1970."""

    partition: Partition
    offset: int
    time: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    def to_line(self) -> bytes:
        """The line of a topic file, with its line break."""
        fields = {
            "topic": self.partition.topic,
            "partition": self.partition.partition,
            "offset": self.offset,
            "time": self.time,
            "key": _text(self.key),
            "value": _text(self.value),
            "headers": [[name, _text(value)] for name, value in self.headers],
        }
        return json.dumps(fields, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """The record of a line. Raises ``ValueError``, ``KeyError`` or ``TypeError``."""
        fields = json.loads(line)
        return cls(
            Partition(fields["topic"], fields["partition"]),
            fields["offset"],
            fields["time"],
            _raw(fields["key"]),
            _raw(fields["value"]),
            tuple((name, _raw(value)) for name, value in fields["headers"]),
        )

    def digest(self) -> bytes:
        """The SHA-256 of everything but the position."""
        return hashlib.sha256(repr((self.time, self.key, self.value, self.headers)).encode()).digest()


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(_BYTES)


def _raw(text: str | None) -> bytes | None:
    return None if text is None else text.encode(_BYTES)


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


F = TypeVar("F", bound=_Fact)


class Written(_Fact):
    """A file: its path in the backup, its length in bytes and its SHA-256."""

    path: str
    size: int
    sha256: str


class Range(_Fact):
    """Records of one partition: offsets from ``first`` up to ``end``, which is the next one."""

    topic: str
    partition: int
    first: int
    end: int
    records: int


class StoredCollection(_Fact):
    """One file of documents, or of the ids of deleted ones.

    ``digest`` does not depend on their order. Options and indexes are extended JSON.
    """

    database: str
    name: str
    deleted: bool = False
    options: dict[str, Any]
    indexes: tuple[dict[str, Any], ...]
    documents: int
    digest: str
    file: Written


class GroupOffset(_Fact):
    """The next record that a consumer group reads of a partition."""

    group: str
    topic: str
    partition: int
    offset: int


class Part(_Fact):
    """The system at the moment ``at``, or what has changed since the part before.

    ``oplog`` is a time of MongoDB's log before that moment: seconds, and a counter.
    """

    backup: str
    number: int
    at: datetime
    oplog: tuple[int, int]
    groups: tuple[GroupOffset, ...]
    collections: tuple[StoredCollection, ...]
    records: Written
    ranges: tuple[Range, ...]


class Manifest(_Fact):
    """What makes a directory a backup."""

    format: Literal[1] = 1
    id: str


class Archive:
    """The files of one backup."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def create(self) -> None:
        """Make the directory. Raises ``ArchiveBroken`` if it exists and is not empty."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        if any(self.directory.iterdir()):
            raise ArchiveBroken(f"{self.directory} is not empty: a backup needs a directory of its own")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands from adding to the backup. Raises ``ArchiveBroken`` if one does so now."""
        with (self.directory / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ArchiveBroken(f"another command adds to {self.directory}") from None
            yield

    def write_manifest(self, manifest: Manifest) -> None:
        """Complete the backup."""
        self._write_json(MANIFEST, manifest)

    def write_part(self, part: Part) -> None:
        """Add a part, whose file is written."""
        self._write_json(_facts_of(part.number), part)

    def manifest(self) -> Manifest:
        """Raises ``ArchiveBroken`` if the backup is incomplete."""
        return self._read_json(MANIFEST, Manifest)

    def parts(self) -> list[Part]:
        """The parts of topics, in order. Raises ``ArchiveBroken`` if one is missing or does not continue the last."""
        backup, found = self.manifest().id, []
        ends: dict[Partition, int] = {}
        numbers = sorted(int(path.stem) for path in (self.directory / "parts").glob("*.json"))
        if numbers != list(range(len(numbers))) or not numbers:
            raise ArchiveBroken(f"parts are missing: there are {numbers}")
        for number in numbers:
            part = self._read_json(_facts_of(number), Part)
            if (part.backup, part.number) != (backup, number):
                raise ArchiveBroken(f"{_facts_of(number)} belongs to another backup")
            for each in part.ranges:
                partition = Partition(each.topic, each.partition)
                if each.first < ends.get(partition, 0):
                    raise ArchiveBroken(f"{_facts_of(number)} does not continue the part before")
                ends[partition] = each.end
            found.append(part)
        return found

    @contextmanager
    def writing(self, path: str) -> Iterator[HashingFile]:
        """A compressed file that gets its name when it is complete and on the disk."""
        target = self.directory / path
        for directory in reversed(Path(path).parents[:-1]):  # the mode of mkdir is not that of the parents
            (self.directory / directory).mkdir(mode=0o700, exist_ok=True)
        unfinished = target.with_name(f"{target.name}.unfinished")
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        with unfinished.open("wb") as raw:
            file = HashingFile(path, raw)
            with gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=file, mtime=0) as file.compressed:
                yield file
            raw.flush()
            os.fsync(raw.fileno())
        unfinished.rename(target)
        _sync(target.parent)

    @contextmanager
    def reading(self, file: Written) -> Iterator[IO[bytes]]:
        """The content of a file. Raises ``ArchiveBroken`` where it is cut off or changed."""
        try:
            with gzip.open(self.directory / file.path, "rb") as opened:
                yield cast("IO[bytes]", opened)
        except (OSError, EOFError) as error:
            raise ArchiveBroken(f"{file.path} cannot be read: {error}") from error

    def check_file(self, file: Written) -> None:
        """Compare the length and the SHA-256 of a file. Raises ``ArchiveBroken``."""
        digest, size = hashlib.sha256(), 0
        try:
            with (self.directory / file.path).open("rb") as opened:
                while chunk := opened.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
        except OSError as error:
            raise ArchiveBroken(f"{file.path} cannot be read: {error.strerror}") from error
        if (size, digest.hexdigest()) != (file.size, file.sha256):
            raise ArchiveBroken(f"{file.path} is not as it was written")

    def records(self, parts: Iterable[Part] | None = None) -> Iterator[StoredRecord]:
        """The records of all parts, or of some. Raises ``ArchiveBroken``."""
        for part in self.parts() if parts is None else parts:
            with self.reading(part.records) as lines:
                for line in lines:
                    try:
                        yield StoredRecord.from_line(line)
                    except (ValueError, KeyError, TypeError) as error:
                        raise ArchiveBroken(f"{part.records.path} has a line that is no record") from error

    def documents(self, collection: StoredCollection) -> Iterator[bytes]:
        """The documents of a collection, as BSON. Raises ``ArchiveBroken``."""
        with self.reading(collection.file) as file:
            while head := file.read(4):
                length = int.from_bytes(head, "little")
                document = head + file.read(length - 4)
                if len(document) != length or length < 5:
                    raise ArchiveBroken(f"{collection.file.path} ends within a document")
                yield document

    def _write_json(self, path: str, fact: _Fact) -> None:
        target = self.directory / path
        target.parent.mkdir(mode=0o700, exist_ok=True)
        unfinished = target.with_name(f"{target.name}.unfinished")
        unfinished.touch(mode=0o600)
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(fact.model_dump_json(indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(target)
        _sync(target.parent)

    def _read_json(self, path: str, kind: type[F]) -> F:
        try:
            return kind.model_validate_json((self.directory / path).read_bytes())
        except OSError as error:
            raise ArchiveBroken(f"{path} cannot be read ({error.strerror}): the backup is incomplete") from error
        except ValidationError as error:
            raise ArchiveBroken(f"{path} is not as this release writes it ({error.error_count()} errors)") from error


class HashingFile(BufferedIOBase):
    """A file that is written compressed; ``written`` says what became of it."""

    compressed: gzip.GzipFile

    def __init__(self, path: str, raw: IO[bytes]) -> None:
        self._path = path
        self._raw = raw
        self._digest = hashlib.sha256()
        self._size = 0

    def add(self, content: bytes) -> None:
        """Write content."""
        self.compressed.write(content)

    def write(self, data: Any) -> int:
        """Write compressed bytes, as the compressor gives them."""
        self._digest.update(data)
        self._size += len(data)
        return self._raw.write(data)

    @property
    def written(self) -> Written:
        """The file, when it is complete."""
        return Written(path=self._path, size=self._size, sha256=self._digest.hexdigest())


class DocumentsDigest:
    """The number of documents, and a digest of all of them in any order: the sum of their SHA-256."""

    def __init__(self) -> None:
        self.documents = 0
        self._sum = 0

    def add(self, document: bytes | memoryview) -> None:
        self.documents += 1
        self._sum = (self._sum + int.from_bytes(hashlib.sha256(document).digest(), "big")) % (1 << 256)

    @property
    def digest(self) -> str:
        return f"{self._sum:064x}"


def records_file(number: int) -> str:
    """The path of the records of a part."""
    return f"topics/{number:06d}.jsonl.gz"


def documents_file(number: int, database: str, name: str) -> str:
    """The path of documents of a part."""
    return f"stores/{number:06d}/{database}/{name}.bson.gz"


def ends_of(parts: Iterable[Part]) -> Mapping[Partition, int]:
    """The next offset of each partition after these parts."""
    return {Partition(each.topic, each.partition): each.end for part in parts for each in part.ranges}


def _facts_of(number: int) -> str:
    return f"parts/{number:06d}.json"


def _sync(directory: Path) -> None:
    """Make a new name in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
