"""A setting that can lose acknowledged data is refused by name; safe settings are accepted."""

from __future__ import annotations

import re
from typing import Any

import pytest
from frikort_contracts.topics import EARNINGS, OUTCOMES, PARTITIONS, Topic
from structlog.testing import capture_logs

from deploy.local.config import REPOSITORY
from services.balance.processor import LEDGERS
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.kafka.topics.added_partitions import used_partitions, warn_of_added
from services.runtime.mongo.driver import close
from services.runtime.safety_checks import (
    UnsafeSetting,
    check_hello,
    check_mongodb_uri,
    check_producer,
    check_settings,
    check_topic,
    topic_config,
)
from services.runtime.service import Runtime
from services.runtime.settings import RuntimeSettings

SAFE_URI = "mongodb://a,b,c/?replicaSet=frikort"
PRODUCTION: dict[str, Any] = {
    "environment": "production",
    "mongodb_user": "balance",
    "mongodb_password": "2f3c5b0e9d8a764119c0fd25",
    "mongodb_tls": True,
    "kafka_user": "balance",
    "kafka_password": "90ab1e4c7d5f62383bd0c7aa",
    "kafka_tls": True,
}


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        ("mongodb://a", "FRIKORT_MONGODB is without replicaSet"),
        (f"{SAFE_URI}&w=1", "w in FRIKORT_MONGODB is 1"),
        (f"{SAFE_URI}&w=0", "w in FRIKORT_MONGODB is 0"),
        (f"{SAFE_URI}&w=2", "w in FRIKORT_MONGODB is 2"),
        (f"{SAFE_URI}&journal=false", "journal in FRIKORT_MONGODB is false"),
        (f"{SAFE_URI}&retryWrites=false", "retryWrites in FRIKORT_MONGODB is false"),
        (f"{SAFE_URI}&readConcernLevel=local", "readConcernLevel in FRIKORT_MONGODB is local"),
        (f"{SAFE_URI}&readConcernLevel=available", "readConcernLevel in FRIKORT_MONGODB is available"),
        ("postgres://a", "FRIKORT_MONGODB is unreadable"),
    ],
)
def test_a_connection_string_that_can_lose_data_is_refused(uri: str, names: str) -> None:
    with pytest.raises(UnsafeSetting, match=names) as refused:
        check_mongodb_uri(uri)
    assert "put " in str(refused.value) or "add " in str(refused.value)


@pytest.mark.parametrize(
    "uri",
    [
        SAFE_URI,
        f"{SAFE_URI}&w=majority&journal=true&retryWrites=true&readConcernLevel=majority",
        f"{SAFE_URI}&readConcernLevel=linearizable&tls=true",
        "mongodb://user:secret@a:1/?REPLICASET=frikort",
    ],
)
def test_a_safe_connection_string_is_accepted(uri: str) -> None:
    check_mongodb_uri(uri)


def test_a_refusal_does_not_repeat_the_password() -> None:
    with pytest.raises(UnsafeSetting) as refused:
        check_mongodb_uri("mongodb://user:se:cr@et@a/?replicaSet=x")
    assert "cr" not in str(refused.value).replace("acknowledged", "")


def settings(**changes: Any) -> RuntimeSettings:
    return RuntimeSettings(**{"kafka": "127.0.0.1:1", "mongodb": SAFE_URI, "environment": "local"} | changes)


def test_production_requires_three_replicas() -> None:
    with pytest.raises(UnsafeSetting, match="FRIKORT_TOPIC_REPLICATION is 2"):
        check_settings(settings(**PRODUCTION, topic_replication=2))
    check_settings(settings(**PRODUCTION, topic_replication=3, accept_provisional=True))
    check_settings(settings(environment="local", topic_replication=1))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"kafka_user": None, "kafka_password": None}, "FRIKORT_KAFKA_USER is not set"),
        ({"kafka_password": "frikort"}, "FRIKORT_KAFKA_PASSWORD is short or a pattern"),
        ({"kafka_tls": False}, "FRIKORT_KAFKA_TLS is false"),
    ],
)
def test_production_requires_a_login_and_tls_at_the_broker(changes: dict[str, Any], problem: str) -> None:
    check_settings(settings(**PRODUCTION, topic_replication=3))
    with pytest.raises(UnsafeSetting, match=problem):
        check_settings(settings(**PRODUCTION | changes, topic_replication=3))


@pytest.mark.parametrize(
    ("hello", "names"),
    [
        ({"isWritablePrimary": True}, "a standalone server"),
        ({"setName": "frikort", "arbiters": ["c:1"]}, "one with an arbiter"),
    ],
)
def test_a_standalone_server_or_an_arbiter_is_refused(hello: dict[str, Any], names: str) -> None:
    with pytest.raises(UnsafeSetting, match=names):
        check_hello("a:1", hello)


