"""Runs Schemathesis against a running API, as one role."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from deploy.local.config import REPOSITORY

TAGS: Final = {
    "citizen": ("citizen", "everyone"),
    "employer": ("employer", "everyone"),
    "caseworker": ("caseworker", "everyone"),
    "authority": ("authority", "everyone"),
    "auditor": ("auditor",),
}
"""The tags of the operations that a role may use. Without a token, every operation is tried."""

_POSITIVE: Final = ["2xx", "401", "403", "404", "409", "413", "422", "429", "503"]
_NEGATIVE: Final = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "429"]
_SECONDS: Final = 30


@dataclass(frozen=True)
class Run:
    """One run: the role (None: no token), the examples of each operation, and the ids of existing resources."""

    url: str
    role: str | None
    token: str | None
    seed: int
    examples: int
    phases: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    def configuration(self) -> str:
        """The contents of ``schemathesis.toml``."""
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        lines = [
            'hooks = "tests.fuzz.checks"',
            f"seed = {self.seed}",
            "continue-on-failure = true",
            "max-stream-events = 1",
            f"request-timeout = {_SECONDS}",
            f"headers = {_inline(headers)}",
            f"parameters = {_inline(self.parameters)}",
            "[cache]",
            "enabled = false",
            "[generation]",
            f"max-examples = {self.examples}",
            "with-security-parameters = false",
            "no-shrink = true",
            'database = "none"',
            "[checks.not_a_server_error]",
            'expected-statuses = ["2xx", "3xx", "4xx", "503"]',
            "[checks.positive_data_acceptance]",
            f"expected-statuses = {json.dumps(_POSITIVE)}",
            "[checks.negative_data_rejection]",
            f"expected-statuses = {json.dumps(_NEGATIVE)}",
        ]
        return "\n".join(lines) + "\n"

    def command(self, configuration: Path) -> list[str]:
        """The command line."""
        tags = [f"--include-tag={tag}" for tag in TAGS.get(self.role or "", ())]
        program = [sys.executable, "-m", "schemathesis.cli", f"--config-file={configuration}", "run"]
        options = [f"--phases={self.phases}", "--checks=all", "--workers=1", "--no-color", *tags]
        return [*program, *options, f"{self.url}/v1/openapi.json"]


def _inline(table: Mapping[str, Any]) -> str:
    """A table of TOML on one line."""
    return "{" + ", ".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in table.items()) + "}"


def mismatches(run: Run, directory: Path) -> str:
    """What Schemathesis reports; empty if everything is as documented."""
    configuration = directory / f"{run.role or 'public'}.toml"
    configuration.touch(mode=0o600)
    configuration.write_text(run.configuration(), encoding="utf-8")
    done = subprocess.run(
        run.command(configuration),
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'contracts'}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
