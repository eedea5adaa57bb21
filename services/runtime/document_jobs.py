"""Runs jobs over documents in a service, and the command that starts, lists and cancels them.

A service lists its kinds of jobs, runs ``document_job_runner`` beside its processors and calls ``main`` in a module of
its own: ``python -m services.exports.jobs start republish-statements --rate 200``. See ``docs/operations.md``.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from services.runtime import metrics
from services.runtime.mongo.driver import connect, durable_database
from services.runtime.mongo.job_store import MongoDocumentIds, MongoJobStore
from services.runtime.processing.jobs import DEFAULT_RATE, AnyJobKind, JobState, LeaseLost, run_job
from services.runtime.settings import MongoSettings

if TYPE_CHECKING:
    from services.runtime.service import BackgroundTask, Runtime

logger = structlog.get_logger(__name__)

MIN_RATE = 0.1  # one message within the lease
MAX_RATE = 10_000.0  # more than a process publishes
_POLL_SECONDS = 2.0


def document_job_runner(kinds: Callable[[], Sequence[AnyJobKind]]) -> BackgroundTask:
    """A background task for ``Runtime``: claims one job at a time and walks its documents.

    ``kinds`` are asked for each job, because a process can get new ones.
    """

    async def document_jobs(runtime: Runtime) -> None:
        store = MongoJobStore(runtime.database)
        metrics.prepare_jobs(kind.name for kind in kinds())
        while True:
            job = await store.claim()
            if job is None:
                await asyncio.sleep(_POLL_SECONDS)
                continue
            kind = next((kind for kind in kinds() if kind.name == job.kind), None)
            if kind is None:
                # A newer release started it, or one that knows a newer change; such an instance will run it.
                logger.warning("runtime.document_job_unknown", job=job.kind)
                await asyncio.sleep(_POLL_SECONDS)
                continue
            try:
                await run_job(
                    runtime.service,
                    kind,
                    job,
                    ids=MongoDocumentIds(runtime.database, kind.documents),
                    store=store,
                    producer=runtime.producer,
                    sleep=asyncio.sleep,
                    progress=_measure,
                )
            except LeaseLost as lost:
                logger.info("runtime.document_job_lease_lost", reason=str(lost))

    return document_jobs


def _measure(job: JobState) -> None:
    metrics.JOB_DOCUMENTS.labels(job.kind).set(job.total)
    metrics.JOB_DOCUMENTS_DONE.labels(job.kind).set(job.done)


def main(service: str, kinds: Sequence[AnyJobKind], arguments: Sequence[str] | None = None) -> int:
    """The command of one service. Prints one line for each job; returns the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m services.{service}.jobs")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="start a job over all documents")
    start.add_argument("kind", choices=[kind.name for kind in kinds])
    start.add_argument("--rate", type=float, default=DEFAULT_RATE, help="documents a second")
    commands.add_parser("status", help="list the latest jobs")
    cancel = commands.add_parser("cancel", help="stop a running job")
    cancel.add_argument("job_id")
    given = parser.parse_args(arguments)
    if given.command == "start" and not MIN_RATE <= given.rate <= MAX_RATE:
        parser.error(f"--rate must be from {MIN_RATE} to {MAX_RATE:.0f}")
    return asyncio.run(_execute(service, {kind.name: kind for kind in kinds}, given))


async def _execute(service: str, kinds: dict[str, AnyJobKind], given: argparse.Namespace) -> int:
    client = connect(MongoSettings().mongodb_uri)
    try:
        store = MongoJobStore(durable_database(client, f"frikort_{service}"))
        if given.command == "start":
            if running := [job for job in await store.all() if (job.kind, job.status) == (given.kind, "running")]:
                print(f"already running: {_line(running[0])}")  # noqa: T201
                return 1
            print(_line(await store.start(kinds[given.kind], rate=given.rate)))  # noqa: T201 - the command's answer
        elif given.command == "status":
            for job in await store.all():
                print(_line(job))  # noqa: T201
        elif not await store.cancel(given.job_id):
            print(f"no running job {given.job_id}")  # noqa: T201
            return 1
        return 0
    finally:
        client.close()


def _line(job: JobState) -> str:
    started = f"{job.started_at:%Y-%m-%dT%H:%M:%SZ}"
    return f"{job.job_id}  {job.kind}  {job.status}  {job.done} of {job.total}  started {started}"
