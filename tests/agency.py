"""The authorities' side of the encrypted CPR number."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

from joserfc import jwe
from joserfc.jwe import JWERegistry
from joserfc.jwk import ECKey

# `sub` is a header of encrypted tokens (RFC 7519, 5.3), which joserfc does not list.
REGISTRY = JWERegistry(algorithms=["ECDH-ES+A256KW", "A256GCM"], strict_check_header=False)


def cpr_of(ciphertext: str | None, key: ECKey, card_id: str) -> str:
    """The CPR number, decrypted as the agency does it. Fails if it was encrypted for another card."""
    assert ciphertext is not None, "the person was erased"
    decrypted = jwe.decrypt_compact(ciphertext, key, registry=REGISTRY)
    assert decrypted.headers()["sub"] == card_id
    return (decrypted.plaintext or b"").decode()


def header_of(ciphertext: str | None) -> dict[str, Any]:
    """The protected header, which is readable without a key."""
    assert ciphertext is not None, "the person was erased"
    encoded = ciphertext.partition(".")[0]
    header: dict[str, Any] = json.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    return {name: value for name, value in header.items() if name != "epk"}


def private_key(keys: Path) -> ECKey:
    """The private key of the tax agency in the launcher's file."""
    return private_keys(keys)["skat"]


def private_keys(keys: Path) -> dict[str, ECKey]:
    """The private keys of all authorities in the launcher's file."""
    return {name: ECKey.import_key(key) for name, key in json.loads(keys.read_text()).items()}
