"""Offsets are committed in the background: merged, never before the work is done, and with retries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from services.runtime import backoff
from services.runtime.processing.offset_committer import CommitRefused, OffsetCommitter
from services.runtime.processing.policies import CommitPolicy
from services.runtime.processing.positions import Offsets, Partition

ONE, TWO = Partition("topic", 0), Partition("topic", 1)


class Unreachable(Exception):
    """A retryable error."""


class Harness:
    """A committer that records its tries, its commits and its failures."""

    def __init__(self, *failures: Exception, min_interval: float = 0.01) -> None:
        self.failures = list(failures)
        self.tries: list[Offsets] = []
        self.committed: dict[Partition, int] = {}
        self.failed: list[Exception] = []
        self.during_commit: Callable[[], None] | None = None
        self.committer = OffsetCommitter(
            "test",
            commit=self._commit,
            policy=CommitPolicy(min_interval),
            retryable=(Unreachable,),
            on_committed=self.committed.update,
            on_failure=self.failed.append,
        )

    async def settled(self) -> None:
        """Wait until no commit is pending."""
        assert self.committer._task is not None
        await self.committer._task

    async def _commit(self, offsets: Offsets) -> None:
        self.tries.append(dict(offsets))
        if self.during_commit is not None:
            self.during_commit()
            self.during_commit = None
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "_FIRST_DELAY", 0.01)


async def test_offsets_added_within_the_interval_are_one_commit() -> None:
    harness = Harness()
    harness.committer.add({ONE: 1})
    harness.committer.add({TWO: 5})
    harness.committer.add({ONE: 3})
    await harness.settled()
    assert harness.tries == [{ONE: 3, TWO: 5}]
    assert harness.committed == {ONE: 3, TWO: 5}


async def test_a_flush_does_not_wait_for_the_interval() -> None:
    harness = Harness(min_interval=60)
    harness.committer.add({ONE: 1})
    await asyncio.wait_for(harness.committer.flush(), 1)
    assert harness.committed == {ONE: 1}


async def test_a_failed_commit_is_retried_together_with_offsets_added_meanwhile() -> None:
    harness = Harness(Unreachable())
    harness.during_commit = lambda: harness.committer.add({ONE: 2})
    harness.committer.add({ONE: 1})
    await harness.settled()
    assert harness.tries == [{ONE: 1}, {ONE: 2}]
    assert harness.committed == {ONE: 2}


async def test_a_flush_tries_once_and_drops_offsets_that_could_not_be_committed() -> None:
    harness = Harness(Unreachable())
    harness.committer.add({ONE: 1})
    await harness.committer.flush()
    harness.committer.add({TWO: 1})
    await harness.committer.flush()
    assert harness.tries == [{ONE: 1}, {TWO: 1}]


async def test_a_refused_commit_is_not_retried() -> None:
    harness = Harness(CommitRefused())
    harness.committer.add({ONE: 1})
    await harness.settled()
    assert (len(harness.tries), harness.committed, harness.failed) == (1, {}, [])


async def test_an_error_that_is_not_retryable_is_reported_as_a_failure() -> None:
    harness = Harness(wrong := ValueError("wrong"))
    harness.committer.add({ONE: 1})
    await harness.settled()
    assert harness.failed == [wrong]
