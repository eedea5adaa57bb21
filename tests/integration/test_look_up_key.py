"""The command that lets a new look-up key find everyone, beside the running system."""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64encode

from deploy.local.system import SERVICES
from services.gateway.person_encryption import Persons, lookup_hashers
from services.runtime import exit_codes
from services.runtime.encryption import Encryptor
from services.runtime.person_keys import PersonKeys
from tests.integration.scene import World
from tests.operations import command
from tests.person_keys import provider_of


def rehash(world: World, lookup_key: str, *options: str) -> tuple[int, str]:
    """Run the command with the settings of the API, and these look-up keys."""
    (gateway,) = (service for service in SERVICES if service.name == "gateway")
    environment = {**world.system.environment("gateway", gateway.settings), "FRIKORT_LOOKUP_KEY": lookup_key}
    code, out, err = command.run(command.KEYS, ["rehash", *options], environment)
    return code, err or out


async def test_a_new_key_finds_citizens_and_holders_that_the_old_one_has_entered(world: World) -> None:
    citizen, holder = world.citizen(), world.citizen()
    card = world.card(citizen)
    card.mandate(holder)
    keys, new = world.system.keys, f"2:{b64encode(secrets.token_bytes(32)).decode()}"
    both = f"{new},{keys.lookup_key}"

    # The old key alone finds people until now: it is named, and not retired.
    code, answer = await asyncio.to_thread(rehash, world, both, "--retire")
    assert (code, "FRIKORT_LOOKUP_KEY needs the key that has no id" in answer) == (exit_codes.NOT_DONE, True), answer
    code, answer = await asyncio.to_thread(rehash, world, both)
    assert (code, answer.partition(" ")[0]) == (exit_codes.DONE, "0")

    known = PersonKeys(provider_of(keys.key_encryption_keys))
    await known.read(world.system.access.settings())
    encryptor = Encryptor.from_setting(keys.encryption_keys)
    old, only_new = (Persons(encryptor, lookup_hashers(text), known) for text in (keys.lookup_key, new))
    for person in (citizen, holder):
        assert only_new.cpr_hash(person.cpr) == old.cpr_hash(person.cpr)
