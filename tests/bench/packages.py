"""The packages that only the bench needs, in a separate environment in the launcher's cache."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from deploy.local.cache import fetch_once
from deploy.local.config import REPOSITORY, default_cache

REQUIREMENTS = REPOSITORY / "requirements" / "bench.txt"


def bench_python() -> Path:
    """The Python of an environment with ``requirements/bench.txt``. The first call creates it."""
    edition = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    target = default_cache() / f"bench-{edition}"
    fetch_once(target, _install)
    return target / "bin" / "python"


def _install(directory: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", directory], check=True)
    # As a module: the scripts that venv writes name the folder it was created in, which is renamed afterwards.
    argv = [str(directory / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*argv, "--require-hashes", "--requirement", str(REQUIREMENTS)], check=True)
