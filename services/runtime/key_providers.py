"""Where a process gets its key-encryption keys from: the port for a KMS or a KMIP server, and the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from frikort_contracts.person_keys import Purpose
from pydantic import SecretStr

from services.runtime.encryption import read_keys


class KeyProvider(Protocol):
    """Gives the key-encryption keys of a process: the port for a KMS or a KMIP server.

    A process asks at its start and keeps the keys in memory, as it must decrypt while no server answers. The first key
    of a purpose wraps, all unwrap. An implementation for a KMS decrypts stored keys there; one for KMIP fetches them.
    """

    def keys_of(self, purpose: Purpose) -> Mapping[str, bytes]:
        """The keys of 32 bytes by id, the first in use first; none if the process must not open this purpose."""
        ...


class SettingsProvider:
    """Key-encryption keys from the settings ``FRIKORT_KEY_ENCRYPTION_KEYS_<PURPOSE>``."""

    def __init__(self, settings: object) -> None:
        self._settings = settings

    def keys_of(self, purpose: Purpose) -> Mapping[str, bytes]:
        secret = getattr(self._settings, f"key_encryption_keys_{purpose}", None)
        return read_keys(secret.get_secret_value(), setting_of(purpose)) if isinstance(secret, SecretStr) else {}


def setting_of(purpose: Purpose) -> str:
    """The setting with the key-encryption keys of a purpose."""
    return f"FRIKORT_KEY_ENCRYPTION_KEYS_{purpose.upper()}"
