"""A five-digit card number can be guessed: a wrong guess reveals nothing, and the number of guesses is limited."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.local.client import Answer
from tests.integration.scene import Card, Client, World, accepted, concurrently, employment_body, refused
from tests.waiting import eventually

PER_EMPLOYER = 10
PER_NUMBER = 5


@pytest.fixture(autouse=True)
async def _the_hour_is_not_about_to_end() -> None:
    """Guesses are counted per hour of the real clock. A test that crossed the hour would start at zero."""

    async def far_from_its_end() -> bool:
        now = datetime.now(UTC)
        return now.minute < 59 or now.second < 40

    await eventually(far_from_its_end)


@pytest.fixture
def unused_number(world: World) -> str:
    """A number that opens nothing: it was replaced, and is never used again."""
    card = world.card()
    accepted(card.caseworker.post(f"{card.path}/number", {"reason": "lost"}), 200)
    return card.number


def guess(employer: Client, card: Card, **changes: Any) -> Answer:
    return employer.post("/v1/employments", employment_body(card, **changes))


def looks(answer: Answer) -> tuple[Any, ...]:
    """All that a caller can tell an answer by, but for the ids and the time of this very answer."""
    body = {name: value for name, value in answer.body.items() if name != "instance"}
    own = {"correlation-id", "date", "retry-after"}
    headers = {name: value for name, value in answer.headers.items() if name not in own}
    return answer.status, body, headers, len(answer.content), "retry-after" in answer.headers


def wrong_guesses(world: World) -> float:
    counted = re.search(r"^frikort_gateway_wrong_attempts_total (\S+)$", world.metrics(), re.MULTILINE)
    assert counted is not None
    return float(counted[1])


def test_the_answer_does_not_show_what_was_wrong(world: World, unused_number: str) -> None:
    card, closed, employer = world.card(), world.card(), world.employer()
    accepted(closed.caseworker.post(f"{closed.path}/deactivation", {"case_reference": "x"}), 200)
    later = {"first": "2025-10-01", "last": None}
    answers = [
        guess(employer, card, card_number=unused_number),
        guess(employer, card, birth_date="1984-05-05"),
        guess(employer, card, card_number=unused_number, birth_date="1984-05-05"),
        guess(employer, closed, period=later),
        guess(employer, closed, period=later, birth_date="1984-05-05"),
        guess(employer, card, period={"first": "2024-01-01", "last": "2024-12-31"}),
    ]
    refused(answers[0], 404, "number-or-birth-date-wrong")
    for answer in answers[1:]:
        assert looks(answer) == looks(answers[0])
    assert accepted(employer.get("/v1/employments"), 200)["employments"] == []
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


def test_an_employer_is_blocked_after_ten_wrong_guesses(world: World) -> None:
    employer = world.employer()
    cards = [world.card() for _ in range(PER_EMPLOYER // 2 + 1)]
    for number in range(PER_EMPLOYER):
        answer = guess(employer, cards[number // 2], birth_date="1984-05-05")
        refused(answer, 404, "number-or-birth-date-wrong")
    stopped = refused(guess(employer, cards[-1], birth_date="1984-05-05"), 429, "too-many-attempts")
    assert 0 < int(stopped.headers["retry-after"]) <= 3600
    right = guess(employer, cards[-1])
    assert looks(right) == looks(stopped), "even the right answer tells nothing now"
    accepted(guess(world.employer(), cards[-1]), 201)


def test_a_number_is_blocked_after_five_wrong_guesses_by_anyone(world: World) -> None:
    card = world.card()
    for _ in range(PER_NUMBER):
        refused(guess(world.employer(), card, birth_date="1984-05-05"), 404, "number-or-birth-date-wrong")
    refused(guess(world.employer(), card), 429, "too-many-attempts")


def test_an_unused_number_is_blocked_in_the_same_way(world: World, unused_number: str) -> None:
    card, other = world.card(), world.card()
    for _ in range(PER_NUMBER):
        refused(guess(world.employer(), card, birth_date="1984-05-05"), 404, "number-or-birth-date-wrong")
        unknown = guess(world.employer(), other, card_number=unused_number)
        refused(unknown, 404, "number-or-birth-date-wrong")
    taken = guess(world.employer(), card, birth_date="1984-05-05")
    free = guess(world.employer(), other, card_number=unused_number)
    refused(taken, 429, "too-many-attempts")
    assert looks(taken) == looks(free)


def test_right_guesses_are_not_counted(world: World) -> None:
    employer, card = world.employer(), world.card()
    for month in range(1, PER_EMPLOYER + 3):
        days = {"first": f"2025-{month:02d}-10", "last": f"2025-{month:02d}-11"}
        accepted(guess(employer, card, period=days), 201)


def test_concurrent_guesses_cannot_exceed_the_limit(world: World) -> None:
    employer = world.employer()
    cards = [world.card() for _ in range(8)]
    answers = concurrently(
        [lambda card=card: guess(employer, card, birth_date="1984-05-05") for card in cards for _ in range(4)]  # type: ignore[misc]
    )
    statuses = [answer.status for answer in answers]
    assert statuses.count(404) == PER_EMPLOYER
    assert statuses.count(429) == len(answers) - PER_EMPLOYER


def test_a_wrong_guess_leaves_its_idempotency_key_free(world: World) -> None:
    employer, card = world.employer(), world.card()
    wrong = employment_body(card, birth_date="1984-05-05")
    refused(employer.post("/v1/employments", wrong, key="one"), 404, "number-or-birth-date-wrong")
    accepted(employer.post("/v1/employments", employment_body(card), key="one"), 201)
