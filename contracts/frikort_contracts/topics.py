"""The topic table: name, messages, partitions, retention, clean-up policy, writers and readers.

Writers and readers are principals of the broker; ``frikort_contracts.access`` derives their rights. All topics keyed by
``card_id`` have the same number of partitions. Retention None keeps records without limit: events are the system of
record, and a read model or an authority must be able to start again from the first record. Some topics are compacted,
because the newest record of a key is the whole of it; the feeds of the authorities are, which the table of authorities
names. In every other topic all records of a key count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Final, Literal, get_args

from frikort_contracts import (
    audit_log,
    balance,
    evidence,
    extract_files,
    extracts,
    feeds,
    issuance,
    outcomes,
    person_keys,
    reconciliation,
    report_checks,
    reporting,
    retention,
    statistics,
    years,
)
from frikort_contracts.authorities import FEEDS, Facts, Feed
from frikort_contracts.messages import Message

PARTITIONS: Final = 6
DEAD_SUFFIX: Final = ".dead"


@dataclass(frozen=True)
class Topic:
    """A row of the table.

    ``writers`` and ``readers`` name processes, or ``authority-<name>``. Those in ``described_by`` may see where the
    topic ends, and no record. Each reader of a topic that ``is_followed`` reads it whole, from its beginning, without a
    consumer group and dead letters; so do those in ``checked_by``. ``compacted_within`` limits the age of the part of a
    compacted topic that is not compacted yet, so that a deleted record is gone some time later.
    """

    name: str
    key: str
    messages: tuple[type[Message], ...]
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    partitions: int = PARTITIONS
    retention: timedelta | None = None
    cleanup: Literal["delete", "compact"] = "delete"
    is_followed: bool = False
    compacted_within: timedelta | None = None
    described_by: tuple[str, ...] = ()
    checked_by: tuple[str, ...] = ()

    @cached_property
    def types(self) -> Mapping[str, type[Message]]:
        """The messages by their CloudEvents type."""
        return {message.type: message for message in self.messages}

    @property
    def dead(self) -> str:
        """The dead-letter topic: records that break the contract."""
        return self.name + DEAD_SUFFIX

    @cached_property
    def sources(self) -> frozenset[str]:
        """The values of ``ce_source`` that records of this topic may have."""
        return frozenset(map(source_of, self.writers))


def source_of(writer: str) -> str:
    """The ``ce_source`` of the records that a process writes."""
    return f"/frikort/{writer}"


ISSUANCE_COMMANDS = Topic(
    name="frikort.issuance.commands.v1",
    key="card_id, or the CPR hash for an issue",
    messages=(
        issuance.IssueCard,
        issuance.DeactivateCard,
        issuance.ReactivateCard,
        issuance.ReplaceCardNumber,
        issuance.HandOverCard,
        issuance.RecordControl,
        issuance.GrantMandate,
        issuance.WithdrawMandate,
    ),
    writers=("gateway",),
    readers=("issuance",),
)
REPORTING_COMMANDS = Topic(
    name="frikort.reporting.commands.v1",
    key="card_id",
    messages=(
        reporting.RegisterEmployment,
        reporting.ChangeEmployment,
        reporting.DeclareNoWork,
        reporting.ReportEarnings,
        reporting.CorrectReport,
        reporting.WithdrawReport,
        report_checks.CheckReports,
        reporting.AnswerDispute,
        reporting.DisputeReport,
        reporting.WithdrawDispute,
        reporting.DecideDispute,
    ),
    writers=("gateway", "payroll"),
    readers=("reporting",),
)
EXPORTS_COMMANDS = Topic(
    name="frikort.exports.commands.v1",
    key="extract_id",
    messages=(extracts.RequestExtract,),
    writers=("gateway",),
    readers=("exports",),
)
EXTRACT_REQUESTS = Topic(
    name="frikort.extract-requests.v1",
    key="extract_id",
    messages=(extract_files.RequestExtractFiles,),
    writers=("gateway",),
    readers=("exports",),
)
EXPORTS_JOBS = Topic(
    name="frikort.exports.jobs.v1",
    key="card_id",
    messages=(extracts.RepublishStatements, extracts.ForgetPerson, extracts.EncryptCprAgain),
    writers=("exports", "gateway"),
    readers=("exports",),
    retention=timedelta(days=30),
)
FEED_JOBS = Topic(
    name="frikort.feed-jobs.v1",
    key="card_id",
    messages=(feeds.FillFeed, feeds.EncryptCprFor),
    writers=("exports",),
    readers=("exports",),
    retention=timedelta(days=30),
)
CARDS = Topic(
    name="frikort.cards.v1",
    key="card_id",
    messages=get_args(issuance.AnyCardEvent),
    writers=("issuance",),
    readers=("reporting", "exports", "projections"),
    described_by=("gateway",),
)
EARNINGS = Topic(
    name="frikort.earnings.v1",
    key="card_id",
    messages=get_args(reporting.AnyEarningsEvent),
    writers=("reporting",),
    readers=("balance", "exports", "projections"),
    described_by=("gateway",),
)
BALANCES = Topic(
    name="frikort.balances.v1",
    key="card_id",
    messages=get_args(balance.AnyBalanceEvent),
    writers=("balance",),
    readers=("exports", "projections"),
    described_by=("gateway",),
)
BALANCE_JOBS = Topic(
    name="frikort.balance.jobs.v1",
    key="card_id",
    messages=(balance.SettleYear,),
    writers=("balance",),
    readers=("balance",),
    retention=timedelta(days=30),
)
CAP_WARNINGS = Topic(
    name="frikort.cap-warnings.v1",
    key="card_id",
    messages=get_args(balance.AnyCapWarning),
    writers=("balance",),
    readers=("projections",),
)
OUTCOMES = Topic(
    name="frikort.outcomes.v1",
    key="command id",
    messages=get_args(outcomes.AnyOutcome),
    writers=("issuance", "reporting", "exports"),
    readers=("projections",),
    retention=timedelta(days=90),
)
EXTRACTS = Topic(
    name="frikort.extracts.v1",
    key="extract_id",
    messages=get_args(extracts.AnyExtractEvent),
    writers=("exports",),
    readers=("projections",),
    retention=timedelta(days=30),
)
EXTRACT_FILES = Topic(
    name="frikort.extract-files.v1",
    key="extract_id",
    messages=get_args(extract_files.AnyExtractFilesEvent),
    writers=("exports",),
    readers=("projections",),
)
YEARS = Topic(
    name="frikort.years.v1",
    key="year",
    messages=(years.YearChanged,),
    writers=("operator",),
    readers=("reporting", "balance", "exports", "gateway", "payroll"),
    cleanup="compact",
    is_followed=True,
)
PERSON_KEYS = Topic(
    name="frikort.person-keys.v1",
    key="keys_id",
    messages=(person_keys.PersonKeysWrapped,),
    writers=("gateway",),
    readers=("gateway", "exports"),
    partitions=1,
    cleanup="compact",
    is_followed=True,
    compacted_within=timedelta(days=1),
)
AUDIT_LOG = Topic(
    name="frikort.audit-log.v1",
    key="chain",
    messages=(audit_log.AuditLogSigned, audit_log.AuditLogExpired),
    writers=("gateway",),
    readers=("gateway", "auditor"),
    partitions=1,
    is_followed=True,
)
UNUSUAL_ACCESSES = Topic(
    name="frikort.unusual-accesses.v1",
    key="finding_id",
    messages=(audit_log.UnusualAccess,),
    writers=("gateway",),
    readers=("auditor",),
    partitions=1,
    retention=timedelta(days=400),
    is_followed=True,
)
RETENTION = Topic(
    name="frikort.retention.v1",
    key="day",
    messages=(retention.RetentionCompleted,),
    writers=("gateway",),
    readers=("auditor",),
    partitions=1,
    is_followed=True,
)
RECONCILIATION = Topic(
    name="frikort.reconciliation.v1",
    key="run_id",
    messages=(reconciliation.CardsListed, reconciliation.CardsCounted, reconciliation.MessagesFound),
    writers=("issuance", *reconciliation.COUNTERS),
    readers=reconciliation.COUNTERS,
    retention=timedelta(days=7),
)
RECONCILIATION_RESULTS = Topic(
    name="frikort.reconciliation-results.v1",
    key="run_id",
    messages=get_args(reconciliation.AnyResult),
    writers=("exports",),
    readers=("projections",),
)
EVIDENCE = Topic(
    name="frikort.evidence.v1",
    key="evidence",
    messages=(evidence.EvidenceSigned,),
    writers=("gateway",),
    readers=("auditor",),
    partitions=1,
    is_followed=True,
)
STATISTICS = Topic(
    name="frikort.statistics.v1",
    key="month",
    messages=(statistics.StatisticsPublished,),
    writers=("exports",),
    readers=("projections",),
)
AUTHORITY_SKAT = Topic(
    name="frikort.authority.skat.v1",
    key="card_id",
    messages=(extracts.TaxStatementUpdated,),
    writers=("exports",),
    readers=("authority-skat", "exports"),
)
AUTHORITY_STAR = Topic(
    name="frikort.authority.star.v1",
    key="card_id",
    messages=(extracts.FollowUpStatementUpdated,),
    writers=("exports",),
    readers=("authority-star",),
)


def _topic_of_feed(feed: Feed) -> Topic:
    return Topic(
        name=feed.topic,
        key="card_id:year, or card_id" if feed.facts is Facts.USE else "card_id:year",
        messages=feeds.RECORDS_OF[feed.facts],
        writers=("exports",),
        readers=(feed.user,),
        checked_by=("exports",),
        # A hundred municipalities: one partition has room for the citizens of each.
        partitions=1 if feed.facts is Facts.BENEFITS else PARTITIONS,
        cleanup="compact",
    )


FEED_TOPICS: Final[Mapping[str, Topic]] = {feed.name: _topic_of_feed(feed) for feed in FEEDS}
"""The feeds by the name of their authority."""

TOPICS: Final[tuple[Topic, ...]] = (
    ISSUANCE_COMMANDS,
    REPORTING_COMMANDS,
    EXPORTS_COMMANDS,
    EXTRACT_REQUESTS,
    EXPORTS_JOBS,
    FEED_JOBS,
    CARDS,
    EARNINGS,
    BALANCES,
    BALANCE_JOBS,
    CAP_WARNINGS,
    OUTCOMES,
    EXTRACTS,
    EXTRACT_FILES,
    YEARS,
    PERSON_KEYS,
    RECONCILIATION,
    RECONCILIATION_RESULTS,
    AUDIT_LOG,
    UNUSUAL_ACCESSES,
    RETENTION,
    EVIDENCE,
    STATISTICS,
    AUTHORITY_SKAT,
    AUTHORITY_STAR,
    *FEED_TOPICS.values(),
)
RETIRED: Final = (EXPORTS_COMMANDS, EXTRACTS)
"""The topics that nothing is written to since 0.2.0. They are not part of that release, and may be removed after it."""

_TOPIC_OF: Final[dict[type[Message], Topic]] = {
    message: topic for topic in reversed(TOPICS) for message in topic.messages
}
MESSAGE_TYPES: Final[dict[str, type[Message]]] = {
    message.type: message for topic in TOPICS for message in topic.messages
}


def topic_of(message: type[Message]) -> Topic:
    """The topic that carries ``message``; the first of them, for the records of feeds."""
    return _TOPIC_OF[message]
