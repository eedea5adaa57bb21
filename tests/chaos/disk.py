"""A small disk for an engine that can be filled: a tmpfs, if the machine allows mounting one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_SIZE_MB = 4096
_LEFT_KB = 512


class Disk:
    """A mounted tmpfs. It is filled by shrinking it to its contents."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @classmethod
    def mount(cls, directory: Path) -> Disk | None:
        """Mount one at ``directory``. None if that is not allowed."""
        directory.mkdir(parents=True, exist_ok=True)
        argv = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE_MB}m,mode=0700", "tmpfs", str(directory)]
        try:
            done = subprocess.run(argv, capture_output=True, check=False)
        except FileNotFoundError:
            return None
        return cls(directory) if done.returncode == 0 else None

    def fill(self) -> None:
        """Leave almost no free space."""
        used_kb = shutil.disk_usage(self._directory).used // 1024
        self._remount(f"{used_kb + _LEFT_KB}k")

    def free(self) -> None:
        """Restore the full size."""
        self._remount(f"{_SIZE_MB}m")

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self._directory)], capture_output=True, check=False)

    def _remount(self, size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self._directory)], capture_output=True, check=True)
