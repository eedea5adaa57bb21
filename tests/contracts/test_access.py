"""The rights that follow from the topic table."""

from __future__ import annotations

import pytest
from frikort_contracts.access import (
    AUDITOR,
    AUTHORITIES,
    BACKUP,
    MIRROR,
    OPERATOR,
    PRINCIPALS,
    PROCESSES,
    PROVISIONER,
    Operation,
    Resource,
    Right,
    group_prefix,
    rights,
)
from frikort_contracts.authorities import FEEDS
from frikort_contracts.topics import (
    AUDIT_LOG,
    AUTHORITY_SKAT,
    AUTHORITY_STAR,
    BALANCE_JOBS,
    DEAD_SUFFIX,
    EARNINGS,
    EVIDENCE,
    EXPORTS_JOBS,
    EXTRACT_REQUESTS,
    PERSON_KEYS,
    RECONCILIATION,
    RETENTION,
    TOPICS,
    UNUSUAL_ACCESSES,
    YEARS,
)


def names(principal: str, operation: Operation, resource: Resource = Resource.TOPIC) -> set[str]:
    return {r.name for r in rights() if (r.principal, r.operation, r.resource) == (principal, operation, resource)}


def test_a_reader_reads_its_topics_in_its_own_groups_and_reads_and_writes_their_dead_letters() -> None:
    dead = {EARNINGS.dead, BALANCE_JOBS.dead, RECONCILIATION.dead}
    reads = {EARNINGS.name, BALANCE_JOBS.name, RECONCILIATION.name, YEARS.name}
    assert names("balance", Operation.READ) == {*reads, *dead}
    assert Right("balance", Operation.READ, Resource.GROUP, "frikort.balance.", is_prefix=True) in rights()
    assert names("balance", Operation.WRITE) == {
        "frikort.balances.v1",
        "frikort.cap-warnings.v1",
        BALANCE_JOBS.name,
        BALANCE_JOBS.dead,
        EARNINGS.dead,
        RECONCILIATION.name,
        RECONCILIATION.dead,
    }


def test_who_only_follows_the_years_has_no_right_to_a_consumer_group() -> None:
    """The projections' groups have the same prefix: a commit in one of them would leave records out."""
    assert not names("gateway", Operation.READ, Resource.GROUP) | names("payroll", Operation.READ, Resource.GROUP)


def test_the_three_processes_of_the_gateway_differ() -> None:
    commands = {topic.name for topic in TOPICS if ".commands." in topic.name}
    written = {AUDIT_LOG, EVIDENCE, UNUSUAL_ACCESSES, RETENTION, PERSON_KEYS, EXPORTS_JOBS}
    assert names("gateway", Operation.WRITE) == {*commands, EXTRACT_REQUESTS.name, *(topic.name for topic in written)}
    assert names("payroll", Operation.WRITE) == {"frikort.reporting.commands.v1"}
    assert names("gateway", Operation.READ) == {YEARS.name, AUDIT_LOG.name, PERSON_KEYS.name}
    followers = {topic.name for topic in TOPICS if topic.is_followed and "exports" in topic.readers}
    assert followers == {PERSON_KEYS.name, YEARS.name}
    assert names("payroll", Operation.READ) == {YEARS.name}
    dead = {topic.dead for topic in TOPICS if "projections" in topic.readers}
    assert names("projections", Operation.WRITE) == dead | {RECONCILIATION.name}
    assert names("projections", Operation.READ) == dead | {name.removesuffix(DEAD_SUFFIX) for name in dead}


@pytest.mark.parametrize("authority", AUTHORITIES)
def test_an_authority_reads_its_feeds_in_groups_with_its_name(authority: str) -> None:
    first = {topic.name for topic in (AUTHORITY_SKAT, AUTHORITY_STAR) if authority in topic.readers}
    feeds = first | {feed.topic for feed in FEEDS if feed.user == authority}
    assert {right for right in rights() if right.principal == authority} == {
        *(Right(authority, Operation.READ, Resource.TOPIC, feed) for feed in feeds),
        Right(authority, Operation.READ, Resource.GROUP, f"{authority}.", is_prefix=True),
    }


def test_the_operator_reads_dead_letters_and_writes_where_they_came_from() -> None:
    assert names(OPERATOR, Operation.READ) == {topic.dead for topic in TOPICS}
    read = {
        topic.name for topic in TOPICS if set(topic.readers) & set(PROCESSES) and topic not in (AUDIT_LOG, PERSON_KEYS)
    }
    assert names(OPERATOR, Operation.WRITE) == read


def test_the_auditor_reads_the_audit_log_and_writes_nothing() -> None:
    assert names(AUDITOR, Operation.READ) == {AUDIT_LOG.name, EVIDENCE.name, UNUSUAL_ACCESSES.name, RETENTION.name}
    assert names(AUDITOR, Operation.WRITE) == set()


def test_a_backup_reads_every_topic_and_sees_every_group_and_changes_none() -> None:
    assert names(BACKUP, Operation.READ) == {name for topic in TOPICS for name in (topic.name, topic.dead)}
    assert not names(BACKUP, Operation.WRITE)
    assert names(BACKUP, Operation.DESCRIBE, Resource.GROUP) == {"frikort.", "authority-"}
    assert names(BACKUP, Operation.READ, Resource.GROUP) == {"frikort.backup."}


def test_a_mirror_reads_every_topic_and_its_settings_and_nothing_else() -> None:
    every = {name for topic in TOPICS for name in (topic.name, topic.dead)}
    found = {(right.operation, right.resource, right.name) for right in rights() if right.principal == MIRROR}
    operations = (Operation.READ, Operation.DESCRIBE_CONFIGS)
    assert found == {(operation, Resource.TOPIC, name) for operation in operations for name in every}


def test_every_principal_of_the_table_is_known_and_only_the_provisioner_needs_no_right() -> None:
    named = {
        principal
        for topic in TOPICS
        for principal in (*topic.writers, *topic.readers, *topic.described_by, *topic.checked_by)
    }
    assert named <= set(PRINCIPALS)
    assert {right.principal for right in rights()} == set(PRINCIPALS) - {PROVISIONER}


def test_no_group_prefix_begins_with_another() -> None:
    prefixes = {group_prefix(principal) for principal in PRINCIPALS}
    assert not [(a, b) for a in prefixes for b in prefixes if a != b and a.startswith(b)]
