"""Installs the npm packages of a lock file into the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from deploy.local import node
from deploy.local.cache import fetch_once
from deploy.local.errors import LauncherError
from deploy.local.progress import Progress, Silent

_FILES = ("package.json", "package-lock.json", ".npmrc")


def install(project: Path, cache: Path, progress: Progress | None = None) -> Path:
    """The `node_modules` of `project` (a directory with package.json, package-lock.json and .npmrc).

    npm checks each package against its integrity hash in the lock file and runs no install script.

    Raises:
        LauncherError: Node.js or a package could not be fetched.
    """
    steps = progress or Silent()
    running = node.fetch(cache, steps)
    lock = (project / "package-lock.json").read_bytes()
    target = cache / f"npm-{project.name}-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not target.exists():
        with steps.step(f"npm packages of {project.name} (once)"):
            fetch_once(target, lambda directory: _build(running, project, directory))
    return target / "node_modules"


def _build(running: Path, project: Path, directory: Path) -> None:
    for name in _FILES:
        shutil.copy(project / name, directory / name)
    argv = [str(running), str(node.npm(running)), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    path = f"{running.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        argv, cwd=directory, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LauncherError(
            f"npm could not install what {project / 'package-lock.json'} names.",
            "Its output is below; the registry may be out of reach.",
            log_tail=done.stderr[-2000:],
        )
