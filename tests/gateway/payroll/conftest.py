"""Fixtures of the tests of payroll files."""

from __future__ import annotations

import pytest

from services.gateway.payroll import upload


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of three lines."""
    monkeypatch.setattr(upload, "CHUNK", 3)
