"""Replacing the look-up key: the hash of every person under the first one is added to the person's keys.

The person keeps the id, so nothing that names the person changes. It can be repeated and interrupted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final

from frikort_contracts.cloudevents import Record, encode, tombstone
from frikort_contracts.person_keys import PersonKeysWrapped
from frikort_contracts.topics import PERSON_KEYS

from services.gateway.person_encryption import KnownPerson, Persons
from services.gateway.projections.cards import CardView
from services.runtime.encryption import DecryptionError
from services.runtime.mongo.document_store import Reader
from services.runtime.person_keys import envelope_of
from services.runtime.processing.preparation import NotYetKnown
from services.runtime.processing.producer import Producer

_CARDS_AT_ONCE: Final = 500
_CAUGHT_UP_SECONDS: Final = 60.0

Decrypt = Callable[[], KnownPerson]


@dataclass
class Rehashed:
    """``added`` people are found by the first key from now on. Of the others the CPR number cannot be decrypted."""

    added: int = 0
    erased: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)


async def rehash(cards: Reader[CardView], persons: Persons, producer: Producer) -> Rehashed:
    """Let the first look-up key find every citizen and holder of a mandate.

    The keys must follow the topic: where a person is erased meanwhile, the keys are erased again. Raises the errors of
    the producer and of pymongo, and ``TimeoutError``.
    """
    done, last = Rehashed(), ""
    while some := await cards.find({"card_id": {"$gt": last}}, sort=[("card_id", 1)], limit=_CARDS_AT_ONCE):
        records: list[Record] = []
        for person, decrypt in _people_on(some, persons):
            known = await _decrypted(persons, person, decrypt, done)
            event = None if known is None else _with_lookups(person, known, persons, done)
            if event is not None:
                done.added += 1
                persons.keys.apply(event)
                records.append(encode(envelope_of(event)))
        await producer.publish(records)
        last = some[-1].card_id
    await _settle(persons, producer)
    return done


async def _settle(persons: Persons, producer: Producer) -> None:
    """Wait until what was published is known, and erase again what was erased meanwhile."""
    await _catch_up(persons)
    await producer.publish([tombstone(PERSON_KEYS, keys_id) for keys_id in sorted(persons.keys.returned)])


async def _catch_up(persons: Persons) -> None:
    async with asyncio.timeout(_CAUGHT_UP_SECONDS):
        await persons.keys.complete_after(datetime.now(UTC))


def _people_on(cards: Iterable[CardView], persons: Persons) -> Iterator[tuple[str, Decrypt]]:
    """The citizens and holders that the first key does not find yet."""
    for card in cards:
        people: list[tuple[str, Decrypt]] = [
            (card.person.cpr_hash, partial(persons.decrypt, card.person, card.card_id)),
            *(
                (one.holder.cpr_hash, partial(persons.decrypt_holder, one.holder, card.card_id))
                for one in card.mandates
            ),
        ]
        for person, decrypt in people:
            if not persons.is_found_by_first_key(person):
                yield person, decrypt


async def _decrypted(persons: Persons, person: str, decrypt: Decrypt, done: Rehashed) -> KnownPerson | None:
    try:
        try:
            return decrypt()
        except NotYetKnown:  # a person who was entered a moment ago
            await _catch_up(persons)
            return decrypt()
    except DecryptionError:
        done.unreadable.add(person)
        return None


def _with_lookups(person: str, known: KnownPerson, persons: Persons, done: Rehashed) -> PersonKeysWrapped | None:
    """The keys of the person with the hashes of now; new ones for a person without. None if nothing is to be added."""
    if known.cpr is None:
        done.erased.add(person)
        return None
    lookups = persons.lookups(known.cpr, person)
    if lookups[0].cpr_hash == person:
        return None
    if persons.keys.has(person):
        return persons.keys.with_lookups(person, lookups)
    return persons.keys.create(person, datetime.now(UTC), lookups)
