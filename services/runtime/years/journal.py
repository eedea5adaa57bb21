"""The journal of changes of years, in MongoDB. Entries are added and never changed."""

from __future__ import annotations

from typing import Final

import structlog
from pymongo.errors import DuplicateKeyError

from services.runtime.mongo.driver import Client, Collection, durable_database
from services.runtime.years.changes import Decided, Entered, Refused

logger = structlog.get_logger(__name__)

DATABASE: Final = "frikort_operations"
COLLECTION: Final = "year_changes"


class Journal:
    """The journal, in the database of the operator's commands."""

    def __init__(self, client: Client) -> None:
        self._entries: Collection = durable_database(client, DATABASE)[COLLECTION]

    async def entries(self, year: int | None = None) -> list[Entered | Decided]:
        """The entries of a year, or of all, in the order of the changes."""
        found = self._entries.find({} if year is None else {"year": year}).sort([("year", 1), ("number", 1)])
        return [
            (Entered if stored["kind"] == "entered" else Decided).model_validate(
                {name: value for name, value in stored.items() if name != "_id"}
            )
            for stored in await found.to_list(None)
        ]

    async def add(self, entry: Entered | Decided) -> None:
        """Store an entry durably. Raises ``Refused`` if another person has added the same one meanwhile."""
        stored = {"_id": f"{entry.change} {entry.kind}", **entry.model_dump(mode="json")}
        try:
            await self._entries.insert_one(stored)
        except DuplicateKeyError:
            raise Refused(f"{entry.change}: another person changes it at this moment; check its state") from None
        logger.warning("years.change", change=entry.change, kind=entry.kind, by=entry.by, reason=entry.reason)
