"""S11: What was possible with the broker's address alone: each is refused by the broker, and nothing is appended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import pytest
from aiokafka.conn import create_conn
from aiokafka.errors import SaslAuthenticationFailed
from frikort_contracts.access import OPERATOR, PRINCIPALS, PROVISIONER
from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.issuance import CardHandedOver, GrantMandate, MandateGranted
from frikort_contracts.messages import Message
from frikort_contracts.reporting import EarningsReported
from frikort_contracts.topics import EARNINGS, TOPICS, topic_of

from deploy.local.engines import Engines
from deploy.local.kafka import answers_metadata
from deploy.local.kafka_users import BROKER, KafkaAccess
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.settings import KafkaSettings
from tests.contracts.examples import EXAMPLES
from tests.sources import source_for

GARBAGE: Final = 1_100
FORGED: Final = ("a mandate", "a mandate event", "a moved card", "40,000 kr.", "garbage")


def example(kind: type[Message]) -> Any:
    return next(message for message in EXAMPLES if isinstance(message, kind))


def forged(name: str) -> list[Record]:
    """Records that are valid, or garbage on one partition, as a forger who knows the contract makes them."""
    report = example(EarningsReported)
    wages = report.model_copy(update={"components": report.components.model_copy(update={"wage": 4_000_000})})
    messages: dict[str, Message] = {
        "a mandate": example(GrantMandate),
        "a mandate event": example(MandateGranted),
        "a moved card": example(CardHandedOver),
        "40,000 kr.": wages,
    }
    if name not in messages:
        return [Record(EARNINGS.name, b"one key", b"\xff garbage", ())] * GARBAGE
    message, message_id = messages[name], uuid4()
    envelope = Envelope(
        id=message_id,
        time=datetime.now(UTC),
        source=source_for(message),
        data=message,
        correlation_id=message_id,
    )
    return [encode(envelope)]


def non_writers(name: str) -> list[str]:
    """The principals that the table does not let write these records. The operator may replay, and is none of them."""
    topic = next(topic for topic in TOPICS if topic.name == forged(name)[0].topic)
    return [principal for principal in PRINCIPALS if principal not in (*topic.writers, OPERATOR, PROVISIONER)]


@pytest.mark.parametrize(("name", "forger"), [(name, forger) for name in FORGED for forger in non_writers(name)])
async def test_a_principal_that_may_not_write_a_topic_cannot_forge_its_records(
    access: KafkaAccess, name: str, forger: str
) -> None:
    witness = KafkaProducer(access.settings(), client_id="witness", timeout=20)
    producer = KafkaProducer(access.settings(forger), client_id="forger", timeout=20)
    records = forged(name)
    topics = [topic for topic in TOPICS if topic.name == records[0].topic]
    before = await witness.end_positions(topics)
    try:
        with pytest.raises(KafkaUnavailable, match="AuthorizationFailed"):
            await producer.publish(records)
        assert await witness.end_positions(topics) == before
    finally:
        await producer.stop()
        await witness.stop()


async def test_the_writer_of_a_topic_can_write_the_same_records(access: KafkaAccess) -> None:
    """Otherwise the test above would hold for a broken client, too."""
    for name in FORGED[:-1]:
        record = forged(name)[0]
        writer = topic_of(next(m for t in TOPICS if t.name == record.topic for m in t.messages)).writers[0]
        producer = KafkaProducer(access.settings(writer), client_id="writer", timeout=20)
        try:
            await producer.publish([record])
        finally:
            await producer.stop()


def test_a_client_is_admitted_with_its_own_password_only(access: KafkaAccess) -> None:
    def admitted(user: str | None, password: str | None) -> bool:
        return answers_metadata(KafkaSettings(kafka=access.address, kafka_user=user, kafka_password=password))

    own, other = (access.passwords[name].read_text() for name in ("balance", "issuance"))
    assert admitted("balance", own)
    assert not admitted(None, None)
    assert not admitted("balance", other)
    assert not admitted("balance", "")
    assert not admitted("nobody", own)


async def test_the_controller_admits_brokers_only(access: KafkaAccess, attacked: Engines) -> None:
    properties = (attacked.config.data / "kafka.properties").read_text().splitlines()
    voters = next(line for line in properties if line.startswith("controller.quorum.voters="))
    port = int(voters.rpartition(":")[2])

    async def connect(user: str) -> None:
        password = access.passwords[user].read_text()
        connection = await create_conn(
            "127.0.0.1",
            port,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="PLAIN",
            sasl_plain_username=user,
            sasl_plain_password=password,
        )
        connection.close()

    await connect(BROKER)
    for user in (PROVISIONER, "balance"):
        with pytest.raises(SaslAuthenticationFailed):
            await connect(user)
