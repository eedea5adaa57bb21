"""The reasons in entries of the audit log: each is encrypted with a key of the person whom the entry is about.

So every reason is erased with its person, also if the request did not read whose card it is. Only an entry about no
person (a card number without a card, an auditor's search of the whole log) has its reason under
``FRIKORT_ENCRYPTION_KEYS``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from services.gateway.audit.log import Access, of_card, of_person
from services.gateway.person_encryption import Persons
from services.gateway.projections.cards import CardView
from services.gateway.read_models import States
from services.runtime.processing.producer import Producer

_CARD: Final = of_card("")
_PERSON: Final = of_person("")


class EntryReasons:
    """Encrypts and decrypts reasons. ``cards`` is read for no caller, so its reads are not audited."""

    def __init__(self, persons: Persons, cards: States[CardView], producer: Producer) -> None:
        self._persons = persons
        self._cards = cards
        self._producer = producer

    async def people_of(self, accesses: Iterable[Access]) -> Mapping[str, str]:
        """The CPR hash of the person of each subject; each has keys then. Raises the errors of producer and pymongo."""
        people: dict[str, str] = {}
        unknown: set[str] = set()
        for access in accesses:
            if access.person is not None:
                people[access.subject] = access.person
            elif access.subject.startswith(_PERSON):
                people[access.subject] = access.subject.removeprefix(_PERSON)
            elif access.subject.startswith(_CARD):
                unknown.add(access.subject.removeprefix(_CARD))
        if unknown:
            for card in await self._cards.find({"card_id": {"$in": sorted(unknown)}}):
                people[of_card(card.card_id)] = card.person.cpr_hash
        for person in set(people.values()):
            await self._persons.ensure_keys_of(person, self._producer)
        return people

    def encrypt_reason(self, reason: str, order: str, cpr_hash: str | None) -> str:
        """The reason of the entry with this order."""
        return self._persons.encrypt_reason(reason, order, cpr_hash)

    def decrypt_reason(self, ciphertext: str, order: str) -> str | None:
        """A decrypted reason; None if it was erased with the person. Raises ``NotYetKnown``."""
        return self._persons.decrypt_reason(ciphertext, order)

    def reason_hashes(self, reason: str) -> tuple[str, ...]:
        """The hashes of a reason under all keys, first the one that is stored."""
        return self._persons.reason_hashes(reason)
