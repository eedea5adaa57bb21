"""Reads what an extract contains: the stored statements, or the published statistics."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

from frikort_contracts.extract_files import ExtractKind
from frikort_contracts.extracts import Authority
from pymongo import ASCENDING, IndexModel
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from services.exports.card_year import ReportSplit
from services.exports.extracts.requests import ExtractRequest
from services.exports.feeds import StatementFields, statement_fields
from services.exports.statements import CardStatements
from services.exports.statistics.publisher import PUBLICATIONS
from services.runtime.mongo.driver import Database, aggregate, session_of, transaction
from services.runtime.processing.decision import Processor

_SNAPSHOT: Final = ReadConcern("snapshot")
_MAJORITY: Final = WriteConcern("majority")
_BATCH_ROWS: Final = 500
_BATCH_CARDS: Final = 50


class StatementsPending(RuntimeError):
    """Some statements of the extract are pending, and a file without them would be wrong."""


class ExtractReader:
    """Reads everything of one extract from one snapshot, in a fixed order: by card, or by month and municipality."""

    def __init__(self, database: Database, statements: Processor[CardStatements]) -> None:
        self._client = database.client
        self._cards = database[statements.name]
        self._entries = database[f"{statements.name}_entries"]
        self._publications = database[PUBLICATIONS]

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
        # A collection can have 64 indexes, and a request can name any year.
        if await self._cards.find_one({"state.stated_years": request.year}, {"_id": 1}) is not None:
            await self._cards.create_index([(_employer_field(request.year), ASCENDING), ("_id", ASCENDING)])

    async def count_pending(self) -> int:
        """The number of cards with a pending year."""
        return int(await self._cards.count_documents({"state.pending_years": {"$gt": 0}}))

    @contextlib.asynccontextmanager
    async def snapshot(
        self, request: ExtractRequest
    ) -> AsyncIterator[tuple[int, AsyncIterator[list[StatementFields]]]]:
        """The number of objects, and the objects in batches, from one moment. Raises ``StatementsPending``."""
        # A transaction keeps the history that its snapshot needs; a snapshot outside one needs a server that keeps
        # history for all. Its majority commit guarantees that nothing it read is rolled back.
        async with session_of(self._client) as session, transaction(session, _SNAPSHOT, _MAJORITY):
            if request.kind is ExtractKind.STATISTICS:
                months = {"_id": {"$gte": f"{request.year}-", "$lt": f"{request.year + 1}-"}, "published": True}
                found = await self._publications.find(months, session=session).sort("_id", ASCENDING).to_list(None)
                rows = [row for stored in found for row in _statistics(stored["publication"], request.municipality)]
                yield len(rows), _in_batches(rows)
                return
            if count := await self._cards.count_documents(_pending(request), session=session):
                raise StatementsPending(f"{count} statements of {request.year} are pending")
            if request.kind is ExtractKind.EMPLOYER:
                yield await self._count_reports(request, session), self._reports(request, session)
                return
            count = await self._cards.count_documents(_query(request), session=session)
            yield count, self._statements(request, session)

    def cursor(self, request: ExtractRequest, session: Any) -> Any:
        """The stored statements of ``request``, in the order of their cards."""
        fields = {"state.cpr": 1, f"state.years.{request.year}.statement": 1}
        found = self._cards.find(_query(request), fields, session=session)
        return found.sort("_id", ASCENDING).batch_size(_BATCH_ROWS)

    async def _statements(self, request: ExtractRequest, session: Any) -> AsyncIterator[list[StatementFields]]:
        cursor, year = self.cursor(request, session), str(request.year)
        while batch := await cursor.to_list(_BATCH_ROWS):
            yield [
                _fields(
                    request.kind, stored["_id"], stored["state"]["cpr"], stored["state"]["years"][year]["statement"]
                )
                for stored in batch
            ]

    async def _count_reports(self, request: ExtractRequest, session: Any) -> int:
        """The reports of the employer, from its lines in the statements."""
        lines = f"state.years.{request.year}.statement.employers"
        found = await aggregate(
            self._cards,
            [
                {"$match": _query(request)},
                {"$unwind": f"${lines}"},
                {"$match": {f"{lines}.cvr": request.cvr}},
                {"$group": {"_id": None, "reports": {"$sum": f"${lines}.reports"}}},
            ],
            session,
        )
        return sum(counted["reports"] for counted in found)

    async def _reports(self, request: ExtractRequest, session: Any) -> AsyncIterator[list[StatementFields]]:
        """The employer's reports, card by card."""
        year = f"state.years.{request.year}"
        fields = {f"{year}.reports": 1, f"{year}.statement.provisional": 1}
        found = self._cards.find(_query(request), fields, session=session)
        cursor = found.sort("_id", ASCENDING).batch_size(_BATCH_CARDS)
        while batch := await cursor.to_list(_BATCH_CARDS):
            rows: list[StatementFields] = []
            for stored in batch:
                of_year = stored["state"]["years"][str(request.year)]
                kept, provisional = of_year["reports"], of_year["statement"]["provisional"]
                splits = {**kept["inside"], **kept.get("recent", {})}
                if kept.get("outside", 0) > len(kept.get("recent", {})):
                    splits = {**await self._outside(f"{stored['_id']}/{kept['name']}", session), **splits}
                rows += _own_reports(request, splits, provisional=provisional)
            yield rows

    async def _outside(self, prefix: str, session: Any) -> dict[str, Any]:
        """The splits that are stored outside the document of a card."""
        within = {"_id": {"$gt": f"{prefix}/", "$lt": f"{prefix}0"}}  # 0 follows the slash
        found = self._entries.find(within, {"value": 1}, session=session)
        return {stored["_id"].rpartition("/")[2]: stored["value"] async for stored in found}


