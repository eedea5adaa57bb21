"""Simulated ports: read models, stored commands and the clock.

Each call pauses before and after its effect, where the scheduler may inject an error.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Generic

from pymongo.errors import AutoReconnect

from services.gateway.commands.store import StoredCommand
from services.runtime.kafka.producer import KafkaUnavailable
from services.runtime.processing.decision import S
from services.runtime.processing.positions import Offsets, Partition
from tests.runtime.memory import MemoryDatabase
from tests.simulation.scheduler import Pause, pause


def _pauses(prefix: str, error: type[Exception], *names: str) -> dict[str, Pause]:
    return {name: Pause(f"{prefix}{name}", error) for name in names}


_POINTS: Final = {
    **_pauses("store.", AutoReconnect, "load.before", "load.after", "write.before", "write.between", "write.after"),
    **_pauses("log.", KafkaUnavailable, "publish.before", "publish.between", "publish.after"),
}
_READ: Final = Pause("reader.before", AutoReconnect)
_POSITIONS_BEFORE: Final = Pause("positions.before", AutoReconnect)
_POSITIONS_AFTER: Final = Pause("positions.after", AutoReconnect)
_COMMANDS_BEFORE: Final = Pause("commands.before", AutoReconnect)
_COMMANDS_AFTER: Final = Pause("commands.after", AutoReconnect)


class SchedulerPoints:
    """``Points`` at which the scheduler decides; for ``MemoryStore`` and ``MemoryProducer``."""

    async def point(self, name: str) -> None:
        await pause(_POINTS[name])


class SimReader(Generic[S]):
    """Read access to a read model, in place of ``services.runtime.mongo.document_store.Reader``."""

    def __init__(self, database: MemoryDatabase[S]) -> None:
        self._database = database

    async def get(self, document_id: str) -> S | None:
        await pause(_READ)
        return self._database.state(document_id)

    async def by_alias(self, alias: str) -> S | None:
        await pause(_READ)
        holders = self._database.holders(alias)
        return self._database.state(holders[0]) if holders else None

    async def find(
        self, query: Mapping[str, Any], *, sort: Sequence[tuple[str, int]] = (), limit: int = 0, skip: int = 0
    ) -> list[S]:
        """The states whose fields equal ``query``, in the order of creation. The other parameters are ignored."""
        await pause(_READ)
        found = []
        for stored in self._database.documents.values():
            fields = {} if stored.state is None else json.loads(stored.state)
            if stored.state is not None and all(fields[name] == value for name, value in query.items()):
                found.append(self._database.processor.from_stored(fields))
        return found

    async def starting_with(self, prefixes: Sequence[str]) -> list[S]:
        """The states of the documents whose ids begin with one of ``prefixes``."""
        await pause(_READ)
        names = [name for name in self._database.documents if name.startswith(tuple(prefixes))]
        return [state for name in names if (state := self._database.state(name)) is not None]


class SimAppliedPositions:
    """The positions in the database of a service."""

    def __init__(self, offsets: dict[Partition, int]) -> None:
        self._offsets = offsets

    async def add(self, offsets: Offsets) -> None:
        await pause(_POSITIONS_BEFORE)
        for partition, end in offsets.items():
            self._offsets[partition] = max(end, self._offsets.get(partition, 0))
        await pause(_POSITIONS_AFTER)


class SimCommandStore:
    """The stored commands of all gateways, in place of the MongoDB command store."""

    def __init__(self) -> None:
        self.stored: dict[str, StoredCommand] = {}

    async def get(self, command_id: str) -> StoredCommand | None:
        await pause(_COMMANDS_BEFORE)
        return self.stored.get(command_id)

    async def add(self, stored: StoredCommand) -> bool:
        await pause(_COMMANDS_BEFORE)
        added = self.stored.setdefault(stored.command_id, stored) is stored
        await pause(_COMMANDS_AFTER)
        return added

    async def add_response(self, command_id: str, response: str) -> bool:
        await pause(_COMMANDS_BEFORE)
        stored = self.stored[command_id]
        if first := stored.response is None:
            self.stored[command_id] = replace(stored, response=response)
        await pause(_COMMANDS_AFTER)
        return first


@dataclass
class Clock:
    """Virtual wall-clock time: it advances with the scheduler's steps, and jumps by ``jumped``."""

    start: datetime
    per_step: timedelta
    step: Callable[[], int]
    jumped: timedelta = timedelta()

    def read(self) -> datetime:
        """The true time."""
        return self.start + self.step() * self.per_step + self.jumped

    def skewed(self, by: timedelta) -> Callable[[], Awaitable[datetime]]:
        """The clock of a machine that differs from the true time by ``by``."""

        async def now() -> datetime:
            return self.read() + by

        return now
