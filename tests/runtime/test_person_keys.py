"""The data keys of people: what opens with them, and what never does again."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from frikort_contracts.cloudevents import Record, decode
from frikort_contracts.person_keys import PersonKeysWrapped, Purpose
from frikort_contracts.topics import PERSON_KEYS

from services.runtime.encryption import DecryptionError
from services.runtime.person_keys import Erased, PersonKeys, created_at, new_keys_id
from services.runtime.processing.preparation import NotYetKnown
from services.runtime.safety_checks import UnsafeSetting
from tests.person_keys import ALL_PURPOSES, FixedProvider

KARLA, MIKKEL = "k" * 22, "m" * 22
NOW: Final = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER: Final = NOW + timedelta(hours=1)


class Topic:
    """Records what is published; ``fails`` makes it refuse."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.fails = False

    async def publish(self, records: Any) -> None:
        if self.fails:
            raise TimeoutError
        self.records += records

    @property
    def events(self) -> list[PersonKeysWrapped]:
        return [decode(PERSON_KEYS, record.value, record.headers).data for record in self.records]


@pytest.fixture
def topic() -> Topic:
    return Topic()


def reader(topic: Topic, provider: FixedProvider = ALL_PURPOSES) -> PersonKeys:
    """Another process that has read the topic."""
    keys = PersonKeys(provider)
    for event in topic.events:
        keys.apply(event)
    return keys


async def writer(topic: Topic, *people: str) -> PersonKeys:
    keys = PersonKeys(ALL_PURPOSES)
    for person in people:
        await keys.ensure(person, topic)
    return keys


def a_name(keys: PersonKeys, person: str = KARLA) -> str:
    return keys.encrypt("Karla", person, Purpose.NAME, "name", "card")


def opened(keys: PersonKeys, ciphertext: str) -> str:
    return keys.decrypt(ciphertext, Purpose.NAME, "name", "card")


async def test_another_process_decrypts_with_the_keys_on_the_topic(topic: Topic) -> None:
    encrypted = a_name(await writer(topic, KARLA))
    assert opened(reader(topic), encrypted) == "Karla"


async def test_each_person_and_each_purpose_has_a_key_of_its_own(topic: Topic) -> None:
    keys = await writer(topic, KARLA, MIKKEL)
    karla = a_name(keys)
    with pytest.raises(DecryptionError):
        keys.decrypt(karla, Purpose.TEXT, "name", "card")
    assert len({event.wrapped(purpose) for event in topic.events for purpose in Purpose}) == 6
    keys.erase(keys.ids_of(MIKKEL)[0])
    assert opened(keys, karla) == "Karla"


async def test_keys_travel_only_encrypted(topic: Topic) -> None:
    await writer(topic, KARLA)
    foreign = FixedProvider({purpose: {"test": secrets.token_bytes(32)} for purpose in Purpose})
    with pytest.raises(UnsafeSetting, match="FRIKORT_KEY_ENCRYPTION_KEYS_CPR"):
        reader(topic, foreign).check_wrapping()


async def test_keys_are_durable_before_they_are_used(topic: Topic) -> None:
    topic.fails = True
    keys = PersonKeys(ALL_PURPOSES)
    with pytest.raises(TimeoutError):
        await keys.ensure(KARLA, topic)
    with pytest.raises(LookupError):
        a_name(keys)


async def test_keys_that_two_processes_made_at_once_both_stay_readable(topic: Topic) -> None:
    one, two = await writer(topic, KARLA), await writer(topic, KARLA)
    known = reader(topic)
    assert (opened(known, a_name(one)), opened(known, a_name(two))) == ("Karla", "Karla")
    assert len(known.ids_of(KARLA)) == 2


async def test_an_erased_key_opens_nothing_and_that_is_final(topic: Topic) -> None:
    keys = await writer(topic, KARLA)
    encrypted, keys_id = a_name(keys), keys.ids_of(KARLA)[0]
    assert opened(keys, encrypted) == "Karla", "it is unwrapped in memory"

    keys.erase(keys_id)

    with pytest.raises(Erased):
        opened(keys, encrypted)
    assert not keys.has(KARLA)
    keys.apply(topic.events[0])
    with pytest.raises(Erased):
        opened(keys, encrypted)
    assert keys.returned == {keys_id}


async def test_a_key_that_is_not_read_yet_may_pass_and_a_missing_old_one_is_erased(topic: Topic) -> None:
    writing = PersonKeys(ALL_PURPOSES)
    writing.apply(writing.create(KARLA, NOW))
    encrypted, late = a_name(writing), PersonKeys(ALL_PURPOSES)
    with pytest.raises(NotYetKnown):
        opened(late, encrypted)
    late.complete_until = NOW
    with pytest.raises(NotYetKnown):
        opened(late, encrypted)
    late.complete_until = LATER
    with pytest.raises(Erased):
        opened(late, encrypted)


async def test_a_process_without_a_key_encryption_key_cannot_open_its_purpose(topic: Topic) -> None:
    encrypted = a_name(await writer(topic, KARLA))
    only_cpr = reader(topic, FixedProvider({Purpose.CPR: ALL_PURPOSES.keys_of(Purpose.CPR)}))
    with pytest.raises(DecryptionError, match="no key-encryption key for name"):
        opened(only_cpr, encrypted)


async def test_keys_are_wrapped_again_with_the_first_key_encryption_key(topic: Topic) -> None:
    encrypted = a_name(await writer(topic, KARLA))
    both = FixedProvider({purpose: {"new": b"n" * 32, **ALL_PURPOSES.keys_of(purpose)} for purpose in Purpose})
    only_new = FixedProvider({purpose: {"new": b"n" * 32} for purpose in Purpose})

    again = list(reader(topic, both).rewrapped())

    keys = PersonKeys(only_new)
    for event in again:
        keys.apply(event)
    keys.check_wrapping()
    assert opened(keys, encrypted) == "Karla"
    assert list(keys.rewrapped()) == []
    assert keys.count_wrapped_with() == {(purpose, "new"): 1 for purpose in Purpose}


def test_an_id_has_the_time_of_its_creation() -> None:
    assert created_at(new_keys_id(NOW)) == NOW
    assert created_at("k1") is None
    assert created_at("a text that is no id!!") is None
