"""Reads what was paid in the months of a period: the statements and payment dates of the cards, a year at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final, NamedTuple

from frikort_contracts.extract_files import ExtractKind
from pymongo import ASCENDING

from services.exports.card_feeds.processor import NAME as CARD_FEEDS
from services.exports.extracts.payments import DateUnknown, card_months, payments_in, report_fields
from services.exports.extracts.queries import cards_in
from services.exports.extracts.requests import ExtractRequest
from services.exports.feeds import StatementFields, month_fields, requester_fields
from services.runtime.mongo.document_store import ids_below
from services.runtime.mongo.driver import Database

BATCH_CARDS: Final = 50
"""Cards that are read together with their reports."""


class StatementsPending(RuntimeError):
    """Some statements of the extract are pending, and a file without them would be wrong."""


class Batch(NamedTuple):
    """Objects to write, and how much of the extract's count is done with them."""

    objects: list[StatementFields]
    done: int


class PeriodReader:
    """Reads the cards of a period in a fixed order: by year, by card, by month."""

    def __init__(self, database: Database, statements: str) -> None:
        self._cards = database[statements]
        self._entries = database[f"{statements}_entries"]
        self._feeds = database[CARD_FEEDS]
        self._feed_entries = database[f"{CARD_FEEDS}_entries"]

    async def count(self, request: ExtractRequest, session: Any) -> int:
        """The statements to read."""
        counts = [
            await self._cards.count_documents(cards_in(request, year), session=session) for year in request.months.years
        ]
        return sum(counts)

    async def batches(self, request: ExtractRequest, session: Any) -> AsyncIterator[Batch]:
        """The objects, from the snapshot of ``session``. Raises ``StatementsPending``."""
        for number in request.months.years:
            year = f"state.years.{number}"
            fields = {"state.cpr": 1, f"{year}.reports": 1, f"{year}.statement": 1}
            found = self._cards.find(cards_in(request, number), fields, session=session)
            cursor = found.sort("_id", ASCENDING).batch_size(BATCH_CARDS)
            while cards := await cursor.to_list(BATCH_CARDS):
                dates = await self._dates([card["_id"] for card in cards], str(number), session)
                objects: list[StatementFields] = []
                for card in cards:
                    of_year = card["state"]["years"][str(number)]
                    splits = await all_entries(self._entries, card["_id"], of_year["reports"], session)
                    lines = await self._lines(card["_id"], dates.get(card["_id"]), session)
                    try:
                        objects += _objects(request, card, of_year["statement"], splits, lines)
                    except DateUnknown:
                        raise StatementsPending(f"a payment date of {number} is changing") from None
                yield Batch(objects, len(cards))

    async def _dates(self, card_ids: list[str], year: str, session: Any) -> dict[str, Any]:
        """The stored map of the reports by payment date, of each card that has one."""
        place = f"state.years.{year}.payments.lines"
        found = self._feeds.find({"_id": {"$in": card_ids}, place: {"$exists": True}}, {place: 1}, session=session)
        return {card["_id"]: card["state"]["years"][year]["payments"]["lines"] async for card in found}

    async def _lines(self, card_id: str, kept: Mapping[str, Any] | None, session: Any) -> Mapping[str, Any]:
        return {} if kept is None else await all_entries(self._feed_entries, card_id, kept, session)


async def all_entries(entries: Any, document: str, kept: Mapping[str, Any], session: Any) -> Mapping[str, Any]:
    """All entries of a stored ``EntryMap``: those in the document, and those outside it."""
    inside = {**kept["inside"], **kept.get("recent", {})}
    if kept.get("outside", 0) <= len(kept.get("recent", {})):
        return inside
    within = {"_id": ids_below(f"{document}/{kept['name']}")}
    found = entries.find(within, {"value": 1}, session=session)
    outside = {stored["_id"].rpartition("/")[2]: stored["value"] async for stored in found}
    return {**outside, **inside}


def _objects(
    request: ExtractRequest,
    card: Mapping[str, Any],
    statement: Mapping[str, Any],
    splits: Mapping[str, Any],
    lines: Mapping[str, Any],
) -> Iterator[StatementFields]:
    """What the requester may see of a card. The reports of another employer do not leave this function."""
    payments = payments_in(request.months, splits, lines, cvr=request.cvr)
    if request.kind is ExtractKind.EMPLOYER:
        yield from (report_fields(payment, provisional=statement["provisional"]) for payment in payments)
        return
    for month in card_months(payments, statement):
        yield requester_fields(request.kind, month_fields, card["_id"], card["state"]["cpr"], month)
