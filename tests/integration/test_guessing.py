"""A five-digit card number can be guessed: a wrong guess reveals nothing, and the number of guesses is limited."""

from __future__ import annotations

import re
from datetime import date
from functools import partial
from random import SystemRandom
from typing import Any

import pytest

from deploy.local.client import Answer
from tests.integration.scene import (
    LONGEST_PAUSE,
    Card,
    Client,
    World,
    accepted,
    after_pause,
    concurrently,
    employment_body,
    refused,
    within_an_hour,
)

PER_CALLER = 10
PER_TARGET = 5
PER_SUSPECTED = 2
SUSPICIOUS = 10

_random = SystemRandom()


@pytest.fixture(autouse=True)
async def _one_hour() -> None:
    await within_an_hour()


@pytest.fixture
def unused_number(world: World) -> str:
    """A number that opens nothing: it was replaced, and is never used again."""
    card = world.card()
    accepted(card.caseworker.post(f"{card.path}/number", {"reason": "lost"}), 200)
    return card.number


def guess(employer: Client, card: Card, **changes: Any) -> Answer:
    return employer.post("/v1/employments", employment_body(card, **changes))


def wrong_birth_dates(number: int) -> list[str]:
    """Different days before every birth date. They differ from test to test, as guesses of a date are counted."""
    first = date(1900, 1, 1).toordinal() + _random.randrange(10_000)
    return [date.fromordinal(first + n).isoformat() for n in range(number)]


def looks(answer: Answer) -> tuple[Any, ...]:
    """All that a caller can tell an answer by, but for the ids and the time of this very answer."""
    body = {name: value for name, value in answer.body.items() if name != "instance"}
    own = {"correlation-id", "date", "retry-after"}
    headers = {name: value for name, value in answer.headers.items() if name not in own}
    return answer.status, body, headers, len(answer.content), "retry-after" in answer.headers


def counter(world: World, name: str) -> float:
    counted = re.search(rf"^{re.escape(name)} (\S+)$", world.metrics(), re.MULTILINE)
    assert counted is not None
    return float(counted[1])


def wrong_guesses(world: World) -> float:
    return counter(world, "frikort_gateway_wrong_attempts_total")


def alarms(world: World, kind: str) -> float:
    return counter(world, f'frikort_gateway_guess_alarms_total{{kind="{kind}"}}')


def test_the_answer_does_not_show_what_was_wrong(world: World, unused_number: str) -> None:
    card, closed = world.card(), world.card()
    accepted(closed.caseworker.post(f"{closed.path}/deactivation", {"case_reference": "x"}), 200)
    (wrong_day,) = wrong_birth_dates(1)
    later = {"first": "2025-10-01", "last": None}
    answers = [
        guess(world.employer(), card, card_number=unused_number),
        guess(world.employer(), card, birth_date=wrong_day),
        guess(world.employer(), card, card_number=unused_number, birth_date=wrong_day),
        guess(world.employer(), closed, period=later),
        guess(world.employer(), closed, period=later, birth_date=wrong_day),
        guess(world.employer(), card, period={"first": "2024-01-01", "last": "2024-12-31"}),
    ]
    refused(answers[0], 404, "number-or-birth-date-wrong")
    for answer in answers[1:]:
        assert looks(answer) == looks(answers[0])
    assert accepted(card.owner.get("/v1/me/employments"), 200)["employments"] == []


def test_the_answer_to_a_wrong_guess_repeats_no_input(world: World) -> None:
    card = world.card()
    content = refused(guess(world.employer(), card, birth_date="1984-05-05"), 404, "number-or-birth-date-wrong").content
    assert card.number.encode() not in content
    assert b"1984" not in content


def test_each_wrong_guess_is_counted(world: World, unused_number: str) -> None:
    card, employer = world.card(), world.employer()
    before = wrong_guesses(world)
    guess(employer, card, card_number=unused_number)
    guess(employer, card, birth_date="1984-05-05")
    assert wrong_guesses(world) == before + 2


def test_pauses_follow_four_wrong_guesses_and_grow(world: World) -> None:
    employer, cards, days = world.employer(), [world.card() for _ in range(6)], wrong_birth_dates(6)
    for card, day in zip(cards[:4], days, strict=False):
        refused(guess(employer, card, birth_date=day), 404, "number-or-birth-date-wrong")
    paused = refused(guess(employer, cards[5], birth_date=days[4]), 429, "too-many-attempts")
    assert int(paused.headers["retry-after"]) <= 2
    assert after_pause(employer, cards[4], birth_date=days[5]).status == 404
    longer = refused(guess(employer, cards[5]), 429, "too-many-attempts")
    assert int(longer.headers["retry-after"]) <= 3
    assert looks(longer) == looks(paused), "during a pause, a right guess has the same response"
    accepted(after_pause(employer, cards[5]), 201)


