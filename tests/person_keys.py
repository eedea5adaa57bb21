"""Keys of people for tests: made when they are needed, and kept in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from frikort_contracts.cloudevents import Record, encode
from frikort_contracts.issuance import CPR_FIELD, NAME_FIELD, PERSON_PURPOSE
from frikort_contracts.person_keys import PersonKeysWrapped, Purpose
from frikort_contracts.values import CIPHERTEXTS_PARTED_BY, EncryptedPerson

from services.runtime.encryption import read_keys
from services.runtime.person_keys import PersonKeys, envelope_of
from services.runtime.processing.producer import Producer


class FixedProvider:
    """Key-encryption keys of a test, by purpose."""

    def __init__(self, keys: Mapping[Purpose, Mapping[str, bytes]]) -> None:
        self._keys = keys

    def keys_of(self, purpose: Purpose) -> Mapping[str, bytes]:
        return self._keys.get(purpose, {})


ALL_PURPOSES = FixedProvider({purpose: {"test": purpose.encode().ljust(32, b".")} for purpose in Purpose})


class KeysOnDemand(PersonKeys):
    """Every person has keys. ``events`` are what a system needs to know them."""

    def __init__(self, provider: FixedProvider = ALL_PURPOSES) -> None:
        super().__init__(provider)
        self.events: list[PersonKeysWrapped] = []
        self._known: set[str] = set()

    async def ensure(self, person: str, producer: Producer) -> None:
        """Nothing: the first text of a person makes the keys."""

    def encrypt(self, plaintext: str, person: str, purpose: Purpose, field: str, *subject: str) -> str:
        if person not in self._known:
            self._known.add(person)
            keys = self.create(person, datetime.now(UTC))
            self.events.append(keys)
            self.apply(keys)
        return super().encrypt(plaintext, person, purpose, field, *subject)

    def take_records(self) -> list[Record]:
        """The records of the keys that were made since the last call."""
        records = [encode(envelope_of(keys)) for keys in self.events]
        self.events.clear()
        return records


def encrypted_person(
    keys: KeysOnDemand, cpr: str, card_id: str, cpr_hash: str, *, name: str = "Test"
) -> EncryptedPerson:
    """A person as the gateway encrypts one."""
    subject = (PERSON_PURPOSE, card_id, cpr_hash)
    parts = (
        keys.encrypt(cpr, cpr_hash, Purpose.CPR, CPR_FIELD, *subject),
        keys.encrypt(name, cpr_hash, Purpose.NAME, NAME_FIELD, *subject),
    )
    return EncryptedPerson(cpr_hash=cpr_hash, birth_check="b" * 22, ciphertext=CIPHERTEXTS_PARTED_BY.join(parts))


def provider_of(settings: Mapping[str, str]) -> FixedProvider:
    """The keys in the settings of a system, by purpose."""
    return FixedProvider({Purpose(name): read_keys(text, name) for name, text in settings.items()})
