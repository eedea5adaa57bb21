"""Commits offsets in the background; commits that queue up are merged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from services.runtime.backoff import delays, is_set_within
from services.runtime.errors import describe
from services.runtime.processing.policies import CommitPolicy
from services.runtime.processing.positions import Offsets, Partition

logger = structlog.get_logger(__name__)


class CommitRefused(RuntimeError):
    """The partitions now belong to another member of the group, which finds these records already applied."""


class OffsetCommitter:
    """The commits of one consumer.

    ``commit`` sends offsets to the group. ``on_committed`` gets what was committed, ``on_failure`` an error that is
    not one of ``retryable``.
    """

    def __init__(
        self,
        name: str,
        *,
        commit: Callable[[Offsets], Awaitable[None]],
        policy: CommitPolicy,
        retryable: tuple[type[Exception], ...],
        on_committed: Callable[[Offsets], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self._name = name
        self._commit = commit
        self._policy = policy
        self._retryable = retryable
        self._on_committed = on_committed
        self._on_failure = on_failure
        self._pending: dict[Partition, int] = {}
        self._flushing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, offsets: Offsets) -> None:
        """Commit ``offsets`` in the background. Every record before them must be processed."""
        self._pending.update(offsets)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._commit_pending())

    async def flush(self) -> None:
        """Commit the pending offsets now, with one try. If it fails, they are dropped and their records redelivered."""
        self._flushing.set()
        try:
            if self._task is not None:
                await self._task
        finally:
            self._flushing.clear()
            self._forget()

    def _forget(self) -> None:
        self._pending.clear()

    async def _commit_pending(self) -> None:
        backoff_delays = delays()
        await is_set_within(self._flushing, self._policy.min_interval)
        while self._pending:
            offsets, self._pending = self._pending, {}
            try:
                await self._commit(offsets)
            except CommitRefused as error:
                logger.info("runtime.commit_refused", processor=self._name, reason=describe(error))
            except self._retryable as error:
                logger.warning("runtime.commit_waits", processor=self._name, reason=type(error).__name__)
                self._pending = {**offsets, **self._pending}
                if self._flushing.is_set():
                    return
                await is_set_within(self._flushing, next(backoff_delays))
            except Exception as error:
                logger.critical("runtime.stopped", processor=self._name, reason=describe(error), exc_info=True)
                self._on_failure(error)
                return
            else:
                self._on_committed(offsets)
                backoff_delays = delays()
                if self._pending:
                    await is_set_within(self._flushing, self._policy.min_interval)
