"""Encryption of personal data, and the check of a birth date."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Final

import pytest
from frikort_contracts.cloudevents import Record
from frikort_contracts.topics import PERSON_KEYS

from services.gateway.keys import erase_contact
from services.gateway.people.texts import Contact, KnownContact
from services.gateway.person_encryption import KnownPerson, Person, Persons
from services.runtime.encryption import DecryptionError, Encryptor, KeyedHasher
from tests.gateway.build import ENCRYPTION_KEYS, persons
from tests.person_keys import KeysOnDemand

KARLA: Final = Person("6101800101", "Karla Eksempel")
CONTACT: Final = Contact("Bo", "bo@example.dk", "12345678")
KNOWN, ERASED = KnownContact(*CONTACT), KnownContact(None, None, None)
PERSON: Final = persons().cpr_hash(KARLA.cpr)
CARD, OTHER_CARD, CVR, OTHER_CVR = "card-1", "card-2", "99000007", "99000015"


def test_a_person_is_decrypted_as_encrypted() -> None:
    encrypted = persons().encrypt(KARLA, CARD)

    assert persons().decrypt(encrypted, CARD) == KnownPerson(*KARLA)
    assert KARLA.cpr not in encrypted.model_dump_json()
    assert KARLA.name not in encrypted.model_dump_json()


def test_a_holder_of_a_mandate_is_decrypted_as_encrypted() -> None:
    assert persons().decrypt_holder(persons().encrypt_holder(KARLA, CARD), CARD) == KnownPerson(*KARLA)


def test_a_person_cannot_be_decrypted_under_another_cpr_hash() -> None:
    encrypted = persons().encrypt(KARLA, CARD)
    other = persons().encrypt(Person("7505920102", "En Anden"), CARD)

    with pytest.raises(DecryptionError):
        persons().decrypt(encrypted.model_copy(update={"cpr_hash": other.cpr_hash}), CARD)


@pytest.mark.parametrize(
    "decrypt",
    [
        pytest.param(lambda: persons().decrypt(persons().encrypt(KARLA, CARD), OTHER_CARD), id="person, other card"),
        pytest.param(lambda: persons().decrypt_holder(persons().encrypt(KARLA, CARD), CARD), id="person as holder"),
        pytest.param(lambda: persons().decrypt(persons().encrypt_holder(KARLA, CARD), CARD), id="holder as person"),
        pytest.param(
            lambda: persons().decrypt_holder(persons().encrypt_holder(KARLA, CARD), OTHER_CARD), id="holder, other card"
        ),
        pytest.param(
            lambda: persons().decrypt_contact(persons().encrypt_contact(CONTACT, CARD, CVR), OTHER_CARD, CVR),
            id="contact, other card",
        ),
        pytest.param(
            lambda: persons().decrypt_contact(persons().encrypt_contact(CONTACT, CARD, CVR), CARD, OTHER_CVR),
            id="contact, other employer",
        ),
        pytest.param(
            lambda: persons().decrypt_label(persons().encrypt_contact(CONTACT, CARD, CVR), CARD, CVR),
            id="contact as label",
        ),
        pytest.param(
            lambda: persons().decrypt_label(persons().encrypt_label("Karlas løn", PERSON, CARD, CVR), OTHER_CARD, CVR),
            id="label, other card",
        ),
        pytest.param(
            lambda: persons().decrypt_label(persons().encrypt_label("Karlas løn", PERSON, CARD, CVR), CARD, OTHER_CVR),
            id="label, other employer",
        ),
        pytest.param(
            lambda: persons().decrypt_message(persons().encrypt_message("Jeg hedder Karla", PERSON, "id-1"), "id-2"),
            id="message, other report",
        ),
        pytest.param(
            lambda: persons().decrypt_response(persons().encrypt_response("{}", "id-1", PERSON), "id-2"),
            id="response, other command",
        ),
        pytest.param(
            lambda: persons().decrypt_response(persons().encrypt_message("{}", PERSON, "id-1"), "id-1"),
            id="message as response",
        ),
    ],
)
def test_a_ciphertext_copied_to_another_card_field_or_purpose_cannot_be_decrypted(
    decrypt: Callable[[], object],
) -> None:
    with pytest.raises(DecryptionError):
        decrypt()


@pytest.mark.parametrize(
    ("birth_date", "right"), [(date(1980, 1, 1), True), (date(1980, 1, 2), False), (date(1880, 1, 1), False)]
)
def test_only_the_right_birth_date_passes_the_check(birth_date: date, right: bool) -> None:
    encrypted = persons().encrypt(KARLA, CARD)

    check, found = persons().check_birth_date(encrypted, birth_date)

    assert found is right
    assert (check == encrypted.birth_check) is right


def test_every_birth_date_is_wrong_without_a_person() -> None:
    check, found = persons().check_birth_date(None, date(1980, 1, 1))

    assert not found
    assert len(check) == 22


def test_a_label_is_decrypted_as_encrypted() -> None:
    encrypted = persons().encrypt_label("Karlas løn", PERSON, CARD, CVR)

    assert "Karla" not in encrypted
    assert persons().decrypt_label(encrypted, CARD, CVR) == "Karlas løn"


@pytest.mark.parametrize(
    "label", [None, persons().encrypt_label("", PERSON, CARD, CVR)], ids=["never given", "removed"]
)
def test_an_absent_or_removed_label_is_none(label: str | None) -> None:
    assert persons().decrypt_label(label, CARD, CVR) is None


def test_a_message_is_decrypted_as_encrypted() -> None:
    encrypted = persons().encrypt_message("Jeg hedder Karla", PERSON, "report-1")

    assert persons().decrypt_message(encrypted, "report-1") == "Jeg hedder Karla"
    assert persons().decrypt_message(None, "report-1") is None


def test_the_longest_message_can_be_stored() -> None:
    assert len(persons().encrypt_message("\U0001f4b0" * 500, PERSON, "report-1")) <= 4096


def test_a_contact_is_decrypted_as_encrypted() -> None:
    assert persons().decrypt_contact(persons().encrypt_contact(CONTACT, CARD, CVR), CARD, CVR) == KNOWN


def own_keys() -> Persons:
    """With keys of its own, because a test erases some."""
    return Persons(Encryptor.from_setting(ENCRYPTION_KEYS), {"": KeyedHasher(b"l" * 32)}, KeysOnDemand())


def erase(secret: Persons, *people: str) -> None:
    secret.keys.complete_until = datetime.max.replace(tzinfo=UTC)
    for keys_id in [keys_id for person in people for keys_id in secret.keys.ids_of(person)]:
        secret.keys.erase(keys_id)


def test_a_contact_person_is_erased_everywhere_at_one_employer() -> None:
    secret, other = own_keys(), CONTACT._replace(email="another@example.dk")
    ciphertexts = [secret.encrypt_contact(contact, card, CVR) for contact in (CONTACT, other) for card in (CARD, "b")]
    elsewhere = secret.encrypt_contact(CONTACT, CARD, OTHER_CVR)

    erase(secret, *secret.contact_ids(CVR, "BO@example.dk"))

    shown = [secret.decrypt_contact(one, card, CVR) for one, card in zip(ciphertexts, (CARD, "b") * 2, strict=True)]
    assert shown == [ERASED] * 2 + [KnownContact(*other)] * 2
    assert secret.decrypt_contact(elsewhere, CARD, OTHER_CVR) == KNOWN


def test_a_contact_person_keeps_one_id_when_an_encryption_key_is_put_in_front() -> None:
    before = own_keys()
    before.encrypt_contact(CONTACT, CARD, CVR)
    new = "n:" + b64encode(b"n" * 32).decode()
    after = Persons(Encryptor.from_setting(f"{new},{ENCRYPTION_KEYS}"), {"": KeyedHasher(b"l" * 32)}, before.keys)

    again = after.encrypt_contact(CONTACT, "b", CVR)

    assert after.keys.person_of_text(again) in before.contact_ids(CVR, CONTACT.email)
    assert set(before.contact_ids(CVR, CONTACT.email)) < set(after.contact_ids(CVR, CONTACT.email))


def test_a_contact_person_from_before_is_read() -> None:
    text = '{"name": "Bo", "email": "bo@example.dk", "phone": "12345678"}'
    ciphertext = Encryptor.from_setting(ENCRYPTION_KEYS).encrypt(text, "contact", CARD, CVR)
    assert own_keys().decrypt_contact(ciphertext, CARD, CVR) == KNOWN


@pytest.mark.parametrize("erased", ["the citizen", "the contact person"])
def test_a_stored_response_with_a_contact_person_opens_while_both_are_there(erased: str) -> None:
    secret = own_keys()
    person = secret.encrypt(KARLA, CARD).cpr_hash
    contact = secret.encrypt_contact(CONTACT, CARD, CVR)
    stored = secret.encrypt_response("an answer", "command", person, contact)
    assert secret.decrypt_response(stored, "command") == "an answer"

    erase(secret, *((person,) if erased == "the citizen" else secret.contact_ids(CVR, CONTACT.email)))

    assert secret.decrypt_response(stored, "command") is None


async def test_the_command_erases_a_contact_person_by_the_email_address() -> None:
    secret, topic = own_keys(), Topic()
    ciphertext = secret.encrypt_contact(CONTACT, CARD, CVR)
    secret.keys.complete_until = datetime.max.replace(tzinfo=UTC)

    assert await erase_contact(secret, topic, CVR, "someone@example.dk") == 0
    assert await erase_contact(secret, topic, CVR, CONTACT.email) == 1

    assert [(record.topic, record.value) for record in topic.records] == [(PERSON_KEYS.name, b"")]
    assert secret.decrypt_contact(ciphertext, CARD, CVR) == ERASED
    assert await erase_contact(secret, topic, CVR, CONTACT.email) == 0


class Topic:
    """A producer that keeps what it publishes."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def publish(self, records: Iterable[Record]) -> None:
        self.records.extend(records)
