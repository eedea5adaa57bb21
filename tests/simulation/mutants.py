"""Mutants: defects that a change could introduce, each a patch of the code. The simulation must detect every one.

The product has no switches for them. ``test_simulation`` prints in how many seeds each is found.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final
from unittest.mock import patch
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from frikort_contracts.cloudevents import Record
from frikort_contracts.reporting import DisputeAnswered
from frikort_contracts.topics import Topic, source_of

from services.balance import jobs as balance_jobs
from services.balance import ledger as ledgers
from services.balance import processor as balance
from services.balance.ledger import Ledger, LedgerEntry, Posting
from services.exports.card_year import CardYear
from services.gateway.commands.service import Build, CommandRequest, CommandService, Submission
from services.gateway.read_models import ReadModels
from services.issuance import lifecycle as issuance
from services.issuance.card import Mandate
from services.reporting import processor as reporting
from services.reporting import reports
from services.runtime.processing import apply as apply_module
from services.runtime.processing import batch_processor as loop_module
from services.runtime.processing import jobs
from services.runtime.processing import published as published_module
from services.runtime.processing.apply import AppliedBatch, Delivery, Document, Incoming, apply_batch
from services.runtime.processing.batch_processor import BatchProcessor, BatchResult
from services.runtime.processing.consumer import BatchConsumer, BatchHandler
from services.runtime.processing.offset_committer import OffsetCommitter
from services.runtime.processing.partition_workers import PartitionWorkers
from services.runtime.processing.positions import Partition
from services.runtime.processing.published import PublishedEvents
from services.runtime.retryable import RETRYABLE
from tests.runtime.memory import MemoryDatabase, MemoryStore
from tests.simulation import jobs as sim_jobs
from tests.simulation.broker import Group
from tests.simulation.fault_schedule import FORGED

Patch = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Mutant:
    """One way to break the system. One of the first ``within`` seeds detects it, with ``citizens`` if given."""

    name: str
    what: str
    patch: Patch
    within: int = 20
    citizens: int | None = None


_process_partitions = BatchConsumer._process_partitions


async def _commit_first(self: BatchConsumer, records: Sequence[Incoming]) -> None:
    self._committer.add({Partition(record.topic, record.partition): record.offset + 1 for record in records})
    await self._committer.flush()
    await _process_partitions(self, records)


async def _give_up(self: BatchConsumer, processor: BatchHandler, batch: Sequence[Incoming]) -> bool:
    with suppress(*RETRYABLE):
        await processor.process(batch)
    return True


async def _no_drain(self: BatchConsumer) -> None:
    self.joined = False
    self._positions.clear()


def _also_busy(self: PartitionWorkers) -> Sequence[int]:
    return list(self._waiting)


def _newest_first(self: PartitionWorkers, records: Sequence[Incoming]) -> None:
    for record in records:
        self._waiting.setdefault(record.partition, []).insert(0, record)
    self._start()


async def _publish_first(self: BatchProcessor[Any], batch: Sequence[Incoming]) -> BatchResult:
    deliveries, broken = self._read(batch)
    dead = [self._to_dead_letter(i, reason) for i in batch if (reason := broken.get((i.topic, i.partition, i.offset)))]
    while True:
        documents = await self._store.load([delivery.address for delivery in deliveries])
        applied = self._apply(documents, deliveries)
        await self._producer.publish([*dead, *applied.records])
        if not (changed := documents.changed()) or await self._store.write(changed):
            return BatchResult(len(deliveries), len(applied.records), len(dead))


_read = BatchProcessor._read


def _ids_from_offsets(self: BatchProcessor[Any], batch: Sequence[Incoming]) -> tuple[list[Delivery], dict[Any, str]]:
    deliveries, broken = _read(self, batch)
    for index, delivery in enumerate(deliveries):
        place = delivery.incoming
        name = f"{place.topic}/{place.partition}/{place.offset}"
        envelope = delivery.envelope._replace(id=uuid5(NAMESPACE_OID, name))
        deliveries[index] = delivery._replace(envelope=envelope)
    return deliveries, broken


_put = MemoryDatabase.put
_write = MemoryStore.write


def _stored_with(**changes: Any) -> Callable[[MemoryDatabase[Any], Document[Any]], bool]:
    return lambda self, document: _put(self, replace(document, **changes))


def _put_over_anything(self: MemoryDatabase[Any], document: Document[Any]) -> bool:
    stored = self.documents.get(document.id)
    return _put(self, replace(document, version=0 if stored is None else stored.version))


async def _write_and_hope(self: MemoryStore[Any], documents: Sequence[Document[Any]]) -> bool:
    await _write(self, documents)
    return True


def _nowhere(service: str, processor: str, incoming: Incoming, reason: str) -> Record:
    return Record("nowhere", incoming.key or b"", b"", ())


@contextmanager
def _random_ids() -> Iterator[None]:
    """Ids are drawn when an event is published. (Drawn at the decision they are harmless: the outbox keeps them.)"""
    count = itertools.count(1)

    def pending_records(document: Document[Any]) -> Iterator[Record]:
        for pending in document.outbox:
            for record in pending.entry:
                headers = {**dict(record.headers), "ce_id": str(UUID(int=next(count))).encode()}
                yield record._replace(headers=tuple(headers.items()))

    with patch.object(apply_module, "_pending_records", pending_records):
        yield


def _by_id(entries: Iterable[LedgerEntry], entry: LedgerEntry) -> Iterable[LedgerEntry]:
    return sorted(_replace_or_append(entries, entry))


def _corrected_at_the_end(entries: Iterable[LedgerEntry], entry: LedgerEntry) -> Iterable[LedgerEntry]:
    return *(one for one in entries if one.report_id != entry.report_id), entry


_replace_or_append = ledgers.replace_or_append
_post_report = ledgers.post_report


async def _start_nothing(*_: Any) -> None:
    pass


def _warnings_kept(ledger: Ledger, entry: LedgerEntry, **given: Any) -> Posting:
    posting = _post_report(ledger, entry, **given)
    return posting._replace(ledger=posting.ledger.model_copy(update={"warned": ledger.warned}))


async def _sent_once(self: CommandService, ask: CommandRequest, build: Build) -> Submission:
    submission = await self._new(ask, build)
    if not submission.replayed:
        await self._producer.publish([submission.record])
    return submission


@contextmanager
def _new_command_for_each_try() -> Iterator[None]:
    count = itertools.count(1)
    with patch.object(CommandRequest, "command_id", property(lambda _: UUID(int=next(count)))):
        yield


async def _nothing_behind(self: ReadModels, outcome: Any) -> tuple[()]:
    return ()


_report_behind = ReadModels._report_behind
_dispute_changed = CardYear.dispute_changed


async def _disputes_not_awaited(self: ReadModels, report_id: str, needed: int, _: int) -> tuple[Any, ...]:
    return await _report_behind(self, report_id, needed, 0)


def _early_disputes_dropped(self: CardYear, event: Any) -> CardYear:
    return _dispute_changed(self, event) if event.report_id in self.reports else self


def _only_its_own(service: str, processor: Any, documents: Any, deliveries: Sequence[Delivery]) -> AppliedBatch:
    mine = {(delivery.incoming.topic, delivery.incoming.partition) for delivery in deliveries}

    def pending_records(document: Document[Any]) -> Iterator[Record]:
        return (r for p in document.outbox if (p.topic, p.partition) in mine for r in p.entry)

    with (
        patch.object(apply_module, "_pending_records", pending_records),
        patch.object(apply_module, "_taken_over", lambda entry, _: entry),
    ):
        return apply_batch(service, processor, documents, deliveries)


async def _store_position_first(
    service: str, kind: Any, job: Any, *, ids: Any, store: Any, producer: Any, **_: Any
) -> None:
    while found := await ids.after(job.cursor, 1):
        job = await store.advance(job, cursor=found[-1], count=1)
        await producer.publish([jobs.record_of(service, kind, job, name) for name in found])
    await store.finish(job)


def _of(target: Any, attribute: str, instead: Any) -> Patch:
    return lambda: patch.object(target, attribute, instead)


MUTANTS: Final = (
    Mutant(
        "commit before write",
        "offsets are committed before the batch is done",
        _of(BatchConsumer, "_process_partitions", _commit_first),
    ),
    Mutant(
        "publish before write",
        "events are published before they are stored",
        _of(BatchProcessor, "process", _publish_first),
    ),
    Mutant(
        "failed batches skipped",
        "a batch that failed counts as done",
        _of(BatchConsumer, "_process_with_retry", _give_up),
    ),
    Mutant(
        "no drain on revoke",
        "batches continue after their partitions were revoked",
        _of(BatchConsumer, "revoked", _no_drain),
    ),
    Mutant(
        "a worker overtakes",
        "two batches of a partition are processed at once",
        _of(PartitionWorkers, "_ready", _also_busy),
    ),
    Mutant("newest first", "a partition is processed out of order", _of(PartitionWorkers, "add", _newest_first)),
    Mutant(
        "commits of another generation",
        "the commit of a member that was expelled is accepted",
        _of(Group, "is_current", lambda *_: True),
    ),
    Mutant(
        "offsets kept after a revocation",
        "what could not be committed is committed by a later assignment",
        _of(OffsetCommitter, "_forget", lambda _: None),
        within=120,
    ),
    Mutant("random event ids", "a redelivery publishes other ids", _random_ids),
    Mutant(
        "ids from offsets",
        "a message is identified by its offset, not by its id",
        _of(BatchProcessor, "_read", _ids_from_offsets),
    ),
    Mutant("no version guard", "a zombie overwrites what others wrote", _of(MemoryDatabase, "put", _put_over_anything)),
    Mutant(
        "no alias guard",
        "two documents may hold one alias",
        _of(MemoryDatabase, "_held_by_others", lambda *_: False),
        citizens=8,
    ),
    Mutant(
        "refused write taken for done",
        "a batch is not applied again after a refused write",
        _of(MemoryStore, "write", _write_and_hope),
    ),
    Mutant(
        "applied ids forgotten",
        "a document forgets what it has applied",
        _of(MemoryDatabase, "put", _stored_with(applied=set())),
    ),
    Mutant(
        "outbox not stored",
        "a document loses its pending events",
        _of(MemoryDatabase, "put", _stored_with(outbox=[])),
    ),
    Mutant(
        "outbox pruned at once",
        "pending events of other batches are removed",
        _of(published_module, "_is_published_before", lambda *_: True),
    ),
    Mutant(
        "every event taken for published",
        "pending events are removed without an acknowledgement",
        _of(PublishedEvents, "_is_remembered", lambda *_: True),
    ),
    Mutant(
        "only own events published",
        "the pending events of another instance are overtaken",
        _of(loop_module, "apply_batch", _only_its_own),
        within=60,
    ),
    Mutant("dead letters dropped", "invalid records are dropped", _of(loop_module, "dead_letter", _nowhere)),
    Mutant(
        "ledger by report id",
        "reports are split by id, not in order of acceptance",
        _of(ledgers, "replace_or_append", _by_id),
    ),
    Mutant(
        "corrected goes last",
        "a correction loses its place in the order",
        _of(ledgers, "replace_or_append", _corrected_at_the_end),
    ),
    Mutant(
        "no warning withdrawn",
        "a warning that a correction made untrue stands",
        _of(balance, "post_report", _warnings_kept),
    ),
    Mutant(
        "commands never wait",
        "a command is decided on older card facts",
        _of(reporting, "needed_card_revision", lambda _: 0),
    ),
    Mutant(
        "numbers used again",
        "a number is drawn without asking who has it",
        _of(issuance, "draw_number", lambda *_: "12345"),
    ),
    Mutant("sent once", "a command that was kept is taken for sent", _of(CommandService, "submit", _sent_once)),
    Mutant("new command for each try", "the key of a retry is ignored", _new_command_for_each_try),
    Mutant(
        "answers ahead of the models",
        "an answer names what cannot be read",
        _of(ReadModels, "_behind", _nothing_behind),
    ),
    Mutant(
        "disputes not awaited",
        "a dispute is answered before it can be read",
        _of(ReadModels, "_report_behind", _disputes_not_awaited),
    ),
    Mutant(
        "disputes outlive their answer",
        "a correction or withdrawal ends no dispute",
        _of(reports, "close_on_employer_action", lambda _employment, report, _command, _cause: (report, ())),
    ),
    Mutant(
        "answers end disputes",
        "exports takes the employer's answer for the end of a dispute",
        _of(DisputeAnswered, "is_open", False),
        within=60,
    ),
    Mutant(
        "early disputes dropped",
        "exports forgets a dispute that comes before the split of its report",
        _of(CardYear, "dispute_changed", _early_disputes_dropped),
        within=60,
    ),
    Mutant(
        "no settlement",
        "amounts take effect, and no job settles the year",
        _of(balance_jobs, "start_due_settlements", _start_nothing),
    ),
    Mutant(
        "job position before publish",
        "a crash of the runner leaves a document out",
        _of(sim_jobs, "run_job", _store_position_first),
        within=40,
    ),
    Mutant(
        "job messages by attempt",
        "a runner that starts again sends other messages",
        _of(jobs, "message_id", lambda *_: uuid4()),
    ),
    Mutant(
        "anyone may write",
        "a valid record of a process that may not write its topic is applied",
        _of(Topic, "sources", property(lambda topic: {*map(source_of, topic.writers), FORGED[1].decode()})),
    ),
    Mutant(
        "mandates never expire",
        "a mandate is in force after its last day",
        _of(Mandate, "in_force", lambda self, _today: not self.withdrawn),
        citizens=8,
    ),
)
