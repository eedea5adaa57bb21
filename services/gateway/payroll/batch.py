"""A payroll file on its way: what it holds, how far it has come, and which step is next. Pure.

A file is received in chunks of lines, and held or booked. Its chunks are booked in order, several under way at a time:

    received ──take──► taken ──(publish what has no outcome yet, and wait)──settle──► settled ──count──► counted

``take`` fixes the time and what is known of the cards, so that a chunk is the same bytes whenever it is published.
Each step is one write of which the first stands; so it does not matter who does it, how often, or who dies between two.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, Field

from services.gateway.problems import ProblemError

CHUNK: Final = 500
"""Lines in a chunk."""


class Status(StrEnum):
    """Where a file stands. While it is received it does not exist for anybody."""

    RECEIVING = "receiving"
    HELD = "held"
    BOOKING = "booking"
    DONE = "done"
    CANCELLED = "cancelled"


class BatchTotals(BaseModel):
    """What became of the good lines of a chunk, or of all; amounts in øre, of what is booked (now or before)."""

    accepted: int = 0
    already_reported: int = 0
    refused: int = 0
    exempt: int = 0
    excess: int = 0

    @property
    def lines(self) -> int:
        """How many lines have an outcome."""
        return self.accepted + self.already_reported + self.refused

    def __add__(self, other: BatchTotals) -> BatchTotals:
        return BatchTotals(**{name: getattr(self, name) + getattr(other, name) for name in BatchTotals.model_fields})


class ChunkSize(BaseModel):
    """How many lines a chunk has, the number of the last, and what the good ones report, in øre."""

    good: int
    bad: int
    last: int
    total: int


class Batch(BaseModel):
    """A payroll file. ``client`` and ``request`` are keyed hashes; ``upload`` names the reception that counts."""

    batch_id: str
    cvr: str
    actor: str
    client: str
    request: str
    upload: str
    order: str
    traceparent: str | None
    created_at: datetime
    expires_at: datetime
    status: Status
    chunks: list[ChunkSize] = Field(default_factory=list)
    counted: dict[str, BatchTotals] = Field(default_factory=dict)
    finished_at: datetime | None = None
    attempt: int = 0
    lease_until: int = 0

    @property
    def good(self) -> int:
        """Lines that can be booked."""
        return sum(chunk.good for chunk in self.chunks)

    @property
    def bad(self) -> int:
        """Lines with errors."""
        return sum(chunk.bad for chunk in self.chunks)

    @property
    def total(self) -> int:
        """What the good lines report, in øre."""
        return sum(chunk.total for chunk in self.chunks)

    @property
    def totals(self) -> BatchTotals:
        """What became of the lines so far."""
        return sum(self.counted.values(), BatchTotals())

    @property
    def uncounted(self) -> list[int]:
        """The chunks that are still to be booked, in order."""
        return [n for n, chunk in enumerate(self.chunks) if chunk.good and str(n) not in self.counted]

    def is_acknowledged(self) -> bool:
        """Whether it exists for its sender."""
        return self.status is not Status.RECEIVING


def booked(batch: Batch, now: datetime) -> Status:
    """The status after the sender said that a held file shall be booked. Raises the problem ``batch-cancelled``."""
    if batch.status is Status.CANCELLED or is_expired(batch, now):
        raise ProblemError("batch-cancelled")
    return Status.BOOKING if batch.status is Status.HELD else batch.status


def cancelled(batch: Batch) -> Status:
    """The status after the sender said that a held file shall not be booked. Raises ``batch-booked``."""
    if batch.status in {Status.BOOKING, Status.DONE}:
        raise ProblemError("batch-booked")
    return Status.CANCELLED


def is_expired(batch: Batch, now: datetime) -> bool:
    """Whether a file was held for too long."""
    return batch.status is Status.HELD and now >= batch.expires_at


class Plan(BaseModel):
    """What is fixed when a chunk is taken: the time of its commands, and the revision at which each card is known.

    ``first`` is the number of the chunk's first line. Each line is a microsecond later than the one before it, so that
    reports are listed in the order of the file.
    """

    at: datetime
    first: int
    revisions: dict[str, int]

    def time_of(self, number: int) -> datetime:
        """The time of the command of this line."""
        return self.at + timedelta(microseconds=number - self.first)


class Chunk(BaseModel):
    """Some lines of a file, sealed; ``results`` too, once they are known."""

    index: int
    lines: str
    plan: Plan | None = None
    results: str | None = None
    totals: BatchTotals | None = None


class Step(StrEnum):
    """What is to be done next with a chunk."""

    TAKE = "take"
    PUBLISH = "publish"
    COUNT = "count"


def next_step(chunk: Chunk) -> Step:
    """The step after those that are stored."""
    if chunk.plan is None:
        return Step.TAKE
    return Step.PUBLISH if chunk.results is None else Step.COUNT
