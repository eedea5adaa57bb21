"""The cost of a report by number of earlier ones: processing over stored documents, without engines.

``python -m tests.bench.replay.growth`` prints the figures as JSON: microseconds of processor time for each of the
last tenth of the reports.
"""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Sequence
from time import process_time
from typing import Final

import bson
from frikort_contracts.cloudevents import Record

from services.balance.ledger import Ledger
from services.balance.processor import LEDGERS
from services.runtime.mongo.document_store import document_from, document_of
from services.runtime.processing.apply import Document, Documents, Incoming
from services.runtime.processing.batch_processor import BatchProcessor
from services.runtime.processing.decision import Address
from tests.bench.bench import Bench, python
from tests.bench.case import Case, Figures
from tests.bench.events import Load
from tests.bench.processes import run_json

ROW: Final = "growth"
_BATCH: Final = 50
_LOADS: Final = {
    "at 10 reports a year": Load(events=4000, cards=400),
    "at 100 reports a year": Load(events=4000, cards=40),
    "at 1,000 reports a year": Load(events=4000, cards=4),
    "at 10,000 reports a year": Load(events=10_000, cards=1),
    "with 1 employer a card": Load(events=4000, cards=200, employers=1),
    "with 5 employers a card": Load(events=4000, cards=200, employers=5),
    "with 20 employers a card": Load(events=4000, cards=200, employers=20),
    "of 100 cards": Load(events=500, cards=100),
    "of 1,000 cards": Load(events=5000, cards=1000),
    "of 10,000 cards": Load(events=50_000, cards=10_000),
}


class MemoryStore:
    """A store that keeps documents as MongoDB would."""

    def __init__(self) -> None:
        self._documents: dict[str, bytes] = {}

    async def load(self, addresses: Sequence[Address]) -> Documents[Ledger]:
        found = (self._documents[one] for one in {address.id for address in addresses} & self._documents.keys())
        return Documents(document_from(bson.decode(stored), LEDGERS) for stored in found)

    async def write(self, documents: Sequence[Document[Ledger]]) -> bool:
        self._documents |= {document.id: bson.encode(document_of(document, LEDGERS)) for document in documents}
        return True


class DiscardingProducer:
    """A producer that discards records."""

    async def publish(self, records: Sequence[Record]) -> None:
        pass


async def cost(load: Load) -> float:
    """Microseconds of processor time for each of the last tenth of the reports."""
    loop = BatchProcessor(service="balance", processor=LEDGERS, store=MemoryStore(), producer=DiscardingProducer())
    topic = LEDGERS.topics[0].name
    incoming = [Incoming(topic, 0, place, r.key, r.value, r.headers) for place, r in enumerate(load.records())]
    batches = [incoming[start : start + _BATCH] for start in range(0, len(incoming), _BATCH)]
    last = batches[-max(1, len(batches) // 10) :]
    for batch in batches[: -len(last)]:
        await loop.process(batch)
    gc.collect()
    begun = process_time()
    for batch in last:
        await loop.process(batch)
    return (process_time() - begun) / sum(map(len, last)) * 1e6


async def measure() -> dict[str, float]:
    """The figures, after a first load to warm up the interpreter."""
    await cost(next(iter(_LOADS.values())))
    return {f"µs a report {name}": await cost(load) for name, load in _LOADS.items()}


async def _growth(_bench: Bench) -> Figures:
    figures: Figures = await run_json(python("tests.bench.replay.growth"))
    return figures


CASES: Final = (Case("growth", ROW, _growth),)

if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure())))  # noqa: T201
