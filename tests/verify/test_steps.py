"""How `make verify` selects its steps and reports each."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from tests.verify.steps import Step, run, select, steps

MOST_MINUTES = 100
"""A step takes about half of its limit, so all take less than an hour."""


def python(code: str) -> Step:
    """A step that runs a line of Python."""
    return Step("python", "a line of Python", (sys.executable, "-c", code), minutes=1)


def test_all_steps_together_stay_within_the_limit() -> None:
    assert sum(step.minutes for step in steps({})) <= MOST_MINUTES


def test_without_a_name_all_steps_run() -> None:
    assert select(steps({}), []) == steps({})


def test_selected_steps_keep_their_order() -> None:
    assert [step.name for step in select(steps({}), ["clients", "contracts"])] == ["contracts", "clients"]


def test_an_unknown_step_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(ValueError, match=r"no step client; the steps are contracts, clients, .*"):
        select(steps({}), ["client"])


def test_the_environment_sets_seeds_and_rounds() -> None:
    simulation, chaos = select(steps({"SEEDS": "20", "ROUNDS": "2"}), ["simulation", "chaos"])
    assert simulation.command[-1] == "20"
    assert chaos.environment["ROUNDS"] == "2"


def test_a_step_passes_with_exit_code_0() -> None:
    assert run(python("")).passed


def test_a_failed_step_reports_its_exit_code() -> None:
    outcome = run(python("raise SystemExit(3)"))
    assert not outcome.passed
    assert outcome.reason == "exit code 3"


def test_a_step_that_exceeds_its_limit_is_killed() -> None:
    endless = replace(python("import signal; signal.pause()"), minutes=0.01)
    assert run(endless).reason == "longer than 0.01 minutes"
