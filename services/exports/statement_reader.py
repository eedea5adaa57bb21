"""Reads the stored statements for an extract."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

from pymongo import ASCENDING, IndexModel
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from services.exports.extract_requests import ExtractRequest
from services.exports.feeds import StatementFields, statement_fields
from services.exports.statements import CardStatements
from services.runtime.mongo.driver import Database, session_of, transaction
from services.runtime.processing.decision import Processor

_SNAPSHOT: Final = ReadConcern("snapshot")
_MAJORITY: Final = WriteConcern("majority")
_BATCH_ROWS: Final = 500


class StatementsPending(RuntimeError):
    """Some statements of the extract are pending, and a file without them would be wrong."""


class StatementReader:
    """Reads all statements of one extract from one snapshot, in the order of their cards."""

    def __init__(self, database: Database, statements: Processor[CardStatements]) -> None:
        self._client = database.client
        self._cards = database[statements.name]

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
        """The number of statements, and the statements in batches, from one moment. Raises ``StatementsPending``."""
        # A transaction keeps the history that its snapshot needs; a snapshot outside one needs a server that keeps
        # history for all. Its majority commit guarantees that nothing it read is rolled back.
        async with session_of(self._client) as session, transaction(session, _SNAPSHOT, _MAJORITY):
            # A card without a known person has no municipality: it may belong to any.
            pending = {"state.pending_years": request.year, **_in_municipality(request.municipality, None)}
            if count := await self._cards.count_documents(pending, session=session):
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
                statement_fields(
                    request.authority,
                    stored["_id"],
                    stored["state"]["cpr"],
                    stored["state"]["years"][year]["statement"],
                )
                for stored in batch
            ]


def _query(request: ExtractRequest) -> dict[str, Any]:
    return {"state.stated_years": request.year, **_in_municipality(request.municipality)}


def _in_municipality(*municipalities: str | None) -> dict[str, Any]:
    """The condition that a card belongs to one of these; no condition if the extract covers the whole country."""
    return {} if municipalities[0] is None else {"state.municipality": {"$in": list(municipalities)}}
