"""The ciphertext of a payroll file belongs to one chunk of one upload, and to its lines or its results."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest

from services.gateway.payroll.batch import Batch, BatchStatus
from services.runtime.encryption import DecryptionError
from tests.gateway.build import CVR, NOON, line_encryptor

TEXT: Final = '[{"number": 1}]'


def batch(**changes: Any) -> Batch:
    given: dict[str, Any] = {
        "batch_id": "file-1",
        "cvr": CVR,
        "actor": "payroll",
        "client": "client",
        "request": "request",
        "upload": "upload-1",
        "order": "1",
        "traceparent": None,
        "created_at": NOON,
        "expires_at": NOON + timedelta(days=7),
        "status": BatchStatus.BOOKING,
    }
    return Batch(**given | changes)


def test_lines_and_results_are_decrypted_as_encrypted() -> None:
    encryptor = line_encryptor()
    assert encryptor.decrypt_lines(encryptor.encrypt_lines(TEXT, batch(), 0), batch(), 0) == TEXT
    assert encryptor.decrypt_results(encryptor.encrypt_results(TEXT, batch(), 0), batch(), 0) == TEXT


@pytest.mark.parametrize(
    ("copied_to", "index"),
    [(batch(batch_id="file-2"), 0), (batch(upload="upload-2"), 0), (batch(), 1)],
    ids=["another file", "another upload", "another chunk"],
)
def test_lines_and_results_copied_elsewhere_cannot_be_decrypted(copied_to: Batch, index: int) -> None:
    encryptor = line_encryptor()
    with pytest.raises(DecryptionError):
        encryptor.decrypt_lines(encryptor.encrypt_lines(TEXT, batch(), 0), copied_to, index)
    with pytest.raises(DecryptionError):
        encryptor.decrypt_results(encryptor.encrypt_results(TEXT, batch(), 0), copied_to, index)


def test_lines_cannot_be_decrypted_as_results() -> None:
    encryptor = line_encryptor()
    with pytest.raises(DecryptionError):
        encryptor.decrypt_results(encryptor.encrypt_lines(TEXT, batch(), 0), batch(), 0)
