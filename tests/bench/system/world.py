"""A whole system for one case, with citizens who each have a card and an employment at one employer.

They are created by the messages that issuance and the gateway would have published.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, Final
from uuid import UUID, uuid5

from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.issuance import CardIssued
from frikort_contracts.messages import Message
from frikort_contracts.reporting import RegisterEmployment
from frikort_contracts.values import Period
from pymongo import AsyncMongoClient

from deploy.local import keys
from deploy.local.config import Config
from deploy.local.people import Person
from deploy.local.system import LocalSystem
from services.gateway.people.texts import Contact
from services.gateway.person_encryption import Person as Citizen
from services.gateway.person_encryption import Persons, lookup_hashers
from services.runtime.encryption import Encryptor
from services.runtime.kafka.producer import KafkaProducer
from tests import tokens
from tests.bench.bench import Bench
from tests.person_keys import KeysOnDemand, provider_of
from tests.sources import source_for

CVR: Final = "99000007"
YEAR: Final = 2025
_NAMESPACE: Final = UUID("0b0f4f0a-7d1c-4b52-9f25-0d9f2f0f6d11")
_BEGAN: Final = datetime(YEAR, 1, 6, 9, tzinfo=UTC)
_AT_ONCE: Final = 1000
_WITHIN: Final = 120.0
_A_CARD: Final = 0.02
"""Seconds to add for each card of a world."""
_PAUSE: Final = 0.2


@dataclass(frozen=True)
class World:
    """A running system and the ids of the employer's employments, one per card."""

    system: LocalSystem
    employments: Sequence[str]
    token: str

    async def count(self, database: str, collection: str, query: dict[str, Any] | None = None) -> int:
        """How many documents a service has."""
        async with AsyncMongoClient[dict[str, Any]](self.system.mongodb) as client:
            return await client[f"frikort_{database}"][collection].count_documents(query or {})

    def stop_all_but(self, *names: str) -> None:
        """Stop the other services; engines and provider keep running."""
        for name, process in self.system.processes.items():
            if name not in {*names, "provider", *self.system.engines.processes}:
                process.terminate()


@asynccontextmanager
async def world(
    bench: Bench,
    name: str,
    *,
    cards: int,
    environment: Mapping[str, str] | None = None,
    database_cache_gb: float = Config.database_cache_gb,
) -> AsyncIterator[World]:
    """The system with its own engines, so that its topics hold nothing of another case."""
    config = Config(
        Path(bench.directory(name)),
        environment={"FRIKORT_BATCH_POLL": "0.1", "FRIKORT_REQUESTS_PER_CLIENT": "1000", **(environment or {})},
        database_cache_gb=database_cache_gb,
    )
    system = await asyncio.to_thread(LocalSystem(config).__enter__)
    try:
        employer = Person.model_validate(
            {"id": "bench-employer", "role": "employer", "name": "-", "about": "invented", "cvr": CVR}
        )
        token = tokens.issue(keys.signing_key(system.keys.provider_key), employer, issuer=system.provider_url)
        made = World(system, [_employment_id(number) for number in range(1, cards + 1)], token)
        await _populate(made, cards)
        yield made
    finally:
        await asyncio.to_thread(system.__exit__, None, None, None)


async def until(what: str, holds: Callable[[], Any], within: float = _WITHIN, pause: float = _PAUSE) -> float:
    """Wait until ``holds()`` is true. Returns the moment on the monotonic clock."""
    deadline = monotonic() + within
    while not await holds():
        if monotonic() > deadline:
            raise TimeoutError(what)
        await asyncio.sleep(pause)
    return monotonic()


async def _populate(made: World, cards: int) -> None:
    persons = Persons(
        Encryptor.from_setting(made.system.keys.encryption_keys),
        lookup_hashers(made.system.keys.lookup_key),
        keys := KeysOnDemand(provider_of(made.system.keys.key_encryption_keys)),
    )
    records = _records(persons, cards)
    log = KafkaProducer(made.system.access.settings(), client_id="bench", timeout=60)
    try:
        while some := list(islice(records, _AT_ONCE)):
            await log.publish(keys.take_records())
            await log.publish(some)
    finally:
        await log.stop()

    async def is_populated() -> bool:
        return await made.count("gateway", "employments") == await made.count("gateway", "cards") == cards

    await until("the citizens and their employments are known", is_populated, within=_WITHIN + cards * _A_CARD)


def _records(persons: Persons, cards: int) -> Iterator[Record]:
    for number in range(1, cards + 1):
        card_id = str(uuid5(_NAMESPACE, f"card {number}"))
        cpr = f"{61 + number % 28:02d}0{1 + number % 9}{50 + number % 40:02d}{number % 4000:04d}"
        person = persons.encrypt(Citizen(cpr, "-"), card_id)
        contact = persons.encrypt_contact(Contact("Kontor", "kontor@example.dk", "+45 12 34 56 78"), card_id, CVR)
        yield _record(
            f"issued {number}",
            CardIssued(
                card_id=card_id,
                revision=1,
                municipality="101",
                actor="bench",
                number=f"{number:05d}",
                person=person,
                active_from=date(YEAR, 1, 1),
                control_due=YEAR + 2,
                case_reference="S-1",
            ),
        )
        yield _record(
            f"register {number}",
            RegisterEmployment(
                card_id=card_id,
                cvr=CVR,
                actor="bench",
                card_revision=1,
                number=f"{number:05d}",
                birth_check=person.birth_check,
                period=Period(first=date(YEAR, 1, 1)),
                contact=contact,
            ),
        )


def _employment_id(number: int) -> str:
    """The id that reporting derives from the command's id."""
    return str(uuid5(uuid5(_NAMESPACE, f"register {number}"), "employment"))


def _record(name: str, data: Message) -> Record:
    message_id = uuid5(_NAMESPACE, name)
    source = source_for(data)
    return encode(Envelope(id=message_id, time=_BEGAN, source=source, data=data, correlation_id=message_id))
