"""``python -m services.gateway.keys``: erase a person, and replace the keys that protect people.

It runs with the settings of the API process, which alone can open all purposes.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import structlog
from aiokafka.errors import KafkaError
from frikort_contracts.cloudevents import Record, encode, tombstone
from frikort_contracts.extracts import EncryptCprAgain, ForgetPerson
from frikort_contracts.messages import Command
from frikort_contracts.topics import PERSON_KEYS
from frikort_contracts.values import EncryptedPerson
from pymongo.errors import PyMongoError

from services.gateway.people.look_up_keys import rehash
from services.gateway.person_encryption import Persons, lookup_hashers
from services.gateway.projections.cards import PROJECTION, CardView, alias_of_person
from services.gateway.settings import GatewaySettings
from services.runtime import exit_codes
from services.runtime.encryption import Encryptor
from services.runtime.envelopes import new_envelope
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.key_providers import SettingsProvider
from services.runtime.mongo.document_store import Reader
from services.runtime.mongo.driver import connect, durable_database
from services.runtime.mongo.key_checks import retire
from services.runtime.operator_commands import SettingsRefused, say, settings_for, words, write
from services.runtime.person_keys import PersonKeys, envelope_of
from services.runtime.processing.jobs import DEFAULT_RATE
from services.runtime.processing.producer import Producer
from services.runtime.safety_checks import UnsafeSetting

logger = structlog.get_logger(__name__)

_RECORDS_AT_ONCE: Final = 500
_CAUGHT_UP_SECONDS: Final = 60.0


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="python -m services.gateway.keys", description="The data keys of people.")
    commands = top.add_subparsers(dest="command", required=True)
    erasing = commands.add_parser("erase", help="erase the personal data of a card's citizen; this cannot be undone")
    erasing.add_argument("card_id", help="the id of the card")
    erasing.add_argument("--mandate", help="erase the holder of this mandate on the card in place of its citizen")
    erasing.add_argument("--by", type=words, required=True, help="who does this")
    erasing.add_argument("--reason", type=words, required=True, help="why, such as the number of the decision")
    contact = commands.add_parser(
        "erase-contact", help="erase an employer's contact person; the email address is read from the standard input"
    )
    contact.add_argument("cvr", help="the employer's CVR number")
    contact.add_argument("--by", type=words, required=True, help="who does this")
    contact.add_argument("--reason", type=words, required=True, help="why, such as the number of the decision")
    commands.add_parser("rewrap", help="encrypt all data keys with the first key-encryption key of their purpose")
    again = commands.add_parser("reencrypt-cpr", help="let exports encrypt all CPR numbers with the agency's new key")
    again.add_argument("--rate", type=float, default=DEFAULT_RATE, help="cards a second")
    hashing = commands.add_parser("rehash", help="let the first look-up key find every person")
    hashing.add_argument("--retire", action="store_true", help="let processes start without the other look-up keys")
    commands.add_parser("status", help="count the data keys by their key-encryption key")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    given = parser().parse_args(arguments)
    try:
        return asyncio.run(_run(settings_for("keys", GatewaySettings), given))
    except (SettingsRefused, UnsafeSetting) as refused:
        return say(exit_codes.UNSAFE_SETTING, str(refused))
    except (KafkaUnavailable, KafkaError, PyMongoError, TimeoutError) as error:
        reason = type(error).__name__
        return say(exit_codes.CANNOT_START, f"Kafka or MongoDB does not answer: {reason}; repeat the command")


async def _run(settings: GatewaySettings, given: argparse.Namespace) -> int:
    keys = PersonKeys(SettingsProvider(settings))
    await keys.read(settings)
    if given.command == "status":
        for (purpose, key_id), count in sorted(keys.count_wrapped_with().items()):
            write(f"{purpose}  {key_id}  {count}")
        return exit_codes.DONE
    producer = KafkaProducer(settings, client_id="frikort-keys", timeout=settings.publish_timeout)
    try:
        if given.command == "rewrap":
            async with _following(keys, settings):
                write(f"{await rewrap(keys, producer)} wrapped again")
            return exit_codes.DONE
        if given.command == "rehash":
            async with _following(keys, settings):
                return await _rehash(settings, keys, producer, retire_others=given.retire)
        if given.command == "reencrypt-cpr":
            return await _reencrypt_cpr(settings, producer, given.rate)
        if given.command == "erase-contact":
            return await _erase_contact(_persons(settings, keys), producer, given)
        return await _erase(settings, keys, producer, given)
    finally:
        await producer.stop()


async def _erase(settings: GatewaySettings, keys: PersonKeys, producer: Producer, given: argparse.Namespace) -> int:
    client = connect(settings.mongodb_uri)
    try:
        cards = Reader(durable_database(client, "frikort_gateway"), PROJECTION)
        named = await cards.get(given.card_id)
        person = None if named is None else _person_in(named, given.mandate)
        card = None if person is None else await cards.by_alias(alias_of_person(person.cpr_hash))
    finally:
        client.close()
    what = given.card_id if given.mandate is None else f"{given.card_id} {given.mandate}"
    if person is None:
        return say(exit_codes.NOT_DONE, f"there is no {what}")
    if person.cpr_and_name is None:
        return say(exit_codes.NOT_DONE, f"the person of {what} has no keys: the data are from before them")
    count = await erase(keys, producer, person.cpr_hash, None if card is None else card.card_id)
    logger.warning("keys.person_erased", erased=what, by=given.by, reason=given.reason, keys=count)
    write(f"{what} erased ({count} sets of keys)")
    return exit_codes.DONE


async def _erase_contact(persons: Persons, producer: Producer, given: argparse.Namespace) -> int:
    count = await erase_contact(persons, producer, given.cvr, sys.stdin.readline().strip())
    if not count:
        return say(exit_codes.NOT_DONE, f"no contact person of {given.cvr} has this email address and keys")
    logger.warning("keys.contact_erased", cvr=given.cvr, by=given.by, reason=given.reason, keys=count)
    write(f"a contact person of {given.cvr} erased ({count} sets of keys)")
    return exit_codes.DONE


def _persons(settings: GatewaySettings, keys: PersonKeys) -> Persons:
    encryptor = Encryptor.from_setting(settings.encryption_keys.get_secret_value())
    return Persons(encryptor, lookup_hashers(settings.lookup_key.get_secret_value()), keys)


async def _rehash(settings: GatewaySettings, keys: PersonKeys, producer: Producer, *, retire_others: bool) -> int:
    hashers = lookup_hashers(settings.lookup_key.get_secret_value())
    persons = _persons(settings, keys)
    client = connect(settings.mongodb_uri)
    try:
        database = durable_database(client, "frikort_gateway")
        done = await rehash(Reader(database, PROJECTION), persons, producer)
        write(f"{done.added} people are found by the first key from now on, {len(done.erased)} are erased")
        if done.unreadable:
            return say(exit_codes.NOT_DONE, f"the CPR numbers of {len(done.unreadable)} people cannot be decrypted")
        if retire_others:
            others = list(hashers)[1:]
            if done.added:
                return say(exit_codes.NOT_DONE, not_retired(others, done.added))
            await retire(database, "FRIKORT_LOOKUP_KEY", others)
            write(f"{len(others)} retired: remove all but the first key from the settings")
    finally:
        client.close()
    return exit_codes.DONE


def not_retired(others: Sequence[str], added: int) -> str:
    """Why look-up keys stay in use after a run that found people whom the first key did not find."""
    named = ", ".join(f"the key {key_id}" if key_id else "the key that has no id" for key_id in others)
    return f"FRIKORT_LOOKUP_KEY needs {named}: it alone found {added} people before this run; repeat it to retire"


async def _reencrypt_cpr(settings: GatewaySettings, producer: Producer, rate: float) -> int:
    """Send exports the encrypted person of every card. It can be repeated."""
    client, count, last = connect(settings.mongodb_uri), 0, ""
    try:
        cards = Reader(durable_database(client, "frikort_gateway"), PROJECTION)
        most = max(1, min(_RECORDS_AT_ONCE, int(rate)))
        while some := await cards.find({"card_id": {"$gt": last}}, sort=[("card_id", 1)], limit=most):
            await producer.publish([_command(EncryptCprAgain(card_id=c.card_id, person=c.person)) for c in some])
            count, last = count + len(some), some[-1].card_id
            await asyncio.sleep(len(some) / rate)
    finally:
        client.close()
    write(f"{count} cards sent to exports")
    return exit_codes.DONE


def _command(command: Command) -> Record:
    return encode(new_envelope(command, writer="gateway"))


def _person_in(card: CardView, mandate_id: str | None) -> EncryptedPerson | None:
    """The citizen of a card, or the holder of a mandate on it."""
    if mandate_id is None:
        return card.person
    return next((mandate.holder for mandate in card.mandates if mandate.mandate_id == mandate_id), None)


async def erase(keys: PersonKeys, producer: Producer, person: str, card_id: str | None) -> int:
    """Erase the keys of a person, and let exports forget the CPR number. Returns the number of sets of keys.

    ``card_id`` is the person's own card, if there is one. It can be repeated. Raises the errors of the producer.
    """
    ids = keys.ids_of(person)
    records = [tombstone(PERSON_KEYS, keys_id) for keys_id in ids]
    if card_id is not None:
        records.append(_command(ForgetPerson(card_id=card_id)))
    await producer.publish(records)
    for keys_id in ids:
        keys.erase(keys_id)
    return len(ids)


async def erase_contact(persons: Persons, producer: Producer, cvr: str, email: str) -> int:
    """Erase an employer's contact person, present or former, with this email address in any case of its letters.

    Returns the number of sets of keys; 0 if there is none, or none any more. Raises the errors of the producer.
    """
    return sum([await erase(persons.keys, producer, one, None) for one in persons.contact_ids(cvr, email)])


async def rewrap(keys: PersonKeys, producer: Producer) -> int:
    """Wrap all keys with the first key-encryption keys. Returns how many sets of keys were changed.

    ``keys`` must follow the topic: where a person is erased meanwhile, the keys are erased again.
    """
    count, waiting = 0, []
    for event in keys.rewrapped():
        waiting.append(encode(envelope_of(event)))
        if len(waiting) == _RECORDS_AT_ONCE:
            await producer.publish(waiting)
            count, waiting = count + len(waiting), []
    await producer.publish(waiting)
    published_at = datetime.now(UTC)
    async with asyncio.timeout(_CAUGHT_UP_SECONDS):
        await keys.complete_after(published_at)
    await producer.publish([tombstone(PERSON_KEYS, keys_id) for keys_id in sorted(keys.returned)])
    return count + len(waiting)


@asynccontextmanager
async def _following(keys: PersonKeys, settings: GatewaySettings) -> AsyncIterator[None]:
    following = asyncio.create_task(keys.read_on(settings))
    try:
        yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


if __name__ == "__main__":
    sys.exit(main())
