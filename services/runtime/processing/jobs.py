"""A job over all documents of a processor: one message for each document, through the owner of its partition.

The runner walks the document ids in order and publishes a message for each to a topic that the processor reads, keyed
as the document is. The processor handles the message like any other, so the effect on each document is exactly-once.
The id of a message follows from the job and the document: a runner that starts again after a crash, or two runners at
once, repeat the same ids. The runner limits its rate, and its position is stored after every batch. Documents that are
created after the start of the job may be left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol
from uuid import UUID, uuid5

import structlog
from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.messages import Message
from frikort_contracts.topics import source_of

from services.runtime.processing.producer import Producer

logger = structlog.get_logger(__name__)

DEFAULT_RATE: Final = 200
MAX_BATCH: Final = 100

Status = Literal["running", "done", "cancelled"]


class LeaseLost(RuntimeError):
    """Another runner has taken the job over, or the job was cancelled."""


@dataclass(frozen=True)
class JobKind:
    """A job that can be started: the name of the processor whose documents it walks, and the message for each id.

    It sends no message to a document whose id it does not select.
    """

    name: str
    documents: str
    message: Callable[[str], Message]
    selects: Callable[[str], bool] = lambda _: True

    def selected(self, found: Sequence[str]) -> list[str]:
        """Those of the documents that get a message."""
        return [document_id for document_id in found if self.selects(document_id)]

    def records(self, service: str, job: JobState, selected: Sequence[str]) -> list[Record]:
        """The records about the next documents."""
        return [record_of(service, self, job, document_id) for document_id in selected]

    def closing_records(self, service: str, job: JobState) -> list[Record]:
        """The records after the last document: none."""
        return []


@dataclass(frozen=True)
class PagedJobKind:
    """A job with one message for a page of documents, and one after the last page, for which ``found`` is empty.

    Such a message is about the documents and is not processed by their owners: a page that is published again after a
    crash may have other documents, and then has another id.
    """

    name: str
    documents: str
    page: Callable[[JobState, Sequence[str]], Message]

    def selected(self, found: Sequence[str]) -> list[str]:
        """All documents."""
        return list(found)

    def records(self, service: str, job: JobState, selected: Sequence[str]) -> list[Record]:
        """The record of the next page."""
        page_id = uuid5(job.job_id, ",".join((str(job.done), *selected)))
        return [encode(_envelope(service, job, page_id, self.page(job, selected)))]

    def closing_records(self, service: str, job: JobState) -> list[Record]:
        """The record after the last page."""
        return self.records(service, job, ())


AnyJobKind = JobKind | PagedJobKind


class JobState(NamedTuple):
    """A started job. ``cursor`` is the last document id whose message is published.

    ``rate`` is documents a second, of those that get a message. ``total`` is the number of documents when the job was
    started. ``attempt`` counts the runners that have held it.
    """

    job_id: UUID
    kind: str
    rate: float
    started_at: datetime
    total: int
    done: int = 0
    cursor: str | None = None
    attempt: int = 0
    status: Status = "running"


class JobStore(Protocol):
    """The stored jobs of a service, with a lease on each."""

    async def claim(self) -> JobState | None:
        """Take the lease of a running job that no runner holds; None if there is none."""
        ...

    async def advance(self, job: JobState, *, cursor: str, count: int) -> JobState:
        """Store the position after ``count`` more documents and renew the lease. Raises ``LeaseLost``."""
        ...

    async def finish(self, job: JobState) -> None:
        """Mark the job as done. Raises ``LeaseLost``."""
        ...


class DocumentIds(Protocol):
    """The ids of all documents of a processor, in a fixed order."""

    async def after(self, cursor: str | None, limit: int) -> Sequence[str]:
        """Up to ``limit`` ids that follow ``cursor``, or the first ones."""
        ...


def message_id(job_id: UUID, document_id: str) -> UUID:
    """The id of the job's message for a document."""
    return uuid5(job_id, document_id)


def record_of(service: str, kind: JobKind, job: JobState, document_id: str) -> Record:
    """The job's message for a document."""
    return encode(_envelope(service, job, message_id(job.job_id, document_id), kind.message(document_id)))


def _envelope(service: str, job: JobState, envelope_id: UUID, message: Message) -> Envelope[Message]:
    return Envelope(
        id=envelope_id,
        time=job.started_at,
        source=source_of(service),
        data=message,
        correlation_id=job.job_id,
    )


async def run_job(
    service: str,
    kind: AnyJobKind,
    job: JobState,
    *,
    ids: DocumentIds,
    store: JobStore,
    producer: Producer,
    sleep: Callable[[float], Awaitable[None]],
    progress: Callable[[JobState], None] = lambda _: None,
) -> None:
    """Walk the documents from the job's cursor to the end.

    Raises ``LeaseLost`` and the errors of the ports. The job then continues from its cursor when a runner claims it.
    """
    limit = max(1, min(MAX_BATCH, int(job.rate)))
    while found := await ids.after(job.cursor, limit):
        selected = kind.selected(found)
        if selected:
            await producer.publish(kind.records(service, job, selected))
        job = await store.advance(job, cursor=found[-1], count=len(found))
        progress(job)
        await sleep(len(selected) / job.rate)
    if closing := kind.closing_records(service, job):
        await producer.publish(closing)
    await store.finish(job)
    progress(job._replace(status="done"))
    logger.info("runtime.document_job_done", job=kind.name, job_id=str(job.job_id), documents=job.done)
