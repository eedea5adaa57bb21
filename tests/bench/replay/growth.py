"""The cost of a report by number of earlier ones of its card and year: all services over stored documents, no engines.

``python -m tests.bench.replay.growth`` prints the figures as JSON: microseconds of processor time for each of the last
reports, in each service.
"""

from __future__ import annotations

import asyncio
import gc
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from time import process_time
from typing import Any, Final, Generic
from uuid import UUID, uuid5

import bson
from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.issuance import CardIssued
from frikort_contracts.messages import Message
from frikort_contracts.reporting import RegisterEmployment, ReportEarnings
from frikort_contracts.topics import CARDS
from frikort_contracts.values import Components, EncryptedPerson, Period, WorkPeriod

from deploy.local.config import REPOSITORY
from services.balance.processor import LEDGERS
from services.exports.processor import statements
from services.gateway.projections import ledgers, outcomes, reports
from services.reporting.processor import card_states
from services.reporting.rules import Rules
from services.runtime.allowance_file import load_allowances
from services.runtime.mongo.document_store import document_from, document_of
from services.runtime.processing.apply import Document, Documents, Incoming
from services.runtime.processing.batch_processor import BatchProcessor
from services.runtime.processing.decision import Address, Processor, S
from services.runtime.processing.entry_loading import MapAddress, Needed, StoredEntries
from services.runtime.processing.projection import Projection
from tests.bench.bench import Bench, python
from tests.bench.case import Case, Figures, Ratio
from tests.bench.processes import run_json
from tests.sources import source_for

ROW: Final = "growth"
_OF_REPORTS: Final = (reports.PROJECTION, ledgers.PROJECTION, outcomes.PROJECTION)
SERVICES: Final = ("reporting", "balance", "exports", "projections")
FEW: Final = 10
MANY: Final = (1_000, 10_000)
MOST_GROWTH: Final = 1.3
_MEASURED: Final = 400  # reports, at the end
_EQUAL: Final = 0.1  # of the reports: of one total, paid on one day
_BATCH: Final = 50
_LARGE_BATCH: Final = 750
_DAY: Final = date(2025, 1, 6)
_NOW: Final = datetime(2026, 1, 4, 10, tzinfo=UTC)
_CVRS: Final = ("10000009", "10000017")
_PERSON: Final = EncryptedPerson(cpr_hash="h" * 22, birth_check="b" * 22, ciphertext="k.Y2lwaGVy")
_NUMBER: Final = "12345"


class MemoryStore(Generic[S]):
    """A store that keeps documents as MongoDB would."""

    def __init__(self, documents: Processor[S] | Projection[S]) -> None:
        self._of = documents
        self._documents: dict[str, bytes] = {}
        # As the real store has MongoDB project them, so that no whole document is decoded for its version.
        self._versions: dict[str, int] = {}
        self._entries: dict[MapAddress, dict[str, bytes]] = defaultdict(dict)

    async def load(self, addresses: Sequence[Address]) -> Documents[S]:
        found = (self._documents[one] for one in {address.id for address in addresses} & self._documents.keys())
        return Documents(document_from(bson.decode(stored), self._of) for stored in found)

    async def load_entries(self, needed: Needed) -> Mapping[MapAddress, StoredEntries]:
        found: dict[MapAddress, StoredEntries] = {}
        for address, keys in needed.items():
            stored = self._entries[address]
            chosen = stored if keys is None else keys & stored.keys()
            values = {key: bson.decode(stored[key])["value"] for key in chosen}
            found[address] = StoredEntries(self._versions[address.document], 0, values)
        return found

    async def write(self, documents: Sequence[Document[S]]) -> bool:
        if isinstance(self._of, Processor):
            for document in documents:
                for entries in document.entry_maps(self._of):
                    stored = self._entries[MapAddress(document.id, entries.name)]
                    stored |= {key: bson.encode({"value": value}) for key, value in entries.recent.items()}
        for document in documents:
            stored_form = document_of(document, self._of)
            self._documents[document.id] = bson.encode(stored_form)
            self._versions[document.id] = stored_form["version"]
        return True


