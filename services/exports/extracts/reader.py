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

from services.exports.extracts.requests import ExtractRequest
from services.exports.feeds import StatementFields, statement_fields
from services.exports.statements import CardStatements
from services.exports.statistics.publisher import PUBLICATIONS
from services.runtime.mongo.document_store import Database
from services.runtime.processing.decision import Processor

_SNAPSHOT: Final = ReadConcern("snapshot")
_MAJORITY: Final = WriteConcern("majority")
_BATCH_ROWS: Final = 500


class StatementsPending(RuntimeError):
    """Some statements of the extract are pending, and a file without them would be wrong."""


class ExtractReader:
    """Reads everything of one extract from one snapshot, in a fixed order: by card, or by month and municipality."""

    def __init__(self, database: Database, statements: Processor[CardStatements]) -> None:
        self._client = database.client
        self._cards = database[statements.name]
        self._publications = database[PUBLICATIONS]

    async def ensure_indexes(self) -> None:
        """Create indexes that return the cards of a year (and a municipality) in order, without a sort in memory."""
        await self._cards.create_indexes(
            [
                IndexModel([("state.stated_years", ASCENDING), ("_id", ASCENDING)]),
                IndexModel([("state.stated_years", ASCENDING), ("state.municipality", ASCENDING), ("_id", ASCENDING)]),
            ]
        )

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
        async with await self._client.start_session() as session, session.start_transaction(_SNAPSHOT, _MAJORITY):
            if request.kind is ExtractKind.STATISTICS:
                months = {"_id": {"$gte": f"{request.year}-", "$lt": f"{request.year + 1}-"}, "published": True}
                found = await self._publications.find(months, session=session).sort("_id", ASCENDING).to_list(None)
                rows = [row for stored in found for row in _statistics(stored["publication"], request.municipality)]
                yield len(rows), _in_batches(rows)
                return
            if count := await self._cards.count_documents(_pending(request), session=session):
                raise StatementsPending(f"{count} statements of {request.year} are pending")
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
        case ExtractKind.STATISTICS:
            raise ValueError("statistics are not made of statements")


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
    return {"state.pending_years": request.year, **_of_scope(request, request.municipality, None)}


def _of_scope(request: ExtractRequest, *municipalities: str | None) -> dict[str, Any]:
    """The condition on the card and the municipality. Raises ``ValueError`` if the kind needs one that is missing."""
    if request.kind is ExtractKind.CITIZEN:
        if request.card_id is None:
            raise ValueError("an extract for a citizen is of one card")
        return {"_id": request.card_id}
    if request.municipality is None:
        if request.kind is ExtractKind.MUNICIPALITY:
            raise ValueError("an extract for a municipality is of that municipality")
        return {}
    return {"state.municipality": {"$in": list(municipalities)}}
