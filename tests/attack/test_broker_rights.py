"""Every principal tries every operation on every topic and group; the broker allows what the topic table says."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Final

import pytest
from frikort_contracts.access import (
    AUTHORITIES,
    BACKUP,
    MIRROR,
    OPERATOR,
    PRINCIPALS,
    PROCESSES,
    PROVISIONER,
    is_authority,
)
from frikort_contracts.topics import AUDIT_LOG, BALANCES, CARDS, EARNINGS, PERSON_KEYS, TOPICS, Topic

from deploy.local.kafka_users import KafkaAccess
from tests.attack.broker_client import BrokerClient

NAMES: Final = frozenset(name for topic in TOPICS for name in (topic.name, topic.dead))
LIMITED: Final = tuple(principal for principal in PRINCIPALS if principal != PROVISIONER)
NOTHING: Final = frozenset[str]()

GROUPS: Final = {
    "frikort.issuance.cards": "issuance",
    "frikort.reporting.card_states": "reporting",
    "frikort.balance.ledgers": "balance",
    "frikort.exports.statements+requests": "exports",
    "frikort.gateway.cards": "projections",
    "authority-skat.copy": "authority-skat",
    "authority-star.copy": "authority-star",
    "foreign": None,
}
"""A consumer group of each reader, with the principal that may use it."""


def dead_letters_of(readers: Callable[[Topic], bool]) -> set[str]:
    return {topic.dead for topic in TOPICS if readers(topic)}


def may_read(principal: str) -> set[str]:
    if principal == OPERATOR:
        return {topic.dead for topic in TOPICS}
    if principal in (BACKUP, MIRROR):
        return set(NAMES)
    read = {topic.name for topic in TOPICS if principal in (*topic.readers, *topic.checked_by)}
    if is_authority(principal):
        return read
    return read | {topic.dead for topic in TOPICS if principal in topic.readers and not topic.is_followed}


def may_write(principal: str) -> set[str]:
    if principal == OPERATOR:  # replays a dead letter to its topic
        return {topic.name for topic in TOPICS if set(topic.readers) & set(PROCESSES)} - {
            AUDIT_LOG.name,
            PERSON_KEYS.name,
        }
    written = {topic.name for topic in TOPICS if principal in topic.writers}
    if is_authority(principal):
        return written
    return written | {topic.dead for topic in TOPICS if principal in topic.readers and not topic.is_followed}


def may_describe(principal: str) -> set[str]:
    ends = {topic.name for topic in (CARDS, EARNINGS, BALANCES)} if principal == "gateway" else set()
    return may_read(principal) | may_write(principal) | ends


def may_read_configs(principal: str) -> set[str]:
    if principal == MIRROR:  # gives the copies the same settings
        return set(NAMES)
    if principal not in PROCESSES:
        return set()
    return may_write(principal) | may_read(principal)


@pytest.fixture(scope="module", autouse=True)
async def records(access: KafkaAccess) -> None:
    """A record on every topic, so that a reader with the right gets one, and a coordinator for every group."""
    client = BrokerClient(access.settings())
    assert client.write(NAMES) == NAMES
    assert await client.move_groups(GROUPS, CARDS.name) == set(GROUPS)


@pytest.fixture(params=LIMITED)
def principal(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(access: KafkaAccess, principal: str) -> BrokerClient:
    return BrokerClient(access.settings(principal))


def test_a_principal_reads_the_topics_that_the_table_gives_it(principal: str, client: BrokerClient) -> None:
    assert client.read(NAMES) == may_read(principal)


def test_a_principal_writes_the_topics_that_the_table_gives_it(principal: str, client: BrokerClient) -> None:
    assert client.write(NAMES) == may_write(principal)


def test_a_principal_sees_its_own_topics_only(principal: str, client: BrokerClient) -> None:
    assert client.describe(NAMES) == may_describe(principal)


def test_only_processes_and_the_mirror_see_the_settings_of_their_topics(principal: str, client: BrokerClient) -> None:
    assert client.read_configs(NAMES) == may_read_configs(principal)


def test_no_principal_changes_creates_or_deletes_a_topic(client: BrokerClient) -> None:
    assert client.change_configs(NAMES) == NOTHING
    assert client.create({*NAMES, "frikort.forged.v1"}) == NOTHING
    assert client.delete(NAMES) == NOTHING


async def test_a_principal_uses_its_own_consumer_groups_only(principal: str, client: BrokerClient) -> None:
    own: Set[str] = {group for group, owner in GROUPS.items() if owner == principal}
    seen = set(GROUPS) - {"foreign"} if principal == BACKUP else own
    assert await client.see_groups(GROUPS) == seen
    if own:
        assert await client.move_groups(GROUPS, min(may_read(principal))) == own
    else:
        assert await client.move_groups(GROUPS, min(NAMES)) == NOTHING
    assert client.delete_groups(GROUPS) == NOTHING


def test_no_principal_grants_rights_changes_passwords_or_uses_transactions(client: BrokerClient) -> None:
    assert client.administer() == NOTHING
    assert not client.use_transaction()


def test_the_provisioner_may_do_everything(access: KafkaAccess) -> None:
    client = BrokerClient(access.settings(PROVISIONER))
    for operation in (client.read, client.write, client.describe, client.read_configs, client.change_configs):
        assert operation(NAMES) == NAMES
    assert client.create(["frikort.new.v1"]) == {"frikort.new.v1"}


def test_an_authority_reads_its_own_feed_and_nothing_else() -> None:
    """The table itself; the broker's answer is tested above."""
    assert {name: may_describe(name) for name in AUTHORITIES} == {
        "authority-skat": {"frikort.authority.skat.v1", "frikort.authority.skat.v2"},
        "authority-star": {"frikort.authority.star.v1", "frikort.authority.star.v2"},
        "authority-municipality-101": {"frikort.authority.municipality-101.v1"},
        "authority-municipality-849": {"frikort.authority.municipality-849.v1"},
    }
