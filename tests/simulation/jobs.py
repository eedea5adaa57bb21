"""Jobs over documents: the real runner on a simulated job store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final
from uuid import UUID

from pymongo.errors import AutoReconnect

from services.exports.jobs import JOB_KINDS
from services.runtime.kafka.producer import KafkaUnavailable
from services.runtime.processing.jobs import JobKind, JobState, LeaseLost, run_job
from services.runtime.processing.producer import Producer
from tests.runtime.memory import MemoryDatabase
from tests.simulation.ports import Clock
from tests.simulation.scheduler import Pause, pause

KIND: Final[JobKind] = JOB_KINDS[0]
MAX_JOBS: Final = 2
LEASE_STEPS: Final = 2000  # more than a runner without a fault needs between two writes

_BEFORE: Final = Pause("jobs.before", AutoReconnect)
_AFTER: Final = Pause("jobs.after", AutoReconnect)
_SLEEP: Final = Pause("jobs.sleep")


class SimJobs:
    """The durable jobs of exports: a ``JobStore``, and the ``DocumentIds`` of its statements.

    ``documents_at_start`` are the documents that exist when a job starts: the job must reach all of them.
    """

    def __init__(self, documents: MemoryDatabase[Any], clock: Clock) -> None:
        self.jobs: dict[UUID, JobState] = {}
        self.documents_at_start: dict[UUID, frozenset[str]] = {}
        self._documents = documents
        self._clock = clock
        self._leases: dict[UUID, int] = {}

    def start(self, rng: Random) -> bool:
        """Start a job, at most ``MAX_JOBS`` in a run. It has one document a batch, so that it has many steps."""
        if len(self.jobs) >= MAX_JOBS or not self._documents.documents:
            return False
        job_id, names = UUID(int=rng.getrandbits(128), version=4), frozenset(self._documents.documents)
        self.documents_at_start[job_id] = names
        self.jobs[job_id] = JobState(job_id, KIND.name, 1.0, self._clock.read(), total=len(names))
        return True

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
        return [name for name in sorted(self._documents.documents) if cursor is None or name > cursor][:limit]

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
    """Run jobs: the background task of a process of exports. ``failed`` counts runners that met an error."""

    async def sleep(_: float) -> None:
        await pause(_SLEEP)

    while True:
        await pause(Pause("jobs.idle", ready=jobs.waiting))
        try:
            if (job := await jobs.claim()) is not None:
                await run_job("exports", KIND, job, ids=jobs, store=jobs, producer=producer, sleep=sleep)
        except (LeaseLost, AutoReconnect, KafkaUnavailable):
            failed()
