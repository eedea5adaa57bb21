"""Mutants: defects that a change could introduce, each a patch of the code. The simulation must detect every one.

The product has no switches for them. ``test_simulation`` prints in how many seeds each is found.
"""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from frikort_contracts.reporting import DisputeAnswered
from frikort_contracts.topics import Topic, source_of

from services.balance import jobs as balance_jobs
from services.balance import ledger as ledgers
from services.balance import processor as balance
from services.exports.card_year import CardYear
from services.gateway.commands.service import CommandService
from services.gateway.projections import reports as report_views
from services.gateway.read_models import ReadModels
from services.issuance import lifecycle as issuance
from services.issuance.card import Mandate
from services.reporting import processor as reporting
from services.reporting import reports
from services.runtime.processing import batch_processor as loop_module
from services.runtime.processing import jobs
from services.runtime.processing import published as published_module
from services.runtime.processing.apply import APPLIED
from services.runtime.processing.batch_processor import BatchProcessor
from services.runtime.processing.consumer import BatchConsumer
from services.runtime.processing.dead_letters import replay_in
from services.runtime.processing.entries import EntryMap
from services.runtime.processing.offset_committer import OffsetCommitter
from services.runtime.processing.partition_workers import PartitionWorkers
from services.runtime.processing.published import PublishedEvents
from tests.runtime.memory import MemoryDatabase, MemoryStore
from tests.simulation import cache_mutants, counters, defects, entry_mutants, feed_mutants, limit_mutants
from tests.simulation import jobs as sim_jobs
from tests.simulation.broker import Group
from tests.simulation.fault_schedule import FORGED
from tests.simulation.mutant import Mutant
from tests.simulation.mutant import replaced as _of

