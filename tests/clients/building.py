"""Builds from the OpenAPI document, kept under `.cache/frikort` until an input changes."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from deploy.local.cache import fetch_once, install_wheel
from deploy.local.config import REPOSITORY, default_cache

DOCUMENT: Final = REPOSITORY / "contracts" / "openapi.json"


def build_once(name: str, inputs: Iterable[Path], build: Callable[[Path], None]) -> Path:
    """Fill a directory with `build`, unless it was filled from the same document and the same `inputs` before."""
    digest = hashlib.sha256()
    for path in (DOCUMENT, Path(__file__), *inputs):
        digest.update(path.read_bytes())
    target = default_cache() / f"client-{name}-{digest.hexdigest()[:12]}"
    fetch_once(target, build)
    return target


def wheel(requirements: Path, what: str) -> Path:
    """The directory of the wheel that `requirements` names with its hash; downloaded once.

    Raises:
        LauncherError: pip could not fetch it.
    """
    edition = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    target = default_cache() / f"{requirements.parent.name}-{requirements.stem}-{edition}"
    fetch_once(target, lambda directory: install_wheel(directory, requirements, what))
    return target


def run(command: Iterable[object], directory: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a command and return its output. Fails the test with the output if the command fails."""
    argv = [str(part) for part in command]
    done = subprocess.run(
        argv, cwd=directory, env=os.environ | (environment or {}), capture_output=True, text=True, check=False
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, f"`{' '.join(argv)[:300]}` failed:\n{output[-6000:]}"
    return output
