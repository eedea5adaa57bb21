"""Limits and contents of the event streams that report changes of a card.

An open stream is idle most of the time, so a process can hold many. The number of streams is limited per caller and per
process, and every stream ends after some minutes.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final

from pymongo.errors import PyMongoError

from services.gateway.auth import Caller
from services.gateway.changes.change_notifier import ChangeSubscriptions, card_key
from services.gateway.problems import ProblemError

LONGEST: Final = 300
"""Seconds after which a stream ends. A browser reconnects by itself."""

_HEARTBEAT_SECONDS: Final = 15.0


class EventStreams:
    """The open streams of this process."""

    def __init__(self, subscriptions: ChangeSubscriptions, *, per_caller: int, most: int) -> None:
        self._subscriptions = subscriptions
        self._per_caller = per_caller
        self._most = most
        self._open: Counter[tuple[str, str]] = Counter()

    @contextlib.contextmanager
    def slot(self, caller: Caller) -> Iterator[None]:
        """Occupy a slot for one stream. Raises ``ProblemError`` if none is free."""
        owner = caller.role, caller.organisation
        if self._open[owner] >= self._per_caller or self._open.total() >= self._most:
            raise ProblemError("too-many-streams", headers={"Retry-After": "30"})
        self._open[owner] += 1
        try:
            yield
        finally:
            self._open[owner] -= 1
            if not self._open[owner]:
                del self._open[owner]

    async def changes_of_card(
        self, card_id: str, still_allowed: Callable[[], Awaitable[Any]], *, seconds: float = LONGEST
    ) -> AsyncIterator[bool]:
        """Yield True at once and at each change, False as a heartbeat.

        The stream ends when ``still_allowed`` raises: the caller may no longer see the card.
        """
        async for changed in self._subscriptions.changes(card_key(card_id), every=_HEARTBEAT_SECONDS, seconds=seconds):
            try:
                await still_allowed()
            except (ProblemError, PyMongoError):
                return
            yield changed
