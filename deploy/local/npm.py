"""Packages from npm, as a lock file names them: installed once for each lock, into the cache."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from deploy.local.cache import fetch_once
from deploy.local.errors import LauncherError

_FILES = ("package.json", "package-lock.json", ".npmrc")


def install(project: Path, cache: Path) -> Path:
    """The `node_modules` of `project` (a directory with package.json, package-lock.json and .npmrc).

    npm checks each package against the lock's integrity hash. No package's install script is run.

    Raises:
        LauncherError: npm is missing, or could not install.
    """
    lock = (project / "package-lock.json").read_bytes()
    target = cache / f"npm-{project.name}-{hashlib.sha256(lock).hexdigest()[:16]}"

    def build(partial: Path) -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise LauncherError("npm is missing.", "On Debian or Ubuntu: `apt-get install npm`.")
        for name in _FILES:
            shutil.copy(project / name, partial / name)
        done = subprocess.run([npm, "ci", "--ignore-scripts"], cwd=partial, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LauncherError(
                f"npm could not install what {project / 'package-lock.json'} names.",
                "See what it says below; the registry may be out of reach.",
                log_tail=done.stderr[-2000:],
            )

    fetch_once(target, build)
    return target / "node_modules"
