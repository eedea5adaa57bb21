"""The amounts of every year while a process runs: a file, and the years that were changed by command since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import date
from typing import TYPE_CHECKING

import structlog
from frikort_contracts.cloudevents import BrokenContract, decode
from frikort_contracts.rules.allowances import Allowance, AllowanceTable
from frikort_contracts.topics import YEARS
from frikort_contracts.years import YearChanged

from services.runtime.allowance_file import load_allowances
from services.runtime.kafka.followed_topic import records_of
from services.runtime.kafka.topics import require
from services.runtime.settings import KafkaSettings, RuntimeSettings

if TYPE_CHECKING:
    from services.runtime.service import Runtime

logger = structlog.get_logger(__name__)


class FollowedAllowances:
    """The allowance table, which follows the topic of years.

    Give ``catch_up`` to the process as a start check, so that it decides nothing by older amounts, and ``follow`` as a
    background task.
    """

    def __init__(self, table: AllowanceTable, settings: KafkaSettings) -> None:
        self._table = table
        self._settings = settings
        self._revisions: dict[int, int] = {}

    @classmethod
    def from_settings(cls, settings: RuntimeSettings) -> FollowedAllowances:
        """Begin with the table in the file. Raises ``ValueError``."""
        return cls(load_allowances(settings.allowances), settings)

    @property
    def years(self) -> Mapping[int, tuple[Allowance, ...]]:
        """All amounts, by year."""
        return self._table.years

    @property
    def closed(self) -> frozenset[int]:
        """The years that are closed."""
        return self._table.closed

    def in_force(self, year: int, day: date) -> Allowance | None:
        """The amounts that divide ``year`` on ``day``; see ``AllowanceTable``."""
        return self._table.in_force(year, day)

    def announced(self, year: int, day: date) -> Sequence[Allowance]:
        """The amounts of ``year`` that take effect after ``day``; see ``AllowanceTable``."""
        return self._table.announced(year, day)

    def apply(self, event: YearChanged) -> None:
        """Replace a year, unless a newer change of it is known. Raises ``ValueError`` if the amounts cannot be used."""
        if event.revision > self._revisions.get(event.year, 0):
            self._table = self._table.with_year(event.year, event.amounts, closed=event.closed)
            self._revisions[event.year] = event.revision
            logger.info("runtime.year_changed", year=event.year, revision=event.revision, closed=event.closed)

    async def catch_up(self, _: Runtime) -> None:
        """Read the changes so far."""
        await _read(self._settings, self.apply, follow=False)

    async def follow(self, _: Runtime) -> None:
        """Read all changes, and wait for new ones."""
        await _read(self._settings, self.apply, follow=True)


async def _read(settings: KafkaSettings, apply: Callable[[YearChanged], None], *, follow: bool) -> None:
    await require(settings, [YEARS.name])
    async with aclosing(records_of(settings, YEARS, follow=follow)) as records:
        async for record in records:
            try:
                apply(decode(YEARS, record.value, record.headers).data)
            except (BrokenContract, ValueError) as error:
                # The amounts before are better than none: only the command may write to the topic.
                logger.critical("runtime.year_unreadable", offset=record.offset, reason=str(error))
