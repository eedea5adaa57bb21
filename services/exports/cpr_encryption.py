"""The CPR number for the tax agency: decrypted with our key, encrypted for theirs (JWE, RFC 7516).

The protected header names the card (`sub`, RFC 7519, 5.3), so the agency sees when a JWE was copied to another card.
"""

from __future__ import annotations

import json
from pathlib import Path

from frikort_contracts.extracts import Authority
from frikort_contracts.issuance import PERSON_PURPOSE
from frikort_contracts.values import EncryptedPerson
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import ECKey
from joserfc.registry import HeaderParameter

from services.exports.processor import EncryptCpr
from services.runtime.encryption import Encryptor

ALGORITHMS = ["ECDH-ES+A256KW", "A256GCM"]
_REGISTRY = JWERegistry({"sub": HeaderParameter("The card", "str")}, algorithms=ALGORITHMS)


def load_key(path: Path, authority: Authority) -> ECKey:
    """The public key of ``authority``. Raises ``ValueError`` that says what is wrong with the file."""
    try:
        key = ECKey.import_key(json.loads(path.read_text(encoding="utf-8"))[authority.value])
    except KeyError:
        raise ValueError(f"the file of FRIKORT_AUTHORITY_KEYS has no key {authority.value!r}") from None
    except (OSError, ValueError, TypeError, JoseError) as error:
        raise ValueError(f"the file of FRIKORT_AUTHORITY_KEYS cannot be read: {type(error).__name__}") from None
    if key.curve_name != "P-256":
        raise ValueError(f"FRIKORT_AUTHORITY_KEYS: the key of {authority.value!r} is on {key.curve_name}, not on P-256")
    if key.is_private:
        raise ValueError(
            f"FRIKORT_AUTHORITY_KEYS: the key of {authority.value!r} is a private one; only the authority has that"
        )
    return key


def cpr_encryptor(encryptor: Encryptor, key: ECKey) -> EncryptCpr:
    """A function that encrypts a person's CPR number as a compact JWE for the holder of ``key``."""
    header = {"alg": ALGORITHMS[0], "enc": ALGORITHMS[1], **({"kid": key.kid} if key.kid else {})}

    def encrypt_cpr(person: EncryptedPerson, card_id: str) -> str:
        cpr = json.loads(encryptor.decrypt(person.ciphertext, PERSON_PURPOSE, card_id, person.cpr_hash))["cpr"]
        return jwe.encrypt_compact({**header, "sub": card_id}, cpr.encode(), key, registry=_REGISTRY)

    return encrypt_cpr
