"""openapi-python-client writes a client of every operation that mypy accepts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.clients.building import DOCUMENT, run
from tests.clients.python_client import PACKAGE, python_client

pytestmark = pytest.mark.verify


@pytest.mark.timeout(600)
def test_the_python_client_is_accepted_by_mypy(tmp_path: Path) -> None:
    check = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", tmp_path / "mypy"]
    run([*check, python_client() / PACKAGE], tmp_path)


@pytest.mark.timeout(600)
def test_the_python_client_has_every_operation() -> None:
    paths = json.loads(DOCUMENT.read_text())["paths"]
    operations = {operation["operationId"] for methods in paths.values() for operation in methods.values()}
    modules = {path.stem for path in (python_client() / PACKAGE / "api").glob("*/*.py")} - {"__init__"}
    assert modules == operations
