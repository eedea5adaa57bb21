"""How many lines of files are in progress: few of one card, and in all as many as get their outcomes quickly."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.payroll.pace import MOST_OF_CARD, MOST_PARTS, PART, Pace, PartsInProgress, parts_of


class Line(NamedTuple):
    card_id: str


class NumberedLine(NamedTuple):
    card_id: str
    number: int


class Part(NamedTuple):
    lines: list[Line]


def of_one_card(count: int) -> list[Line]:
    return [Line("one")] * count


def of_many_cards(count: int) -> list[Line]:
    return [Line(f"card {number}") for number in range(count)]


def room(pace: Pace) -> int:
    """The parts that may be published until there is no room."""
    count = 0
    while pace.has_room:
        pace.begin()
        count += 1
    pace.end(count)
    return count


def test_the_limit_increases_by_one_for_each_round_trip_while_outcomes_are_quick() -> None:
    pace = Pace()
    before = room(pace)
    for number in range(before + 1):
        pace.adapt(published_at=number, settled_at=number + 0.1)
    assert room(pace) == before + 1


def test_the_limit_has_a_maximum() -> None:
    pace = Pace()
    for number in range(10_000):
        pace.adapt(published_at=number, settled_at=number + 0.1)
    assert room(pace) == MOST_PARTS


def test_the_limit_is_halved_when_outcomes_take_long_but_never_below_one_part() -> None:
    pace = Pace()
    before = room(pace)
    pace.adapt(published_at=0, settled_at=2)
    assert room(pace) == before // 2
    for number in range(10):
        pace.adapt(published_at=10 * number, settled_at=10 * number + 2)
    assert room(pace) == 1


def test_parts_of_one_round_trip_decrease_the_limit_once() -> None:
    pace = Pace()
    before = room(pace)
    for number in range(before):
        pace.adapt(published_at=number / 100, settled_at=2 + number / 100)
    assert room(pace) == before // 2


def test_parts_of_all_files_share_the_limit() -> None:
    pace = Pace()
    while pace.has_room:
        pace.begin()
    pace.end()
    assert pace.has_room
    pace.begin()
    assert not pace.has_room


def test_lines_of_many_cards_are_published_in_their_order_in_parts() -> None:
    lines = of_many_cards(2 * PART + 1)
    parts = parts_of(lines)
    assert [line for part in parts for line in part] == lines
    assert [len(part) for part in parts] == [PART, PART, 1]
    assert parts_of([]) == []


def test_a_part_has_few_lines_of_one_card_and_later_lines_of_others() -> None:
    others = of_many_cards(5)
    first, second = parts_of([*of_one_card(2 * MOST_OF_CARD), *others])
    assert first == [*of_one_card(MOST_OF_CARD), *others]
    assert second == of_one_card(MOST_OF_CARD)


@given(st.lists(st.sampled_from("abcde"), max_size=300))
def test_parts_keep_the_lines_of_a_card_in_order_and_their_limits(cards: list[str]) -> None:
    lines = [(card, number) for number, card in enumerate(cards)]
    parts = parts_of([NumberedLine(*line) for line in lines])
    published = [line for part in parts for line in part]
    assert sorted(published, key=lambda line: line.number) == lines
    for card in set(cards):
        numbers = [line.number for line in published if line.card_id == card]
        assert numbers == sorted(numbers)
    for part in parts:
        assert 0 < len(part) <= PART
        assert max(Counter(line.card_id for line in part).values()) <= MOST_OF_CARD


def test_lines_of_one_card_wait_for_the_earlier_ones() -> None:
    waiting = PartsInProgress[Part](Pace())
    waiting.add(Part(of_one_card(MOST_OF_CARD)))
    assert not waiting.has_room_for(of_one_card(1))
    assert waiting.has_room_for(of_many_cards(PART))
    waiting.remove_oldest()
    assert waiting.has_room_for(of_one_card(1))


def test_a_file_without_a_part_in_progress_publishes_one_beside_any_number_of_other_files() -> None:
    pace = Pace()
    while pace.has_room:
        pace.begin()
    waiting = PartsInProgress[Part](pace)
    assert waiting.has_room_for(of_many_cards(PART))
    waiting.add(Part(of_many_cards(PART)))
    assert not waiting.has_room_for(of_many_cards(1))


def test_a_file_that_is_given_up_leaves_room_for_others() -> None:
    pace = Pace()
    waiting = PartsInProgress[Part](pace)
    before = room(pace)
    waiting.add(Part(of_many_cards(PART)))
    waiting.add(Part(of_many_cards(PART)))
    waiting.give_up()
    assert room(pace) == before
    assert not waiting
