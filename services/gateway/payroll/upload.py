"""The upload of a payroll file: parsed, checked and stored in chunks while it arrives, then acknowledged as a whole.

Until then no route shows the file and nothing is booked. An upload that is interrupted leaves its key free.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4, uuid5

from frikort_contracts.http.payroll import BatchLineBody

from services.gateway.auth import Caller
from services.gateway.ordering import order_of
from services.gateway.payroll import lines as rules
from services.gateway.payroll.batch import CHUNK, Batch, BatchStatus, Chunk, ChunkSize
from services.gateway.payroll.line_encryption import LineEncryptor
from services.gateway.payroll.line_references import LineReferences
from services.gateway.payroll.lines import FieldNames, InvalidLine, OwnEmployments, ParsedLine, ValidLine
from services.gateway.payroll.number_checks import FileNumberChecks, NumberChecks
from services.gateway.payroll.parser import AnyFile, Csv, FileFormat, JsonLines, LineDecoder, RawLine, Splitter
from services.gateway.payroll.queries import ReadModelQueries
from services.gateway.payroll.store import BatchStore
from services.gateway.person_encryption import Persons
from services.gateway.problems import ProblemError
from services.runtime.event_loop import EventLoopTurn
from services.runtime.processing.producer import Producer

FILE_FORMATS: Final[dict[str, Callable[[], FileFormat]]] = {
    "application/jsonl": JsonLines,
    "application/x-ndjson": JsonLines,
    "text/csv": Csv,
    "application/octet-stream": AnyFile,
}
"""The parser of each media type."""

_BATCHES: Final = UUID("b7d1c1f4-6c0e-4f53-9c7d-3c1a8f0d2a66")


@dataclass(frozen=True)
class Upload:
    """An upload. ``hold``: check the file, and book it only on request."""

    caller: Caller
    key: str
    content_type: str
    hold: bool
    pieces: AsyncIterator[bytes]
    traceparent: str | None

    @property
    def media_type(self) -> str:
        """The media type without parameters. The content of a file tells its encoding."""
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def batch_id(self) -> str:
        """The id of the file: the same for the same client and key."""
        return str(uuid5(_BATCHES, json.dumps([self.caller.client, self.key])))


class UploadService:
    """Receives uploads. ``lines_most`` and ``hold_days`` are settings."""

    def __init__(
        self,
        *,
        batches: BatchStore,
        queries: ReadModelQueries,
        number_checks: NumberChecks,
        persons: Persons,
        line_encryptor: LineEncryptor,
        producer: Producer,
        now: Callable[[], Awaitable[datetime]],
        lines_most: int,
        hold_days: int,
    ) -> None:
        self._batches = batches
        self._queries = queries
        self._number_checks = number_checks
        self._persons = persons
        self._line_encryptor = line_encryptor
        self._references = LineReferences(queries, persons, producer)
        self._now = now
        self._lines_most = lines_most
        self._hold_days = hold_days

    async def receive(self, upload: Upload) -> tuple[Batch, bool]:
        """Store the file. Returns it and whether an earlier upload was acknowledged. Raises ``ProblemError``."""
        file_format = FILE_FORMATS.get(upload.media_type)
        if file_format is None:
            raise ProblemError("batch-type-unsupported")
        batch = await self._new_batch(upload)
        if not await self._batches.begin(batch):
            return await self._earlier(upload, await _digest(upload.pieces)), True
        try:
            checks = self._number_checks.for_file(upload.caller, batch.batch_id)
            digest = await self._store(batch, file_format(), upload.pieces, checks)
        except ProblemError:
            await self._batches.drop(batch)
            raise
        batch.request = self._persons.fingerprint(*_fingerprinted(upload, digest))
        batch.status = BatchStatus.CHECKING if upload.hold else BatchStatus.BOOKING
        if await self._batches.acknowledge(batch):
            return batch, False
        await self._batches.drop(batch)
        return await self._earlier(upload, digest), True

    async def _new_batch(self, upload: Upload) -> Batch:
        now = await self._now()
        return Batch(
            batch_id=upload.batch_id,
            cvr=upload.caller.organisation,
            actor=upload.caller.subject,
            owners=upload.caller.owners,
            client=self._persons.fingerprint("client", upload.caller.client),
            request="",
            upload=str(uuid4()),
            order=order_of(now, upload.batch_id),
            traceparent=upload.traceparent,
            created_at=now,
            expires_at=now + timedelta(days=self._hold_days),
            status=BatchStatus.RECEIVING,
        )

    async def _earlier(self, upload: Upload, digest: str) -> Batch:
        """The acknowledged file of this key. Raises ``ProblemError`` if it is another file or not acknowledged yet."""
        earlier = await self._batches.get(upload.batch_id)
        if earlier is None or not earlier.is_acknowledged():
            raise ProblemError("batch-in-progress", headers={"Retry-After": "5"})
        if not self._persons.is_fingerprint(earlier.request, *_fingerprinted(upload, digest)):
            raise ProblemError("idempotency-key-reused")
        return earlier

    async def _store(
        self, batch: Batch, file_format: FileFormat, pieces: AsyncIterator[bytes], checks: FileNumberChecks
    ) -> str:
        """Store the file in chunks. Returns the digest of its bytes."""
        digest, splitter = sha256(), Splitter(self._lines_most + 1)  # one more: the first line may be the column names
        decoder = LineDecoder()
        found: list[ParsedLine | InvalidLine] = []
        async for piece in pieces:
            digest.update(piece)
            found += await _read(file_format, decoder, splitter.feed(piece))
            while len(found) >= CHUNK:
                await self._store_chunk(batch, found[:CHUNK], file_format.names, checks)
                del found[:CHUNK]
        found += await _read(file_format, decoder, splitter.finish())
        batch.encoding = decoder.encoding
        for start in range(0, len(found), CHUNK):
            await self._store_chunk(batch, found[start : start + CHUNK], file_format.names, checks)
        if not batch.chunks:
            raise ProblemError("batch-empty")
        return digest.hexdigest()

    async def _store_chunk(
        self, batch: Batch, found: list[ParsedLine | InvalidLine], names: FieldNames, checks: FileNumberChecks
    ) -> None:
        index = len(batch.chunks)
        lines = await self._references.encrypted(await self._checked(batch.cvr, found, names, checks))
        good = [line for line in lines if isinstance(line, ValidLine)]
        batch.chunks.append(
            ChunkSize(
                good=len(good),
                bad=len(lines) - len(good),
                last=lines[-1].number,
                total=sum(line.total for line in good),
            )
        )
        encrypted = self._line_encryptor.encrypt_lines(rules.lines_to_json(lines), batch, index)
        await self._batches.add_chunk(batch, Chunk(index=index, lines=encrypted))

    async def _checked(
        self, cvr: str, found: Iterable[ParsedLine | InvalidLine], names: FieldNames, checks: FileNumberChecks
    ) -> list[ValidLine | InvalidLine]:
        valid: list[tuple[int, BatchLineBody | InvalidLine]] = []
        reverses: dict[int, BatchLineBody] = {}
        turn = EventLoopTurn()
        for line in found:
            body = line if isinstance(line, InvalidLine) else rules.validated(line, names)
            valid.append((line.number, body))
            if isinstance(body, InvalidLine) and isinstance(line, ParsedLine):
                reverses |= rules.reversed_body(line)
            await turn.end_if_long()
        bodies = [*(body for _, body in valid if not isinstance(body, InvalidLine)), *reverses.values()]
        numbers = dict.fromkeys(body.card_number for body in bodies if body.card_number is not None)
        own = await self._queries.own_employments(
            cvr, {body.employment_id for body in bodies if body.employment_id is not None}, numbers
        )
        unchecked = await checks.unchecked(number for number in numbers if not own.by_number.get(number))
        own = replace(own, unchecked=unchecked)
        checked = [
            body if isinstance(body, InvalidLine) else rules.resolve_employment(number, body, own, names)
            for number, body in valid
        ]
        return await self._with_mirrors(checked, reverses, own, names) if reverses else checked

    async def _with_mirrors(
        self,
        checked: list[ValidLine | InvalidLine],
        reverses: Mapping[int, BatchLineBody],
        own: OwnEmployments,
        names: FieldNames,
    ) -> list[ValidLine | InvalidLine]:
        """The lines, with the accepted reports that lines with negative amounts reverse."""
        lines = {number: rules.resolve_employment(number, body, own, names) for number, body in reverses.items()}
        resolved = {number: line for number, line in lines.items() if isinstance(line, ValidLine)}
        accepted = await self._queries.accepted_reports({line.employment_id for line in resolved.values()})
        return [
            rules.mirrored(line, reverse, accepted, names)
            if isinstance(line, InvalidLine) and (reverse := resolved.get(line.number)) is not None
            else line
            for line in checked
        ]


def _fingerprinted(upload: Upload, digest: str) -> tuple[str, ...]:
    return "batch", upload.media_type, str(upload.hold), digest


async def _read(
    file_format: FileFormat, decoder: LineDecoder, raw_lines: Iterable[RawLine]
) -> list[ParsedLine | InvalidLine]:
    found: list[ParsedLine | InvalidLine] = []
    turn = EventLoopTurn()
    for raw in raw_lines:
        await turn.end_if_long()
        text = decoder.decode(raw)
        line = text if isinstance(text, InvalidLine) else file_format.read(raw.number, text)
        if line is not None:
            found.append(line)
    return found


async def _digest(pieces: AsyncIterator[bytes]) -> str:
    digest = sha256()
    async for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
