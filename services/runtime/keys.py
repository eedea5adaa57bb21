"""The keys in a process's settings, and what makes a key or password unfit for production."""

from __future__ import annotations

import string
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise
from typing import Final, NamedTuple

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from services.runtime.settings import KeyMaterial

PUBLISHED: Final = frozenset(
    {
        "7adc36d7cb6f37d8",
        "c67f285efd377440",
        "5d1eb0983b3b5fc5",
        "d772e32cf22b32dd",
        "cee2b4d729c5aa3b",
        "ea089b3e095e874a",
        "c8a0c6b9f1432410",
    }
)
"""The SHA-256 (first 64 bits) of the keys in `.env.example`, which everybody can read."""

_MIN_DISTINCT_BYTES: Final = 20  # of 32 random bytes, 30 differ on average; fewer than 20 in one of 10^9 keys
_MIN_DISTINCT_STEPS: Final = 16
_MIN_PASSWORD: Final = 20
_MIN_DISTINCT_LETTERS: Final = 8
_PRINTABLE: Final = frozenset(string.printable.encode())


class SecretKey(NamedTuple):
    """A key of a setting. ``id`` is empty for a key without one."""

    setting: str
    id: str
    value: bytes
    is_lasting: bool


def keys_of(settings: BaseSettings) -> list[SecretKey]:
    """The keys in ``settings``. Raises ``ValueError`` that names a setting that cannot be read."""
    return list(_keys_of(settings))


def _keys_of(settings: BaseSettings) -> Iterator[SecretKey]:
    for name, field in type(settings).model_fields.items():
        for mark in field.metadata:
            secret = getattr(settings, name)
            if not isinstance(mark, KeyMaterial) or not isinstance(secret, SecretStr):
                continue
            setting, text = f"FRIKORT_{name.upper()}", secret.get_secret_value()
            yield from (
                SecretKey(setting, key_id, value, mark.is_lasting) for key_id, value in mark.read(text, setting).items()
            )


def weakness_of_key(key: bytes) -> str | None:
    """Why a key of 32 bytes is unfit, or None. One of 10^9 random keys is called unfit at most."""
    if is_published(key):
        return "a published development key"
    if any(key == key[:length] * (len(key) // length) for length in (1, 2, 4, 8, 16)):
        return "a repetition"
    if set(key) <= _PRINTABLE:
        return "a text"
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    if len(set(key)) < _MIN_DISTINCT_BYTES or len(steps) < _MIN_DISTINCT_STEPS:
        return "a pattern"
    return None


def weakness_of_password(password: str) -> str | None:
    """Why a password of a program is unfit, or None."""
    if is_published(password.encode()):
        return "a published development password"
    if len(password) < _MIN_PASSWORD or len(set(password)) < _MIN_DISTINCT_LETTERS:
        return "short or a pattern"
    return None


def is_published(secret: bytes) -> bool:
    """Whether a file of this repository has this key or password."""
    return sha256(secret).hexdigest()[:16] in PUBLISHED
