"""Every reason about a person has a key of that person, whether or not the request read whose card it is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from frikort_contracts.cloudevents import Record

from services.gateway.audit.chain_writer import ChainWriter
from services.gateway.audit.log import NO_MATCH, WHOLE_LOG, MongoAuditLog, Span, of_card, of_person
from services.gateway.audit.reasons import EntryReasons
from services.gateway.person_encryption import Persons
from services.runtime.encryption import Encryptor, KeyedHasher
from services.runtime.mongo.driver import Database
from services.runtime.person_keys import PersonKeys
from tests.gateway.build import ENCRYPTION_KEYS, audit_entry
from tests.person_keys import ALL_PURPOSES

KARLA, STRANGER = "k" * 22, "s" * 22
WHY: Final = "the neighbour called"


class Topic:
    """A producer that keeps what it publishes."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def publish(self, records: Iterable[Record]) -> None:
        self.records.extend(records)


class Cards:
    """A read model with the card of Karla."""

    def __init__(self) -> None:
        self.queries: list[Any] = []

    async def find(self, query: Any, **_: Any) -> list[Any]:
        self.queries.append(query)
        wanted = query["card_id"]["$in"]
        return [SimpleNamespace(card_id="karlas", person=SimpleNamespace(cpr_hash=KARLA))] if "karlas" in wanted else []


@pytest.fixture
def secret() -> Persons:
    keys = PersonKeys(ALL_PURPOSES)
    keys.complete_until = datetime.max.replace(tzinfo=UTC)
    return Persons(Encryptor.from_setting(ENCRYPTION_KEYS), {"": KeyedHasher(b"l" * 32)}, keys)


def reasons_of(secret: Persons) -> tuple[EntryReasons, Cards, Topic]:
    cards, topic = Cards(), Topic()
    return EntryReasons(secret, cast("Any", cards), topic), cards, topic


async def test_the_person_of_a_card_that_was_not_read_is_looked_up_and_has_keys(secret: Persons) -> None:
    reasons, _, topic = reasons_of(secret)
    assert await reasons.people_of([audit_entry("1", of_card("karlas"), reason=WHY)]) == {of_card("karlas"): KARLA}
    assert len(topic.records) == 1
    assert secret.keys.has(KARLA)


async def test_the_person_of_a_search_without_a_card_gets_keys(secret: Persons) -> None:
    reasons, cards, topic = reasons_of(secret)
    found = await reasons.people_of([audit_entry(str(n), of_person(STRANGER), reason=WHY) for n in range(3)])
    assert found == {of_person(STRANGER): STRANGER}
    assert (len(topic.records), cards.queries) == (1, [])


@pytest.mark.parametrize("subject", [NO_MATCH, WHOLE_LOG, of_card("unknown")])
async def test_an_entry_about_no_person_makes_no_keys(secret: Persons, subject: str) -> None:
    reasons, _, topic = reasons_of(secret)
    assert await reasons.people_of([audit_entry("1", subject, reason=WHY)]) == {}
    assert topic.records == []


async def test_a_reason_about_a_card_that_was_not_read_is_erased_with_the_person(
    secret: Persons, database: Database
) -> None:
    reasons, _, _ = reasons_of(secret)
    log = MongoAuditLog(database, ChainWriter(database), reasons)
    await log.prepare()
    entries = [of_card("karlas"), of_person(STRANGER), NO_MATCH]
    await log.add([audit_entry(f"2025-{number}", one, reason=WHY) for number, one in enumerate(entries)])

    async def shown() -> list[str | None]:
        found = [await log.latest([Span(one)], own=True, before=None, limit=10) for one in entries]
        return [entry.reason for (entry,) in found]

    assert await shown() == [WHY, WHY, WHY]
    for person in (KARLA, STRANGER):
        for keys_id in secret.keys.ids_of(person):
            secret.keys.erase(keys_id)
    assert await shown() == [None, None, WHY]
