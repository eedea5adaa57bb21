"""The CPR number for an authority: decrypted with the person's key, encrypted for theirs (JWE, RFC 7516).

The protected header names the card (`sub`, RFC 7519, 5.3), so the authority sees when a JWE was copied to another card.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from frikort_contracts.issuance import CPR_FIELD, PERSON_PURPOSE
from frikort_contracts.person_keys import Purpose
from frikort_contracts.values import EncryptedPerson
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import ECKey
from joserfc.registry import HeaderParameter

from services.exports.processor import EncryptCpr
from services.exports.settings import ExportsSettings
from services.runtime.encryption import DecryptionError, Encryptor
from services.runtime.person_keys import Erased, PersonKeys

ALGORITHMS = ["ECDH-ES+A256KW", "A256GCM"]
_REGISTRY = JWERegistry({"sub": HeaderParameter("The card", "str")}, algorithms=ALGORITHMS)


def load_key(path: Path, authority: str) -> ECKey:
    """The public key of ``authority``. Raises ``ValueError`` that says what is wrong with the file."""
    try:
        key = ECKey.import_key(json.loads(path.read_text(encoding="utf-8"))[authority])
    except KeyError:
        raise ValueError(f"the file of FRIKORT_AUTHORITY_KEYS has no key {authority!r}") from None
    except (OSError, ValueError, TypeError, JoseError) as error:
        raise ValueError(f"the file of FRIKORT_AUTHORITY_KEYS cannot be read: {type(error).__name__}") from None
    if key.curve_name != "P-256":
        raise ValueError(f"FRIKORT_AUTHORITY_KEYS: the key of {authority!r} is on {key.curve_name}, not on P-256")
    if key.is_private:
        raise ValueError(
            f"FRIKORT_AUTHORITY_KEYS: the key of {authority!r} is a private one; only the authority has that"
        )
    return key


def cpr_encryptors(settings: ExportsSettings, keys: PersonKeys) -> Callable[[str], EncryptCpr]:
    """A function that gives the ``cpr_encryptor`` for an authority, by name. It raises what ``load_key`` raises."""
    earlier = None if settings.encryption_keys is None else settings.encryption_keys.get_secret_value()
    encryptor = None if earlier is None else Encryptor.from_setting(earlier)
    return lambda authority: cpr_encryptor(keys, encryptor, load_key(settings.authority_keys, authority))


def cpr_encryptor(keys: PersonKeys, encryptor: Encryptor | None, key: ECKey) -> EncryptCpr:
    """A function that encrypts a person's CPR number as a compact JWE for the holder of ``key``.

    ``encryptor`` decrypts people without keys of their own. The function returns None for a person whose data were
    erased, and raises ``NotYetKnown`` and ``DecryptionError``.
    """
    header = {"alg": ALGORITHMS[0], "enc": ALGORITHMS[1], **({"kid": key.kid} if key.kid else {})}

    def decrypted(person: EncryptedPerson, card_id: str) -> str:
        parts, subject = person.cpr_and_name, (PERSON_PURPOSE, card_id, person.cpr_hash)
        if parts is not None:
            return keys.decrypt(parts[0], Purpose.CPR, CPR_FIELD, *subject)
        if encryptor is None:
            raise DecryptionError("the person has no keys, and FRIKORT_ENCRYPTION_KEYS is not set")
        return str(json.loads(encryptor.decrypt(person.ciphertext, *subject))["cpr"])

    def encrypt_cpr(person: EncryptedPerson, card_id: str) -> str | None:
        try:
            cpr = decrypted(person, card_id)
        except Erased:
            return None
        return jwe.encrypt_compact({**header, "sub": card_id}, cpr.encode(), key, registry=_REGISTRY)

    return encrypt_cpr
