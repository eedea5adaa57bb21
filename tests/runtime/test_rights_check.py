"""The check of rights waits for brokers that do not know new rights yet."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AclBinding

from services.runtime import exit_codes
from services.runtime.kafka.topics import __main__ as command
from services.runtime.kafka.topics import acls
from services.runtime.kafka.topics.provisioning import Provisioned
from services.runtime.settings import TopicSettings


@pytest.fixture
def brokers(monkeypatch: pytest.MonkeyPatch) -> list[set[AclBinding]]:
    """The rights that the brokers know, in the order in which they are asked."""
    answers: list[set[AclBinding]] = []
    monkeypatch.setattr(acls, "_client", lambda _: None)
    monkeypatch.setattr(acls, "_found", lambda *_: answers.pop(0))
    return answers


@pytest.fixture
def settings() -> TopicSettings:
    return TopicSettings(environment="local", kafka="none:9092")


def test_rights_that_one_broker_does_not_know_yet_are_looked_for_again(
    brokers: list[set[AclBinding]], settings: TopicSettings
) -> None:
    brokers += [set(), acls._wanted()]
    acls.check_rights(settings, within=10)
    assert brokers == []


def test_a_right_that_is_missing_for_too_long_is_named(brokers: list[set[AclBinding]], settings: TopicSettings) -> None:
    brokers += [set()]
    with pytest.raises(acls.MissingRights, match="not granted: User:"):
        acls.check_rights(settings)


def refused_with(code: int) -> acls.AclsUnavailable:
    """The error of the command, where the broker answers with this code of librdkafka."""
    return acls._unavailable("read", KafkaException(KafkaError(code)))


@pytest.mark.parametrize("code", [KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError.REQUEST_TIMED_OUT])
def test_the_command_asks_again_where_the_broker_did_not_answer_about_rights(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    answers: list[acls.AclsUnavailable | Provisioned] = [refused_with(code), Provisioned(topics=0, rights=3)]

    async def provision(_: TopicSettings) -> Provisioned:
        answer = answers.pop(0)
        if isinstance(answer, acls.AclsUnavailable):
            raise answer
        return answer

    monkeypatch.setattr(command, "provision", provision)
    monkeypatch.setattr(command, "_TRY_AGAIN_SECONDS", 0)
    monkeypatch.setenv("FRIKORT_ENVIRONMENT", "local")
    monkeypatch.setenv("FRIKORT_KAFKA", "none:9092")

    assert command.main([]) == exit_codes.DONE
    assert answers == []


def test_a_refusal_by_the_broker_is_no_missing_answer() -> None:
    assert not isinstance(refused_with(KafkaError.CLUSTER_AUTHORIZATION_FAILED), acls.AclsNotAnswered)
