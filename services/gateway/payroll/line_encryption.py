"""Encryption of payroll files. It needs no lookup key, so the payroll worker holds none."""

from __future__ import annotations

from typing import Self

from services.gateway.payroll.batch import Batch
from services.gateway.settings import PayrollSettings
from services.runtime.encryption import Encryptor


class LineEncryptor:
    """Encrypts the lines of payroll files, and their results. A ciphertext belongs to one chunk of one upload."""

    def __init__(self, encryptor: Encryptor) -> None:
        self._encryptor = encryptor

    @classmethod
    def from_settings(cls, settings: PayrollSettings) -> Self:
        """With the keys of the settings. Raises ``ValueError`` that names the setting that cannot be used."""
        return cls(Encryptor.from_setting(settings.encryption_keys.get_secret_value()))

    def encrypt_lines(self, lines: str, batch: Batch, index: int) -> str:
        """The ciphertext of the lines of a chunk."""
        return self._encryptor.encrypt(lines, "payroll-lines", batch.batch_id, batch.upload, str(index))

    def decrypt_lines(self, ciphertext: str, batch: Batch, index: int) -> str:
        """The lines of a chunk. Raises ``DecryptionError``."""
        return self._encryptor.decrypt(ciphertext, "payroll-lines", batch.batch_id, batch.upload, str(index))

    def encrypt_check(self, results: str, batch: Batch, index: int) -> str:
        """The ciphertext of what the lines of a chunk would give."""
        return self._encryptor.encrypt(results, "payroll-check", batch.batch_id, batch.upload, str(index))

    def decrypt_check(self, ciphertext: str, batch: Batch, index: int) -> str:
        """What the lines of a chunk would give. Raises ``DecryptionError``."""
        return self._encryptor.decrypt(ciphertext, "payroll-check", batch.batch_id, batch.upload, str(index))

    def encrypt_results(self, results: str, batch: Batch, index: int) -> str:
        """The ciphertext of the results of a chunk."""
        return self._encryptor.encrypt(results, "payroll-results", batch.batch_id, batch.upload, str(index))

    def decrypt_results(self, ciphertext: str, batch: Batch, index: int) -> str:
        """The results of a chunk. Raises ``DecryptionError``."""
        return self._encryptor.decrypt(ciphertext, "payroll-results", batch.batch_id, batch.upload, str(index))
