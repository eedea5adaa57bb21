"""Encryption of payroll files. It needs no lookup key, so the payroll worker holds none."""

from __future__ import annotations

from typing import Self

from services.gateway.settings import PayrollSettings
from services.runtime.encryption import Encryptor


class LineEncryptor:
    """Encrypts the lines of payroll files, and their results. The id of the file is the associated data."""

    def __init__(self, encryptor: Encryptor) -> None:
        self._encryptor = encryptor

    @classmethod
    def from_settings(cls, settings: PayrollSettings) -> Self:
        """With the keys of the settings. Raises ``ValueError`` that names the setting that cannot be used."""
        return cls(Encryptor.from_setting(settings.encryption_keys.get_secret_value()))

    def encrypt(self, lines: str, batch_id: str) -> str:
        """The ciphertext of lines or results."""
        return self._encryptor.encrypt(lines, f"batch:{batch_id}")

    def decrypt(self, ciphertext: str, batch_id: str) -> str:
        """The lines or results. Raises ``DecryptionError``."""
        return self._encryptor.decrypt(ciphertext, f"batch:{batch_id}")
