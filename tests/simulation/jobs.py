"""Jobs over documents: the real runner on a simulated job store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final
from uuid import UUID, uuid5

from pymongo.errors import AutoReconnect

from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.processing.jobs import AnyJobKind, JobState, LeaseLost, run_job
from services.runtime.processing.producer import Producer
from tests.runtime.memory import MemoryDatabase
from tests.simulation.ports import Clock
from tests.simulation.scheduler import Pause, pause

MAX_JOBS: Final = 2
NAMESPACE: Final = UUID(int=14)
LEASE_STEPS: Final = 2000  # more than a runner without a fault needs between two writes

_BEFORE: Final = Pause("jobs.before", AutoReconnect)
_AFTER: Final = Pause("jobs.after", AutoReconnect)
_SLEEP: Final = Pause("jobs.sleep")


class SimJobs:
    """The durable jobs of a service: a ``JobStore``, and the ``DocumentIds`` of the processor that they walk.

    ``documents_at_start`` are the documents that exist when a job starts: the job must reach all that it selects.
    """

    def __init__(self, service: str, kinds: Sequence[AnyJobKind], documents: MemoryDatabase[Any], clock: Clock) -> None:
        self.service = service
        self._name = f"{service}/{documents.processor.name}"
        self.kinds = {kind.name: kind for kind in kinds}
        self.jobs: dict[UUID, JobState] = {}
        self.documents_at_start: dict[UUID, frozenset[str]] = {}
        self.documents = documents
        self._clock = clock
        self._leases: dict[UUID, int] = {}

    def start_any(self, rng: Random) -> bool:
        """Start a job, at most ``MAX_JOBS`` in a run."""
        if len(self.jobs) >= MAX_JOBS or not self.documents.documents:
            return False
        self.start(rng.choice(list(self.kinds.values())))
        return True

    def start(self, kind: AnyJobKind) -> UUID:
        """Start a job. It has one document a batch, so that it has many steps."""
        job_id, names = uuid5(NAMESPACE, f"{self._name} {len(self.jobs)}"), frozenset(self.documents.documents)
        self.documents_at_start[job_id] = frozenset(kind.selected(sorted(names)))
        self.jobs[job_id] = JobState(job_id, kind.name, 1.0, self._clock.read(), total=len(names))
        return job_id

    def is_running(self, kind: AnyJobKind) -> bool:
        """Whether a job of this kind is running."""
        return any((job.kind, job.status) == (kind.name, "running") for job in self.jobs.values())

    def waiting(self) -> bool:
        """Whether a job can be claimed."""
        return any(self._is_free(job) for job in self.jobs.values())

    def expire_leases(self) -> None:
        """Let every running job be claimed."""
        self._leases.clear()

    async def claim(self) -> JobState | None:
        await pause(_BEFORE)
        for job in self.jobs.values():
            if self._is_free(job):
                claimed = self._put(job._replace(attempt=job.attempt + 1))
                await pause(_AFTER)
                return claimed
        return None

    async def advance(self, job: JobState, *, cursor: str, count: int) -> JobState:
        return await self._write(job, cursor=cursor, done=job.done + count)

    async def finish(self, job: JobState) -> None:
        await self._write(job, status="done")

    async def after(self, cursor: str | None, limit: int) -> Sequence[str]:
        await pause(_BEFORE)
        return [name for name in sorted(self.documents.documents) if cursor is None or name > cursor][:limit]

    async def _write(self, job: JobState, **changes: Any) -> JobState:
        await pause(_BEFORE)
        stored = self.jobs[job.job_id]
        if (stored.attempt, stored.status) != (job.attempt, "running"):
            raise LeaseLost("simulated")
        stored = self._put(stored._replace(**changes))
        await pause(_AFTER)
        return stored

    def _put(self, job: JobState) -> JobState:
        self.jobs[job.job_id] = job
        self._leases[job.job_id] = self._clock.step() + LEASE_STEPS
        return job

    def _is_free(self, job: JobState) -> bool:
        return job.status == "running" and self._leases.get(job.job_id, 0) <= self._clock.step()


async def runner(jobs: SimJobs, producer: Producer, failed: Callable[[], None]) -> None:
    """Run the jobs of a service: a background task of its processes. ``failed`` counts runners that met an error."""

    async def sleep(_: float) -> None:
        await pause(_SLEEP)

    while True:
        await pause(Pause("jobs.idle", ready=jobs.waiting))
        try:
            if (job := await jobs.claim()) is not None:
                kind = jobs.kinds[job.kind]
                await run_job(jobs.service, kind, job, ids=jobs, store=jobs, producer=producer, sleep=sleep)
        except (LeaseLost, AutoReconnect, KafkaUnavailable):
            failed()
