"""Checks payroll files before they are booked. A worker that takes over a file starts the check again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from frikort_contracts.rules.allowances import Allowances

from services.gateway.changes.change_notifier import Key, Pending, Ready
from services.gateway.payroll import booking
from services.gateway.payroll.batch import Batch
from services.gateway.payroll.booking import LineOutcome, LineSplit
from services.gateway.payroll.checking import FileCheck, chunks_to_check
from services.gateway.payroll.file_work import FileWork
from services.gateway.payroll.lines import ValidLine
from services.gateway.payroll.queries import ReadModelQueries
from services.gateway.projections import outcomes, reports

_CHUNKS_IN_PROGRESS: Final = 4  # all chunks that are checked


@dataclass(frozen=True)
class CheckedChunk:
    """A chunk whose check is published."""

    index: int
    lines: Sequence[ValidLine]


class FileChecker:
    """Checks files. Nothing is booked."""

    def __init__(self, work: FileWork, allowances: Allowances) -> None:
        self._work = work
        self._allowances = allowances

    async def check(self, held: Batch, is_draining: Callable[[], bool]) -> bool:
        """Check a file that this worker has claimed. Returns False if a drain ended it.

        Raises ``LeaseLost``, also if the employer books or cancels the file meanwhile, ``KafkaUnavailable`` and
        pymongo's errors.
        """
        try:
            return await self._check(held, is_draining)
        except LookupError:
            await self._work.batches.renew_lease(held)  # the lines of a cancelled file are gone, and so is its lease
            raise

    async def _check(self, held: Batch, is_draining: Callable[[], bool]) -> bool:
        at = await self._work.now()
        chunks = chunks_to_check(held)
        check = FileCheck(held, at, self._allowances, await self._repeated(held, chunks))
        waiting: deque[CheckedChunk] = deque()
        for index in chunks:
            if is_draining():
                return False
            if len(waiting) == _CHUNKS_IN_PROGRESS:
                await self._finish_chunk(check, waiting.popleft())
            waiting.append(await self._send(check, index))
        while waiting:
            await self._finish_chunk(check, waiting.popleft())
        await self._work.batches.finish_check(held, at)
        return True

    async def _repeated(self, held: Batch, chunks: Iterable[int]) -> frozenset[str]:
        """The cards with several lines in these chunks."""
        seen: set[str] = set()
        repeated: set[str] = set()
        for index in chunks:
            for line in await self._lines(held, index):
                (repeated if line.card_id in seen else seen).add(line.card_id)
        return frozenset(repeated)

    async def _lines(self, held: Batch, index: int) -> list[ValidLine]:
        return self._work.valid_lines(held, await self._work.batches.chunk(held, index))

    async def _send(self, check: FileCheck, index: int) -> CheckedChunk:
        good = await self._lines(check.batch, index)
        checked, records = check.commands(good, await self._work.queries.revisions({line.card_id for line in good}))
        await self._work.audit_log.add(booking.checks(check.batch, checked))
        await self._work.publish(records)
        return CheckedChunk(index, checked)

    async def _finish_chunk(self, check: FileCheck, chunk: CheckedChunk) -> None:
        """Wait for the outcomes of a chunk and store what it would give."""
        held, index = check.batch, chunk.index
        found = await self._work.wait_for(_ChunkOutcomes(self._work.queries, check, chunk.lines).check)
        totals = await self._work.queries.totals(check.missing_years(chunk.lines))
        periods = await self._work.queries.periods({line.employment_id for line in chunk.lines})
        results = check.results(chunk.lines, *found, totals, periods)
        encrypted = self._work.line_encryptor.encrypt_check(booking.results_to_json(results), held, index)
        await self._work.batches.add_check(held, index, encrypted, booking.totals_of(results))


class _ChunkOutcomes:
    """Collects the outcomes of a chunk, and the splits of the reports outside the file that they name."""

    def __init__(self, queries: ReadModelQueries, check: FileCheck, checked: Sequence[ValidLine]) -> None:
        self._queries = queries
        self._check = check
        self._ids = [check.command_id(line) for line in checked]
        self._outcomes: dict[str, LineOutcome] = {}
        self._splits: dict[str, LineSplit] = {}

    async def check(self) -> Ready[tuple[dict[str, LineOutcome], dict[str, LineSplit]]] | Pending:
        """The outcomes and splits, or the key of the last missing one."""
        self._outcomes |= await self._queries.outcomes([one for one in self._ids if one not in self._outcomes])
        if missing := [one for one in self._ids if one not in self._outcomes]:
            return Pending((Key(outcomes.PROJECTION.name, missing[-1]),))
        earlier = self._check.earlier_reports(self._outcomes.values())
        self._splits |= await self._queries.splits(earlier - self._splits.keys())
        if unsettled := sorted(earlier - self._splits.keys()):
            return Pending((Key(reports.PROJECTION.name, unsettled[-1]),))
        return Ready((self._outcomes, self._splits))
