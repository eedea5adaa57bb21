"""The packages that only the bench needs, in an environment of its own beside what the launcher fetches."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from deploy.local.cache import fetch_once
from deploy.local.config import REPOSITORY, default_cache

REQUIREMENTS = REPOSITORY / "requirements" / "bench.txt"


def bench_python() -> Path:
    """The Python that has what ``requirements/bench.txt`` names; its environment is made at the first call."""
    edition = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    target = default_cache() / f"bench-{edition}"
    fetch_once(target, _install)
    return target / "bin" / "python"


def _install(directory: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", directory], check=True)
    # By its module: what venv writes names the folder that it was made in, and that one is renamed.
    argv = [str(directory / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*argv, "--require-hashes", "--requirement", str(REQUIREMENTS)], check=True)
