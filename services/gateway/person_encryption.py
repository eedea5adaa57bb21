"""Encryption of personal data: hashes for look-up, ciphertext for storage, decryption for authorised callers."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple, Self

from frikort_contracts.issuance import CPR_FIELD, HOLDER_PURPOSE, NAME_FIELD, PERSON_PURPOSE
from frikort_contracts.person_keys import Lookup, Purpose
from frikort_contracts.values import CIPHERTEXTS_PARTED_BY, EncryptedPerson, birth_date_of

from services.gateway.people.texts import PersonTexts
from services.gateway.settings import GatewaySettings
from services.runtime.encryption import Encryptor, KeyedHasher, read_keys
from services.runtime.key_providers import SettingsProvider
from services.runtime.person_keys import Erased, PersonKeys
from services.runtime.processing.producer import Producer

_UNKNOWN_PERSON = "-" * 22
_ENTERED_WITHIN: Final = timedelta(seconds=10)


class Person(NamedTuple):
    """A citizen in clear text: never logged, stored or published."""

    cpr: str
    name: str


class KnownPerson(NamedTuple):
    """A decrypted citizen: each part is None after the person's data were erased."""

    cpr: str | None
    name: str | None


_ERASED: Final = KnownPerson(None, None)


class Persons(PersonTexts):
    """Holds the keys of people, the encryption keys of what belongs to no person, and the look-up keys by id.

    A person is named by one hash of the CPR number, which stays: the one under which the person was first entered.
    While look-up keys are replaced, the topic of keys says which hash under another key leads to the same person.
    """

    def __init__(self, encryptor: Encryptor, hashers: Mapping[str, KeyedHasher], keys: PersonKeys) -> None:
        super().__init__(encryptor, keys)
        self._hashers = dict(hashers)
        self._hasher = next(iter(self._hashers.values()))

    @classmethod
    def from_settings(cls, settings: GatewaySettings) -> Self:
        """With the keys of the settings. Raises ``ValueError`` that names the setting that cannot be used."""
        return cls(
            Encryptor.from_setting(settings.encryption_keys.get_secret_value()),
            lookup_hashers(settings.lookup_key.get_secret_value()),
            PersonKeys(SettingsProvider(settings)),
        )

    def cpr_hash(self, cpr: str) -> str:
        """The hash that names a citizen."""
        return self.cpr_hashes(cpr)[0]

    def cpr_hashes(self, cpr: str) -> tuple[str, ...]:
        """The hash that names a citizen, and those under the look-up keys of now."""
        hashes = tuple(hasher.hash("cpr", cpr) for hasher in self._hashers.values())
        named = next((person for one in hashes if (person := self.keys.person_of(one)) is not None), hashes[0])
        return tuple(dict.fromkeys((named, *hashes)))

    def hashes_of(self, cpr_hash: str) -> tuple[str, ...]:
        """The hash that names a person, and those under which the person is found as well."""
        return tuple(dict.fromkeys((cpr_hash, *(lookup.cpr_hash for lookup in self.keys.lookups_of(cpr_hash)))))

    async def ensure_keys(self, cpr: str, producer: Producer) -> None:
        """Make the keys of a person if the first look-up key finds none. Call it before the person is encrypted.

        Raises ``NotYetKnown``, and the errors of the producer.
        """
        if self.keys.person_of(self._hasher.hash("cpr", cpr)) is not None:
            return
        person = self.cpr_hash(cpr)
        if len(self._hashers) == 1:
            await self.keys.ensure(person, producer)
        else:  # another instance may enter the person under the hash of another key
            await self.keys.enter(person, self.lookups(cpr, person), producer, _ENTERED_WITHIN)

    def lookups(self, cpr: str, person: str) -> tuple[Lookup, ...]:
        """How each look-up key finds a person."""
        born = birth_date_of(cpr).isoformat()
        return tuple(
            Lookup(key_id=key_id, cpr_hash=hasher.hash("cpr", cpr), birth_check=hasher.hash("birth", person, born))
            for key_id, hasher in self._hashers.items()
        )

    def is_found_by_first_key(self, person: str) -> bool:
        """Whether the person's keys say how the first look-up key finds the person."""
        first = next(iter(self._hashers))
        return any(lookup.key_id == first for lookup in self.keys.lookups_of(person))

    def encrypt(self, person: Person, card_id: str) -> EncryptedPerson:
        """The encrypted citizen of a card, for messages."""
        return self._encrypt(person, PERSON_PURPOSE, card_id)

    def decrypt(self, person: EncryptedPerson, card_id: str) -> KnownPerson:
        """The decrypted citizen of a card.

        Raises ``DecryptionError`` and ``NotYetKnown``, as every method that decrypts.
        """
        return self._decrypt(person, PERSON_PURPOSE, card_id)

    def encrypt_holder(self, holder: Person, card_id: str) -> EncryptedPerson:
        """The encrypted holder of a mandate on a card, for messages."""
        return self._encrypt(holder, HOLDER_PURPOSE, card_id)

    def decrypt_holder(self, holder: EncryptedPerson, card_id: str) -> KnownPerson:
        """The decrypted holder of a mandate on a card."""
        return self._decrypt(holder, HOLDER_PURPOSE, card_id)

    def birth_check(self, cpr_hash: str, birth_date: date) -> str:
        """The keyed hash that proves a birth date of the citizen."""
        return self._hasher.hash("birth", cpr_hash, birth_date.isoformat())

    def check_birth_date(self, person: EncryptedPerson | None, birth_date: date) -> tuple[str, bool]:
        """The birth check of ``birth_date`` and whether it is right. Takes the same work without a person."""
        name, stored = (_UNKNOWN_PERSON,) * 2 if person is None else (person.cpr_hash, person.birth_check)
        right = [stored, *(lookup.birth_check for lookup in self.keys.lookups_of(name))]
        made = [hasher.hash("birth", name, birth_date.isoformat()) for hasher in self._hashers.values()]
        found = [hmac.compare_digest(one, other) for one in made for other in right]
        return (stored if any(found) else made[0]), any(found)

    def fingerprint(self, *parts: str) -> str:
        """A keyed hash of parts that are compared later and not stored, as they may contain a CPR number."""
        return self._hasher.hash("request", *parts)

    def is_fingerprint(self, stored: str, *parts: str) -> bool:
        """Whether ``stored`` is the fingerprint of the parts under any look-up key."""
        return any(hasher.hash("request", *parts) == stored for hasher in self._hashers.values())

    def pseudonym(self, cpr_hash: str) -> str:
        """A keyed hash of a CPR hash: always the same for a person, and without the key it leads to neither."""
        return self._hasher.hash("pseudonym", cpr_hash)

    def reason_hashes(self, reason: str) -> tuple[str, ...]:
        """The hashes by which a reason is found, under all look-up keys."""
        return tuple(hasher.hash("reason", reason) for hasher in self._hashers.values())

    def _encrypt(self, person: Person, purpose: str, card_id: str) -> EncryptedPerson:
        cpr_hash = self.cpr_hash(person.cpr)
        cpr = self.keys.encrypt(person.cpr, cpr_hash, Purpose.CPR, CPR_FIELD, purpose, card_id, cpr_hash)
        name = self.keys.encrypt(person.name, cpr_hash, Purpose.NAME, NAME_FIELD, purpose, card_id, cpr_hash)
        return EncryptedPerson(
            cpr_hash=cpr_hash,
            birth_check=self.birth_check(cpr_hash, birth_date_of(person.cpr)),
            ciphertext=f"{cpr}{CIPHERTEXTS_PARTED_BY}{name}",
        )

    def _decrypt(self, person: EncryptedPerson, purpose: str, card_id: str) -> KnownPerson:
        parts, subject = person.cpr_and_name, (purpose, card_id, person.cpr_hash)
        if parts is None:
            return KnownPerson(**json.loads(self._encryptor.decrypt(person.ciphertext, *subject)))
        cpr, name = parts
        try:
            return KnownPerson(
                self.keys.decrypt(cpr, Purpose.CPR, CPR_FIELD, *subject),
                self.keys.decrypt(name, Purpose.NAME, NAME_FIELD, *subject),
            )
        except Erased:
            return _ERASED


def lookup_hashers(setting: str) -> dict[str, KeyedHasher]:
    """The look-up keys of ``FRIKORT_LOOKUP_KEY`` by id, the first in use first. Raises ``ValueError``."""
    keys = read_keys(setting, "FRIKORT_LOOKUP_KEY", unnamed=True)
    return {key_id: KeyedHasher(key) for key_id, key in keys.items()}
