"""The round of key-encryption keys that are replaced under load: every person is readable without the old ones."""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from frikort_contracts.person_keys import Purpose

from deploy.local.config import REPOSITORY
from deploy.local.system import SERVICES
from services.gateway.person_encryption import Persons
from services.gateway.projections.cards import PROJECTION
from services.runtime import exit_codes
from services.runtime.encryption import DecryptionError, Encryptor, KeyedHasher, read_key
from services.runtime.mongo.document_store import Reader
from services.runtime.mongo.driver import connect, durable_database
from services.runtime.person_keys import PersonKeys
from services.runtime.processing.preparation import NotYetKnown
from tests.chaos.round_context import RoundContext
from tests.operations import command
from tests.person_keys import provider_of
from tests.rollback.release import replace_process

_HOLDERS: Final = ("exports", "gateway")


async def rotate_keys(on: RoundContext) -> None:
    """Append new keys everywhere, put them in front, wrap all data keys again, and remove the old keys."""
    before = on.environment.system.keys.key_encryption_keys
    new = {purpose: f"turn-{on.turn}:{b64encode(secrets.token_bytes(32)).decode()}" for purpose in before}
    await _use(on, {purpose: f"{before[purpose]},{new[purpose]}" for purpose in before})
    await _use(on, {purpose: f"{new[purpose]},{before[purpose]}" for purpose in before})
    code, out, err = await _rewrap(on)
    if code != exit_codes.DONE:
        on.load.journal.surprises.append(f"rewrap ended with {code}: {err}")
        return
    on.notes.append(out.strip())
    await _use(on, new)
    people, unreadable = await _read_all(on)
    on.notes.append(f"{people} people readable")
    on.load.journal.surprises += [f"the citizen of {card_id} is unreadable" for card_id in unreadable]


async def _use(on: RoundContext, keys: Mapping[str, str]) -> None:
    """Restart every instance that holds key-encryption keys with these."""
    environment = on.environment
    environment.system.keys = replace(environment.system.keys, key_encryption_keys=keys)
    for service in _HOLDERS:
        for name in environment.instances(service):
            await asyncio.to_thread(replace_process, environment.system, name, REPOSITORY)


async def _rewrap(on: RoundContext) -> tuple[int, str, str]:
    system = on.environment.system
    (gateway,) = (service for service in SERVICES if service.name == "gateway")
    environment = system.environment("gateway", gateway.settings)
    return await asyncio.to_thread(command.run, command.KEYS, ["rewrap"], environment)


async def _read_all(on: RoundContext) -> tuple[int, list[str]]:
    """How many citizens are decrypted with the keys of now, and the cards of the others."""
    system = on.environment.system
    keys = PersonKeys(provider_of(system.keys.key_encryption_keys))
    await keys.read(system.access.settings())
    hasher = KeyedHasher(read_key(system.keys.lookup_key, "the lookup key"))
    persons = Persons(Encryptor.from_setting(system.keys.encryption_keys), hasher, keys)
    client, unreadable = connect(system.mongodb), []
    try:
        cards = await Reader(durable_database(client, "frikort_gateway"), PROJECTION).find({})
    finally:
        client.close()
    for card in cards:
        try:
            if persons.decrypt(card.person, card.card_id).name is None:
                unreadable.append(card.card_id)
        except (DecryptionError, NotYetKnown):
            unreadable.append(card.card_id)
    assert set(keys.purposes) == set(Purpose)
    return len(cards) - len(unreadable), unreadable
