"""The steps of `make verify`, and how they run: one after another, each timed, each with a time limit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from deploy.local.config import REPOSITORY

_PYTHON: Final = sys.executable
_PYTEST: Final = (_PYTHON, "-m", "pytest", "--quiet")
_WITH_A_DATABASE: Final = ("tests/runtime", "tests/gateway", "tests/exports", "tests/integration")
_OF_OPERATORS: Final = (
    "tests/operations",
    "tests/deploy/test_image.py",
    "tests/integration/test_resilience.py",
    "tests/integration/test_reconciliation.py",
    "tests/integration/test_rebuild_documents.py",
    "tests/exports/test_extract_integration.py",
)


@dataclass(frozen=True)
class Step:
    """One command of `make verify`."""

    name: str
    about: str
    command: Sequence[str]
    minutes: float
    """Time limit; on two cores without other load a step takes about half of it."""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How a step ended."""

    step: Step
    passed: bool
    seconds: float
    reason: str = ""
    """Why it failed."""


def steps(environment: Mapping[str, str]) -> list[Step]:
    """The steps in their order; `environment` may set SEEDS and ROUNDS. Together they take less than an hour."""
    seeds, rounds = environment.get("SEEDS") or "500", environment.get("ROUNDS") or "6"
    chaos = (_PYTHON, "-m", "tests.chaos")
    return [
        Step(
            "contracts",
            "the contracts distribution in an empty environment, and the baseline of released contracts",
            (*_PYTEST, "-m", "verify or not verify", "tests/contracts"),
            3,
        ),
        Step(
            "clients",
            "clients generated from the OpenAPI document in four languages, and two linters of the document",
            (*_PYTEST, "-m", "verify", "--numprocesses=2", "tests/clients"),
            8,
        ),
        Step(
            "fuzz",
            "random input to the API for each role, and to every decoder",
            (*_PYTEST, "-m", "verify or not verify", "tests/fuzz"),
            6,
            {"FUZZ_EXAMPLES": "500"},
        ),
        Step(
            "attacks",
            "slow connections, large bodies and many guesses, while others are served; a search of the engines' files",
            (*_PYTEST, "-m", "verify", "--numprocesses=0", "-rP", "tests/attack"),
            4,
        ),
        Step(
            "simulation",
            f"{seeds} seeds of the simulation",
            (_PYTHON, "-m", "tests.simulation", "--seeds", seeds),
            8,
        ),
        Step(
            "production",
            "a production start: three brokers, a replica set of three, TLS, and settings that are refused",
            (*_PYTEST, "-m", "verify", "--numprocesses=0", "tests/production"),
            6,
        ),
        Step(
            "pages",
            "every page on a desktop: accessible, valid HTML, no wider than the screen",
            (*_PYTEST, "-m", "verify", "--numprocesses=2", "tests/portals"),
            3,
        ),
        Step(
            "operations",
            "engines and processes that start, die and freeze, a broker with TLS, and the content of the image",
            (*_PYTEST, "-m", "verify", "--numprocesses=0", *_OF_OPERATORS),
            20,
        ),
        Step(
            "driver",
            "the tests that use the database, with pymongo's asynchronous client in place of motor",
            (*_PYTEST, "--numprocesses=2", *_WITH_A_DATABASE),
            8,
            {"FRIKORT_MONGODB_DRIVER": "pymongo"},
        ),
        Step(
            "recovery",
            "a backup under load, the end of both engines, a restore; books and answers are compared",
            (*_PYTEST, "-m", "verify", "--numprocesses=0", "-rP", "tests/recovery"),
            5,
        ),
        Step(
            "rollback",
            "upgrade, rollback and upgrade under load, with the release before from the repository's history",
            (*_PYTEST, "-m", "verify", "--numprocesses=0", "tests/rollback"),
            5,
        ),
        Step(
            "repeats",
            "restarts by SIGTERM and a change of scale, after which no event is on a topic twice",
            (*_PYTEST, "-m", "verify", "--numprocesses=0", "tests/chaos/test_no_repeats.py"),
            10,
        ),
        Step(
            "chaos",
            f"{rounds} rounds of faults against one broker and one database",
            chaos,
            7,
            {"ROUNDS": rounds, "PROFILE": "single"},
        ),
        Step(
            "cluster",
            f"{rounds} rounds of faults against three brokers and a replica set of three",
            chaos,
            7,
            {"ROUNDS": rounds, "PROFILE": "cluster"},
        ),
    ]


def select(available: Sequence[Step], names: Sequence[str]) -> list[Step]:
    """The steps with these names, in their usual order; all of them if no name is given.

    Raises:
        ValueError: no step has one of the names.
    """
    known = [step.name for step in available]
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"There is no step {', '.join(unknown)}; the steps are {', '.join(known)}.")
    return [step for step in available if not names or step.name in names]


def run(step: Step) -> Outcome:
    """Run a step, with its output on this process's standard output. A step that exceeds its limit is killed."""
    started = time.monotonic()
    child = subprocess.Popen(
        step.command,
        cwd=REPOSITORY,
        env=os.environ | step.environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = child.wait(step.minutes * 60)
        reason = "" if code == 0 else f"exit code {code}"
    except subprocess.TimeoutExpired:
        reason = f"longer than {step.minutes:g} minutes"
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    return Outcome(step, not reason, time.monotonic() - started, reason)
