"""The CPR number for the tax agency: only the agency can decrypt it."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from frikort_contracts.extracts import TaxStatementUpdated
from frikort_contracts.issuance import NAME_FIELD, PERSON_PURPOSE
from frikort_contracts.person_keys import Purpose
from frikort_contracts.values import EncryptedPerson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from services.exports.cpr_encryption import cpr_encryptor, load_key
from services.exports.processor import decide, statements
from services.exports.settings import ExportsSettings
from services.runtime.encryption import DecryptionError, Encryptor
from services.runtime.key_providers import SettingsProvider
from services.runtime.person_keys import PersonKeys
from tests import agency
from tests.exports.build import CARD, A, Ledger, envelope, issued, play
from tests.person_keys import ALL_PURPOSES, KeysOnDemand, encrypted_person

CPR = "6101011234"
HASH = "c" * 22
SETTING = f"k1:{b64encode(bytes(range(32))).decode()}"


@pytest.fixture
def keys() -> KeysOnDemand:
    return KeysOnDemand()


@pytest.fixture
def private() -> ECKey:
    return ECKey.generate_key("P-256", {"use": "enc"}, auto_kid=True)


def person(keys: KeysOnDemand, card_id: str = CARD) -> EncryptedPerson:
    return encrypted_person(keys, CPR, card_id, HASH, name="Test Person")


def public_of(key: ECKey) -> ECKey:
    return ECKey.import_key(key.as_dict(private=False))


def file_of(directory: Path, keys: Any) -> Path:
    path = directory / "authorities.json"
    path.write_text(keys if isinstance(keys, str) else json.dumps(keys))
    return path


def test_only_the_agencys_private_key_decrypts_the_statement(keys: KeysOnDemand, private: ECKey) -> None:
    processor = statements(cpr_encryptor(keys, None, public_of(private)))
    events = [issued(person=person(keys)), *Ledger().report("r1", A, 100)]
    state, emitted = play(events, processor=processor)
    (statement,) = (event for event in emitted if isinstance(event, TaxStatementUpdated))

    assert agency.cpr_of(statement.cpr, private, statement.card_id) == CPR
    assert agency.header_of(statement.cpr) == {
        "alg": "ECDH-ES+A256KW",
        "enc": "A256GCM",
        "kid": private.kid,
        "sub": statement.card_id,
    }

    for wrong in (public_of(private), ECKey.generate_key("P-256")):
        with pytest.raises((JoseError, ValueError)):
            agency.cpr_of(statement.cpr, wrong, statement.card_id)
    assert CPR not in "".join(event.model_dump_json() for event in emitted)
    assert CPR not in state.model_dump_json()
    assert "Test Person" not in state.model_dump_json()


def test_the_decision_encrypts_nothing(keys: KeysOnDemand, private: ECKey) -> None:
    processor = statements(cpr_encryptor(keys, None, public_of(private)))
    message = envelope(issued(person=person(keys)))
    prepared = processor.prepare(message)
    assert processor.prepare(message) != prepared, "each encryption is different"
    assert decide(None, prepared) == decide(None, prepared)


def test_personal_data_encrypted_for_another_person_is_refused(keys: KeysOnDemand, private: ECKey) -> None:
    swapped = person(keys).model_copy(update={"cpr_hash": "d" * 22})
    with pytest.raises(DecryptionError):
        cpr_encryptor(keys, None, public_of(private))(swapped, CARD)


def test_a_person_from_before_keys_of_people_is_read_with_the_earlier_keys(private: ECKey) -> None:
    earlier, no_keys = Encryptor.from_setting(SETTING), PersonKeys(ALL_PURPOSES)
    ciphertext = earlier.encrypt(json.dumps({"cpr": CPR, "name": "Test Person"}), PERSON_PURPOSE, CARD, HASH)
    old = EncryptedPerson(cpr_hash=HASH, birth_check="b" * 22, ciphertext=ciphertext)

    encrypted = cpr_encryptor(no_keys, earlier, public_of(private))(old, CARD)

    assert encrypted is not None
    assert agency.cpr_of(encrypted, private, CARD) == CPR
    with pytest.raises(DecryptionError):
        cpr_encryptor(no_keys, None, public_of(private))(old, CARD)


def test_exports_reads_the_cpr_number_with_its_settings_and_cannot_read_the_name(
    tmp_path: Path, keys: KeysOnDemand, private: ECKey
) -> None:
    wrapping = b64encode(ALL_PURPOSES.keys_of(Purpose.CPR)["test"]).decode()
    settings = ExportsSettings.model_validate(
        {
            "kafka": "k:1",
            "mongodb": "mongodb://m",
            "key_encryption_keys_cpr": f"test:{wrapping}",
            "authority_keys": tmp_path,
            "extract_files": tmp_path.as_uri(),
        }
    )
    encrypted, own = person(keys), PersonKeys(SettingsProvider(settings))
    for event in keys.events:
        own.apply(event)

    cpr = cpr_encryptor(own, None, public_of(private))(encrypted, CARD)
    assert cpr is not None
    assert agency.cpr_of(cpr, private, CARD) == CPR
    assert list(own.purposes) == [Purpose.CPR]
    assert encrypted.cpr_and_name is not None
    for part in encrypted.cpr_and_name:
        for purpose in (Purpose.NAME, Purpose.TEXT):
            with pytest.raises(DecryptionError):
                own.decrypt(part, purpose, NAME_FIELD, PERSON_PURPOSE, CARD, HASH)
    with pytest.raises(DecryptionError):
        own.decrypt(encrypted.cpr_and_name[1], Purpose.CPR, NAME_FIELD, PERSON_PURPOSE, CARD, HASH)


def test_an_erased_person_has_no_cpr_number(keys: KeysOnDemand, private: ECKey) -> None:
    encrypted = person(keys)
    for keys_id in keys.ids_of(HASH):
        keys.erase(keys_id)
    assert cpr_encryptor(keys, None, public_of(private))(encrypted, CARD) is None


def test_a_jwe_whose_card_was_changed_is_not_decrypted(keys: KeysOnDemand, private: ECKey) -> None:
    encrypted = cpr_encryptor(keys, None, public_of(private))(person(keys), CARD)
    assert encrypted is not None
    _, *rest = encrypted.split(".")
    header = json.dumps(agency.header_of(encrypted) | {"sub": "another"})
    forged = ".".join([urlsafe_b64encode(header.encode()).decode().rstrip("="), *rest])
    with pytest.raises(JoseError):
        agency.cpr_of(forged, private, "another")


def test_personal_data_of_another_card_is_refused(keys: KeysOnDemand, private: ECKey) -> None:
    with pytest.raises(DecryptionError):
        cpr_encryptor(keys, None, public_of(private))(person(keys, card_id="another"), CARD)


def test_a_public_key_of_the_agency_is_read(tmp_path: Path, private: ECKey) -> None:
    path = file_of(tmp_path, {"skat": private.as_dict(private=False)})
    assert load_key(path, "skat").kid == private.kid


def test_settings_do_not_show_the_keys(tmp_path: Path) -> None:
    settings = ExportsSettings.model_validate(
        {
            "kafka": "k:1",
            "mongodb": "mongodb://m",
            "key_encryption_keys_cpr": SETTING,
            "authority_keys": tmp_path,
            "extract_files": tmp_path.as_uri(),
        }
    )
    assert SETTING not in repr(settings)


def test_the_problem_of_an_unusable_key_file_is_named(tmp_path: Path, private: ECKey) -> None:
    cases: dict[str, Any] = {
        "has no key 'skat'": {"star": private.as_dict(private=False)},
        "is a private one": {"skat": private.as_dict(private=True)},
        "not on P-256": {"skat": ECKey.generate_key("P-384").as_dict(private=False)},
        "cannot be read": "{",
    }
    for problem, keys in cases.items():
        with pytest.raises(ValueError, match=problem):
            load_key(file_of(tmp_path, keys), "skat")
    with pytest.raises(ValueError, match="cannot be read"):
        load_key(file_of(tmp_path, {"skat": RSAKey.generate_key(2048).as_dict(private=False)}), "skat")
    with pytest.raises(ValueError, match="cannot be read"):
        load_key(tmp_path / "missing.json", "skat")
