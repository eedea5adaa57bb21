"""Read access that takes the documents which a wait has received from the change stream, instead of reading them.

What a wait receives is what a majority has stored, so every instance can read it. But it may be older than what another
instance has shown meanwhile: only the wait itself uses it, and only documents of which it knows the revision to expect.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Generic, cast

from services.gateway.changes.change_notifier import Key, Waiter
from services.gateway.projections import ledgers, outcomes, reports
from services.runtime.mongo.document_store import document_from
from services.runtime.processing.decision import DocumentSet, S

if TYPE_CHECKING:
    from services.gateway.read_models import States, StatesOf

DELIVERED: Final = frozenset(one.PROJECTION.name for one in (ledgers, outcomes, reports))
"""The read models of which the change stream brings the documents: those that a new report changes."""


class Received:
    """The documents that a wait has received.

    While the wait checks whether the changes of its command are stored, it reads all of them, and compares their
    revisions. The response is then built from those that the last check has read, and otherwise from the database.
    """

    def __init__(self, waiter: Waiter) -> None:
        self._waiter = waiter
        self._is_over = False
        self._checked: dict[Key, Any] = {}

    def begin_check(self) -> None:
        """Begin a check: forget what an earlier one has read."""
        self._checked.clear()

    def end_checks(self) -> None:
        """Read from now on only what the last check has read."""
        self._is_over = True

    def read_unchanged(self) -> None:
        """Read the database from now on: the command may have changed nothing in what was not received."""
        self._waiter.forget()

    def find(self, documents: DocumentSet[S], key: Key) -> S | None:
        """The state of a document that was received."""
        if not self._is_over and (stored := self._waiter.received.get(key)) is not None:
            self._checked[key] = document_from(stored, documents).state
        return cast("S | None", self._checked.get(key))

    def is_unchanged(self, key: Key) -> bool:
        """Whether a document that was not received certainly has nothing of the command yet."""
        return not self._is_over and self._waiter.collected is not None and key.collection in DELIVERED


_CURRENT: ContextVar[Received | None] = ContextVar("received", default=None)


def received() -> Received | None:
    """What the current wait has received; None outside a wait."""
    return _CURRENT.get()


@contextlib.contextmanager
def reading(waiter: Waiter) -> Iterator[Received]:
    """Read what ``waiter`` has received, within the context."""
    found, before = Received(waiter), _CURRENT.get()
    _CURRENT.set(found)
    try:
        yield found
    finally:
        # Not by the token: the end of an abandoned task runs in another context.
        _CURRENT.set(before)


class ReceivedReader(Generic[S]):
    """Read access to a read model that prefers what the current wait has received."""

    def __init__(self, documents: DocumentSet[S], states: States[S]) -> None:
        self._documents = documents
        self._states = states

    async def get(self, document_id: str) -> S | None:
        wait = _CURRENT.get()
        if wait is None:
            return await self._states.get(document_id)
        key = Key(self._documents.name, document_id)
        found = wait.find(self._documents, key)
        if found is not None or wait.is_unchanged(key):
            return found
        return await self._states.get(document_id)

    async def by_alias(self, alias: str) -> S | None:
        return await self._states.by_alias(alias)

    async def find(
        self, query: Mapping[str, Any], *, sort: Sequence[tuple[str, int]] = (), limit: int = 0, skip: int = 0
    ) -> list[S]:
        return await self._states.find(query, sort=sort, limit=limit, skip=skip)


def received_first(states_of: StatesOf) -> StatesOf:
    """Read access to the read models that prefers what the current wait has received."""

    def states(documents: DocumentSet[S]) -> States[S]:
        return ReceivedReader(documents, states_of(documents))

    return cast("StatesOf", states)
