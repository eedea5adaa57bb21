"""Defects that the mutants put into the system, each in place of a function of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from unittest.mock import patch
from uuid import NAMESPACE_OID, UUID, uuid5

from frikort_contracts.cloudevents import Record
from frikort_contracts.messages import EventFields
from frikort_contracts.reporting import DecideDispute, EarningsCorrected

from services.balance import ledger as ledgers
from services.balance import processor as balance
from services.balance.ledger import Ledger, LedgerEntry, Posting
from services.exports.card_year import CardYear
from services.gateway.changes.change_notifier import Key
from services.gateway.commands.service import Build, CommandRequest, CommandService, Submission
from services.gateway.projections import reports as report_views
from services.gateway.projections.reports import ReportView
from services.gateway.read_models import ReadModels, is_settled
from services.reporting import disputes
from services.runtime.error_kinds import RETRYABLE
from services.runtime.processing import apply as apply_module
from services.runtime.processing import jobs
from services.runtime.processing.apply import AppliedBatch, Delivery, Document, Incoming, apply_deliveries
from services.runtime.processing.batch_processor import BatchHandler, BatchProcessor, BatchResult, rejected
from services.runtime.processing.consumer import BatchConsumer, MembershipLost
from services.runtime.processing.partition_workers import PartitionWorkers
from services.runtime.processing.positions import Offsets, Partition
from tests.runtime.memory import MemoryDatabase, MemoryStore

process_partitions = BatchConsumer._process_partitions


async def commit_first(self: BatchConsumer, records: Sequence[Incoming]) -> None:
    self._committer.add({Partition(record.topic, record.partition): record.offset + 1 for record in records})
    await self._committer.flush()
    await process_partitions(self, records)


async def only_commit(self: BatchConsumer, offsets: Offsets) -> None:
    await self._consumer.commit(offsets)


async def give_up(self: BatchConsumer, processor: BatchHandler, batch: Sequence[Incoming]) -> bool:
    with suppress(*RETRYABLE):
        await processor.process(batch)
    return True


async def no_drain(self: BatchConsumer) -> None:
    self.joined = False
    self._positions.clear()


async def join_at_once(self: BatchConsumer, _: MembershipLost) -> None:
    await self._consumer.stop()
    await self._consumer.start(self)


def also_busy(self: PartitionWorkers) -> Sequence[int]:
    return list(self._waiting)


def newest_first(self: PartitionWorkers, records: Sequence[Incoming]) -> None:
    for record in records:
        self._waiting.setdefault(record.partition, []).insert(0, record)
    self._start()


async def publish_first(self: BatchProcessor[Any], batch: Sequence[Incoming]) -> BatchResult:
    deliveries, broken = await self._read(batch)
    dead = [
        rejected(self._service, self._processor.name, i, reason)
        for i in batch
        if (reason := broken.get((i.topic, i.partition, i.offset)))
    ]
    while True:
        documents = await self._load([delivery.address for delivery in deliveries], deliveries, {})
        applied = await self._apply(documents, deliveries)
        await self._producer.publish([*dead, *applied.records])
        if not (changed := documents.changed()) or await self._store.write(changed):
            return BatchResult(len(deliveries), len(applied.records), len(dead))


read_some = BatchProcessor._read_some


def ids_from_offsets(self: BatchProcessor[Any], batch: Sequence[Incoming]) -> tuple[list[Delivery], dict[Any, str]]:
    deliveries, broken = read_some(self, batch)
    for index, delivery in enumerate(deliveries):
        place = delivery.incoming
        name = f"{place.topic}/{place.partition}/{place.offset}"
        envelope = delivery.envelope._replace(id=uuid5(NAMESPACE_OID, name))
        deliveries[index] = delivery._replace(envelope=envelope)
    return deliveries, broken


_put = MemoryDatabase.put
_write = MemoryStore.write


def stored_with(**changes: Any) -> Callable[[MemoryDatabase[Any], Document[Any]], bool]:
    return lambda self, document: _put(self, replace(document, **changes))


def put_over_anything(self: MemoryDatabase[Any], document: Document[Any]) -> bool:
    stored = self.documents.get(document.id)
    return _put(self, replace(document, version=0 if stored is None else stored.version))


async def write_and_hope(self: MemoryStore[Any], documents: Sequence[Document[Any]]) -> bool:
    await _write(self, documents)
    return True


def nowhere(service: str, processor: str, incoming: Incoming, reason: str) -> Record:
    return Record("nowhere", incoming.key or b"", b"", ())


@contextmanager
def random_ids() -> Iterator[None]:
    """Ids are drawn when an event is published. (Drawn at the decision they are harmless: the outbox keeps them.)"""
    count = itertools.count(1)

    def pending_records(document: Document[Any]) -> list[Record]:
        return [
            record._replace(
                headers=tuple({**dict(record.headers), "ce_id": str(UUID(int=next(count))).encode()}.items())
            )
            for pending in document.outbox
            for record in pending.entry.records()
        ]

    with patch.object(apply_module, "_pending_records", pending_records):
        yield


def by_id(entries: Iterable[LedgerEntry], entry: LedgerEntry) -> Iterable[LedgerEntry]:
    return sorted(_replace_or_append(entries, entry))


def corrected_at_the_end(entries: Iterable[LedgerEntry], entry: LedgerEntry) -> Iterable[LedgerEntry]:
    return *(one for one in entries if one.report_id != entry.report_id), entry


_replace_or_append = ledgers.replace_or_append
_post_report = ledgers.post_report


_decide_dispute = disputes.decide_dispute


def decide_unseen(rules: Any, state: Any, message: Any) -> Any:
    if isinstance(message.data, DecideDispute):
        message = message._replace(data=message.data.model_copy(update={"dispute_revision": None}))
    return _decide_dispute(rules, state, message)


async def start_nothing(*_: Any) -> None:
    pass


def warnings_kept(ledger: Ledger, entry: LedgerEntry, **given: Any) -> Posting:
    posting = _post_report(ledger, entry, **given)
    return posting._replace(ledger=posting.ledger._replace(warned=ledger.warned))


_changed = balance._changed


def invalid_event(**fields: Any) -> EventFields:
    return _changed(**{**fields, "provisional": 0})


async def sent_once(self: CommandService, ask: CommandRequest, build: Build) -> Submission:
    submission = await self._new(ask, build)
    if not submission.replayed:
        await self._producer.publish([submission.record])
    return submission


@contextmanager
def new_command_for_each_try() -> Iterator[None]:
    count = itertools.count(1)
    with patch.object(CommandRequest, "command_id", property(lambda _: UUID(int=next(count)))):
        yield


async def nothing_behind(self: ReadModels, outcome: Any) -> tuple[()]:
    return ()


async def no_catching_up(*_: Any) -> None:
    pass


def corrections_lost(report: ReportView, event: Any, at: Any) -> ReportView:
    return report if isinstance(event, EarningsCorrected) else _revised(report, event, at)


_revised = report_views._revised
report_behind = ReadModels._report_behind
_dispute_changed = CardYear.dispute_changed


async def disputes_not_awaited(self: ReadModels, report_id: str, needed: int, _: int) -> tuple[Any, ...]:
    return await report_behind(self, report_id, needed, 0)


async def years_not_awaited(self: ReadModels, report_id: str, needed: int, dispute: int) -> tuple[Any, ...]:
    report = await self.reports.get(report_id)
    is_shown = report is not None and is_settled(report, needed) and report.dispute_revision >= dispute
    return () if is_shown else (Key("reports", report_id),)


def early_disputes_dropped(self: CardYear, event: Any) -> CardYear:
    return _dispute_changed(self, event) if event.report_id in self.reports else self


def only_its_own(
    service: str, processor: Any, documents: Any, deliveries: Sequence[Delivery], applied: AppliedBatch
) -> None:
    mine = {(delivery.incoming.topic, delivery.incoming.partition) for delivery in deliveries}

    def pending_records(document: Document[Any]) -> list[Record]:
        return [r for p in document.outbox if (p.topic, p.partition) in mine for r in p.entry.records()]

    with (
        patch.object(apply_module, "_pending_records", pending_records),
        patch.object(apply_module, "_taken_over", lambda entry, _: entry),
    ):
        apply_deliveries(service, processor, documents, deliveries, applied)


async def store_position_first(
    service: str, kind: Any, job: Any, *, ids: Any, store: Any, producer: Any, **_: Any
) -> None:
    while found := await ids.after(job.cursor, 1):
        job = await store.advance(job, cursor=found[-1], count=1)
        await producer.publish([jobs.record_of(service, kind, job, name) for name in found])
    await store.finish(job)
