"""Reads what the reconciliation compares: new records of all topics, the API as each audience sees it, and ledgers."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, Final
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from frikort_contracts.rules.allowances import AllowanceTable
from frikort_contracts.topics import RECONCILIATION, TOPICS, Topic
from pymongo import AsyncMongoClient

from deploy.local.kafka_users import KafkaAccess
from deploy.local.system import LocalSystem
from services.balance.ledger import Ledger, read_entries
from services.balance.processor import LEDGERS
from services.gateway.projections import PROJECTIONS
from services.issuance.processor import cards
from services.reporting.processor import card_states
from services.reporting.rules import Rules
from services.runtime import reconciliation
from services.runtime.kafka.consumer import group_of
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.processing.decision import DocumentSet
from services.runtime.processing.positions import Partition
from tests.agency import private_keys
from tests.chaos.client import Api
from tests.chaos.journal import Journal
from tests.chaos.people import People
from tests.chaos.reconciliation import CardViews, Views
from tests.chaos.reference_model import YEAR
from tests.chaos.timing import until
from tests.chaos.topic_contents import Place, TopicContents
from tests.simulation.exports import processors

_CONCURRENT_READS: Final = 12
_PAGE: Final = 200
_EXTRACT_SECONDS: Final = 90


def _nothing(_person: object, _card_id: str) -> str:
    return ""


READERS: Final[tuple[tuple[str, DocumentSet[Any]], ...]] = (
    ("issuance", cards(b"")),
    ("reporting", card_states(Rules(AllowanceTable(years={}), provisional_accepted=True))),
    ("balance", LEDGERS),
    *(("exports", processor) for processor in processors(_nothing, AllowanceTable(years={}))),
    *(("gateway", processor) for processor in PROJECTIONS),
)
"""Every service with its processors."""
COUNTERS: Final = tuple((service, reconciliation.NAME) for service in ("reporting", "balance", "exports", "gateway"))
"""The readers of requests to count cards, which have no group."""


def readers_of(topic: Topic) -> list[tuple[str, str]]:
    """The (service, reader) pairs that read a topic and reject its invalid records."""
    found = [(service, processor.name) for service, processor in READERS if topic in processor.topics]
    return [*found, *COUNTERS] if topic == RECONCILIATION else found


class TopicReader:
    """Reads every topic up to its current end, starting where the previous read stopped."""

    def __init__(self, access: KafkaAccess, topics: TopicContents) -> None:
        self._access = access
        self._topics = topics
        self._next: dict[TopicPartition, int] = {}

    async def read(self) -> None:
        consumer = AIOKafkaConsumer(**self._access.options(), enable_auto_commit=False, auto_offset_reset="earliest")
        await consumer.start()
        try:
            partitions = [
                TopicPartition(name, number)
                for topic in TOPICS
                for name in (topic.name, topic.dead)
                for number in range(topic.partitions)
            ]
            ends = await consumer.end_offsets(partitions)
            for partition, first in (await consumer.beginning_offsets(partitions)).items():
                self._next[partition] = max(first, self._next.get(partition, 0))
            waiting = [p for p in partitions if self._next.get(p, 0) < ends[p]]
            consumer.assign(waiting)
            for partition in waiting:
                consumer.seek(partition, self._next.get(partition, 0))
            while any(self._next.get(p, 0) < ends[p] for p in waiting):
                for partition, records in (await consumer.getmany(timeout_ms=500)).items():
                    for r in records:
                        if r.value is None:  # a deleted key
                            continue
                        place = Place(r.topic, r.partition, r.offset)
                        self._topics.add(place, r.key or b"", r.value or b"", tuple(r.headers))
                    self._next[partition] = records[-1].offset + 1
        finally:
            await consumer.stop()


async def lagging_groups(log: KafkaProducer) -> list[str]:
    """Consumer groups that have not committed the end of every topic they read. Empty when the system is idle."""
    try:
        ends = await log.end_positions(TOPICS)
        found = []
        for service in dict(READERS):
            processors = [processor for its, processor in READERS if its == service]
            committed = await log.committed_positions(group_of(service, processors))
            names = {topic.name for processor in processors for topic in processor.topics}
            lag = sum(
                max(end.offset - committed.get(Partition(end.topic, end.partition), 0), 0)
                for end in ends
                if end.topic in names
            )
            if lag:
                found.append(f"{service}: {lag}")
        if await log.end_positions(TOPICS) != ends:
            # Records came while the positions were read: readers may have positions beyond the ends above.
            found.append("records are published")
    except KafkaUnavailable as error:
        return [str(error)]
    return found


class ViewReader:
    """Reads the views of each audience."""

    def __init__(self, api: Api, people: People, journal: Journal, system: LocalSystem) -> None:
        self._api = api
        self._people = people
        self._journal = journal
        self._system = system

    async def read(self, cards: Collection[str], *, extract: bool) -> Views:
        """Views of these cards and their employments, every ledger, and the tax agency's extract if requested."""
        views = Views(authority_keys=private_keys(self._system.keys.authority_private_keys))
        employments = [e for card_id in cards for e in self._journal.cards[card_id].employments]
        limit = asyncio.Semaphore(_CONCURRENT_READS)

        async def read_card(card_id: str) -> None:
            async with limit:
                views.cards[card_id] = await self._card(card_id)

        async def read_employment(employment_id: str) -> None:
            async with limit:
                views.employments[employment_id] = await self._employment(employment_id)

        await asyncio.gather(*map(read_card, cards), *map(read_employment, employments))
        async with AsyncMongoClient[dict[str, Any]](self._system.mongodb) as client:
            database = client["frikort_balance"]
            outside: dict[str, dict[str, Any]] = defaultdict(dict)
            async for stored in database["ledgers_entries"].find({}):
                document_id, _, report_id = stored["_id"].split("/")
                outside[document_id][report_id] = stored["value"]
            async for stored in database["ledgers"].find({}, {"state": 1}):
                ledger = Ledger.from_stored(stored["state"])
                ledger.more.add_loaded(outside[stored["_id"]], None)
                entries = {one.report_id: one._asdict() for one in read_entries(ledger)}
                views.ledgers[ledger.card_id, ledger.year] = {**stored["state"], "entries": entries}
        if extract:
            views.extract = await self._extract()
        return views

    async def _card(self, card_id: str) -> CardViews:
        card = self._journal.cards[card_id]
        citizen = self._people.citizen(card.cpr)

        async def own(name: str) -> list[dict[str, Any]]:
            shown = await self._api.get(citizen, f"/v1/me/{name}")
            return [] if shown is None else list(shown[name])

        return CardViews(
            reports=await own("reports"),
            balances=await own("balances"),
            warnings=await own("warnings"),
            employments=await own("employments"),
            to_municipality=await self._api.get(self._people.caseworker(card.municipality), f"/v1/cards/{card_id}"),
        )

    async def _employment(self, employment_id: str) -> list[dict[str, Any]]:
        employer = self._people.employer(self._journal.employments[employment_id].cvr)
        listed: list[dict[str, Any]] = []
        query: dict[str, str | int] = {"employment_id": employment_id, "limit": _PAGE}
        cursor: str | None = ""
        while cursor is not None:
            page = await self._api.get(employer, "/v1/reports", **query, **({"cursor": cursor} if cursor else {}))
            listed += page["reports"]
            cursor = page["next"]
        return listed

    async def _extract(self) -> dict[str, dict[str, Any]]:
        token = self._people.tax_agency()
        answer = await self._api.command(token, "/v1/extracts", {"year": YEAR}, str(uuid4()))
        path = f"/v1/extracts/{answer.body['extract_id']}"

        async def done() -> bool:
            return bool((await self._api.get(token, path))["status"] == "done")

        await until(done, within=_EXTRACT_SECONDS, what="the tax extract")
        response = await self._api.request("GET", f"{path}/files/jsonl", token)
        if response is None or response.is_error:
            raise AssertionError(f"the extract cannot be downloaded: {response}")
        return {line["card_id"]: line for line in _unique(map(json.loads, response.content.splitlines()))}


def _unique(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found = list(lines)
    if len({line["card_id"] for line in found}) != len(found):
        raise AssertionError("a card is in the tax extract twice")
    return found
