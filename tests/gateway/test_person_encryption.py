"""Encryption of personal data, and the check of a birth date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

import pytest

from services.gateway.people.texts import Contact
from services.gateway.person_encryption import KnownPerson, Person
from services.runtime.encryption import DecryptionError
from tests.gateway.build import persons

KARLA: Final = Person("6101800101", "Karla Eksempel")
CONTACT: Final = Contact("Bo", "bo@example.dk", "12345678")
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
    assert persons().decrypt_contact(persons().encrypt_contact(CONTACT, CARD, CVR), CARD, CVR) == CONTACT
