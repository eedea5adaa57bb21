"""The change stream of the gateway's database: each gateway reads it, later than the writes and with interruptions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any, Final

from pydantic_core import from_json
from pymongo.errors import AutoReconnect

from services.gateway.changes.change_notifier import ChangeSubscriptions, Key, keys_of
from tests.runtime.memory import MemoryDatabase
from tests.simulation.scheduler import Pause, pause

_MOST_AT_ONCE: Final = 6


class Changes:
    """All changes of the read models, in the order in which they were stored."""

    def __init__(self, databases: Mapping[str, MemoryDatabase[Any]]) -> None:
        self._changes: list[tuple[Key, dict[str, Any]]] = []
        for name, database in databases.items():
            database.on_put = self._appender(name, database)

    def __len__(self) -> int:
        return len(self._changes)

    def deliver(self, number: int, subscriptions: ChangeSubscriptions) -> None:
        """Give a change to the waiters of one gateway."""
        key, stored = self._changes[number]
        change = {"ns": {"coll": key.collection}, "documentKey": {"_id": key.id}, "fullDocument": stored}
        subscriptions.deliver(key, stored, keys_of(change))

    def _appender(self, name: str, database: MemoryDatabase[Any]) -> Any:
        def append(document_id: str) -> None:
            stored = database.documents[document_id]
            state = None if stored.state is None else from_json(stored.state)
            document = {"_id": document_id, "version": stored.version, "state": state}
            self._changes.append((Key(name, document_id), document))

        return append


async def follow(changes: Changes, subscriptions: ChangeSubscriptions, rng: Random, counts: Counter[str]) -> None:
    """Deliver the changes from now on to the waiters of one gateway; after an error, those from then on."""
    position = len(changes)
    at = Pause("changes.before", AutoReconnect, ready=lambda: position < len(changes))
    subscriptions.follow()
    while True:
        try:
            await pause(at)
        except AutoReconnect:
            subscriptions.lose()
            counts["change streams broken"] += 1
            await pause(Pause("changes.restart"))
            position = len(changes)
            subscriptions.follow()
            continue
        for _ in range(1 + rng.randrange(_MOST_AT_ONCE)):
            if position < len(changes):
                changes.deliver(position, subscriptions)
                position += 1
