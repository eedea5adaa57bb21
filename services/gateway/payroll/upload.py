"""The upload of a payroll file: parsed, checked and stored in chunks while it arrives, then acknowledged as a whole.

Until then nothing of a file exists for anybody, and nothing is booked. What breaks off before leaves the key free.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4, uuid5

from services.gateway.audit.log import stamp
from services.gateway.auth import Caller
from services.gateway.payroll import lines as rules
from services.gateway.payroll.batch import CHUNK, Batch, Chunk, ChunkSize, Status
from services.gateway.payroll.lines import Fields, InvalidLine, Line, Names
from services.gateway.payroll.parser import AnyFile, Csv, Form, JsonLines, RawLine, Splitter, decoded
from services.gateway.payroll.queries import ReadModelQueries
from services.gateway.payroll.store import Batches
from services.gateway.person_encryption import Persons
from services.gateway.problems import ProblemError

FORMS: Final[dict[str, Callable[[], Form]]] = {
    "application/jsonl": JsonLines,
    "application/x-ndjson": JsonLines,
    "text/csv": Csv,
    "application/octet-stream": AnyFile,
}
"""The parser of each media type."""

_BATCHES: Final = UUID("b7d1c1f4-6c0e-4f53-9c7d-3c1a8f0d2a66")


@dataclass(frozen=True)
class Upload:
    """An upload. ``hold``: check the file only, and book it later."""

    caller: Caller
    key: str
    content_type: str
    hold: bool
    pieces: AsyncIterator[bytes]
    traceparent: str | None

    @property
    def media_type(self) -> str:
        """The media type without parameters. Files are always read as UTF-8."""
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
        batches: Batches,
        queries: ReadModelQueries,
        persons: Persons,
        now: Callable[[], Awaitable[datetime]],
        lines_most: int,
        hold_days: int,
    ) -> None:
        self._batches = batches
        self._queries = queries
        self._persons = persons
        self._now = now
        self._lines_most = lines_most
        self._hold_days = hold_days

    async def receive(self, upload: Upload) -> tuple[Batch, bool]:
        """Store the file. Returns it and whether an earlier upload was acknowledged. Raises ``ProblemError``."""
        form = FORMS.get(upload.media_type)
        if form is None:
            raise ProblemError("batch-type-unsupported")
        batch = await self._new_batch(upload)
        if not await self._batches.begin(batch):
            return await self._earlier(upload, await _digest(upload.pieces)), True
        try:
            digest = await self._store(batch, form(), upload.pieces)
        except ProblemError:
            await self._batches.drop(batch)
            raise
        batch.request = self._fingerprint(upload, digest)
        batch.status = Status.HELD if upload.hold else Status.BOOKING
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
            client=self._persons.fingerprint("client", upload.caller.client),
            request="",
            upload=str(uuid4()),
            order=f"{stamp(now)}|{upload.batch_id}",
            traceparent=upload.traceparent,
            created_at=now,
            expires_at=now + timedelta(days=self._hold_days),
            status=Status.RECEIVING,
        )

    async def _earlier(self, upload: Upload, digest: str) -> Batch:
        """The acknowledged file of this key. Raises ``ProblemError`` if it is another file or not acknowledged yet."""
        earlier = await self._batches.get(upload.batch_id)
        if earlier is None or not earlier.is_acknowledged():
            raise ProblemError("batch-in-progress", headers={"Retry-After": "5"})
        if earlier.request != self._fingerprint(upload, digest):
            raise ProblemError("idempotency-key-reused")
        return earlier

    async def _store(self, batch: Batch, form: Form, pieces: AsyncIterator[bytes]) -> str:
        """Store the file in chunks. Returns the digest of its bytes."""
        digest, splitter = sha256(), Splitter(self._lines_most + 1)  # the one more may be the names of the columns
        found: list[Fields | InvalidLine] = []
        async for piece in pieces:
            digest.update(piece)
            found += _read(form, splitter.feed(piece))
            while len(found) >= CHUNK:
                await self._store_chunk(batch, found[:CHUNK], form.names)
                del found[:CHUNK]
        found += _read(form, splitter.finish())
        for start in range(0, len(found), CHUNK):
            await self._store_chunk(batch, found[start : start + CHUNK], form.names)
        if not batch.chunks:
            raise ProblemError("batch-empty")
        return digest.hexdigest()

    async def _store_chunk(self, batch: Batch, found: list[Fields | InvalidLine], names: Names) -> None:
        index = len(batch.chunks)
        lines = await self._checked(batch.cvr, found, names)
        good = [line for line in lines if isinstance(line, Line)]
        batch.chunks.append(
            ChunkSize(
                good=len(good),
                bad=len(lines) - len(good),
                last=lines[-1].number,
                total=sum(line.total for line in good),
            )
        )
        sealed = self._persons.encrypt_lines(rules.packed(lines), batch.batch_id)
        await self._batches.add_chunk(batch, Chunk(index=index, lines=sealed))

    async def _checked(self, cvr: str, found: Iterable[Fields | InvalidLine], names: Names) -> list[Line | InvalidLine]:
        valid = [
            (line.number, line if isinstance(line, InvalidLine) else rules.validated(line, names)) for line in found
        ]
        bodies = [body for _, body in valid if not isinstance(body, InvalidLine)]
        own = await self._queries.own_employments(
            cvr,
            {body.employment_id for body in bodies if body.employment_id is not None},
            {body.card_number for body in bodies if body.card_number is not None},
        )
        return [
            body if isinstance(body, InvalidLine) else rules.resolve_employment(number, body, own, names)
            for number, body in valid
        ]

    def _fingerprint(self, upload: Upload, digest: str) -> str:
        return self._persons.fingerprint("batch", upload.media_type, str(upload.hold), digest)


def _read(form: Form, raw_lines: Iterable[RawLine]) -> list[Fields | InvalidLine]:
    found: list[Fields | InvalidLine] = []
    for raw in raw_lines:
        text = decoded(raw)
        line = text if isinstance(text, InvalidLine) else form.read(raw.number, text)
        if line is not None:
            found.append(line)
    return found


async def _digest(pieces: AsyncIterator[bytes]) -> str:
    digest = sha256()
    async for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
