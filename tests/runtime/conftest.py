"""Captures logs: tests of failures would print long stack traces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def captured_logs() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield
