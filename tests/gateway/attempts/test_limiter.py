"""The counts of guesses, in MongoDB."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.gateway.attempts import rules
from services.gateway.attempts.limiter import Acquired, AttemptLimiter
from services.gateway.attempts.rules import Attempt, Limit, Limits
from services.gateway.problems import ProblemError
from tests.attack.exposure import DAY, exposure
from tests.attack.simulated_guesses import attack
from tests.gateway.build import settings
from tests.waiting import eventually

LIMITS = Limits(caller=Limit(6, 9, 9), target=Limit(3, 3, 3), suspicion=Limit(4, 4, 4), suspected=Limit(1, 1, 1))
NO_PAUSE = timedelta(microseconds=1)


@pytest.fixture
async def limiter(database: Any) -> AttemptLimiter:
    limiter = AttemptLimiter(database, LIMITS, pause=NO_PAUSE)
    await limiter.prepare()
    return limiter


def attempt(company: str = "a", number: str = "1", date: str = "d", *owners: str, in_file: bool = False) -> Attempt:
    return Attempt(company, owners, (rules.number(number), rules.birth_date(date)), in_file=in_file)


async def wrong(limiter: AttemptLimiter, *attempts: Attempt) -> None:
    for each in attempts:
        await limiter.record_wrong(await limiter.acquire(each))


async def is_refused(limiter: AttemptLimiter, refused: Attempt) -> bool:
    try:
        await limiter.release(await limiter.acquire(refused))
    except ProblemError as problem:
        return problem.code == "too-many-attempts" and int(problem.headers["Retry-After"]) >= 1
    return False


async def test_a_caller_has_a_number_of_attempts_for_all_targets(limiter: AttemptLimiter) -> None:
    await wrong(limiter, *(attempt(number=f"{n}", date=f"{n}") for n in range(6)))
    assert await is_refused(limiter, attempt(number="new", date="new"))
    assert not await is_refused(limiter, attempt("b", "1", "1"))


async def test_a_caller_has_a_number_of_attempts_for_each_target(limiter: AttemptLimiter) -> None:
    await wrong(limiter, *(attempt(date=f"{n}") for n in range(3)))
    assert await is_refused(limiter, attempt(date="new"))
    assert not await is_refused(limiter, attempt(number="2", date="new"))
    assert not await is_refused(limiter, attempt("b", date="new"))


async def test_companies_of_one_owner_share_their_attempts(limiter: AttemptLimiter) -> None:
    await wrong(limiter, *(attempt("abc"[n], "1", f"{n}", "owner") for n in range(3)))
    assert await is_refused(limiter, attempt("d", "1", "new", "owner"))
    assert not await is_refused(limiter, attempt("d", "1", "new", "another"))


async def test_a_suspected_target_leaves_each_caller_one_attempt(limiter: AttemptLimiter) -> None:
    await wrong(limiter, *(attempt(company, date=company) for company in "abcd"))
    await wrong(limiter, attempt("e", date="e"))
    assert await is_refused(limiter, attempt("e", date="new"))
    assert not await is_refused(limiter, attempt("f", date="new"))


async def test_released_attempts_are_not_counted(limiter: AttemptLimiter) -> None:
    for _ in range(20):
        assert not await is_refused(limiter, attempt())


async def test_concurrent_attempts_cannot_pass_a_limit(limiter: AttemptLimiter) -> None:
    found = await asyncio.gather(
        *(limiter.acquire(attempt(number=f"{n}", date=f"{n}")) for n in range(20)), return_exceptions=True
    )
    assert sum(isinstance(one, Acquired) for one in found) == LIMITS.caller.hour


async def test_of_two_hundred_simultaneous_attempts_at_one_number_most_have_the_limit_of_a_suspected_one(
    database: Any,
) -> None:
    limits = replace(LIMITS, caller=Limit(100, 100, 100))
    limiter = AttemptLimiter(database, limits, pause=NO_PAUSE, max_wait=timedelta(0))
    companies = [f"{n}" for n in range(20)]
    attempts = [attempt(company, date=f"{company}-{n}") for n in range(10) for company in companies]

    found = await asyncio.gather(*(limiter.acquire(each) for each in attempts), return_exceptions=True)

    checked = [one for one in found if isinstance(one, Acquired)]
    assert len(attempts) == 200
    assert all(isinstance(one, Acquired | ProblemError) for one in found)
    # Before the suspicion there are 4 attempts, and from then on each company has made at most one.
    assert len(companies) <= len(checked) <= LIMITS.suspicion.hour + len(companies) * LIMITS.suspected.hour
    window = rules.window_of(datetime.now(UTC))
    stored = await database["attempts"].find_one({"_id": window.document_id(rules.number("1"))})
    assert stored["month"] == len(checked), "refused attempts are counted nowhere"


async def test_concurrent_right_attempts_at_a_suspected_target_wait_for_each_other(limiter: AttemptLimiter) -> None:
    await wrong(limiter, *(attempt(company, date=company) for company in "abcd"))
    refused = await asyncio.gather(*(is_refused(limiter, attempt("e", date="right")) for _ in range(5)))
    assert refused == [False] * 5


async def test_a_refused_attempt_is_counted_nowhere(limiter: AttemptLimiter, database: Any) -> None:
    await wrong(limiter, *(attempt(date=f"{n}") for n in range(3)))
    assert await is_refused(limiter, attempt(date="new"))
    window = rules.window_of(datetime.now(UTC))
    stored = await database["attempts"].find_one({"_id": window.document_id("company:a")})
    assert stored["month"] == 3


async def test_a_pause_refuses_the_next_attempt_and_ends(database: Any) -> None:
    limiter = AttemptLimiter(database, LIMITS, pause=timedelta(seconds=0.3))
    await wrong(limiter, *(attempt(number=f"{n}", date=f"{n}") for n in range(4)))
    assert await is_refused(limiter, attempt(number="new", date="new"))
    assert not await is_refused(limiter, attempt("b", "new", "new"))

    async def is_allowed() -> bool:
        return not await is_refused(limiter, attempt(number="new", date="new"))

    await eventually(is_allowed)


async def test_unknown_numbers_of_a_file_leave_half_of_the_attempts_for_registrations(limiter: AttemptLimiter) -> None:
    await wrong(limiter, *(attempt(number=f"{n}", date=f"{n}", in_file=True) for n in range(3)))
    assert await is_refused(limiter, attempt(number="new", date="new", in_file=True))
    assert not await is_refused(limiter, attempt(number="new", date="new"))


async def test_an_alarm_is_raised_once_and_names_no_number_and_no_person(limiter: AttemptLimiter) -> None:
    with capture_logs() as logs:
        await wrong(limiter, *(attempt(company, "12345", f"{company}", "owner-hash") for company in "abc"))
        await wrong(limiter, *(attempt(company, "12345", f"{company}") for company in "defg"))
    alarms = [log for log in logs if log["event"] == "gateway.guessing"]
    assert [(log["kind"], log["company"]) for log in alarms] == [("number", "c"), ("number", "d")]
    assert all(set(log) == {"event", "log_level", "kind", "company"} for log in alarms)


async def test_counts_expire(limiter: AttemptLimiter, database: Any) -> None:
    await wrong(limiter, attempt())
    assert await database["attempts"].count_documents({"expires_at": {"$exists": False}}) == 0
    indexes = await database["attempts"].index_information()
    assert any(index.get("expireAfterSeconds") == 0 for index in indexes.values())


@pytest.mark.parametrize(("tokens", "one_number"), [(1, False), (1, True), (10, False), (10, True)])
async def test_an_attack_of_a_day_stays_below_the_computed_bound_and_raises_an_alarm(
    database: Any, tokens: int, *, one_number: bool
) -> None:
    limits = settings().attempt_limits
    bound = exposure(limits, tokens, DAY)
    found = await attack(database, settings(), DAY, tokens=tokens, one_number=one_number)
    most = bound.at_one_target if one_number else bound.attempts
    # A number is suspected after some attempts; a token that comes later has fewer.
    least = tokens * (limits.suspected.day if one_number else limits.target.hour)
    assert least <= found.checks_in(DAY) <= most
    assert found.first_alarm is not None
    assert found.first_alarm <= tokens * 10
