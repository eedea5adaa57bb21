"""Companies that guess at one card number together are stopped, and raise an alarm."""

from __future__ import annotations

import re
from functools import partial
from random import SystemRandom

import pytest

from services.gateway.attempts.rules import Limits
from tests.attack.exposure import DAY, exposure
from tests.gateway.build import settings
from tests.integration.scene import Client, World, concurrently, employment_body

LIMITS: Limits = settings().attempt_limits

_random = SystemRandom()


@pytest.mark.parametrize("tokens", [1, 10])
def test_guesses_at_the_same_time_are_checked_no_more_often_than_the_limits_allow(world: World, tokens: int) -> None:
    attackers, target = [world.employer() for _ in range(tokens)], world.card()

    def guess(attacker: Client) -> bool:
        """Whether the guess was checked."""
        year, month, day = _random.randrange(1900, 1930), _random.randrange(1, 13), _random.randrange(1, 29)
        body = employment_body(target, birth_date=f"{year}-{month:02d}-{day:02d}")
        answer = attacker.post("/v1/employments", body)
        assert (answer.status, answer.problem) in {
            (404, "number-or-birth-date-wrong"),
            (429, "too-many-attempts"),
        }
        return answer.status == 404

    checked = sum(
        sum(concurrently([partial(guess, attacker) for attacker in attackers for _ in range(2)])) for _ in range(8)
    )
    assert tokens <= checked <= exposure(LIMITS, tokens, DAY).at_one_target
    assert checked < 8 * 2 * tokens


def test_many_companies_that_guess_at_one_number_raise_an_alarm(world: World) -> None:
    def alarms() -> float:
        found = re.search(r'^frikort_gateway_guess_alarms_total\{kind="number"\} (\S+)$', world.metrics(), re.MULTILINE)
        assert found is not None
        return float(found[1])

    before, target = alarms(), world.card()
    for _ in range(LIMITS.suspicion.hour):
        world.employer().post("/v1/employments", employment_body(target, birth_date="1905-05-05"))
    assert alarms() > before
