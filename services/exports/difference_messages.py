"""Finds the messages about the card years that differ in a reconciliation, on the topics that the figures come from."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Final, Protocol
from uuid import UUID, uuid5

from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.cloudevents import BrokenContract, Envelope, Record, decode, encode, to_json_bytes
from frikort_contracts.reconciliation import CardYear, MessagePlace, MessagesFound
from frikort_contracts.reporting import ReportEvent
from frikort_contracts.topics import BALANCES, EARNINGS, Topic, source_of

from services.exports.reconciliation import RECONCILIATIONS, Run
from services.runtime.kafka.followed_topic import records_with_keys
from services.runtime.mongo.instance_lock import InstanceLock
from services.runtime.processing.apply import Incoming
from services.runtime.service import BackgroundTask, Runtime
from services.runtime.settings import KafkaSettings

MOST_OF_A_TOPIC: Final = 100
_TOPICS: Final = (EARNINGS, BALANCES)
_EVENT_IDS: Final = UUID("5b1b7f0e-2f6c-4c39-9a0d-6f2f1f5e8a47")
_EVERY_SECONDS: Final = 2.0
_LATEST_RUNS: Final = 10


class Runs(Protocol):
    """Read access to the runs; ``Reader`` gives it."""

    async def find(
        self, query: Mapping[str, object], *, sort: Sequence[tuple[str, int]] = (), limit: int = 0
    ) -> Sequence[Run]:
        """The runs whose fields match ``query``."""
        ...


ReadRecords = Callable[[Topic, Collection[bytes]], AsyncIterator[Incoming]]
"""The records of a topic that have one of these keys, in the order of each partition."""

Publish = Callable[[Sequence[Record]], Awaitable[None]]


class MessageFinder:
    """Publishes the messages about each difference for which a run waits.

    If two instances find the same ones, a run takes the first. It reads each topic once for all differences of a run.
    """

    def __init__(self, runs: Runs, read: ReadRecords, publish: Publish) -> None:
        self._runs = runs
        self._read = read
        self._publish = publish
        self._published: set[tuple[str, str, int]] = set()

    async def find_wanted(self) -> None:
        """Find and publish what is wanted now. Raises the errors of the ports."""
        runs = await self._runs.find({"completed": False}, sort=[("started_at", -1)], limit=_LATEST_RUNS)
        for run in runs:
            wanted = [year for year in run.without_messages if _name(run, year) not in self._published]
            if wanted:
                found = await self._messages_about(wanted)
                await self._publish([_record(run, year, found[at]) for at, year in enumerate(wanted)])
                self._published |= {_name(run, year) for year in wanted}

    async def _messages_about(self, years: Sequence[CardYear]) -> list[tuple[MessagePlace, ...]]:
        keys = {year.card_id.encode() for year in years}
        found: list[list[MessagePlace]] = [[] for _ in years]
        for topic in _TOPICS:
            latest: list[deque[MessagePlace]] = [deque(maxlen=MOST_OF_A_TOPIC) for _ in years]
            async for incoming in self._read(topic, keys):
                for year, places in zip(years, latest, strict=True):
                    if incoming.key == year.card_id.encode() and _is_about(topic, incoming, year):
                        places.append(_place(topic, incoming))
            for of_year, places in zip(found, latest, strict=True):
                of_year.extend(places)
        return [tuple(places) for places in found]


def _name(run: Run, year: CardYear) -> tuple[str, str, int]:
    return run.run_id, year.card_id, year.year


def _is_about(topic: Topic, incoming: Incoming, year: CardYear) -> bool:
    """Whether a record of the card made the figures of this year: of the reports that differ, or of all if none does.

    A record that cannot be read may have been about it.
    """
    try:
        event = decode(topic, incoming.value, incoming.headers).data
    except BrokenContract:
        return True
    if not isinstance(event, ReportEvent | ReportSettled | BalanceChanged) or event.year != year.year:
        return False
    differing = {report.report_id for each in year.figures for report in each.details}
    return not differing or (not isinstance(event, BalanceChanged) and event.report_id in differing)


def _place(topic: Topic, incoming: Incoming) -> MessagePlace:
    """The place of a record. A header that breaks the contract may hold anything, and is not repeated."""
    headers = {name: value.decode(errors="replace") for name, value in incoming.headers}
    message_type = headers.get("ce_type")
    return MessagePlace(
        message_id=_id(headers.get("ce_id", "")),
        type=message_type if message_type in topic.types else None,
        topic=incoming.topic,
        partition=incoming.partition,
        offset=incoming.offset,
    )


def _id(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _record(run: Run, year: CardYear, messages: tuple[MessagePlace, ...]) -> Record:
    found = MessagesFound(run_id=run.run_id, card_id=year.card_id, year=year.year, messages=messages)
    event_id = uuid5(_EVENT_IDS, sha256(to_json_bytes(found)).hexdigest())
    return encode(
        Envelope(
            id=event_id, time=run.started_at, source=source_of("exports"), data=found, correlation_id=UUID(run.run_id)
        )
    )


def message_finder(settings: KafkaSettings) -> BackgroundTask:
    """A background task: finds the messages about each difference."""

    async def find_messages(runtime: Runtime) -> None:
        read = partial(records_with_keys, settings)
        finder = MessageFinder(runtime.reader(RECONCILIATIONS), read, runtime.producer.publish)
        async with InstanceLock(runtime.database, "difference-messages") as lock:
            while True:
                await lock.run(finder.find_wanted)
                await asyncio.sleep(_EVERY_SECONDS)

    return find_messages
