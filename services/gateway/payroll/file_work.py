"""What booking and checking a payroll file have in common: reading its lines, publishing, and waiting for outcomes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from frikort_contracts.cloudevents import Record

from services.gateway.audit.log import AuditLog
from services.gateway.changes.change_notifier import ChangeSubscriptions, Pending, Ready
from services.gateway.payroll import lines
from services.gateway.payroll.batch import Batch, Chunk
from services.gateway.payroll.line_encryption import LineEncryptor
from services.gateway.payroll.lines import ValidLine
from services.gateway.payroll.queries import ReadModelQueries
from services.gateway.payroll.store import BatchStore

T = TypeVar("T")


@dataclass(frozen=True)
class FileWork:
    """What a worker works with. ``lease``: the seconds of its lease on a file, which is renewed while it works."""

    batches: BatchStore
    queries: ReadModelQueries
    audit_log: AuditLog
    line_encryptor: LineEncryptor
    publish: Callable[[Sequence[Record]], Awaitable[None]]
    now: Callable[[], Awaitable[datetime]]
    subscriptions: ChangeSubscriptions
    lease: float

    def valid_lines(self, held: Batch, chunk: Chunk) -> list[ValidLine]:
        """The lines of a chunk without errors."""
        good, _ = lines.lines_from_json(self.line_encryptor.decrypt_lines(chunk.lines, held, chunk.index))
        return good

    async def wait_for(self, check: Callable[[], Awaitable[Ready[T] | Pending]]) -> T:
        """The value of ``check`` once it is ready. Raises ``CancelledError`` if the process has ended its work."""
        found = await self.subscriptions.until(check, math.inf)
        if found is None:
            raise asyncio.CancelledError
        return found
