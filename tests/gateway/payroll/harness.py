"""Uploads and books payroll files over stores in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any, Final, cast

from frikort_contracts.http.roles import Role

from services.gateway.auth import Caller
from services.gateway.changes.change_notifier import ChangeSubscriptions
from services.gateway.payroll import booking
from services.gateway.payroll import lines as rules
from services.gateway.payroll.batch import Batch
from services.gateway.payroll.file_work import FileWork
from services.gateway.payroll.number_checks import NumberChecks
from services.gateway.payroll.upload import Upload, UploadService
from services.gateway.payroll.worker import BatchJob, BatchWorker
from tests.gateway.build import CVR, NOON, allowances, line_encryptor, persons
from tests.gateway.memory import MemoryAuditLog, MemoryModels, NoLimit
from tests.gateway.payroll_fakes import FakeServices, MemoryBatchStore, report_line
from tests.runtime.memory import Faults
from tests.waiting import eventually

EMPLOYER: Final = Caller("issuer", "payroll", "bookkeeper-1", Role.EMPLOYER, CVR)
OTHER: Final = Caller("issuer", "payroll", "bookkeeper-2", Role.EMPLOYER, "99000015")


def file_of(*lines: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(body) for body in lines).encode()


def upload_of(content: bytes, key: str = "k", *, hold: bool = False, caller: Caller = EMPLOYER) -> Upload:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 100):
            yield content[start : start + 100]

    return Upload(caller, key, "application/jsonl", hold, pieces(), None)


class PayrollHarness:
    """Uploads and books with new services each time over the same stores, as after a restart."""

    def __init__(self, lines_most: int = 1_000) -> None:
        self.faults = Faults()
        self.batches = MemoryBatchStore(self.faults)
        self.fake_services = FakeServices(self.faults)
        self.accesses = MemoryAuditLog()
        self.waiters = ChangeSubscriptions(asyncio.Event())
        self.now = NOON
        self.lines_most = lines_most
        self.fake_services.employ(CVR, "12345")
        self.fake_services.employ(CVR, "23456")

    async def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    async def receive(self, sent: Upload) -> tuple[Batch, bool]:
        service = UploadService(
            batches=self.batches,
            queries=self.fake_services,
            number_checks=NumberChecks(cast("Any", NoLimit()), MemoryModels(), self.accesses, persons(), self.clock),
            persons=persons(),
            line_encryptor=line_encryptor(),
            producer=cast("Any", None),
            now=self.clock,
            lines_most=self.lines_most,
            hold_days=7,
        )
        return await service.receive(sent)

    def worker(self) -> BatchWorker:
        return BatchWorker(
            FileWork(
                batches=self.batches,
                queries=self.fake_services,
                audit_log=self.accesses,
                line_encryptor=line_encryptor(),
                publish=self.fake_services.publish,
                now=self.clock,
                subscriptions=self.waiters,
                lease=0.04,
            ),
            allowances(),
        )

    def job(self, **options: Any) -> BatchJob:
        """A job of its own worker; ``options`` are those of ``BatchJob``."""
        return BatchJob(batches=self.batches, worker=self.worker(), now=self.clock, poll=60, **options)

    async def book(self) -> None:
        """Book all waiting files."""
        for batch_id in await self.batches.waiting():
            if (held := await self.batches.claim(batch_id)) is not None:
                await self.worker().work(held)

    async def state(self, batch_id: str) -> Batch:
        batch = await self.batches.get(batch_id)
        assert batch is not None
        return batch

    async def results(self, batch: Batch) -> dict[int, str]:
        """The result of each line, by its number."""
        found: dict[int, str] = {}
        for index in range(len(batch.chunks)):
            chunk = await self.batches.chunk(batch, index)
            good, bad = rules.lines_from_json(line_encryptor().decrypt_lines(chunk.lines, batch, index))
            found |= {bad_line.number: "error" for bad_line in bad}
            if good:
                assert chunk.results is not None
                results = booking.results_from_json(line_encryptor().decrypt_results(chunk.results, batch, index))
                assert set(results) == {good_line.number for good_line in good}
                found |= {number: result.outcome for number, result in results.items()}
        return found


def mixed_file() -> tuple[bytes, dict[int, str]]:
    """A file with lines of every kind, in four chunks, and the expected results."""
    lines = [
        report_line("a"),
        report_line("b", "23456"),
        report_line("c", "99999"),
        report_line("d", wage=13),
        report_line("e", "23456"),
        report_line("a"),
        report_line("f", components={"wage_ore": -1}),
        report_line(""),
        report_line("h", "99999"),
        report_line("i"),
        report_line("j", "23456", wage=13),
    ]
    results = [
        "accepted",
        "accepted",
        "error",
        "refused",
        "accepted",
        "already_reported",
        *3 * ["error"],
        "accepted",
        "refused",
    ]
    return file_of(*lines), dict(enumerate(results, 1))


async def until(holds: Callable[[], bool]) -> None:
    """Wait until ``holds``."""

    async def probe() -> bool:
        return holds()

    await eventually(probe)
