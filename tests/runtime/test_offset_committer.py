"""Offsets are committed behind the work: gathered, never before it is done, and never lost while they can be had."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError

from services.runtime import backoff
from services.runtime.processing import offset_committer
from services.runtime.processing.offset_committer import OffsetCommitter

ONE, TWO = TopicPartition("topic", 0), TopicPartition("topic", 1)


class Kafka:
    """A consumer that notes what is committed, or fails as often as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.tries: list[dict[TopicPartition, int]] = []
        self.meanwhile: Callable[[], None] | None = None

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.tries.append(dict(offsets))
        if self.meanwhile is not None:
            self.meanwhile()
            self.meanwhile = None
        if self.failures:
            raise self.failures.pop(0)


class Told:
    """What the consumer is told."""

    def __init__(self, kafka: Kafka) -> None:
        self.committed: dict[TopicPartition, int] = {}
        self.failed: list[Exception] = []
        self.commits = OffsetCommitter(
            "test", consumer=lambda: cast("Any", kafka), committed=self.committed.update, fail=self.failed.append
        )

    async def settled(self) -> None:
        """Wait until there is nothing more to commit."""
        assert self.commits._work is not None
        await self.commits._work


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offset_committer, "_GATHERING_SECONDS", 0.01)
    monkeypatch.setattr(backoff, "_FIRST_DELAY", 0.01)


async def test_what_is_done_in_a_while_is_one_commit() -> None:
    told = Told(kafka := Kafka())
    told.commits.done({ONE: 1})
    told.commits.done({TWO: 5})
    told.commits.done({ONE: 3})
    await told.settled()
    assert kafka.tries == [{ONE: 3, TWO: 5}]
    assert told.committed == {ONE: 3, TWO: 5}


async def test_who_lets_go_does_not_wait_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offset_committer, "_GATHERING_SECONDS", 60)
    told = Told(Kafka())
    told.commits.done({ONE: 1})
    await asyncio.wait_for(told.commits.finish(), 1)
    assert told.committed == {ONE: 1}


async def test_what_may_pass_is_tried_again_with_what_was_done_meanwhile() -> None:
    told = Told(kafka := Kafka(KafkaError()))
    kafka.meanwhile = lambda: told.commits.done({ONE: 2})
    told.commits.done({ONE: 1})
    await told.settled()
    assert kafka.tries == [{ONE: 1}, {ONE: 2}]
    assert told.committed == {ONE: 2}


async def test_who_lets_go_tries_once_and_forgets_what_is_not_its_own_any_more() -> None:
    told = Told(kafka := Kafka(KafkaError()))
    told.commits.done({ONE: 1})
    await told.commits.finish()
    told.commits.done({TWO: 1})
    await told.commits.finish()
    assert kafka.tries == [{ONE: 1}, {TWO: 1}]


async def test_a_commit_that_is_refused_is_another_instances() -> None:
    told = Told(kafka := Kafka(CommitFailedError()))
    told.commits.done({ONE: 1})
    await told.settled()
    assert (len(kafka.tries), told.committed, told.failed) == (1, {}, [])


async def test_any_other_failure_stops_the_service() -> None:
    told = Told(Kafka(wrong := ValueError("wrong")))
    told.commits.done({ONE: 1})
    await told.settled()
    assert told.failed == [wrong]
