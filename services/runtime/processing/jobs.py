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


class JobState(NamedTuple):
    """A started job. ``cursor`` is the last document id whose message is published; ``rate`` is messages a second.

    ``total`` is the number of documents when the job was started. ``attempt`` counts the runners that have held it.
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
    return encode(
        Envelope(
            id=message_id(job.job_id, document_id),
            time=job.started_at,
            source=source_of(service),
            data=kind.message(document_id),
            correlation_id=job.job_id,
        )
    )


async def run_job(
    service: str,
    kind: JobKind,
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
        selected = [document_id for document_id in found if kind.selects(document_id)]
        if selected:
            await producer.publish([record_of(service, kind, job, document_id) for document_id in selected])
        job = await store.advance(job, cursor=found[-1], count=len(found))
        progress(job)
        await sleep(len(selected) / job.rate)
    await store.finish(job)
    progress(job._replace(status="done"))
    logger.info("runtime.document_job_done", job=kind.name, job_id=str(job.job_id), documents=job.done)
