"""The contracts are a distribution of their own: pip installs it, and it imports nothing of the services."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from frikort_contracts import __version__

from deploy import generate_contracts
from deploy.asyncapi import asyncapi
from deploy.local.config import REPOSITORY

IMPORT_ALL = """
import importlib, pkgutil, sys
import frikort_contracts
for module in pkgutil.walk_packages(frikort_contracts.__path__, "frikort_contracts."):
    if module.name not in sys.argv[1:]:
        importlib.import_module(module.name)
assert "services" not in sys.modules
print(frikort_contracts.__file__)
"""


def test_the_documents_have_the_version_of_the_distribution() -> None:
    project = tomllib.loads((REPOSITORY / "contracts" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = {generate_contracts.openapi()["info"]["version"], asyncapi()["info"]["version"]}
    assert {project["version"], __version__} | versions == {project["version"]}


@pytest.mark.verify
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("extra", "left_out"),
    [("", ["frikort_contracts.verify"]), ("[verify]", [])],
    ids=["the distribution", "with the extra that checks evidence"],
)
def test_every_module_imports_in_an_environment_that_has_only_the_distribution(
    tmp_path: Path, extra: str, left_out: list[str]
) -> None:
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    distribution = f"{REPOSITORY / 'contracts'}{extra}"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", distribution]
    subprocess.run([str(part) for part in install], check=True)

    done = subprocess.run(
        [python, "-I", "-c", IMPORT_ALL, *left_out], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(environment))
