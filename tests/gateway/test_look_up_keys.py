"""Replacing the look-up key: everyone stays one person, is found, and has the same entries of the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from frikort_contracts.cloudevents import Record, decode
from frikort_contracts.topics import PERSON_KEYS

from services.gateway.people.look_up_keys import Rehashed, rehash
from services.gateway.person_encryption import Person, Persons
from services.gateway.projections.cards import CardView
from services.runtime.encryption import Encryptor, KeyedHasher
from services.runtime.person_keys import PersonKeys
from tests.person_keys import ALL_PURPOSES

KARLA: Final = Person("6101800101", "Karla Eksempel")
MIKKEL: Final = Person("7505920102", "Mikkel Eksempel")
BORN: Final = date(1980, 1, 1)
OLD: Final = {"": KeyedHasher(b"o" * 32)}
NEW: Final = {"2": KeyedHasher(b"n" * 32)}
APPENDED, MOVED = OLD | NEW, NEW | OLD
ENCRYPTOR: Final = Encryptor({"k": b"k" * 32})


class KeyTopic:
    """The topic of keys. Every instance reads each record when it is published."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.readers: list[PersonKeys] = []

    async def publish(self, records: Iterable[Record]) -> None:
        for record in records:
            self.records.append(record)
            for reader in self.readers:
                self._read(reader, record)

    def instance(self, hashers: dict[str, KeyedHasher]) -> Persons:
        keys = PersonKeys(ALL_PURPOSES)
        for record in self.records:
            self._read(keys, record)
        keys.complete_until = datetime.max.replace(tzinfo=UTC)
        self.readers.append(keys)
        return Persons(ENCRYPTOR, hashers, keys)

    @staticmethod
    def _read(keys: PersonKeys, record: Record) -> None:
        if not record.value:
            keys.erase((record.key or b"").decode())
        else:
            keys.take(decode(PERSON_KEYS, record.value, record.headers).data)


class Cards:
    """The read model of cards."""

    def __init__(self, *cards: CardView) -> None:
        self._cards = cards

    async def find(self, query: Any, **_: Any) -> list[CardView]:
        return [card for card in self._cards if card.card_id > query["card_id"]["$gt"]]


def card(persons: Persons, citizen: Person, card_id: str, *holders: Person) -> CardView:
    """What the command reads of a card."""
    mandates = [SimpleNamespace(holder=persons.encrypt_holder(holder, card_id)) for holder in holders]
    view = SimpleNamespace(card_id=card_id, person=persons.encrypt(citizen, card_id), mandates=mandates)
    return cast("CardView", view)


async def run(topic: KeyTopic, hashers: dict[str, KeyedHasher], *cards: CardView) -> Rehashed:
    return await rehash(cast("Any", Cards(*cards)), topic.instance(hashers), topic)


@pytest.fixture
def topic() -> KeyTopic:
    return KeyTopic()


async def entered(topic: KeyTopic, citizen: Person, hashers: dict[str, KeyedHasher] = OLD) -> Persons:
    persons = topic.instance(hashers)
    await persons.ensure_keys(citizen.cpr, topic)
    return persons


async def test_a_person_is_found_in_every_step_and_keeps_one_id(topic: KeyTopic) -> None:
    before = await entered(topic, KARLA)
    person, encrypted = before.cpr_hash(KARLA.cpr), before.encrypt(KARLA, "card-1")

    done = await run(topic, MOVED, card(before, KARLA, "card-1"))

    assert done.added == 1
    for hashers in (OLD, APPENDED, MOVED, NEW):
        persons = topic.instance(hashers)
        assert persons.cpr_hash(KARLA.cpr) == person
        assert persons.decrypt(encrypted, "card-1") == (KARLA.cpr, KARLA.name)
        assert persons.check_birth_date(encrypted, BORN) == (encrypted.birth_check, True)
        assert not persons.check_birth_date(encrypted, date(1980, 1, 2))[1]


async def test_without_the_command_the_new_key_alone_does_not_find_a_person(topic: KeyTopic) -> None:
    before = await entered(topic, KARLA)
    assert topic.instance(NEW).cpr_hash(KARLA.cpr) != before.cpr_hash(KARLA.cpr)


async def test_holders_of_mandates_are_found_as_well(topic: KeyTopic) -> None:
    before = await entered(topic, KARLA)
    await before.ensure_keys(MIKKEL.cpr, topic)

    assert (await run(topic, MOVED, card(before, KARLA, "card-1", MIKKEL))).added == 2

    assert topic.instance(NEW).cpr_hash(MIKKEL.cpr) == before.cpr_hash(MIKKEL.cpr)


async def test_the_command_finds_nothing_to_do_the_second_time(topic: KeyTopic) -> None:
    before = await entered(topic, KARLA)
    known = card(before, KARLA, "card-1")
    await run(topic, MOVED, known)
    assert (await run(topic, MOVED, known)).added == 0


