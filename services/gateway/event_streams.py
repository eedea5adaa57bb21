"""Streams that say that something about a card changed, so that who looks at it looks again. They never say what.

A stream is held, not worked on: there may be many. So each caller may have some, this process some in all, and none
goes on for ever.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final

from pymongo.errors import PyMongoError

from services.gateway.auth import Caller
from services.gateway.change_notifier import ChangeSubscriptions, of_card
from services.gateway.problems import ProblemError

LONGEST: Final = 300
"""Seconds after which a stream ends. A browser asks again by itself."""

_HEARTBEAT_SECONDS: Final = 15.0


class EventStreams:
    """The open streams of this process."""

    def __init__(self, waiters: ChangeSubscriptions, *, per_caller: int, most: int) -> None:
        self._waiters = waiters
        self._per_caller = per_caller
        self._most = most
        self._open: Counter[tuple[str, str]] = Counter()

    @contextlib.contextmanager
    def place(self, caller: Caller) -> Iterator[None]:
        """A place for one stream. Raises ``ProblemError`` where there is none left."""
        who = caller.role, caller.organisation
        if self._open[who] >= self._per_caller or self._open.total() >= self._most:
            raise ProblemError("too-many-streams", headers={"Retry-After": "30"})
        self._open[who] += 1
        try:
            yield
        finally:
            self._open[who] -= 1
            if not self._open[who]:
                del self._open[who]

    async def of_card(
        self, card_id: str, may: Callable[[], Awaitable[Any]], *, seconds: float = LONGEST
    ) -> AsyncIterator[bool]:
        """True at once and at each change, False when it is only time to say that the stream goes on.

        It ends when ``may`` raises: whoever may not see the card any more hears nothing more of it.
        """
        async for changed in self._waiters.changes(of_card(card_id), every=_HEARTBEAT_SECONDS, seconds=seconds):
            try:
                await may()
            except (ProblemError, PyMongoError):
                return
            yield changed
