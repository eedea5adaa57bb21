"""Personal data at rest and on topics: encrypted with associated data, found by a keyed hash.

The cipher is AES-256-GCM-SIV (RFC 8452), which stays safe if a nonce should repeat. The associated data is the purpose
of the text and the ids of what it belongs to, so a ciphertext copied to another card, field or purpose is not decrypted
there. A CPR number has about 10^8 plausible values, so a plain hash hides nothing: the hash is HMAC-SHA-256 under a
secret key.
"""

from __future__ import annotations

import hmac
import os
import re
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

_NONCE_BYTES = 12
_KEY_BYTES = 32
_HASH_BYTES = 16
_HASHING = b"key of keyed hashes"
# Shorter than a key, so that a key in its place is no id.
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,20}")
_KEY_ID_IS = "an id has at most 20 letters, digits, - and _"


class DecryptionError(ValueError):
    """The text was encrypted with an unknown key, for another purpose or subject, or it was changed."""


def read_key(text: str, what: str) -> bytes:
    """32 bytes from base64. Raises ``ValueError`` that names the setting, never its value."""
    try:
        key = b64decode(text, validate=True)
    except ValueError:
        raise ValueError(f"{what} is not base64; make one with: openssl rand -base64 32") from None
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{what} must be 32 bytes in base64; make one with: openssl rand -base64 32")
    return key


def read_keys(text: str, setting: str, *, unnamed: bool = False) -> dict[str, bytes]:
    """The keys of ``<key id>:<base64 of 32 bytes>``, comma separated, by id. Raises ``ValueError``, as ``read_key``.

    ``unnamed``: one key may be without an id, and is under the empty id.

    The text of an error counts the keys and names no id: where the id is missing, the key stands in its place.
    """
    keys: dict[str, bytes] = {}
    for number, part in enumerate(text.split(","), 1):
        what = f"key {number} in {setting}"
        key_id, mark, key = part.strip().partition(":")
        if unnamed and not mark:
            key_id, key = "", key_id
        elif not _KEY_ID.fullmatch(key_id):
            raise ValueError(f"{what} has no id: write <key id>:<base64 of 32 bytes>, comma separated ({_KEY_ID_IS})")
        if key_id in keys:
            raise ValueError(f"{what} has the id of an earlier one")
        keys[key_id] = read_key(key, what)
    return keys


class Encryptor:
    """Encrypts with the first key and decrypts with all: a key is rotated by putting a new one in front."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise ValueError("at least one encryption key is needed")
        self._ciphers = {key_id: AESGCMSIV(key) for key_id, key in keys.items()}
        self._keys = tuple(keys.values())
        self._first = next(iter(keys))

    @classmethod
    def from_setting(cls, text: str, setting: str = "FRIKORT_ENCRYPTION_KEYS") -> Encryptor:
        """From ``<key id>:<base64 of 32 bytes>``, comma separated; the first one encrypts."""
        return cls(read_keys(text, setting))

    def encrypt(self, plaintext: str, purpose: str, *subject: str) -> str:
        """``<key id>.<base64url of nonce and ciphertext>``; decrypted only for the same purpose and subject.

        ``purpose`` names the field, ``subject`` has the ids of what it belongs to, such as a card.
        """
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = self._ciphers[self._first].encrypt(nonce, plaintext.encode(), _joined(purpose, *subject))
        return f"{self._first}.{urlsafe_b64encode(nonce + ciphertext).decode().rstrip('=')}"

    def hashes(self, purpose: str, *parts: str) -> tuple[str, ...]:
        """Keyed hashes of ``parts``, one under a key that follows from each key, the first in use first."""
        hashers = (KeyedHasher(hmac.digest(key, _HASHING, "sha256")) for key in self._keys)
        return tuple(hasher.hash(purpose, *parts) for hasher in hashers)

    def is_current(self, ciphertext: str) -> bool:
        """Whether the first key encrypted this."""
        return ciphertext.partition(".")[0] == self._first

    def decrypt(self, ciphertext: str, purpose: str, *subject: str) -> str:
        """The plaintext. Raises ``DecryptionError``."""
        key_id, _, encoded = ciphertext.partition(".")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise DecryptionError(f"there is no key {key_id!r}")
        try:
            raw = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _joined(purpose, *subject)).decode()
        except (InvalidTag, ValueError):
            raise DecryptionError("the text was changed, or encrypted for another purpose or subject") from None


class KeyedHasher:
    """Keyed hashes under which people are found without their CPR number being stored."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def hash(self, purpose: str, *parts: str) -> str:
        """First 128 bits of HMAC-SHA-256 over ``purpose`` and ``parts``, base64url, 22 characters."""
        digest = hmac.digest(self._key, _joined(purpose, *parts), "sha256")[:_HASH_BYTES]
        return urlsafe_b64encode(digest).decode().rstrip("=")


def _joined(*texts: str) -> bytes:
    """The texts, each after its length, so that no two lists of texts give the same bytes."""
    encoded: list[bytes] = []
    for text in texts:
        part = text.encode()
        encoded += len(part).to_bytes(4, "big"), part
    return b"".join(encoded)
