"""A database with ten years of five times as many cards as the load, as balance stores them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import bson
from bson.raw_bson import RawBSONDocument
from frikort_contracts.cloudevents import decode
from frikort_contracts.topics import EARNINGS
from pymongo import WriteConcern

from services.balance.processor import LEDGERS
from services.runtime.mongo.document_store import create_clustered, document_of
from services.runtime.processing.apply import AppliedBatch, Delivery, Documents, Incoming, apply_deliveries
from tests.bench.bench import Bench
from tests.bench.events import YEAR, Load

YEARS: Final = range(YEAR - 10, YEAR)
TIMES_THE_CARDS: Final = 5
_REPORTS: Final = 4
_AT_ONCE: Final = 5000


async def store_history(bench: Bench, database: str, collection: str) -> None:
    """Fill a collection: for every card of the load and four others one ledger per year with four reports."""
    load = bench.load
    others = Load(load.events, (TIMES_THE_CARDS - 1) * load.cards, seed=-load.seed)
    stored = _stored([*load.card_ids(), *others.card_ids()])
    async with bench.database() as client:
        await create_clustered(client[database], collection)
        target = client[database].get_collection(collection, write_concern=WriteConcern(w=1))
        while chunk := list(islice(stored, _AT_ONCE)):
            await target.insert_many(chunk, ordered=False)
        # The years before are on disk: their checkpoint is not part of the replay.
        await client.admin.command("fsync")


def _stored(card_ids: list[str]) -> Iterator[RawBSONDocument]:
    """One ledger, computed by the real code, under each card's and year's id."""
    template = bson.encode(_ledger_after_a_year())
    card_id, year = next(iter(Load(1, 1).card_ids())), YEAR
    for other_year in YEARS:
        of_year = template.replace(f"{card_id}:{year}".encode(), f"{card_id}:{other_year}".encode())
        for other in card_ids:
            yield RawBSONDocument(of_year.replace(card_id.encode(), other.encode()))


def _ledger_after_a_year() -> dict[str, Any]:
    documents: Documents[Any] = Documents()
    deliveries = []
    for offset, record in enumerate(Load(_REPORTS, 1).records()):
        envelope = decode(EARNINGS, record.value, record.headers)
        address = LEDGERS.address(envelope)
        assert address is not None
        incoming = Incoming(record.topic, 0, offset, record.key, record.value, record.headers)
        deliveries.append(Delivery(incoming, envelope, address))
    apply_deliveries("balance", LEDGERS, documents, deliveries, AppliedBatch())
    (ledger,) = documents.changed()
    return document_of(ledger, LEDGERS)
