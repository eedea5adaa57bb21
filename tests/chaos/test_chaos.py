"""A short run on real processes: with processes killed and frozen, the system loses and doubles nothing."""

from __future__ import annotations

import pytest

from deploy.local.config import Config
from deploy.local.system import LocalSystem
from tests.chaos.environment import ENVIRONMENT
from tests.chaos.report import MINIMUM_ACTIVITY, Row, by_kind, insufficient_activity
from tests.chaos.rounds import SINGLE
from tests.chaos.run import Chaos

KINDS = ("kill -9 balance", "zombie")


@pytest.mark.timeout(400)
async def test_a_short_run_loses_and_doubles_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    config = Config(tmp_path_factory.mktemp("chaos"), environment=ENVIRONMENT)
    kinds = {kind: SINGLE[kind] for kind in KINDS}
    with LocalSystem(config) as system:
        async with Chaos(system, kinds, seconds=3, seed=1) as chaos:
            rows = await chaos.run(len(KINDS))
            activity = chaos.activity()
    assert [row for row in rows if not row.good] == []
    assert insufficient_activity(activity, len(KINDS)) == []


def test_a_system_that_does_nothing_does_not_pass() -> None:
    assert len(insufficient_activity({}, rounds=1)) == len(MINIMUM_ACTIVITY)
    assert insufficient_activity(MINIMUM_ACTIVITY, rounds=1) == []


def test_the_table_sums_counts_and_keeps_the_longest_duration() -> None:
    rows = [
        Row(1, "kill", acknowledged=5, lost=1, refusal_seconds=2.0, quiet_seconds=1.0),
        Row(2, "kill", acknowledged=7, doubled=1, refusal_seconds=1.0, quiet_seconds=3.0),
        Row(3, "disk full", possible=False),
    ]
    assert by_kind(rows) == [
        ("kill x 2", "12", "1", "1", "0", "2.0", "3.0"),
        ("disk full (not possible here)", "-", "-", "-", "-", "-", "-"),
        ("all x 2", "12", "1", "1", "0", "2.0", "3.0"),
    ]
