"""Reads what an extract contains: the stored statements, or the published statistics."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from frikort_contracts.extract_files import ExtractKind
from pymongo import ASCENDING, IndexModel
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from services.exports.card_year import ReportSplit
from services.exports.extracts.period_reader import (
    BATCH_CARDS,
    Batch,
    PeriodReader,
    StatementsPending,
    all_entries,
)
from services.exports.extracts.queries import cards_in, employer_field, pending_in
from services.exports.extracts.requests import ExtractRequest
from services.exports.feeds import StatementFields, requester_fields, statement_fields
from services.exports.statements import CardStatements
from services.exports.statistics.publisher import PUBLICATIONS
from services.runtime.mongo.driver import Database, aggregate, session_of, transaction
from services.runtime.processing.decision import Processor

_SNAPSHOT: Final = ReadConcern("snapshot")
_MAJORITY: Final = WriteConcern("majority")
_BATCH_ROWS: Final = 500


class ExtractReader:
    """Reads everything of one extract from one snapshot, in a fixed order: by card, or by month and municipality."""

    def __init__(self, database: Database, statements: Processor[CardStatements]) -> None:
        self._client = database.client
        self._cards = database[statements.name]
        self._entries = database[f"{statements.name}_entries"]
        self._publications = database[PUBLICATIONS]
        self._periods = PeriodReader(database, statements.name)

    async def ensure_indexes(self) -> None:
        """Create indexes that return the cards of a year (and a municipality) in order, without a sort in memory."""
        await self._cards.create_indexes(
            [
                IndexModel([("state.stated_years", ASCENDING), ("_id", ASCENDING)]),
                IndexModel([("state.stated_years", ASCENDING), ("state.municipality", ASCENDING), ("_id", ASCENDING)]),
            ]
        )

    async def prepare(self, request: ExtractRequest) -> None:
        """Create the index that a kind needs for each year with statements, before the snapshot."""
        if request.kind is not ExtractKind.EMPLOYER:
            return
        for year in request.months.years:
            # A collection can have 64 indexes, and a request can name any year.
            if await self._cards.find_one({"state.stated_years": year}, {"_id": 1}) is not None:
                await self._cards.create_index([(employer_field(year), ASCENDING), ("_id", ASCENDING)])

    async def count_pending(self) -> int:
        """The number of cards with a pending year."""
        return int(await self._cards.count_documents({"state.pending_years": {"$gt": 0}}))

    @contextlib.asynccontextmanager
    async def snapshot(self, request: ExtractRequest) -> AsyncIterator[tuple[int, AsyncIterator[Batch]]]:
        """The number of objects, or of statements of a period, and the objects in batches, from one moment.

        It and its batches raise ``StatementsPending``.
        """
        # A transaction keeps the history that its snapshot needs; a snapshot outside one needs a server that keeps
        # history for all. Its majority commit guarantees that nothing it read is rolled back.
        async with session_of(self._client) as session, transaction(session, _SNAPSHOT, _MAJORITY):
            if request.kind is ExtractKind.STATISTICS:
                months = {"_id": {"$gte": request.months.first, "$lte": request.months.last}, "published": True}
                found = await self._publications.find(months, session=session).sort("_id", ASCENDING).to_list(None)
                rows = [row for stored in found for row in _statistics(stored["publication"], request.municipality)]
                yield len(rows), _in_batches(rows)
                return
            for year in request.months.years:
                if count := await self._cards.count_documents(pending_in(request, year), session=session):
                    raise StatementsPending(f"{count} statements of {year} are pending")
            if request.year is None:
                yield await self._periods.count(request, session), self._periods.batches(request, session)
            elif request.kind is ExtractKind.EMPLOYER:
                count = await self._count_reports(request, request.year, session)
                yield count, self._reports(request, request.year, session)
            else:
                count = await self._cards.count_documents(cards_in(request, request.year), session=session)
                yield count, self._statements(request, request.year, session)

    def cursor(self, request: ExtractRequest, year: int, session: Any) -> Any:
        """The stored statements of ``year``, in the order of their cards."""
        fields = {"state.cpr": 1, f"state.years.{year}.statement": 1}
        found = self._cards.find(cards_in(request, year), fields, session=session)
        return found.sort("_id", ASCENDING).batch_size(_BATCH_ROWS)

    async def _statements(self, request: ExtractRequest, number: int, session: Any) -> AsyncIterator[Batch]:
        cursor, year = self.cursor(request, number, session), str(number)
        while found := await cursor.to_list(_BATCH_ROWS):
            objects = []
            for stored in found:
                state = stored["state"]
                statement = state["years"][year]["statement"]
                objects.append(requester_fields(request.kind, statement_fields, stored["_id"], state["cpr"], statement))
            yield Batch(objects, len(objects))

    async def _count_reports(self, request: ExtractRequest, year: int, session: Any) -> int:
        """The reports of the employer, from its lines in the statements."""
        lines = f"state.years.{year}.statement.employers"
        found = await aggregate(
            self._cards,
            [
                {"$match": cards_in(request, year)},
                {"$unwind": f"${lines}"},
                {"$match": {f"{lines}.cvr": request.cvr}},
                {"$group": {"_id": None, "reports": {"$sum": f"${lines}.reports"}}},
            ],
            session,
        )
        return sum(counted["reports"] for counted in found)

    async def _reports(self, request: ExtractRequest, number: int, session: Any) -> AsyncIterator[Batch]:
        """The employer's reports, card by card."""
        year = f"state.years.{number}"
        fields = {f"{year}.reports": 1, f"{year}.statement.provisional": 1}
        found = self._cards.find(cards_in(request, number), fields, session=session)
        cursor = found.sort("_id", ASCENDING).batch_size(BATCH_CARDS)
        while batch := await cursor.to_list(BATCH_CARDS):
            rows: list[StatementFields] = []
            for stored in batch:
                of_year = stored["state"]["years"][str(number)]
                splits = await all_entries(self._entries, stored["_id"], of_year["reports"], session)
                rows += _own_reports(request, splits, provisional=of_year["statement"]["provisional"])
            yield Batch(rows, len(rows))


def _own_reports(request: ExtractRequest, splits: Mapping[str, Any], *, provisional: bool) -> list[StatementFields]:
    """The reports of the employer that count. Those of others do not leave this function."""
    own = ((report_id, ReportSplit(*values)) for report_id, values in sorted(splits.items()))
    return [
        {
            "report_id": report_id,
            "year": request.year,
            "reported": split.exempt + split.excess,
            "exempt": split.exempt,
            "excess": split.excess,
            "provisional": provisional,
            "disputed": split.disputed,
        }
        for report_id, split in own
        if split.cvr == request.cvr and split.is_counted
    ]


def _statistics(publication: dict[str, Any], municipality: str | None) -> list[StatementFields]:
    month = publication["month"]
    rows = publication["municipalities"]
    return [{"month": month, **row} for row in rows if municipality in (None, row["municipality"])]


async def _in_batches(rows: list[StatementFields]) -> AsyncIterator[Batch]:
    for start in range(0, len(rows), _BATCH_ROWS):
        batch = rows[start : start + _BATCH_ROWS]
        yield Batch(batch, len(batch))
