"""Encryption of personal data, and the check of a birth date."""

from __future__ import annotations

from datetime import date

import pytest

from services.gateway.person_encryption import Contact, Person
from services.runtime.encryption import DecryptionError
from tests.gateway.build import persons

KARLA = Person("6101800101", "Karla Eksempel")


def test_a_person_is_decrypted_as_encrypted() -> None:
    encrypted = persons().encrypt(KARLA)

    assert persons().decrypt(encrypted) == KARLA
    assert KARLA.cpr not in encrypted.model_dump_json()
    assert KARLA.name not in encrypted.model_dump_json()


def test_a_person_cannot_be_decrypted_under_another_cpr_hash() -> None:
    encrypted = persons().encrypt(KARLA)
    other = persons().encrypt(Person("7505920102", "En Anden"))

    with pytest.raises(DecryptionError):
        persons().decrypt(encrypted.model_copy(update={"cpr_hash": other.cpr_hash}))


@pytest.mark.parametrize(
    ("birth_date", "right"), [(date(1980, 1, 1), True), (date(1980, 1, 2), False), (date(1880, 1, 1), False)]
)
def test_only_the_right_birth_date_passes_the_check(birth_date: date, right: bool) -> None:
    encrypted = persons().encrypt(KARLA)

    check, found = persons().check_birth_date(encrypted, birth_date)

    assert found is right
    assert (check == encrypted.birth_check) is right


def test_every_birth_date_is_wrong_without_a_person() -> None:
    check, found = persons().check_birth_date(None, date(1980, 1, 1))

    assert not found
    assert len(check) == 22


def test_a_label_is_decrypted_only_for_its_employer() -> None:
    encrypted = persons().encrypt_label("Karlas løn", "99000007")

    assert "Karla" not in encrypted
    assert persons().decrypt_label(encrypted, "99000007") == "Karlas løn"
    with pytest.raises(DecryptionError):
        persons().decrypt_label(encrypted, "99000015")


@pytest.mark.parametrize("label", [None, persons().encrypt_label("", "99000007")], ids=["never given", "removed"])
def test_an_absent_or_removed_label_is_none(label: str | None) -> None:
    assert persons().decrypt_label(label, "99000007") is None


def test_a_message_is_decrypted_only_for_its_report() -> None:
    encrypted = persons().encrypt_message("Jeg hedder Karla", "report-1")

    assert persons().decrypt_message(encrypted, "report-1") == "Jeg hedder Karla"
    assert persons().decrypt_message(None, "report-1") is None
    with pytest.raises(DecryptionError):
        persons().decrypt_message(encrypted, "report-2")


def test_the_longest_message_can_be_stored() -> None:
    assert len(persons().encrypt_message("\U0001f4b0" * 500, "report-1")) <= 4096


def test_a_contact_is_decrypted_only_for_its_employer() -> None:
    contact = Contact("Bo", "bo@example.dk", "12345678")
    encrypted = persons().encrypt_contact(contact, "99000007")

    assert persons().decrypt_contact(encrypted, "99000007") == contact
    with pytest.raises(DecryptionError):
        persons().decrypt_contact(encrypted, "99000015")
