"""What an attacker with employer tokens can find out: computed from the limits, and played against the system."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import SystemRandom

import pytest

from services.gateway.attempts.rules import Limits
from tests.attack.exposure import BIRTH_DATES, DAY, YEAR, Exposure, exposure
from tests.gateway.build import settings
from tests.integration.scene import Client, World, concurrently, employment_body

LIMITS: Limits = settings().attempt_limits
PAGE = Path("docs/security.md")

_random = SystemRandom()


def row_of(found: Exposure) -> str:
    """The row of the table in the security page."""
    time = "day" if found.time == DAY else "year"
    return (
        f"| {found.tokens} | a {time} | {found.attempts:,} | {found.cards_found:.4f} | {found.at_one_target:,} "
        f"| {found.known_person:.2%} | {found.known_number:.2%} | {found.known_number_and_year:.1%} |"
    )


def test_the_security_page_has_the_computed_exposure() -> None:
    rows = [row_of(exposure(LIMITS, tokens, time)) for tokens in (1, 10) for time in (DAY, YEAR)]
    page = PAGE.read_text(encoding="utf-8")
    missing = [row for row in rows if row not in page]
    assert missing == []


def test_ten_tokens_find_less_than_one_card_in_ten_years() -> None:
    assert exposure(LIMITS, 10, YEAR).cards_found < 0.1


def test_more_tokens_at_one_target_gain_less_than_their_number() -> None:
    one, ten = exposure(LIMITS, 1, YEAR), exposure(LIMITS, 10, YEAR)
    assert one.at_one_target < ten.at_one_target < 10 * one.at_one_target


def test_wider_limits_expose_more() -> None:
    wider = Limits(LIMITS.caller, LIMITS.suspicion, LIMITS.suspicion, LIMITS.suspected)
    assert exposure(wider, 1, YEAR).at_one_target > exposure(LIMITS, 1, YEAR).at_one_target


@pytest.mark.parametrize("tokens", [1, 10])
def test_a_burst_of_guesses_is_checked_no_more_often_than_the_limits_allow(
    world: World, tokens: int, record_property: Callable[[str, object], None]
) -> None:
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
    assert checked <= min(tokens * LIMITS.target.hour, LIMITS.suspicion.hour + tokens * LIMITS.target.hour)
    assert checked <= exposure(LIMITS, tokens, DAY).at_one_target
    record_property("checked", checked)
    record_property("of all birth dates", f"{checked / BIRTH_DATES:.3%}")


def test_the_number_of_alarms_grows_with_an_attack(world: World) -> None:
    def alarms() -> float:
        found = re.search(r'^frikort_gateway_guess_alarms_total\{kind="number"\} (\S+)$', world.metrics(), re.MULTILINE)
        assert found is not None
        return float(found[1])

    before, target = alarms(), world.card()
    for _ in range(LIMITS.suspicion.hour):
        world.employer().post("/v1/employments", employment_body(target, birth_date="1905-05-05"))
    assert alarms() > before