@dataclass(frozen=True)
class Load:
    """``reports`` reports of each of ``cards`` cards and one year, in random order, by two employers of each card.

    The same numbers give the same bytes.
    """

    reports: int
    cards: int

    def issued(self) -> Iterator[Record]:
        """The cards."""
        for card in range(self.cards):
            yield _record(
                CardIssued(
                    card_id=_id(card), revision=1, municipality="849", actor="a", number=_NUMBER, person=_PERSON,
                    active_from=_DAY, control_due=2027, case_reference="c",
                )
            )  # fmt: skip

    def commands(self) -> Iterator[Record]:
        """The employments, then the reports."""
        draw = Random(self.cards)  # noqa: S311  # chance that can be had again
        employments: dict[tuple[int, str], str] = {}
        for card in range(self.cards):
            for cvr in _CVRS:
                command_id = UUID(int=draw.getrandbits(128), version=4)
                employments[card, cvr] = str(uuid5(command_id, "employment"))
                yield _record(
                    RegisterEmployment(
                        card_id=_id(card), cvr=cvr, actor="p", card_revision=1, number=_NUMBER,
                        birth_check=_PERSON.birth_check, period=Period(first=_DAY), contact="k.Y29udGFjdA",
                    ),
                    command_id,
                )  # fmt: skip
        order = [card for card in range(self.cards) for _ in range(self.reports)]
        draw.shuffle(order)
        for number, card in enumerate(order):
            cvr = draw.choice(_CVRS)
            is_equal = draw.random() < _EQUAL
            day = _DAY if is_equal else _DAY + timedelta(draw.randrange(350))
            wage = 1 if is_equal else draw.randrange(1, 2 * 4_000_000 // self.reports + 2)
            yield _record(
                ReportEarnings(
                    card_id=_id(card), cvr=cvr, actor="p", employment_id=employments[card, cvr], card_revision=1,
                    reference=f"run line {number}", work=WorkPeriod(first=day, last=day), payment_date=day,
                    components=Components(wage=wage), allow_duplicate=is_equal,
                ),
                UUID(int=draw.getrandbits(128), version=4),
            )  # fmt: skip


class Growth:
    """One load through all services. Each service reads what the services before it published."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._measured = min(_MEASURED, load.reports * load.cards // 2)
        self._records: dict[str, list[Record]] = defaultdict(list)
        self._first_measured: dict[str, int] = {}
        self._is_measuring = False

    async def publish(self, records: Sequence[Record]) -> None:
        """Keep the records for the services that read them; see ``Producer``."""
        for record in records:
            if self._is_measuring:
                self._first_measured.setdefault(record.topic, len(self._records[record.topic]))
            self._records[record.topic].append(record)

    async def costs(self) -> dict[str, float]:
        """Microseconds of processor time for each of the last reports, by service."""
        commands = [*self._load.commands()]
        await self.publish([*self._load.issued(), *commands])
        self._first_measured[commands[0].topic] = len(commands) - self._measured
        rules = Rules(load_allowances(REPOSITORY / "deploy" / "allowances.toml"), provisional_accepted=True)
        return {
            "reporting": await self._cost("reporting", card_states(rules)),
            "balance": await self._cost("balance", LEDGERS),
            "exports": await self._cost("exports", statements(lambda person, _: f"jwe-{person.cpr_hash}")),
            "projections": sum([await self._cost("gateway", projection) for projection in _OF_REPORTS]),
        }

    async def _cost(self, service: str, documents: Processor[Any] | Projection[Any]) -> float:
        loop: BatchProcessor[Any] = BatchProcessor(
            service=service, processor=documents, store=MemoryStore(documents), producer=self
        )
        earlier, last = self._parts(documents)
        for batch in _batches(earlier, _LARGE_BATCH):
            await loop.process(batch)
        self._is_measuring = True
        gc.collect()
        begun = process_time()
        for batch in _batches(last, _BATCH):
            await loop.process(batch)
        cost = (process_time() - begun) / self._measured * 1e6
        self._is_measuring = False
        return cost

    def _parts(self, documents: Processor[Any] | Projection[Any]) -> tuple[list[Incoming], list[Incoming]]:
        """What the service reads: the records before those of the last reports, the cards first, and those."""
        earlier: list[Incoming] = []
        last: list[Incoming] = []
        for name in sorted((topic.name for topic in documents.topics), key=lambda name: (name != CARDS.name, name)):
            incoming = [Incoming(name, 0, at, r.key, r.value, r.headers) for at, r in enumerate(self._records[name])]
            first = self._first_measured.get(name, len(incoming))
            earlier += incoming[:first]
            last += incoming[first:]
        return earlier, last


def _batches(records: Sequence[Incoming], most: int) -> Iterator[Sequence[Incoming]]:
    return (records[start : start + most] for start in range(0, len(records), most))


def _id(card: int) -> str:
    return str(UUID(int=card + 1, version=4))


def _record(message: Message, message_id: UUID | None = None) -> Record:
    message_id = message_id or uuid5(UUID(int=0), message.key)
    return encode(
        Envelope(id=message_id, time=_NOW, source=source_for(message), data=message, correlation_id=message_id)
    )


async def measure() -> dict[str, float]:
    """The figures, after a first load to warm up the interpreter."""
    loads = {FEW: Load(FEW, cards=100), MANY[0]: Load(MANY[0], cards=2), MANY[1]: Load(MANY[1], cards=1)}
    await Growth(loads[FEW]).costs()
    costs = {count: await Growth(load).costs() for count, load in loads.items()}
    return {_figure(service, count): costs[count][service] for service in SERVICES for count in loads}


def _figure(service: str, count: int) -> str:
    return f"µs a report in {service} at {count:,}"


async def _growth(_bench: Bench) -> Figures:
    figures: Figures = await run_json(python("tests.bench.replay.growth"))
    return figures


CASES: Final = (Case(ROW, ROW, _growth),)
RATIOS: Final = tuple(
    Ratio(ROW, f"{service} at {count:,} reports a year, to {FEW}", (ROW, _figure(service, count)),
          (ROW, _figure(service, FEW)), most=MOST_GROWTH)
    for service in SERVICES for count in MANY
)  # fmt: skip

if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure())))  # noqa: T201
