"""Installs a Debian or Ubuntu package where the launcher runs as root."""

from __future__ import annotations

import os
import shutil
import subprocess


def install(package: str) -> bool:
    """Install `package` with apt-get. Returns whether it worked; False at once without root or apt-get."""
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None:
        return False
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    commands = ([apt, "update"], [apt, "install", "--yes", "--no-install-recommends", package])
    return all(
        subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
        for command in commands
    )