def test_one_employer_cannot_block_a_number_for_others(world: World) -> None:
    card, guessing, honest = world.card(), world.employer(), world.employer()
    for day in wrong_birth_dates(PER_TARGET):
        refused(after_pause(guessing, card, birth_date=day), 404, "number-or-birth-date-wrong")
    blocked = refused(after_pause(guessing, card), 429, "too-many-attempts")
    assert LONGEST_PAUSE < int(blocked.headers["retry-after"]) <= 3600
    accepted(guess(honest, card), 201)


def test_an_unused_number_is_blocked_in_the_same_way(world: World, unused_number: str) -> None:
    card, other = world.card(), world.card()
    on_taken, on_free = world.employer(), world.employer()
    for day in wrong_birth_dates(PER_TARGET):
        refused(after_pause(on_taken, card, birth_date=day), 404, "number-or-birth-date-wrong")
        unknown = after_pause(on_free, other, card_number=unused_number, birth_date=day)
        refused(unknown, 404, "number-or-birth-date-wrong")
    taken = refused(after_pause(on_taken, card), 429, "too-many-attempts")
    free = after_pause(on_free, other, card_number=unused_number)
    assert looks(taken) == looks(free)


def test_companies_of_one_owner_share_their_guesses(world: World) -> None:
    card, owner = world.card(), world.citizen()
    one, two = world.employer(owners=[owner]), world.employer(owners=[owner])
    for day in wrong_birth_dates(PER_TARGET):
        refused(after_pause(one, card, birth_date=day), 404, "number-or-birth-date-wrong")
    blocked = refused(after_pause(two, card), 429, "too-many-attempts")
    assert int(blocked.headers["retry-after"]) > LONGEST_PAUSE
    accepted(guess(world.employer(owners=[world.citizen()]), card), 201)


def test_many_companies_at_one_number_raise_an_alarm_and_lower_the_limit_of_each(world: World) -> None:
    card, before = world.card(), alarms(world, "number")
    for day in wrong_birth_dates(SUSPICIOUS):
        refused(guess(world.employer(), card, birth_date=day), 404, "number-or-birth-date-wrong")
    assert alarms(world, "number") > before
    another = world.employer()
    for day in wrong_birth_dates(PER_SUSPECTED):
        refused(guess(another, card, birth_date=day), 404, "number-or-birth-date-wrong")
    refused(guess(another, card), 429, "too-many-attempts")
    accepted(guess(world.employer(), card), 201)


def test_many_numbers_with_one_birth_date_are_blocked(world: World) -> None:
    employer, (day,) = world.employer(), wrong_birth_dates(1)
    for _ in range(PER_TARGET):
        refused(after_pause(employer, world.card(), birth_date=day), 404, "number-or-birth-date-wrong")
    blocked = refused(after_pause(employer, world.card(), birth_date=day), 429, "too-many-attempts")
    assert int(blocked.headers["retry-after"]) > LONGEST_PAUSE
    accepted(after_pause(employer, world.card()), 201)


def test_right_guesses_are_not_counted(world: World) -> None:
    employer, card = world.employer(), world.card()
    for month in range(1, PER_CALLER + 3):
        days = {"first": f"2025-{month:02d}-10", "last": f"2025-{month:02d}-11"}
        accepted(guess(employer, card, period=days), 201)


def test_concurrent_guesses_cannot_exceed_the_limit(world: World) -> None:
    employer = world.employer()
    answers = concurrently(
        [
            partial(guess, employer, card, birth_date=day)
            for card in [world.card() for _ in range(8)]
            for day in wrong_birth_dates(4)
        ]
    )
    statuses = [answer.status for answer in answers]
    assert 4 <= statuses.count(404) <= PER_CALLER
    assert statuses.count(429) == len(answers) - statuses.count(404)


def test_a_wrong_guess_leaves_its_idempotency_key_free(world: World) -> None:
    employer, card = world.employer(), world.card()
    wrong = employment_body(card, birth_date="1984-05-05")
    refused(employer.post("/v1/employments", wrong, key="one"), 404, "number-or-birth-date-wrong")
    accepted(employer.post("/v1/employments", employment_body(card), key="one"), 201)
