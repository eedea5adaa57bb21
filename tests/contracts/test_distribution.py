"""The contracts are a distribution of their own: pip installs it, and it imports nothing of the services."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.config import REPOSITORY

IMPORT_ALL = """
import importlib, pkgutil, sys
import frikort_contracts
for module in pkgutil.walk_packages(frikort_contracts.__path__, "frikort_contracts."):
    importlib.import_module(module.name)
assert "services" not in sys.modules
print(frikort_contracts.__file__)
"""


@pytest.mark.verify
@pytest.mark.timeout(300)
def test_every_module_imports_in_an_environment_that_has_only_the_distribution(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", REPOSITORY / "contracts"]
    subprocess.run([str(part) for part in install], check=True)

    done = subprocess.run([python, "-I", "-c", IMPORT_ALL], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(environment))
