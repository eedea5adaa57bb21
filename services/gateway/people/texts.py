"""Encryption of free text about people: with a key of the person, so that it is erased with the person's data.

What is about no person, or from before people had keys, is encrypted with ``FRIKORT_ENCRYPTION_KEYS``.
"""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import DecisionCommand, IssueCard, card_id_of
from frikort_contracts.person_keys import Purpose

from services.runtime.encryption import Encryptor
from services.runtime.person_keys import Erased, PersonKeys, is_person_key
from services.runtime.processing.producer import Producer

_RESPONSE: Final = "response"
_RESPONSE_WITH_CONTACT: Final = "response with contact"
_TWICE: Final = "~"
"""Begins a ciphertext that is itself encrypted. No other one has it."""
_REASON: Final = "reason"
_CONTACT: Final = "contact"
_REFERENCE: Final = "reference"
_CASE_REFERENCE: Final = "case-reference"


class Contact(NamedTuple):
    """An employer's contact person."""

    name: str
    email: str
    phone: str


class KnownContact(NamedTuple):
    """A decrypted contact person: each part is None after the person was erased."""

    name: str | None
    email: str | None
    phone: str | None


class PersonTexts:
    """Encrypts and decrypts texts. Every method that decrypts raises ``DecryptionError`` and ``NotYetKnown``."""

    def __init__(self, encryptor: Encryptor, keys: PersonKeys) -> None:
        self.keys = keys
        self._encryptor = encryptor

    async def ensure_keys_of(self, cpr_hash: str, producer: Producer) -> None:
        """Make the keys of the citizen of a card if there are none. Raises the errors of the producer."""
        await self.keys.ensure(cpr_hash, producer)

    async def ensure_keys_of_contact(self, contact: Contact, cvr: str, producer: Producer) -> None:
        """Make the keys of an employer's contact person if there are none. Raises the errors of the producer."""
        await self.keys.ensure(self._contact_id(cvr, contact.email), producer)

    def contact_ids(self, cvr: str, email: str) -> tuple[str, ...]:
        """The ids under which an employer's contact person may have keys: one for each encryption key."""
        return self._encryptor.hashes(_CONTACT, cvr, email.casefold())

    def encrypt_contact(self, contact: Contact, card_id: str, cvr: str) -> str:
        """The contact person of the employer ``cvr`` for its employments on a card, encrypted with a key of theirs.

        Raises ``LookupError`` without keys.
        """
        text, person = json.dumps(contact._asdict(), ensure_ascii=False), self._contact_id(cvr, contact.email)
        return self.keys.encrypt(text, person, Purpose.TEXT, _CONTACT, card_id, cvr)

    def decrypt_contact(self, ciphertext: str, card_id: str, cvr: str) -> KnownContact:
        """A decrypted contact person."""
        text = self._decrypt_text(ciphertext, _CONTACT, card_id, cvr)
        return KnownContact(None, None, None) if text is None else KnownContact(**json.loads(text))

    def encrypt_label(self, label: str, cpr_hash: str, card_id: str, cvr: str) -> str:
        """An employer's own name for an employment, encrypted because it may be the name of the citizen."""
        return self.keys.encrypt(label, cpr_hash, Purpose.TEXT, "label", card_id, cvr)

    def decrypt_label(self, ciphertext: str | None, card_id: str, cvr: str) -> str | None:
        """A decrypted label; None without one, if it was removed with an empty one, or if it was erased."""
        return self._decrypt_text(ciphertext, "label", card_id, cvr) or None

    def encrypt_message(self, message: str, cpr_hash: str, report_id: str) -> str:
        """The encrypted message of a dispute about a report of the citizen."""
        return self.keys.encrypt(message, cpr_hash, Purpose.TEXT, "dispute", report_id)

    def decrypt_message(self, ciphertext: str | None, report_id: str) -> str | None:
        """A decrypted message; None without one, or if it was erased."""
        return self._decrypt_text(ciphertext, "dispute", report_id)

    def encrypt_reference(self, reference: str, cpr_hash: str, report_id: str) -> str:
        """The employer's own reference of a report, encrypted because it may say who the citizen is."""
        return self.keys.encrypt(reference, cpr_hash, Purpose.TEXT, _REFERENCE, report_id)

    def decrypt_reference(self, clear: str | None, ciphertext: str | None, report_id: str) -> str | None:
        """The employer's reference of a report, which is in the clear or encrypted; None if it was erased."""
        return clear or self._decrypt_text(ciphertext, _REFERENCE, report_id)

    def encrypt_case_reference(self, reference: str, cpr_hash: str, card_id: str) -> str:
        """The reference of the municipality's case about the citizen of a card, encrypted."""
        return self.keys.encrypt(reference, cpr_hash, Purpose.TEXT, _CASE_REFERENCE, card_id)

    def decrypt_case_reference(self, clear: str | None, ciphertext: str | None, card_id: str) -> str | None:
        """A reference of a case, which is in the clear or encrypted; None without one, or if it was erased."""
        return clear or self._decrypt_text(ciphertext, _CASE_REFERENCE, card_id)

    def case_reference_of(self, message: Envelope[Any]) -> str | None:
        """The reference of its case in a command; None without one, or if it was erased."""
        match message.data:
            case IssueCard(case_reference=clear, case_reference_ciphertext=ciphertext):
                return self.decrypt_case_reference(clear, ciphertext, card_id_of(message.id))
            case DecisionCommand(card_id=card_id, case_reference=clear, case_reference_ciphertext=ciphertext):
                return self.decrypt_case_reference(clear, ciphertext, card_id)
        return None

    def encrypt_reason(self, reason: str, order: str, cpr_hash: str | None) -> str:
        """The reason in an entry of the audit log, encrypted with a key of the person, if the person has one."""
        return self._encrypt_text(reason, cpr_hash, _REASON, order)

    def decrypt_reason(self, ciphertext: str, order: str) -> str | None:
        """A decrypted reason; None if it was erased."""
        return self._decrypt_text(ciphertext, _REASON, order)

    def encrypt_response(self, answer: str, command_id: str, cpr_hash: str | None, contact: str | None = None) -> str:
        """A response, encrypted for replay with a key of the person that it is about, if it is about one with keys.

        ``contact`` is the ciphertext of the contact person that it shows: then it opens only with a key of both.
        """
        text = self._encrypt_text(answer, cpr_hash, _RESPONSE, command_id)
        other = None if contact is None else self.keys.person_of_text(contact)
        if other is None:
            return text
        return f"{_TWICE}{self.keys.encrypt(text, other, Purpose.TEXT, _RESPONSE_WITH_CONTACT, command_id)}"

    def decrypt_response(self, ciphertext: str, command_id: str) -> str | None:
        """A decrypted response; None if it was erased, with the citizen or with the contact person that it shows."""
        if not ciphertext.startswith(_TWICE):
            return self._decrypt_text(ciphertext, _RESPONSE, command_id)
        inner = self._decrypt_text(ciphertext.removeprefix(_TWICE), _RESPONSE_WITH_CONTACT, command_id)
        return None if inner is None else self.decrypt_response(inner, command_id)

    def _contact_id(self, cvr: str, email: str) -> str:
        """The id under which the contact person has keys; without any, that of the first encryption key."""
        ids = self.contact_ids(cvr, email)
        return next((one for one in ids if self.keys.has(one)), ids[0])

    def _encrypt_text(self, text: str, cpr_hash: str | None, field: str, *subject: str) -> str:
        """A text, encrypted with a key of the person, if there is a person with keys."""
        if cpr_hash is not None and self.keys.has(cpr_hash):
            return self.keys.encrypt(text, cpr_hash, Purpose.TEXT, field, *subject)
        return self._encryptor.encrypt(text, field, *subject)

    def _decrypt_text(self, ciphertext: str | None, field: str, *subject: str) -> str | None:
        if ciphertext is None:
            return None
        if not is_person_key(ciphertext):
            return self._encryptor.decrypt(ciphertext, field, *subject)
        try:
            return self.keys.decrypt(ciphertext, Purpose.TEXT, field, *subject)
        except Erased:
            return None
