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


class Setting:
    """A committer with what it has tried, committed and failed at."""

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
        """Wait until there is nothing more to commit."""
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
    setting = Setting()
    setting.committer.add({ONE: 1})
    setting.committer.add({TWO: 5})
    setting.committer.add({ONE: 3})
    await setting.settled()
    assert setting.tries == [{ONE: 3, TWO: 5}]
    assert setting.committed == {ONE: 3, TWO: 5}


async def test_a_flush_does_not_wait_for_the_interval() -> None:
    setting = Setting(min_interval=60)
    setting.committer.add({ONE: 1})
    await asyncio.wait_for(setting.committer.flush(), 1)
    assert setting.committed == {ONE: 1}


async def test_a_failed_commit_is_tried_again_together_with_what_was_added_meanwhile() -> None:
    setting = Setting(Unreachable())
    setting.during_commit = lambda: setting.committer.add({ONE: 2})
    setting.committer.add({ONE: 1})
    await setting.settled()
    assert setting.tries == [{ONE: 1}, {ONE: 2}]
    assert setting.committed == {ONE: 2}


async def test_a_flush_tries_once_and_forgets_offsets_of_partitions_that_go() -> None:
    setting = Setting(Unreachable())
    setting.committer.add({ONE: 1})
    await setting.committer.flush()
    setting.committer.add({TWO: 1})
    await setting.committer.flush()
    assert setting.tries == [{ONE: 1}, {TWO: 1}]


async def test_a_refused_commit_is_not_tried_again() -> None:
    setting = Setting(CommitRefused())
    setting.committer.add({ONE: 1})
    await setting.settled()
    assert (len(setting.tries), setting.committed, setting.failed) == (1, {}, [])


async def test_any_other_error_is_a_failure() -> None:
    setting = Setting(wrong := ValueError("wrong"))
    setting.committer.add({ONE: 1})
    await setting.settled()
    assert setting.failed == [wrong]
