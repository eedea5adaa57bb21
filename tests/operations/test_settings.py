"""A process that cannot start because of its settings says so in one line of JSON, and ends with 1; so do commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.local import system
from deploy.local.config import REPOSITORY
from services.runtime import exit_codes
from services.runtime.kafka import topics

MODULES: Final = [*(service.module for service in system.SERVICES), topics.__name__]
COMPLETE: Final = {"FRIKORT_KAFKA": "127.0.0.1:1", "FRIKORT_MONGODB": "mongodb://127.0.0.1:1/?replicaSet=none"}


def start(module: str, **environment: str) -> tuple[int, dict[str, Any]]:
    """The exit code of a process with these settings, and its one log line."""
    done = subprocess.run(
        [sys.executable, "-m", module], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    (line,) = map(json.loads, done.stderr.splitlines())
    assert done.stdout == ""
    return done.returncode, line


@pytest.mark.parametrize(
    "module", [pytest.param(m, marks=() if m == "services.balance" else pytest.mark.verify) for m in MODULES]
)
def test_missing_settings_are_named(module: str) -> None:
    code, line = start(module)
    assert (code, line["event"], line["level"]) == (1, "runtime.settings_unusable", "critical")
    missing = "FRIKORT_KAFKA" if module == topics.__name__ else "FRIKORT_MONGODB"
    assert f"{missing}: Field required" in line["problems"]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("services.runtime.kafka.dead_letters list", id="dead letters"),
        pytest.param("deploy.mongodb --check", id="users of MongoDB", marks=pytest.mark.verify),
        pytest.param("deploy.backup books", id="backup", marks=pytest.mark.verify),
    ],
)
def test_a_command_names_each_missing_setting_on_a_line(words: str) -> None:
    argv = [sys.executable, "-m", *words.split()]
    done = subprocess.run(argv, cwd=REPOSITORY, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == exit_codes.UNSAFE_SETTING
    assert "FRIKORT_MONGODB: Field required" in done.stderr.splitlines()


def test_a_setting_of_the_wrong_form_is_named_without_its_value() -> None:
    code, line = start("services.balance", **COMPLETE, FRIKORT_BATCH_RECORDS="hemmelig", FRIKORT_KAFKA_USER="balance")
    assert (code, line["event"]) == (1, "runtime.settings_unusable")
    assert line["problems"] == [
        "FRIKORT_BATCH_RECORDS: Input should be a valid integer, unable to parse string as an integer"
    ]


def test_a_connection_string_that_cannot_be_read_is_named_and_not_repeated() -> None:
    code, line = start("services.balance", **COMPLETE | {"FRIKORT_MONGODB": "mongodb://balance:pass/word@host/"})
    assert (code, line["problems"]) == (1, ["FRIKORT_MONGODB: InvalidURI"])


def test_an_allowance_table_that_cannot_be_used_is_named_with_its_row(tmp_path: Path) -> None:
    (table := tmp_path / "allowances.toml").write_text('[2025]\nallowance = "many"\n')
    code, line = start("services.balance", **COMPLETE, FRIKORT_ALLOWANCES=str(table))
    assert (code, line["event"]) == (1, "runtime.settings_unusable")
    (problem,) = line["problems"]
    assert problem.startswith(f"the allowance table {table} cannot be used: ")
    assert "2025" in problem
