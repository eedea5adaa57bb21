"""What a run of faults must show, and how its results are summed. `make verify` and `make chaos` run them."""

from __future__ import annotations

from tests.chaos.report import MINIMUM_ACTIVITY, Row, by_kind, insufficient_activity


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