@pytest.mark.parametrize("hello", [{"setName": "frikort", "hosts": ["a:1"]}, {"isreplicaset": True}])
def test_a_member_of_a_replica_set_is_accepted_before_and_after_its_initiation(hello: dict[str, Any]) -> None:
    check_hello("a:1", hello)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("cleanup.policy", "compact"),
        ("cleanup.policy", "compact,delete"),
        ("retention.ms", "604800000"),
        ("retention.bytes", "1073741824"),
        ("min.insync.replicas", "1"),
        ("unclean.leader.election.enable", "true"),
        ("max.message.bytes", "1048588"),
    ],
)
def test_a_topic_that_can_lose_records_is_refused(setting: str, value: str) -> None:
    config = topic_config(EARNINGS.name, EARNINGS, 3) | {setting: value}
    with pytest.raises(UnsafeSetting, match=f"{setting} of {EARNINGS.name} is {value}.*--add-config {setting}="):
        check_topic(EARNINGS.name, EARNINGS, replication=3, replicas=[3] * PARTITIONS, config=config)


@pytest.mark.parametrize(
    ("replicas", "names"),
    [([3] * (PARTITIONS - 1), "number of partitions"), ([3, 3, 3, 2, 3, 3], "replication of .* is 2")],
)
def test_too_few_partitions_or_replicas_are_refused(replicas: list[int], names: str) -> None:
    with pytest.raises(UnsafeSetting, match=names):
        check_topic(
            EARNINGS.name, EARNINGS, replication=3, replicas=replicas, config=topic_config(EARNINGS.name, EARNINGS, 3)
        )


def test_added_partitions_are_not_refused_because_they_are_not_used() -> None:
    config = topic_config(EARNINGS.name, EARNINGS, 3)
    check_topic(EARNINGS.name, EARNINGS, replication=3, replicas=[3] * (PARTITIONS + 2), config=config)
    assert used_partitions(EARNINGS.name, range(PARTITIONS + 2)) == tuple(range(PARTITIONS))
    assert used_partitions(EARNINGS.dead, {7, 6, 5, 4, 3, 2, 1, 0}) == tuple(range(PARTITIONS))
    assert used_partitions("a topic of somebody else", {2, 0, 1}) == (0, 1, 2)


def test_added_partitions_are_logged_once_for_each_number() -> None:
    with capture_logs() as logs:
        known: dict[str, int] = {}
        for counts in ({EARNINGS.name: 6, "other": 9}, {EARNINGS.name: 8}, {EARNINGS.name: 8}, {EARNINGS.name: 9}):
            warn_of_added(counts, known)
            known = counts
    assert [(log["event"], log["topic"], log["partitions"], log["used"]) for log in logs] == [
        ("topics.partitions_added", EARNINGS.name, 8, 6),
        ("topics.partitions_added", EARNINGS.name, 9, 6),
    ]


def test_no_advice_says_to_delete_a_topic_or_to_create_it_again() -> None:
    pages = [*(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / "services").rglob("*.py")]
    bad = re.compile(
        r"kafka-topics[^\n]*--delete|(?:create|make) (?:the|that|this) topic again|\bdelete the topic and", re.I
    )
    assert [str(page) for page in pages if bad.search(page.read_text())] == []
    with pytest.raises(UnsafeSetting, match="do not delete the topic"):
        check_topic(EARNINGS.name, EARNINGS, replication=1, replicas=[1], config={})


@pytest.mark.parametrize(
    ("name", "topic", "changes"),
    [
        (EARNINGS.name, EARNINGS, {}),
        (OUTCOMES.name, OUTCOMES, {}),
        (OUTCOMES.name, OUTCOMES, {"retention.ms": "-1"}),
        (OUTCOMES.name, OUTCOMES, {"retention.ms": str(10**12)}),
        (EARNINGS.name, EARNINGS, {"min.insync.replicas": "3"}),
    ],
)
def test_a_topic_with_the_same_or_a_longer_retention_is_accepted(
    name: str, topic: Topic, changes: dict[str, str]
) -> None:
    config = topic_config(name, topic, 3) | changes
    check_topic(name, topic, replication=3, replicas=[3] * PARTITIONS, config=config)


def test_dead_letters_have_unlimited_retention_even_if_their_topic_has_not() -> None:
    config = topic_config(OUTCOMES.name, OUTCOMES, 1)
    check_topic(OUTCOMES.name, OUTCOMES, replication=1, replicas=[1] * PARTITIONS, config=config)
    with pytest.raises(UnsafeSetting, match=r"retention\.ms"):
        check_topic(OUTCOMES.dead, OUTCOMES, replication=1, replicas=[1] * PARTITIONS, config=config)


async def test_the_options_of_a_service_are_safe() -> None:
    runtime = Runtime(service="checked", settings=settings(topic_replication=1), processors=[LEDGERS])
    runtime.check_settings()
    await close(runtime.client)


def test_a_producer_must_wait_for_all_replicas_and_be_idempotent() -> None:
    check_producer(KafkaProducer(settings(), client_id="test", timeout=1).options)
    with pytest.raises(UnsafeSetting, match="acks of the producer is 1"):
        check_producer({"acks": 1, "enable_idempotence": True})
    with pytest.raises(UnsafeSetting, match="enable_idempotence"):
        check_producer({"acks": "all"})


def test_a_missing_setting_is_named_without_the_values_of_others() -> None:
    with pytest.raises(ValueError, match="kafka") as missing:
        RuntimeSettings(mongodb="mongodb://user:secret@a/")
    assert "secret" not in str(missing.value)
