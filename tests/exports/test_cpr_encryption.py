"""The CPR number for the tax agency: only the agency can decrypt it."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from frikort_contracts.extracts import Authority, TaxStatementUpdated
from frikort_contracts.issuance import PERSON_PURPOSE
from frikort_contracts.values import EncryptedPerson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from services.exports.cpr_encryption import cpr_encryptor, load_key
from services.exports.processor import decide, statements
from services.exports.settings import ExportsSettings
from services.runtime.encryption import DecryptionError, Encryptor
from tests import agency
from tests.exports.build import CARD, A, Ledger, envelope, issued, play

CPR = "6101011234"
SETTING = f"k1:{b64encode(bytes(range(32))).decode()}"


@pytest.fixture
def encryptor() -> Encryptor:
    return Encryptor.from_setting(SETTING)


@pytest.fixture
def private() -> ECKey:
    return ECKey.generate_key("P-256", {"use": "enc"}, auto_kid=True)


def person(encryptor: Encryptor, card_id: str = CARD) -> EncryptedPerson:
    cpr_hash = "c" * 22
    ciphertext = encryptor.encrypt(json.dumps({"cpr": CPR, "name": "Test Person"}), PERSON_PURPOSE, card_id, cpr_hash)
    return EncryptedPerson(cpr_hash=cpr_hash, birth_check="b" * 22, ciphertext=ciphertext)


def public_of(key: ECKey) -> ECKey:
    return ECKey.import_key(key.as_dict(private=False))


def file_of(directory: Path, keys: Any) -> Path:
    path = directory / "authorities.json"
    path.write_text(keys if isinstance(keys, str) else json.dumps(keys))
    return path


def test_only_the_agencys_private_key_decrypts_the_statement(encryptor: Encryptor, private: ECKey) -> None:
    processor = statements(cpr_encryptor(encryptor, public_of(private)))
    events = [issued(person=person(encryptor)), *Ledger().report("r1", A, 100)]
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


def test_the_decision_encrypts_nothing(encryptor: Encryptor, private: ECKey) -> None:
    processor = statements(cpr_encryptor(encryptor, public_of(private)))
    message = envelope(issued(person=person(encryptor)))
    prepared = processor.prepare(message)
    assert processor.prepare(message) != prepared, "each encryption is different"
    assert decide(None, prepared) == decide(None, prepared)


def test_personal_data_encrypted_for_another_person_is_refused(encryptor: Encryptor, private: ECKey) -> None:
    swapped = person(encryptor).model_copy(update={"cpr_hash": "d" * 22})
    with pytest.raises(DecryptionError):
        cpr_encryptor(encryptor, public_of(private))(swapped, CARD)


def test_a_jwe_whose_card_was_changed_is_not_decrypted(encryptor: Encryptor, private: ECKey) -> None:
    encrypted = cpr_encryptor(encryptor, public_of(private))(person(encryptor), CARD)
    _, *rest = encrypted.split(".")
    header = json.dumps(agency.header_of(encrypted) | {"sub": "another"})
    forged = ".".join([urlsafe_b64encode(header.encode()).decode().rstrip("="), *rest])
    with pytest.raises(JoseError):
        agency.cpr_of(forged, private, "another")


def test_personal_data_of_another_card_is_refused(encryptor: Encryptor, private: ECKey) -> None:
    with pytest.raises(DecryptionError):
        cpr_encryptor(encryptor, public_of(private))(person(encryptor, card_id="another"), CARD)


def test_a_public_key_of_the_agency_is_read(tmp_path: Path, private: ECKey) -> None:
    path = file_of(tmp_path, {"skat": private.as_dict(private=False)})
    assert load_key(path, Authority.SKAT).kid == private.kid


def test_settings_do_not_show_the_keys(tmp_path: Path) -> None:
    settings = ExportsSettings.model_validate(
        {"kafka": "k:1", "mongodb": "mongodb://m", "encryption_keys": SETTING, "authority_keys": tmp_path}
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
            load_key(file_of(tmp_path, keys), Authority.SKAT)
    with pytest.raises(ValueError, match="cannot be read"):
        load_key(file_of(tmp_path, {"skat": RSAKey.generate_key(2048).as_dict(private=False)}), Authority.SKAT)
    with pytest.raises(ValueError, match="cannot be read"):
        load_key(tmp_path / "missing.json", Authority.SKAT)
