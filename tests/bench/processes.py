"""Figures from processes, and about them from the kernel."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")


async def run_json(argv: Sequence[str], environment: Mapping[str, str] | None = None, stdin: bytes = b"") -> Any:
    """Run a process with ``stdin`` and return its JSON output. Raises ``RuntimeError`` if it fails."""
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=PIPE, stdout=PIPE, env={**os.environ, **(environment or {})}
    )
    out, _ = await process.communicate(stdin)
    if process.returncode:
        raise RuntimeError(f"{' '.join(argv)} ended with {process.returncode}")
    return json.loads(out)


def cpu_seconds(pids: Iterable[int]) -> dict[int, float]:
    """Processor seconds that each process has used so far, including threads and ended children."""
    return {pid: _cpu_seconds(pid) for pid in pids}


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS


def peak_bytes(pid: int) -> int:
    """Peak memory of a process (VmHWM), including living children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    own = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    return own + sum(peak_bytes(int(child)) for child in children)
