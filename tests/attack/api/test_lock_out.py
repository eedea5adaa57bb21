"""S12: One employer cannot use up what others may try."""

from __future__ import annotations

from random import SystemRandom

import pytest

from tests.integration.scene import World, accepted, employment_body, refused

_random = SystemRandom()


def wrong_date() -> str:
    return f"{_random.randrange(1900, 1930)}-{_random.randrange(1, 13):02d}-{_random.randrange(1, 29):02d}"


@pytest.mark.parametrize("attackers", [1, pytest.param(10, marks=pytest.mark.verify)])
def test_wrong_birth_dates_do_not_keep_an_honest_employer_from_registering(world: World, attackers: int) -> None:
    card = world.card()
    for attacker in [world.employer() for _ in range(attackers)]:
        for _ in range(4):  # then it must pause
            attacker.post("/v1/employments", employment_body(card, birth_date=wrong_date()))
    honest = world.employer()
    mistyped = honest.post("/v1/employments", employment_body(card, birth_date=wrong_date()))
    refused(mistyped, 404, "number-or-birth-date-wrong")
    accepted(honest.post("/v1/employments", employment_body(card)), 201)


def test_wrong_numbers_with_one_birth_date_do_not_keep_an_honest_employer_from_registering(world: World) -> None:
    card, attacker = world.card(), world.employer()
    for _ in range(4):
        other = world.card()
        attacker.post("/v1/employments", employment_body(other, birth_date=card.citizen.birth_date))
    accepted(world.employer().post("/v1/employments", employment_body(card)), 201)
