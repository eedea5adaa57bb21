"""The payroll process: checks and books uploaded files. It serves nothing but its health and metrics."""

from __future__ import annotations

import asyncio
import math

from frikort_contracts.rules.allowances import Allowances

from services.gateway.audit.chain_writer import ChainWriter
from services.gateway.audit.log import MongoAuditLog
from services.gateway.changes.change_notifier import ChangeStreamListener, ChangeSubscriptions, Key, SharedListeners
from services.gateway.clock import Clock
from services.gateway.payroll.file_work import FileWork
from services.gateway.payroll.line_encryption import LineEncryptor
from services.gateway.payroll.queries import MongoReadModelQueries
from services.gateway.payroll.store import FILES, MongoBatchStore
from services.gateway.payroll.worker import BatchJob, BatchWorker
from services.gateway.projections import outcomes, reports
from services.gateway.settings import PayrollSettings
from services.runtime.service import BackgroundTask, Runtime

_ANY_FILE = Key(FILES, "*")
_HEARTBEAT_SECONDS = 60.0


def book_files(settings: PayrollSettings, allowances: Allowances) -> BackgroundTask:
    """The job of the process. Raises ``ValueError`` that names a setting that cannot be used."""
    line_encryptor = LineEncryptor.from_settings(settings)

    async def book(runtime: Runtime) -> None:
        database = runtime.database
        clock = Clock(database, settable=settings.environment == "local")
        ended = asyncio.Event()  # later than runtime.stopping: chunks in progress wait for their outcomes
        subscriptions = ChangeSubscriptions(ended)
        chain = ChainWriter(database)
        batches = MongoBatchStore(database, lease=settings.batch_lease)
        await batches.prepare()
        worker = BatchWorker(
            FileWork(
                batches=batches,
                queries=MongoReadModelQueries(database),
                audit_log=MongoAuditLog(database, chain, reasons=None),
                line_encryptor=line_encryptor,
                publish=runtime.producer.publish,
                now=clock.now,
                subscriptions=subscriptions,
                lease=settings.batch_lease,
            ),
            allowances,
        )
        # A stream of the whole database would need the right to read it: stored responses, the audit log.
        of_files, *of_lines = (
            ChangeStreamListener(database[name], subscriptions, [name])
            for name in (FILES, outcomes.PROJECTION.name, reports.PROJECTION.name)
        )
        job = BatchJob(
            batches=batches,
            worker=worker,
            now=clock.now,
            poll=settings.batch_poll,
            changes=SharedListeners(of_lines).used,
        )
        of_files.start()
        job.start()
        renewing = asyncio.create_task(chain.run(runtime))
        try:
            async for _ in subscriptions.changes(_ANY_FILE, every=_HEARTBEAT_SECONDS, seconds=math.inf):
                job.notify()
        finally:
            await asyncio.shield(_stop(job, ended, of_files))
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    return book


async def _stop(job: BatchJob, ended: asyncio.Event, of_files: ChangeStreamListener) -> None:
    await job.stop()
    ended.set()
    await of_files.stop()
