"""The ports of the simulated processes: each tells its points to the scheduler, which may raise there."""

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
from tests.runtime.memory import MemoryDatabase
from tests.simulation.scheduler import Pause, pause


def _pauses(prefix: str, error: type[Exception], *names: str) -> dict[str, Pause]:
    return {name: Pause(f"{prefix}{name}", error) for name in names}


_POINTS: Final = {
    **_pauses("store.", AutoReconnect, "load.before", "load.after", "write.before", "write.between", "write.after"),
    **_pauses("log.", KafkaUnavailable, "publish.before", "publish.between", "publish.after"),
}
_READ: Final = Pause("reader.before", AutoReconnect)
_SUBMISSION_BEFORE: Final = Pause("submissions.before", AutoReconnect)
_SUBMISSION_AFTER: Final = Pause("submissions.after", AutoReconnect)


class SchedulerPoints:
    """``Points`` that hand over to the scheduler."""

    async def point(self, name: str) -> None:
        await pause(_POINTS[name])


class SimReader(Generic[S]):
    """Read access to a read model, as ``services.runtime.mongo.document_store.Reader`` gives it."""

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
        """Only what is asked here: equality of fields, in the order in which documents were made."""
        await pause(_READ)
        found = []
        for stored in self._database.documents.values():
            fields = {} if stored.state is None else json.loads(stored.state)
            if stored.state is not None and all(fields[name] == value for name, value in query.items()):
                found.append(self._database.processor.state.model_validate_json(stored.state))
        return found


class SimSubmissions:
    """What is durable of the submissions of all gateways, and one gateway's way to it."""

    def __init__(self) -> None:
        self.kept: dict[str, StoredCommand] = {}

    async def get(self, command_id: str) -> StoredCommand | None:
        await pause(_SUBMISSION_BEFORE)
        return self.kept.get(command_id)

    async def add(self, kept: StoredCommand) -> bool:
        await pause(_SUBMISSION_BEFORE)
        added = self.kept.setdefault(kept.command_id, kept) is kept
        await pause(_SUBMISSION_AFTER)
        return added

    async def add_response(self, command_id: str, response: str) -> bool:
        await pause(_SUBMISSION_BEFORE)
        kept = self.kept[command_id]
        if first := kept.response is None:
            self.kept[command_id] = replace(kept, response=response)
        await pause(_SUBMISSION_AFTER)
        return first


@dataclass
class Clock:
    """Virtual time. It goes on with the steps of the scheduler, and jumps when fate says so."""

    start: datetime
    per_step: timedelta
    step: Callable[[], int]
    jumped: timedelta = timedelta()

    def read(self) -> datetime:
        """The true time."""
        return self.start + self.step() * self.per_step + self.jumped

    def skewed(self, by: timedelta) -> Callable[[], Awaitable[datetime]]:
        """The clock of a machine that is wrong by ``by``."""

        async def now() -> datetime:
            return self.read() + by

        return now
