"""The data keys of people on a real topic: wrapped again while processes follow it, and gone after an erasure."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from typing import Final

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from frikort_contracts.cloudevents import tombstone
from frikort_contracts.person_keys import Purpose
from frikort_contracts.topics import PERSON_KEYS

from services.gateway.keys import erase
from services.runtime import exit_codes
from services.runtime.kafka.connection import librdkafka_options
from services.runtime.kafka.followed_topic import records_of
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.person_keys import Erased, PersonKeys, erased_from_log_within
from services.runtime.safety_checks import COMPACTION_SETTINGS, topic_config
from tests.operations import command
from tests.operations.harness import Harness
from tests.operations.page_commands import PAGE
from tests.person_keys import FixedProvider
from tests.waiting import eventually

OLD: Final = sha256(b"old").digest()
NEW: Final = sha256(b"new").digest()
FAST: Final = {**dict.fromkeys(COMPACTION_SETTINGS, "100"), "min.cleanable.dirty.ratio": "0.01"}
DAYS_OF_BACKUPS: Final = 35


def provider(**keys: bytes) -> FixedProvider:
    return FixedProvider(dict.fromkeys(Purpose, keys))


def setting(**keys: bytes) -> str:
    return ",".join(f"{key_id}:{b64encode(key).decode()}" for key_id, key in keys.items())


async def keys_command(harness: Harness, wrapping: str, *arguments: str) -> tuple[int, str]:
    """``python -m services.gateway.keys`` with these key-encryption keys."""
    key = b64encode(sha256(b"other").digest()).decode()
    environment = harness.environment(
        **{f"key_encryption_keys_{purpose}": wrapping for purpose in Purpose},
        encryption_keys=f"k1:{key}",
        audit_log_keys=f"k1:{key}",
        lookup_key=key,
        issuer="http://login.example.dk",
        jwks_url="http://login.example.dk/jwks",
        api_url="http://api.example.dk",
        extract_files="file:///srv/extracts",
    )
    code, out, err = await asyncio.to_thread(command.run, command.KEYS, arguments, environment)
    return code, out or err


@asynccontextmanager
async def process(harness: Harness, **keys: bytes) -> AsyncIterator[PersonKeys]:
    """The keys in a process that runs with these key-encryption keys."""
    found = PersonKeys(provider(**keys))
    await found.read(harness.settings)
    following = asyncio.create_task(found.read_on(harness.settings))
    try:
        yield found
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@pytest.fixture
async def log(harness: Harness) -> AsyncIterator[KafkaProducer]:
    producer = KafkaProducer(harness.settings, client_id="test", timeout=20)
    yield producer
    await producer.stop()


def encrypted(keys: PersonKeys, person: str) -> str:
    return keys.encrypt("Karla", person, Purpose.NAME, "name", "card")


def opened(keys: PersonKeys, ciphertext: str) -> str:
    return keys.decrypt(ciphertext, Purpose.NAME, "name", "card")


async def forget_all(harness: Harness, log: KafkaProducer) -> None:
    """Remove the keys of other tests, which other key-encryption keys have wrapped."""
    async with aclosing(records_of(harness.settings, PERSON_KEYS)) as records:
        found = {record.key.decode() async for record in records}
    await log.publish([tombstone(PERSON_KEYS, keys_id) for keys_id in found])


async def test_keys_are_wrapped_again_by_the_command_while_processes_run(harness: Harness, log: KafkaProducer) -> None:
    await forget_all(harness, log)
    people = [letter * 22 for letter in "abcdefgh"]
    async with process(harness, old=OLD, new=NEW) as appended:
        for person in people:
            await appended.ensure(person, log)
        texts = [encrypted(appended, person) for person in people]
        both = setting(new=NEW, old=OLD)
        code, answer = await keys_command(harness, both, "status")
        assert (code, answer) == (exit_codes.DONE, "cpr  old  8\nname  old  8\ntext  old  8\n")

        async with process(harness, new=NEW, old=OLD) as moved:
            assert await keys_command(harness, both, "rewrap") == (exit_codes.DONE, "8 wrapped again\n")

            async def is_rotated() -> bool:
                return all(
                    set(keys.count_wrapped_with()) == {(p, "new") for p in Purpose} for keys in (appended, moved)
                )

            await eventually(is_rotated, what="running processes know the new wrapping")
            for keys in (appended, moved):
                assert [opened(keys, text) for text in texts] == ["Karla"] * len(people)
        async with process(harness, new=NEW) as without_old:
            assert [opened(without_old, text) for text in texts] == ["Karla"] * len(people)
        assert await keys_command(harness, setting(new=NEW), "rewrap") == (exit_codes.DONE, "0 wrapped again\n")
        code, refusal = await keys_command(harness, setting(old=OLD), "status")
        assert (code, "without the key new" in refusal) == (exit_codes.UNSAFE_SETTING, True)


@pytest.mark.timeout(180)
async def test_the_key_of_an_erased_person_leaves_the_topic(harness: Harness, log: KafkaProducer) -> None:
    await forget_all(harness, log)
    person = "p" * 22
    async with process(harness, k=OLD) as keys, process(harness, k=OLD) as other:
        await keys.ensure(person, log)
        text, keys_id = encrypted(keys, person), keys.ids_of(person)[0]
        await eventually(lambda: _has(other, person), what="the other process knows the key")
        assert await values_of(harness, keys_id)
        assert await erase(keys, log, person, "card") == 1
        await eventually(lambda: _has(other, person, has=False), what="the other process knows of the erasure")
        for each in (keys, other):
            with pytest.raises(Erased):
                opened(each, text)

    await asyncio.to_thread(set_config, harness, FAST)
    try:

        async def is_gone() -> bool:
            await log.publish([tombstone(PERSON_KEYS, "none")])  # as the API does twice a day
            return not await values_of(harness, keys_id)

        await eventually(is_gone, within=120, what="the broker has compacted the key away")
    finally:
        usual = topic_config(PERSON_KEYS.name, PERSON_KEYS, 1) | {"min.cleanable.dirty.ratio": "0.5"}
        await asyncio.to_thread(set_config, harness, {name: usual[name] for name in FAST})

    async with process(harness, k=OLD) as started_later:
        assert not started_later.has(person)


def test_the_page_states_how_long_an_erasure_takes() -> None:
    within = erased_from_log_within(PERSON_KEYS)
    days = -(-within // timedelta(days=1)) + DAYS_OF_BACKUPS
    page = PAGE.read_text()
    assert f"**{within // timedelta(hours=1)} hours**" in page
    assert f"{DAYS_OF_BACKUPS} days, **{days} days** after the command" in page.replace("\n", " ")


async def _has(keys: PersonKeys, person: str, *, has: bool = True) -> bool:
    return keys.has(person) is has


async def values_of(harness: Harness, keys_id: str) -> list[bytes]:
    """The values of this id that the log of the topic still has."""
    async with aclosing(records_of(harness.settings, PERSON_KEYS)) as records:
        return [record.value async for record in records if record.key == keys_id.encode() and record.value]


def set_config(harness: Harness, values: Mapping[str, str]) -> None:
    entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in values.items()]
    resource = ConfigResource(ResourceType.TOPIC, PERSON_KEYS.name, incremental_configs=entries)
    client = AdminClient(librdkafka_options(harness.settings))
    for done in client.incremental_alter_configs([resource]).values():
        done.result()
