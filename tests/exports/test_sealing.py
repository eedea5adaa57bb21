"""The CPR number for the tax agency: only the agency can read it."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from frikort_contracts.extracts import Authority, TaxStatementUpdated
from frikort_contracts.messages import Event
from frikort_contracts.values import SealedPerson
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from services.exports.app import parts_of
from services.exports.sealing import ALGORITHMS, cpr_sealer, load_key
from services.exports.settings import ExportsSettings
from services.exports.statements import CardStatements, decide
from services.runtime.encryption import DecryptionError, Encryptor
from tests.exports.build import A, Ledger, envelope, issued

CPR = "6101011234"
SETTING = f"k1:{b64encode(bytes(range(32))).decode()}"


@pytest.fixture
def sealer() -> Encryptor:
    return Encryptor.from_setting(SETTING)


@pytest.fixture
def private() -> ECKey:
    return ECKey.generate_key("P-256", {"use": "enc"}, auto_kid=True)


def person(sealer: Encryptor) -> SealedPerson:
    cpr_hash = "c" * 22
    sealed = sealer.seal(json.dumps({"cpr": CPR, "name": "Test Person"}), cpr_hash)
    return SealedPerson(cpr_hash=cpr_hash, birth_check="b" * 22, sealed=sealed)


def public_of(key: ECKey) -> ECKey:
    return ECKey.import_key(key.as_dict(private=False))


def file_of(directory: Path, keys: Any) -> Path:
    path = directory / "authorities.json"
    path.write_text(keys if isinstance(keys, str) else json.dumps(keys))
    return path


def test_the_statement_opens_with_the_private_key_only(sealer: Encryptor, private: ECKey) -> None:
    seal = cpr_sealer(sealer, public_of(private))
    state: CardStatements | None = None
    told: list[Event] = []
    for event in [issued(person=person(sealer)), *Ledger().report("r1", A, 100)]:
        decision = decide(seal, state, envelope(event))
        state, told = decision.state, [*told, *decision.events]
    (statement,) = (event for event in told if isinstance(event, TaxStatementUpdated))

    opened = jwe.decrypt_compact(statement.cpr, private, algorithms=ALGORITHMS)
    assert opened.plaintext == CPR.encode()
    assert opened.headers()["kid"] == private.kid

    for wrong in (public_of(private), ECKey.generate_key("P-256")):
        with pytest.raises((JoseError, ValueError)):
            jwe.decrypt_compact(statement.cpr, wrong, algorithms=ALGORITHMS)
    assert CPR not in "".join(event.model_dump_json() for event in told)
    assert state is not None
    assert CPR not in state.model_dump_json()
    assert "Test Person" not in state.model_dump_json()


def test_a_person_sealed_for_another_is_refused(sealer: Encryptor, private: ECKey) -> None:
    swapped = person(sealer).model_copy(update={"cpr_hash": "d" * 22})
    with pytest.raises(DecryptionError):
        cpr_sealer(sealer, public_of(private))(swapped)


def test_the_launchers_keys_fit(tmp_path: Path, private: ECKey) -> None:
    path = file_of(tmp_path, {"skat": private.as_dict(private=False)})
    settings = ExportsSettings.model_validate(
        {"kafka": "k:1", "mongodb": "mongodb://m", "seal_keys": SETTING, "authority_keys": path}
    )
    processors, jobs = parts_of(settings)
    assert [processor.name for processor in processors] == ["statements", "requests"]
    assert len(jobs) == 3
    assert SETTING not in repr(settings)


def test_a_key_file_that_cannot_be_used_is_named(tmp_path: Path, private: ECKey) -> None:
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
