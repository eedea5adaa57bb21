"""The state of a payroll file and of its chunks, and the next step of a chunk. Pure.

A file is uploaded in chunks of lines, then booked; or it is checked, and held until the employer books it. Several
chunks are booked at a time, in order:

    uploaded ──set_plan──► planned ──(publish, and wait)──set_results──► with results ──count──► counted

The plan fixes the time and the card revisions, so that a chunk has the same bytes whenever it is published. A worker
that takes over a file publishes only the lines without an outcome, and not those that the worker before it handed over
when it stopped. Each step is one write, and only the first one counts. So any worker can repeat a step or continue
after a crash.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, Field

from services.gateway.problems import ProblemError

CHUNK: Final = 500
"""Lines in a chunk."""
CHECK_ATTEMPTS: Final = 6
"""A check that has failed so often, within about a minute, is given up; the file is held without it."""
_HANDED_OVER_FOR: Final = timedelta(minutes=15)
_FIRST_PAUSE: Final = 2.0
_LONGEST_PAUSE: Final = 60.0


class BatchStatus(StrEnum):
    """The status of a file. No route shows a file with status ``RECEIVING``."""

    RECEIVING = "receiving"
    CHECKING = "checking"
    HELD = "held"
    BOOKING = "booking"
    DONE = "done"
    CANCELLED = "cancelled"


UNBOOKED: Final = frozenset({BatchStatus.CHECKING, BatchStatus.HELD})
"""The employer can still book or cancel the file."""
AT_WORK: Final = frozenset({BatchStatus.CHECKING, BatchStatus.BOOKING})
"""A worker claims the file."""


class BatchTotals(BaseModel):
    """The results of the valid lines of a chunk or a file: counts, and the split of booked amounts in øre.

    ``provisional`` counts the booked lines that a provisional allowance splits, ``over`` those with an excess. Of a
    check, ``unshown`` counts the lines whose split the employer may not see.
    """

    accepted: int = 0
    already_reported: int = 0
    refused: int = 0
    exempt: int = 0
    excess: int = 0
    provisional: int = 0
    over: int = 0
    unshown: int = 0

    @property
    def lines(self) -> int:
        """The number of lines with an outcome."""
        return self.accepted + self.already_reported + self.refused

    def __add__(self, other: BatchTotals) -> BatchTotals:
        return BatchTotals(**{name: getattr(self, name) + getattr(other, name) for name in BatchTotals.model_fields})


class ChunkSize(BaseModel):
    """The numbers of valid and invalid lines of a chunk, its last line number, and the valid lines' total in øre."""

    good: int
    bad: int
    last: int
    total: int


class Batch(BaseModel):
    """A payroll file.

    ``owners``, ``client`` and ``request`` are keyed hashes; ``upload`` is the id of the upload that counts.
    ``failures`` counts the attempts at the file in its present status that ended with an error of ours.
    ``lines_deleted``: the lines and results have been kept as long as they are needed.
    """

    batch_id: str
    cvr: str
    actor: str
    owners: tuple[str, ...] = ()
    client: str
    request: str
    upload: str
    order: str
    traceparent: str | None
    created_at: datetime
    expires_at: datetime
    status: BatchStatus
    chunks: list[ChunkSize] = Field(default_factory=list)
    counted: dict[str, BatchTotals] = Field(default_factory=dict)
    checked: dict[str, BatchTotals] = Field(default_factory=dict)
    checked_at: datetime | None = None
    check_failed: bool = False
    failures: int = 0
    finished_at: datetime | None = None
    lines_deleted: bool = False
    encoding: Literal["utf-8", "windows-1252"] = "utf-8"
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
        """The total of the valid lines, in øre."""
        return sum(chunk.total for chunk in self.chunks)

    @property
    def totals(self) -> BatchTotals:
        """The results so far."""
        return sum(self.counted.values(), BatchTotals())

    @property
    def check_totals(self) -> BatchTotals:
        """What reporting the file would give, as far as it is checked."""
        return sum(self.checked.values(), BatchTotals())

    @property
    def uncounted(self) -> list[int]:
        """The chunks that are not booked yet, in order."""
        return [n for n, chunk in enumerate(self.chunks) if chunk.good and str(n) not in self.counted]

    def is_acknowledged(self) -> bool:
        """Whether the upload is complete."""
        return self.status is not BatchStatus.RECEIVING


def booked(batch: Batch, now: datetime) -> BatchStatus:
    """The status after the employer books a held file, checked or not. Raises the problem ``batch-cancelled``."""
    if batch.status is BatchStatus.CANCELLED or is_expired(batch, now):
        raise ProblemError("batch-cancelled")
    return BatchStatus.BOOKING if batch.status in UNBOOKED else batch.status


def cancelled(batch: Batch) -> BatchStatus:
    """The status after the employer cancels a held file. Raises the problem ``batch-booked``."""
    if batch.status in {BatchStatus.BOOKING, BatchStatus.DONE}:
        raise ProblemError("batch-booked")
    return BatchStatus.CANCELLED


def pause_after(failures: int) -> float:
    """The seconds between the failed attempt with this number and the next: twice as long each time, up to a minute."""
    return min(_FIRST_PAUSE * 2.0 ** (failures - 1), _LONGEST_PAUSE)


def is_expired(batch: Batch, now: datetime) -> bool:
    """Whether a held file has expired."""
    return batch.status in UNBOOKED and now >= batch.expires_at


class ChunkPlan(BaseModel):
    """What is fixed before a chunk is published: the time of its commands, and the revision of each card.

    ``first`` is the number of the chunk's first line. Each line is a microsecond later than the one before it, so that
    reports are listed in the order of the file.
    """

    at: datetime
    first: int
    revisions: dict[str, int]

    def time_of(self, number: int) -> datetime:
        """The time of the command of this line."""
        return self.at + timedelta(microseconds=number - self.first)


class HandOver(BaseModel):
    """The lines of a chunk that were published and had no outcome when a worker stopped, and its attempt."""

    attempt: int
    lines: list[int]


class Chunk(BaseModel):
    """Lines of a file and, once known, what they would give and their results; all encrypted.

    ``check_attempt`` is the attempt at the file that wrote ``check``.
    """

    index: int
    lines: str
    check: str | None = None
    check_attempt: int = 0
    plan: ChunkPlan | None = None
    hand_over: HandOver | None = None
    results: str | None = None
    totals: BatchTotals | None = None


def published_before(chunk: Chunk, attempt: int, now: datetime) -> frozenset[int]:
    """The lines that the worker just before ``attempt`` handed over: they are published and will have an outcome.

    None once the plan is old: an outcome that has not come by then may never come, as after a restore from a backup.
    """
    plan, left = chunk.plan, chunk.hand_over
    if plan is None or left is None or left.attempt != attempt - 1 or now - plan.at > _HANDED_OVER_FOR:
        return frozenset()
    return frozenset(left.lines)


class ChunkStep(StrEnum):
    """The next step of a chunk."""

    PLAN = "plan"
    PUBLISH = "publish"
    COUNT = "count"


def next_step(chunk: Chunk) -> ChunkStep:
    """The step after the stored ones."""
    if chunk.plan is None:
        return ChunkStep.PLAN
    return ChunkStep.PUBLISH if chunk.results is None else ChunkStep.COUNT
