"""The rules of guesses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.gateway.attempts import rules
from services.gateway.attempts.rules import Attempt, Limit, Limits

LIMITS = Limits(
    caller=Limit(10, 30, 100), target=Limit(5, 8, 10), suspicion=Limit(10, 15, 20), suspected=Limit(2, 3, 4)
)
NOW = datetime(2025, 6, 2, 10, 59, 30, tzinfo=UTC)
NUMBER, DATE = rules.number("n"), rules.birth_date("d")


def attempt(*owners: str, in_file: bool = False) -> Attempt:
    return Attempt("99000007", owners, (NUMBER, DATE), in_file=in_file)


def test_only_the_counts_of_a_caller_refuse_an_attempt() -> None:
    assert attempt().limits(LIMITS) == {
        "company:99000007": LIMITS.caller,
        "company:99000007|number:n": LIMITS.target,
        "company:99000007|birth-date:d": LIMITS.target,
    }


def test_each_owner_is_a_caller_once() -> None:
    assert attempt("b", "a", "b").callers == ("company:99000007", "owner:a", "owner:b")
    assert attempt("a").limits(LIMITS)["owner:a|number:n"] == LIMITS.target


def test_payroll_files_use_half_of_the_attempts_of_a_caller() -> None:
    limits = attempt(in_file=True).limits(LIMITS)
    assert limits["company:99000007"] == Limit(5, 15, 50)
    assert limits["company:99000007|number:n"] == LIMITS.target
    assert Limit(1, 1, 1).half() == Limit(1, 1, 1)


def test_alarms_watch_callers_pairs_and_targets() -> None:
    assert attempt().watched(LIMITS) == {
        "company:99000007": LIMITS.caller,
        "company:99000007|number:n": LIMITS.target,
        "company:99000007|birth-date:d": LIMITS.target,
        "number:n": LIMITS.suspicion,
        "birth-date:d": LIMITS.suspicion,
    }


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("company:99000007", "company"),
        ("owner:a", "owner"),
        ("company:99000007|number:n", "number"),
        ("birth-date:d", "birth-date"),
    ],
)
def test_an_alarm_is_about_the_caller_or_the_target(subject: str, kind: str) -> None:
    assert rules.kind_of(subject) == kind


def test_counts_are_those_of_the_present_hour_day_and_month() -> None:
    window = rules.window_of(NOW)
    stored = {"hours": {str(window.hour): 2, str(window.hour - 1): 7}, "days": {str(window.day): 9}, "month": 11}
    assert rules.count_of(stored, window) == Limit(2, 9, 11)
    assert rules.count_of(stored, rules.window_of(NOW + timedelta(hours=1))) == Limit(0, 9, 11)
    assert rules.count_of(None, window) == Limit(0, 0, 0)


def test_counts_expire_a_day_after_their_month() -> None:
    window = rules.window_of(NOW)
    next_month = window.expires_at() - timedelta(days=1)
    assert rules.window_of(next_month).month == window.month + 1
    assert rules.window_of(next_month - timedelta(seconds=1)).month == window.month


@pytest.mark.parametrize(
    ("count", "is_reached"),
    [(Limit(4, 7, 9), False), (Limit(5, 5, 5), True), (Limit(0, 8, 8), True), (Limit(0, 0, 10), True)],
)
def test_one_window_is_enough_to_reach_a_limit(count: Limit, *, is_reached: bool) -> None:
    assert rules.reached(count, LIMITS.target) is is_reached


def test_a_limit_is_exceeded_by_one_more() -> None:
    assert not rules.exceeded(LIMITS.target, LIMITS.target)
    assert rules.exceeded(LIMITS.target._replace(month=LIMITS.target.month + 1), LIMITS.target)


@pytest.mark.parametrize(
    ("wrong", "seconds"), [(0, 0), (3, 0), (4, 1), (5, 2), (6, 4), (9, 32), (13, 512), (14, 900), (1000, 900)]
)
def test_pauses_double_from_the_fourth_wrong_attempt_of_a_day_on(wrong: int, seconds: int) -> None:
    assert rules.pause_after(wrong, timedelta(seconds=1)) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("count", "paused_until", "seconds"),
    [
        (Limit(5, 5, 5), None, 30),
        (Limit(1, 8, 8), None, 13 * 3600 + 30),
        (Limit(5, 8, 8), None, 13 * 3600 + 30),
        (Limit(1, 1, 1), NOW + timedelta(seconds=7), 8),
        (Limit(5, 5, 5), NOW + timedelta(seconds=7), 30),
        (Limit(0, 0, 0), None, 1),
    ],
)
def test_a_refusal_names_the_seconds_to_wait(count: Limit, paused_until: datetime | None, seconds: int) -> None:
    assert rules.seconds_to_wait(count, LIMITS.target, paused_until, NOW) == seconds