def _own_reports(request: ExtractRequest, splits: dict[str, Any], *, provisional: bool) -> list[StatementFields]:
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


def _fields(kind: ExtractKind, card_id: str, cpr: str | None, statement: StatementFields) -> StatementFields:
    """A stored statement as the requester of this kind may see it."""
    match kind:
        case ExtractKind.TAX_YEAR:
            return statement_fields(Authority.SKAT, card_id, cpr, statement)
        case ExtractKind.CITIZEN:
            fields = statement_fields(Authority.SKAT, card_id, cpr, statement)
            return {name: value for name, value in fields.items() if name != "cpr"}
        case ExtractKind.FOLLOW_UP | ExtractKind.MUNICIPALITY:
            return statement_fields(Authority.STAR, card_id, None, statement)
        case ExtractKind.STATISTICS | ExtractKind.EMPLOYER:
            raise ValueError(f"{kind.value} is not made of statements")


def _statistics(publication: dict[str, Any], municipality: str | None) -> list[StatementFields]:
    month = publication["month"]
    rows = publication["municipalities"]
    return [{"month": month, **row} for row in rows if municipality in (None, row["municipality"])]


async def _in_batches(rows: list[StatementFields]) -> AsyncIterator[list[StatementFields]]:
    for start in range(0, len(rows), _BATCH_ROWS):
        yield rows[start : start + _BATCH_ROWS]


def _query(request: ExtractRequest) -> dict[str, Any]:
    return {"state.stated_years": request.year, **_of_scope(request, request.municipality)}


def _pending(request: ExtractRequest) -> dict[str, Any]:
    """The cards whose year is pending. One without a known person has no municipality: it may belong to any."""
    if request.kind is ExtractKind.EMPLOYER:
        return {"state.pending_years": request.year, "$or": _with_reports_of(request)}
    return {"state.pending_years": request.year, **_of_scope(request, request.municipality, None)}


def _employer_field(year: int) -> str:
    return f"state.years.{year}.statement.employers.cvr"


def _with_reports_of(request: ExtractRequest) -> list[dict[str, Any]]:
    """The conditions on a pending card that it has reports of the employer, counted or still arriving."""
    year = f"state.years.{request.year}"
    arriving = {"$objectToArray": {"$ifNull": [f"${year}.arriving", {}]}}
    cvrs = {"$map": {"input": arriving, "in": {"$arrayElemAt": ["$$this.v", 0]}}}
    return [{f"{year}.employers.{request.cvr}": {"$exists": True}}, {"$expr": {"$in": [request.cvr, cvrs]}}]


def _of_scope(request: ExtractRequest, *municipalities: str | None) -> dict[str, Any]:
    """The condition on the card and the municipality. Raises ``ValueError`` if the kind needs one that is missing."""
    if request.kind is ExtractKind.EMPLOYER:
        if request.cvr is None:
            raise ValueError("an extract for an employer is of its reports")
        return {_employer_field(request.year): request.cvr}
    if request.kind is ExtractKind.CITIZEN:
        if request.card_id is None:
            raise ValueError("an extract for a citizen is of one card")
        return {"_id": request.card_id}
    if request.municipality is None:
        if request.kind is ExtractKind.MUNICIPALITY:
            raise ValueError("an extract for a municipality is of that municipality")
        return {}
    return {"state.municipality": {"$in": list(municipalities)}}
