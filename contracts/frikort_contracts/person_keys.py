"""The data keys of people: one for each purpose, each encrypted ("wrapped") with the key-encryption key of the purpose.

A record without a value (a tombstone) erases the keys, and with them everything that was encrypted with them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from frikort_contracts.messages import Event
from frikort_contracts.values import Ciphertext, KeyedHash, Value


class Purpose(StrEnum):
    """What a data key encrypts. A process holds the key-encryption keys of the purposes that it must read."""

    CPR = "cpr"
    NAME = "name"
    TEXT = "text"  # labels, messages of disputes, reasons in the audit log, and stored responses


KeysId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_-]{22}$",
        description="Base64url of 6 bytes with the time of creation (milliseconds since 1970) and 10 random bytes.",
    ),
]


class Lookup(Value):
    """How a person is found with one look-up key."""

    key_id: str = Field(max_length=20, description="The id of the look-up key; empty for the first one of a system.")
    cpr_hash: KeyedHash = Field(description="The keyed hash of the CPR number.")
    birth_check: KeyedHash = Field(description="The keyed hash of `person` and the birth date.")


class PersonKeysWrapped(Event):
    """The data keys of a person, after they were made or encrypted with other key-encryption keys.

    The newest event of an id is the whole of it, so the topic is compacted. A person can have keys under several ids.
    """

    type: ClassVar[str] = "dk.frikort.person-keys.wrapped.v1"
    key_field: ClassVar[str] = "keys_id"

    keys_id: KeysId
    person: KeyedHash = Field(
        description="The id of the person: the keyed hash of the CPR number when the person was first entered."
    )
    cpr: Ciphertext = Field(description="The data key of CPR numbers, encrypted.")
    name: Ciphertext = Field(description="The data key of names, encrypted.")
    text: Ciphertext = Field(description="The data key of texts, encrypted.")

    lookups: tuple[Lookup, ...] = Field(
        default=(), description="How the person is found, by look-up key. Without one, by `person` alone."
    )

    def wrapped(self, purpose: Purpose) -> str:
        """The data key of ``purpose``, encrypted."""
        return {Purpose.CPR: self.cpr, Purpose.NAME: self.name, Purpose.TEXT: self.text}[purpose]