async def test_the_next_rotation_keeps_the_hashes_of_the_one_before(topic: KeyTopic) -> None:
    earlier = topic.instance(OLD).cpr_hash(KARLA.cpr)
    moved = await entered(topic, KARLA, MOVED)
    third = {"3": KeyedHasher(b"t" * 32)}

    await run(topic, third | NEW, card(moved, KARLA, "card-1"))

    persons = topic.instance(third)
    assert persons.cpr_hash(KARLA.cpr) == moved.cpr_hash(KARLA.cpr) != earlier
    assert earlier in persons.hashes_of(persons.cpr_hash(KARLA.cpr))


async def test_a_person_from_before_keys_gets_them(topic: KeyTopic) -> None:
    await entered(topic, KARLA)
    old = topic.instance(OLD).cpr_hash(MIKKEL.cpr)
    text = ENCRYPTOR.encrypt('{"cpr": "7505920102", "name": "Mikkel"}', "person", "card-2", old)
    person = topic.instance(OLD).encrypt(KARLA, "card-2").model_copy(update={"cpr_hash": old, "ciphertext": text})
    view = cast("CardView", SimpleNamespace(card_id="card-2", person=person, mandates=[]))

    assert (await run(topic, MOVED, view)).added == 1

    assert topic.instance(NEW).cpr_hash(MIKKEL.cpr) == old


async def test_an_erased_person_is_passed_over_and_stays_erased(topic: KeyTopic) -> None:
    before = await entered(topic, KARLA)
    known, person = card(before, KARLA, "card-1"), before.cpr_hash(KARLA.cpr)
    before.keys.erase(before.keys.ids_of(person)[0])
    topic.records.clear()

    done = await run(topic, MOVED, known)

    assert (done.added, done.erased) == (0, {person})
    assert topic.records == []


async def test_erasing_a_person_erases_the_hashes_under_all_keys(topic: KeyTopic) -> None:
    before = await entered(topic, KARLA)
    await run(topic, MOVED, card(before, KARLA, "card-1"))
    persons = topic.instance(NEW)
    person = persons.cpr_hash(KARLA.cpr)

    persons.keys.erase(persons.keys.ids_of(person)[0])

    assert persons.keys.lookups_of(person) == ()
    assert persons.cpr_hash(KARLA.cpr) == NEW["2"].hash("cpr", KARLA.cpr)


async def test_a_new_person_is_one_for_instances_with_keys_in_any_order(topic: KeyTopic) -> None:
    appended, moved = topic.instance(APPENDED), topic.instance(MOVED)
    await asyncio.gather(appended.ensure_keys(KARLA.cpr, topic), moved.ensure_keys(KARLA.cpr, topic))

    ids = {topic.instance(hashers).cpr_hash(KARLA.cpr) for hashers in (OLD, APPENDED, MOVED, NEW)}

    assert ids == {appended.cpr_hash(KARLA.cpr)} == {moved.cpr_hash(KARLA.cpr)}


async def test_of_two_instances_that_enter_a_person_at_once_the_first_on_the_topic_wins() -> None:
    records: list[Record] = []
    both_published = asyncio.Event()
    late = KeyTopic()

    class Slow(KeyTopic):
        """Both instances publish before either has read."""

        async def publish(self, published: Iterable[Record]) -> None:
            records.extend(published)
            if len(records) == 2:
                both_published.set()
            await both_published.wait()
            for record in records[:2]:
                for reader in self.readers:
                    self._read(reader, record)

    topic = Slow()
    one, two = topic.instance(APPENDED), topic.instance(MOVED)
    await asyncio.gather(one.ensure_keys(KARLA.cpr, topic), two.ensure_keys(KARLA.cpr, topic))

    assert one.cpr_hash(KARLA.cpr) == two.cpr_hash(KARLA.cpr)
    for record in records:
        await late.publish([record])
    restarted = late.instance(NEW)
    assert restarted.cpr_hash(KARLA.cpr) == one.cpr_hash(KARLA.cpr)
    assert len(restarted.keys.ids_of(one.cpr_hash(KARLA.cpr))) == 1
    assert [not record.value for record in records] == [False, False, True]


async def test_audit_entries_from_before_are_found_under_the_hash_of_then(topic: KeyTopic) -> None:
    earlier = topic.instance(APPENDED).cpr_hash(KARLA.cpr)  # a look-up before the person has a card
    moved = topic.instance(MOVED)
    assert earlier in moved.cpr_hashes(KARLA.cpr)
    await moved.ensure_keys(KARLA.cpr, topic)

    persons = topic.instance(NEW)

    assert persons.cpr_hash(KARLA.cpr) != earlier
    assert earlier in persons.hashes_of(persons.cpr_hash(KARLA.cpr))


def test_a_request_is_recognised_under_every_key(topic: KeyTopic) -> None:
    stored = topic.instance(OLD).fingerprint("body", "POST", "/v1/cards", "{}")
    for hashers in (APPENDED, MOVED):
        persons = topic.instance(hashers)
        assert persons.is_fingerprint(stored, "body", "POST", "/v1/cards", "{}")
        assert not persons.is_fingerprint(stored, "body", "POST", "/v1/cards", '{"name": "another"}')