MUTANTS: Final = (
    Mutant(
        "commit before write",
        "offsets are committed before the batch is done",
        _of(BatchConsumer, "_process_partitions", defects.commit_first),
    ),
    Mutant(
        "publish before write",
        "events are published before they are stored",
        _of(BatchProcessor, "process", defects.publish_first),
        first=1,
    ),
    Mutant(
        "positions not stored",
        "offsets are committed that the database does not have",
        _of(BatchConsumer, "_commit", defects.only_commit),
        found_by="and its database is at",
    ),
    Mutant(
        "failed batches skipped",
        "a batch that failed counts as done",
        _of(BatchConsumer, "_process_with_retry", defects.give_up),
    ),
    Mutant(
        "no drain on revoke",
        "batches continue after their partitions were revoked",
        _of(BatchConsumer, "revoked", defects.no_drain),
    ),
    Mutant(
        "no drain before joining again",
        "a consumer that lost its membership joins again while batches are in progress",
        _of(BatchConsumer, "_join_again", defects.join_at_once),
    ),
    Mutant(
        "decisions of what was not seen",
        "the municipality decides a dispute that changed since its page was opened",
        _of(reporting, "decide_dispute", defects.decide_unseen),
        within=60,
        first=5,
    ),
    Mutant(
        "a worker overtakes",
        "two batches of a partition are processed at once",
        _of(PartitionWorkers, "_ready", defects.also_busy),
    ),
    Mutant("newest first", "a partition is processed out of order", _of(PartitionWorkers, "add", defects.newest_first)),
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
        first=34,
    ),
    Mutant("random event ids", "a redelivery publishes other ids", defects.random_ids),
    Mutant(
        "ids from offsets",
        "a message is identified by its offset, not by its id",
        _of(BatchProcessor, "_read_some", defects.ids_from_offsets),
    ),
    Mutant(
        "no version guard",
        "a zombie overwrites what others wrote",
        _of(MemoryDatabase, "put", defects.put_over_anything),
        first=3,
    ),
    Mutant(
        "no alias guard",
        "two documents may hold one alias",
        _of(MemoryDatabase, "_held_by_others", lambda *_: False),
        citizens=8,
        first=1,
    ),
    Mutant(
        "refused write taken for done",
        "a batch is not applied again after a refused write",
        _of(MemoryStore, "write", defects.write_and_hope),
        first=1,
    ),
    Mutant(
        "applied ids forgotten",
        "a document forgets what it has applied",
        _of(MemoryDatabase, "put", defects.stored_with(applied=EntryMap(APPLIED))),
    ),
    Mutant(
        "outbox not stored",
        "a document loses its pending events",
        _of(MemoryDatabase, "put", defects.stored_with(outbox=[])),
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
        _of(loop_module, "apply_deliveries", defects.only_its_own),
        within=60,
        first=33,
    ),
    Mutant("dead letters dropped", "invalid records are dropped", _of(loop_module, "dead_letter", defects.nowhere)),
    Mutant(
        "replays for every reader",
        "a replay is read by processors that had not rejected the record",
        _of(BatchProcessor, "_is_replay_for_another", lambda *_: False),
    ),
    Mutant(
        "replays for no reader",
        "a replay is passed over by the processor that had rejected the record",
        _of(BatchProcessor, "_is_replay_for_another", lambda _, incoming: replay_in(incoming) is not None),
    ),
    Mutant(
        "ledger by report id",
        "reports are split by id, not in order of acceptance",
        _of(ledgers, "replace_or_append", defects.by_id),
        first=3,
    ),
    Mutant(
        "corrected goes last",
        "a correction loses its place in the order",
        _of(ledgers, "replace_or_append", defects.corrected_at_the_end),
        first=3,
    ),
    Mutant(
        "no warning withdrawn",
        "a warning that a correction made untrue stands",
        _of(balance, "post_report", defects.warnings_kept),
        first=1,
    ),
    Mutant(
        "invalid events published",
        "an event is published that its contract refuses",
        _of(balance, "_changed", defects.invalid_event),
        first=1,
    ),
    Mutant(
        "commands never wait",
        "a command is decided on older card facts",
        _of(reporting, "needed_card_revision", lambda _: 0),
        within=60,
        first=48,
    ),
    Mutant(
        "numbers used again",
        "a number is drawn without asking who has it",
        _of(issuance, "draw_number", lambda *_: "12345"),
    ),
    Mutant("sent once", "a command that was kept is taken for sent", _of(CommandService, "submit", defects.sent_once)),
    Mutant("new command for each try", "the key of a retry is ignored", defects.new_command_for_each_try),
    Mutant(
        "answers ahead of the models",
        "an answer names what cannot be read",
        _of(ReadModels, "_behind", defects.nothing_behind),
    ),
    Mutant(
        "disputes not awaited",
        "a dispute is answered before it can be read",
        _of(ReadModels, "_report_behind", defects.disputes_not_awaited),
        first=3,
    ),
    Mutant(
        "an answer before its state is durable",
        "a report is answered when it can be read, and the sums of its year cannot",
        _of(ReadModels, "_report_behind", defects.years_not_awaited),
        found_by="the year of",
        first=3,
    ),
    Mutant(
        "disputes outlive their answer",
        "a correction or withdrawal ends no dispute",
        _of(reports, "close_on_employer_action", lambda _employment, report, _command, _cause: (report, ())),
        first=10,
    ),
    Mutant(
        "answers end disputes",
        "exports takes the employer's answer for the end of a dispute",
        _of(DisputeAnswered, "is_open", False),
        within=60,
        first=4,
    ),
    Mutant(
        "early disputes dropped",
        "exports forgets a dispute that comes before the split of its report",
        _of(CardYear, "dispute_changed", defects.early_disputes_dropped),
        within=120,
        first=19,
    ),
    Mutant(
        "corrections lost by a read model",
        "the gateway shows a report as it was before its correction",
        _of(report_views, "_revised", defects.corrections_lost),
        found_by="found differences",
        first=4,
    ),
    Mutant(
        "counted while behind",
        "a service counts the cards of a reconciliation before it has caught up",
        _of(counters, "catch_up", defects.no_catching_up),
        within=60,
        found_by="found differences",
        first=5,
    ),
    Mutant(
        "no settlement",
        "amounts take effect, and no job settles the year",
        _of(balance_jobs, "start_due_settlements", defects.start_nothing),
        first=12,
    ),
    Mutant(
        "job position before publish",
        "a crash of the runner leaves a document out",
        _of(sim_jobs, "run_job", defects.store_position_first),
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
        first=1,
    ),
    *cache_mutants.MUTANTS,
    *limit_mutants.MUTANTS,
    *entry_mutants.MUTANTS,
    *feed_mutants.MUTANTS,
)
