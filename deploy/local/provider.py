"""The OpenID provider of a local system: npm's `oidc-provider` (`openid/`) with the people of `provider_config.py`."""

from __future__ import annotations

import shutil
from pathlib import Path

from deploy.local import node, npm
from deploy.local.progress import Progress

SOURCES = Path(__file__).parent / "openid"


def install(cache: Path, directory: Path, progress: Progress) -> list[str]:
    """Copy the provider into `directory`, with the packages that it needs. Returns the command that runs it.

    Raises:
        LauncherError: Node.js or the packages could not be fetched.
    """
    packages = npm.install(SOURCES, cache, progress)
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(SOURCES, directory)
    (directory / "node_modules").symlink_to(packages)
    return [str(node.fetch(cache, progress)), str(directory / "provider.mjs")]
