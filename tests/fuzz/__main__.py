"""`make fuzz`: rounds of random input, each under its own seed, until the time is over. Exit code 0 if all passed.

From the environment: TIME in seconds (300; at least one round is played), SEEDS, the most rounds, and SEED, the first
seed. A failed round prints its seed: `make fuzz SEED=n SEEDS=1` plays it again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from random import SystemRandom
from typing import Final

from deploy.local.config import REPOSITORY

_EXAMPLES: Final = "1000"
_MOST_SEEDS: Final = 2**31


def play(seed: int) -> bool:
    """One round."""
    command = [sys.executable, "-m", "pytest", "--quiet", "-m", "verify or not verify", f"--hypothesis-seed={seed}"]
    environment = os.environ | {"FUZZ_SEED": str(seed), "FUZZ_EXAMPLES": _EXAMPLES}
    return subprocess.run([*command, "tests/fuzz"], cwd=REPOSITORY, env=environment, check=False).returncode == 0


def main() -> int:
    """Returns the exit code."""
    until = time.monotonic() + float(os.environ.get("TIME") or 300)
    first = int(os.environ.get("SEED") or SystemRandom().randrange(_MOST_SEEDS))
    rounds = int(os.environ.get("SEEDS") or _MOST_SEEDS)
    for seed in range(first, first + rounds):
        print(f"seed {seed}", flush=True)  # noqa: T201
        if not play(seed):
            print(f"failed: make fuzz SEED={seed} SEEDS=1", flush=True)  # noqa: T201
            return 1
        if time.monotonic() > until:
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
