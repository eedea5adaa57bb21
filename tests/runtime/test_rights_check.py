"""The check of rights waits for brokers that do not know new rights yet."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AclBinding

from services.runtime.kafka.topics import acls
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
