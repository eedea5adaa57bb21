"""Another release of the system, from the repository's history, on the engines and data of this one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from deploy.local.config import REPOSITORY
from deploy.local.process import Process
from deploy.local.system import SERVICES, LocalSystem, answers_ready

PREVIOUS: Final = "72a78f49b05ec262e8d89177f9b973726f8608bc"
"""The commit of the previous release, 0.2.0. Each release moves it."""
ORDER: Final = ("issuance", "reporting", "balance", "exports", "projections", "payroll", "portals", "gateway")
"""The order of an upgrade, as docs/operations.md says; a rollback goes the other way."""


def unpack(commit: str, into: Path) -> Path:
    """Write the files of a commit into a directory."""
    archive = subprocess.run(["git", "archive", commit], cwd=REPOSITORY, capture_output=True, check=True).stdout
    into.mkdir()
    subprocess.run(["tar", "--extract", "--file=-"], cwd=into, input=archive, check=True)
    return into


def replace_process(system: LocalSystem, name: str, tree: Path) -> None:
    """Stop a process of the system, and start the one of the release in ``tree`` with the same settings and ports."""
    assert system.processes[name].terminate() == 0
    service = next(service for service in SERVICES if service.name == name.removesuffix("-2"))
    health_url = system.health_url(name)
    environment = system.environment(
        service.name,
        service.settings,
        port=urlsplit(system.url(name)).port if service.public else None,
        health_port=urlsplit(health_url).port,
    )
    process = Process(
        name,
        [sys.executable, "-m", service.module],
        log=system.config.log(f"{name}-{tree.name}"),
        # Before the installed contracts, which are those of this release.
        environment=environment | {"PYTHONPATH": str(tree / "contracts")},
        directory=tree,
        ready=lambda: answers_ready(health_url),
    )
    system.processes[name] = process
    process.start()
    process.wait_ready()
