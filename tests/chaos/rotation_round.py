"""The round of keys that are replaced under load: every person is found and readable without the old ones."""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from tempfile import NamedTemporaryFile
from typing import Final

from frikort_contracts.person_keys import Purpose

from deploy.local.config import REPOSITORY
from deploy.local.keys import authority_keys
from deploy.local.system import SERVICES
from services.gateway.person_encryption import Persons, lookup_hashers
from services.gateway.projections.cards import PROJECTION
from services.runtime import exit_codes
from services.runtime.encryption import DecryptionError, Encryptor
from services.runtime.mongo.document_store import Reader
from services.runtime.mongo.driver import connect, durable_database
from services.runtime.person_keys import PersonKeys
from services.runtime.processing.preparation import NotYetKnown
from tests.chaos.portal_users import PortalUsers
from tests.chaos.round_context import RoundContext
from tests.operations import command
from tests.person_keys import provider_of
from tests.rollback.release import replace_process

_HOLDERS: Final = ("exports", "gateway", "payroll", "portals")
_KEPT: Final = ("encryption_keys", "session_keys", "audit_log_keys")
"""The settings whose earlier keys stay: stored files, open sessions and signatures need them."""
_JOBS: Final = (["rewrap"], ["rehash"], ["rehash", "--retire"], ["reencrypt-cpr", "--rate", "1000"])


async def rotate_keys(on: RoundContext) -> None:
    """Append new keys everywhere, put them in front, run the jobs, and remove the old keys that nothing needs.

    People who are signed in before stay so, and send their forms at the end.
    """
    async with PortalUsers(on.environment, on.load) as users:
        before = _keys_of(on)
        new = {name: f"turn-{on.turn}:{b64encode(secrets.token_bytes(32)).decode()}" for name in before}
        in_front = {name: f"{new[name]},{before[name]}" for name in before}
        await _use(on, {name: f"{before[name]},{new[name]}" for name in before})
        _draw_authority_keys(on)
        await _use(on, in_front)
        for arguments in _JOBS:
            output = await _run(on, command.KEYS, *arguments)
            if output is None:
                return
            on.notes.append(output)
        on.load.forget_keys()
        await _use(on, new | {name: in_front[name] for name in _KEPT})
        people, unreadable = await _read_all(on)
        on.notes.append(f"{people} people readable and found")
        on.load.journal.surprises += [f"the citizen of {card_id} is unreadable or not found" for card_id in unreadable]
        await users.send_again()
    await _check_audit_log(on)


def _keys_of(on: RoundContext) -> dict[str, str]:
    """The key-encryption keys by purpose, and the other keys by their field of ``Keys``."""
    keys = on.environment.system.keys
    return {**keys.key_encryption_keys, **{name: getattr(keys, name) for name in ("lookup_key", *_KEPT)}}


async def _use(on: RoundContext, keys: Mapping[str, str]) -> None:
    """Restart every instance that holds keys with these, one of each service at a time."""
    environment = on.environment
    environment.system.keys = replace(
        environment.system.keys,
        key_encryption_keys={purpose.value: keys[purpose.value] for purpose in Purpose},
        lookup_key=keys["lookup_key"],
        encryption_keys=keys["encryption_keys"],
        session_keys=keys["session_keys"],
        audit_log_keys=keys["audit_log_keys"],
    )
    first_and_second = zip(*(environment.instances(service) for service in _HOLDERS), strict=True)
    for names in first_and_second:
        await asyncio.gather(
            *(asyncio.to_thread(replace_process, environment.system, name, REPOSITORY) for name in names)
        )


def _draw_authority_keys(on: RoundContext) -> None:
    """Give every authority a new pair of keys."""
    private = on.environment.system.keys.authority_private_keys
    private.unlink()
    authority_keys(private.parent)


async def _check_audit_log(on: RoundContext) -> None:
    """Check the audit log with the public keys of all signatures."""
    keys = await _run(on, command.AUDIT_LOG, "keys")
    if keys is not None:
        with NamedTemporaryFile("w", suffix=".json") as file:
            file.write(keys)
            file.flush()
            await _run(on, command.AUDIT_LOG, "check", "--keys", file.name)


async def _run(on: RoundContext, main: command.Main, *arguments: str) -> str | None:
    """The output of an operator's command; None if it failed, which the journal notes."""
    system = on.environment.system
    (gateway,) = (service for service in SERVICES if service.name == "gateway")
    environment = system.environment("gateway", gateway.settings)
    code, out, err = await asyncio.to_thread(command.run, main, list(arguments), environment)
    if code == exit_codes.DONE:
        return out.strip()
    on.load.journal.surprises.append(f"{' '.join(arguments)} ended with {code}: {out} {err}")
    return None


async def _read_all(on: RoundContext) -> tuple[int, list[str]]:
    """How many citizens are decrypted and found with the keys of now, and the cards of the others."""
    system = on.environment.system
    client, unreadable = connect(system.mongodb), []
    try:
        cards = await Reader(durable_database(client, "frikort_gateway"), PROJECTION).find({})
    finally:
        client.close()
    keys = PersonKeys(provider_of(system.keys.key_encryption_keys))
    await keys.read(system.access.settings())  # after the cards, or a new card's keys are not among them
    persons = Persons(Encryptor.from_setting(system.keys.encryption_keys), lookup_hashers(system.keys.lookup_key), keys)
    for card in cards:
        try:
            known = persons.decrypt(card.person, card.card_id)
            if known.cpr is None or persons.cpr_hash(known.cpr) != card.person.cpr_hash:
                unreadable.append(card.card_id)
        except (DecryptionError, NotYetKnown):
            unreadable.append(card.card_id)
    assert set(keys.purposes) == set(Purpose)
    return len(cards) - len(unreadable), unreadable
