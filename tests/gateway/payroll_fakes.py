"""The store of payroll files in memory, with faults at every step, and a fake of the services that book the lines."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from frikort_contracts.cloudevents import Record, decode
from frikort_contracts.report_checks import CheckReports
from frikort_contracts.topics import REPORTING_COMMANDS
from frikort_contracts.values import Period

from services.gateway.payroll.batch import (
    AT_WORK,
    UNBOOKED,
    Batch,
    BatchStatus,
    BatchTotals,
    Chunk,
    ChunkPlan,
    HandOver,
)
from services.gateway.payroll.booking import LineOutcome, LineSplit
from services.gateway.payroll.lines import AcceptedReport, OwnEmployment, OwnEmployments, ValidLine
from services.gateway.projections.ledgers import TotalsView
from services.runtime.mongo.lease import LeaseLost
from tests.gateway.build import CVR, NOON
from tests.runtime.memory import Faults


@dataclass
class MemoryBatchStore:
    """The store of payroll files. A lease lasts until ``no_leases`` is called."""

    faults: Faults = field(default_factory=Faults)
    files: dict[str, str] = field(default_factory=dict)
    chunks: dict[tuple[str, str, int], str] = field(default_factory=dict)
    leased: set[str] = field(default_factory=set)

    def no_leases(self) -> None:
        """Let every lease expire."""
        self.leased.clear()

    async def prepare(self) -> None:
        return

    async def get(self, batch_id: str) -> Batch | None:
        stored = self.files.get(batch_id)
        return None if stored is None else Batch.model_validate_json(stored)

    async def of(self, cvr: str, *, before: str | None, limit: int) -> list[Batch]:
        own = [b for b in self._all() if b.cvr == cvr and b.is_acknowledged() and (before is None or b.order < before)]
        return sorted(own, key=lambda b: b.order, reverse=True)[:limit]

    async def begin(self, batch: Batch) -> bool:
        stored = await self.get(batch.batch_id)
        if stored is not None and stored.is_acknowledged():
            return False
        await self._write("begin", batch)
        return True

    async def add_chunk(self, batch: Batch, chunk: Chunk) -> None:
        await self.faults.point("add_chunk before")
        self.chunks[batch.batch_id, batch.upload, chunk.index] = chunk.model_dump_json()
        await self.faults.point("add_chunk after")

    async def acknowledge(self, batch: Batch) -> bool:
        stored = await self.get(batch.batch_id)
        if stored is None or stored.is_acknowledged() or stored.upload != batch.upload:
            return False
        await self._write("acknowledge", batch)
        others = [place for place in self.chunks if place[0] == batch.batch_id and place[1] != batch.upload]
        for place in others:
            del self.chunks[place]
        await self.faults.point("acknowledged")
        return True

    async def drop(self, batch: Batch) -> None:
        for place in [place for place in self.chunks if place[:2] == (batch.batch_id, batch.upload)]:
            del self.chunks[place]
        stored = await self.get(batch.batch_id)
        if stored is not None and not stored.is_acknowledged() and stored.upload == batch.upload:
            del self.files[batch.batch_id]

    async def change(self, batch_id: str, before: BatchStatus, after: BatchStatus) -> bool:
        stored = await self.get(batch_id)
        if stored is None or stored.status is not before:
            return False
        await self._write("change", stored.model_copy(update={"status": after, "failures": 0}))
        self.leased.discard(batch_id)
        return True

    async def add_check(self, held: Batch, index: int, results: str, totals: BatchTotals) -> None:
        stored = await self._fenced(held)
        await self._write("add_check", stored.model_copy(update={"checked": {**stored.checked, str(index): totals}}))
        chunk = await self.chunk(held, index)
        changes = {"check": results, "check_attempt": held.attempt}
        await self._write_chunk("add_check chunk", held, chunk.model_copy(update=changes))

    async def finish_check(self, held: Batch, at: datetime) -> None:
        stored = await self._fenced(held)
        changes = {"status": BatchStatus.HELD, "checked_at": at}
        await self._write("finish_check", stored.model_copy(update=changes))
        self.leased.discard(held.batch_id)

    async def give_up_check(self, held: Batch) -> None:
        changes = {"status": BatchStatus.HELD, "check_failed": True, "checked": {}}
        await self._write("give_up_check", (await self._fenced(held)).model_copy(update=changes))
        self.leased.discard(held.batch_id)

    async def delete_lines(self, batch_id: str) -> None:
        for place in [place for place in self.chunks if place[0] == batch_id]:
            del self.chunks[place]

    async def abandoned(self, *, expired_at: datetime, received_before: datetime) -> list[Batch]:
        return [
            b
            for b in self._all()
            if (b.status in UNBOOKED and b.expires_at <= expired_at)
            or (b.status is BatchStatus.RECEIVING and b.created_at < received_before)
        ]

    async def waiting(self) -> list[str]:
        waiting = [b for b in self._all() if b.status in AT_WORK and b.batch_id not in self.leased]
        return [b.batch_id for b in sorted(waiting, key=lambda b: (b.status, b.order))]

    async def claim(self, batch_id: str) -> Batch | None:
        stored = await self.get(batch_id)
        if stored is None or stored.status not in AT_WORK or batch_id in self.leased:
            return None
        held = stored.model_copy(update={"attempt": stored.attempt + 1})
        self.leased.add(batch_id)
        await self._write("claim", held)
        return held

    async def renew_lease(self, held: Batch) -> None:
        await self._fenced(held)

    async def release(self, held: Batch, *, seconds: float) -> None:
        await self._fenced(held)
        self.leased.discard(held.batch_id)

    async def fail(self, held: Batch, *, seconds: float) -> None:
        await self._write("fail", (await self._fenced(held)).model_copy(update={"failures": held.failures + 1}))
        self.leased.discard(held.batch_id)

    async def chunk(self, batch: Batch, index: int) -> Chunk:
        return Chunk.model_validate_json(self.chunks[batch.batch_id, batch.upload, index])

    async def set_plan(self, batch: Batch, index: int, plan: ChunkPlan) -> ChunkPlan:
        chunk = await self.chunk(batch, index)
        if chunk.plan is None:
            await self._write_chunk("set_plan", batch, chunk.model_copy(update={"plan": plan}))
        return chunk.plan or plan

    async def hand_over(self, held: Batch, index: int, lines: Sequence[int]) -> None:
        left = HandOver(attempt=held.attempt, lines=list(lines))
        chunk = await self.chunk(held, index)
        if chunk.hand_over is None or chunk.hand_over.attempt < held.attempt:
            await self._write_chunk("hand_over", held, chunk.model_copy(update={"hand_over": left}))

    async def set_results(self, batch: Batch, index: int, results: str, totals: BatchTotals) -> None:
        chunk = await self.chunk(batch, index)
        if chunk.results is None:
            changes = {"results": results, "totals": totals}
            await self._write_chunk("set_results", batch, chunk.model_copy(update=changes))

    async def count(self, held: Batch, index: int, totals: BatchTotals) -> None:
        stored = await self._fenced(held)
        counted = {**stored.counted, str(index): totals}
        await self._write("count", stored.model_copy(update={"counted": counted}))

    async def finish(self, held: Batch, at: datetime) -> None:
        stored = await self._fenced(held)
        await self._write("finish", stored.model_copy(update={"status": BatchStatus.DONE, "finished_at": at}))

    def _all(self) -> list[Batch]:
        return [Batch.model_validate_json(stored) for stored in self.files.values()]

    async def _fenced(self, held: Batch) -> Batch:
        stored = await self.get(held.batch_id)
        if stored is None or stored.attempt != held.attempt or stored.status is not held.status:
            raise LeaseLost(held.batch_id)
        return stored

    async def _write(self, what: str, batch: Batch) -> None:
        await self.faults.point(f"{what} before")
        self.files[batch.batch_id] = batch.model_dump_json()
        await self.faults.point(f"{what} after")

    async def _write_chunk(self, what: str, batch: Batch, chunk: Chunk) -> None:
        await self.faults.point(f"{what} before")
        self.chunks[batch.batch_id, batch.upload, chunk.index] = chunk.model_dump_json()
        await self.faults.point(f"{what} after")


@dataclass
class FakeServices:
    """The producer and the services behind it: a published command has its outcome at once, unless ``paused``.

    Every report is exempt. A used reference is `already_reported`; a wage of 13 øre is refused.
    """

    faults: Faults = field(default_factory=Faults)
    employments: dict[str, OwnEmployment] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    employers: dict[str, str] = field(default_factory=dict)
    published: list[Record] = field(default_factory=list)
    decided: dict[str, LineOutcome] = field(default_factory=dict)
    booked: dict[str, LineSplit] = field(default_factory=dict)
    paused: bool = False

    def employ(self, cvr: str, number: str, *, first: date = date(2025, 1, 1), last: date | None = None) -> str:
        """A new employment of the citizen with this card number. Returns its id."""
        employment_id = str(uuid5(NAMESPACE_OID, f"{cvr}/{number}/{first}"))
        card_id = self.numbers.setdefault(number, f"card-{number}")
        self.employments[employment_id] = OwnEmployment(employment_id, card_id, Period(first=first, last=last))
        self.employers[employment_id] = cvr
        return employment_id

    async def publish(self, records: Sequence[Record]) -> None:
        await self.faults.point("publish before")
        for number, record in enumerate(records):
            if number:
                await self.faults.point("publish between")
            self.published.append(record)
            if not self.paused:
                self._decide(record)
        await self.faults.point("publish after")

    def resume(self) -> None:
        """Decide all published commands."""
        self.paused = False
        for record in self.published:
            self._decide(record)

    async def own_employments(self, cvr: str, ids: Collection[str], numbers: Collection[str]) -> OwnEmployments:
        own = {i: e for i, e in self.employments.items() if self.employers[i] == cvr}
        return OwnEmployments(
            {i: e for i, e in own.items() if i in ids},
            {n: [e for e in own.values() if e.card_id == self.numbers.get(n)] for n in numbers},
        )

    async def accepted_reports(self, employment_ids: Collection[str]) -> list[AcceptedReport]:
        return []

    async def revisions(self, card_ids: Collection[str]) -> dict[str, int]:
        return dict.fromkeys(card_ids, 3)

    async def people(self, card_ids: Collection[str]) -> dict[str, str]:
        return {card_id: card_id.ljust(22, "-")[:22] for card_id in card_ids}

    async def outcomes(self, command_ids: Collection[str]) -> dict[str, LineOutcome]:
        return {i: self.decided[i] for i in command_ids if i in self.decided}

    async def splits(self, report_ids: Collection[str]) -> dict[str, LineSplit]:
        return {i: self.booked[i] for i in report_ids if i in self.booked}

    async def periods(self, employment_ids: Collection[str]) -> dict[str, Period]:
        return {i: self.employments[i].period for i in employment_ids}

    async def totals(self, years: Collection[tuple[str, int]]) -> dict[tuple[str, int], TotalsView]:
        return {}

    def _decide(self, record: Record) -> None:
        message = decode(REPORTING_COMMANDS, record.value, record.headers)
        if isinstance(message.data, CheckReports):
            self._check(message.data)
            return
        if str(message.id) in self.decided:
            return
        command = message.data
        report_id = command.report_id
        is_repeated = report_id in self.booked
        if command.components.total == 13:
            outcome = LineOutcome(None, 0, False, "amount-too-large", {"total": 13})
        else:
            outcome = LineOutcome(report_id, 1, is_repeated, None, {})
            self.booked.setdefault(report_id, LineSplit(1, command.components.total, 0))
        self.decided[str(message.id)] = outcome

    def _check(self, command: CheckReports) -> None:
        tried: set[str] = set()
        for report in command.reports:
            report_id = report.report_id or ""
            outcome = LineOutcome(report_id, 1, report_id in self.booked.keys() | tried, None, {})
            if report.components.total == 13:
                outcome = LineOutcome(None, 0, False, "amount-too-large", {"total": 13})
            else:
                tried.add(report_id)
            if report.command_id is not None:
                self.decided.setdefault(report.command_id, outcome)


def report_line(reference: str, number: str = "12345", wage: int = 100_000, **changes: Any) -> dict[str, Any]:
    """The body of a line of a JSON Lines file."""
    body = {
        "card_number": number,
        "reference": reference,
        "work": {"first": "2025-03-01", "last": "2025-03-31"},
        "payment_date": "2025-03-31",
        "components": {"wage_ore": wage},
    }
    return body | changes


def valid_line(number: int) -> ValidLine:
    """A validated line."""
    return ValidLine(number, "e", "card", "r", "2025-03-01", "2025-03-31", "2025-03-31", 1, 2, 3, 4, False)


def receiving_batch(**changes: Any) -> Batch:
    """A file whose upload has begun."""
    given: dict[str, Any] = {
        "batch_id": "b7d1c1f4-6c0e-4f53-9c7d-3c1a8f0d2a66",
        "cvr": CVR,
        "actor": "bookkeeper-1",
        "client": "c",
        "request": "r",
        "upload": "first",
        "order": "2025",
        "traceparent": None,
        "created_at": NOON,
        "expires_at": NOON + timedelta(days=7),
        "status": BatchStatus.RECEIVING,
    }
    return Batch(**given | changes)
