"""Which figures are published, for any cards: checked from the cards themselves, not from the rules of the module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest
from frikort_contracts.statistics import AMOUNT_BASE, StatisticsPublished
from hypothesis import given, settings
from hypothesis import strategies as st

from services.exports.statistics.card_history import CardChange, CardHistory
from services.exports.statistics.disclosure_control import (
    CannotBePublished,
    check,
    counts_of,
    months_to_publish,
    publish,
)
from tests.exports.statistics.build import MONTH, card, cells_of

NEXT = "2025-04"
ALICE, BOB, CARL = "10000009", "10000017", "10000025"

amounts = st.integers(0, 60_000_00) | st.just(0)
cards = st.lists(
    st.builds(
        lambda municipality, before, now, above, employers, moved: card(
            municipality,
            changes=[CardChange("2025-04-05", moved, active=True)] if moved else (),
            exempt={"2025-02": before, MONTH: before + now},
            excess={MONTH: above},
            employers=employers,
        ),
        st.sampled_from(["101", "147", "849"]),
        amounts,
        amounts,
        amounts,
        st.sets(st.sampled_from([ALICE, BOB, CARL]), min_size=1),
        st.sampled_from([None, None, "101", "147"]),
    ),
    max_size=80,
)


def flow(each: CardHistory, part: str) -> int:
    """What a card earned in the month."""
    year = each.years[2025]
    return int(getattr(year.totals(MONTH), part) - getattr(year.totals("2025-02"), part))


def in_municipality(all_cards: Iterable[CardHistory], codes: Iterable[str]) -> list[CardHistory]:
    wanted = set(codes)
    return [each for each in all_cards if each.changes[0].municipality in wanted]


@settings(max_examples=200)
@given(cards)
def test_an_amount_leaves_five_people_to_every_employer_and_hides_the_largest(given_cards: list[CardHistory]) -> None:
    published = publish(cells_of(given_cards))
    for part in ("exempt", "excess"):
        shown = {row.municipality: getattr(row, part) for row in published.municipalities}
        sums = [([code], amount) for code, amount in shown.items() if amount is not None]
        if (others := getattr(published, f"other_{part}")) is not None:
            sums.append(([code for code, amount in shown.items() if amount is None], others))
        for codes, amount in sums:
            people = [each for each in in_municipality(given_cards, codes) if flow(each, part)]
            flows = sorted((flow(each, part) for each in people), reverse=True)
            by_employer = Counter(cvr for each in people for cvr in each.years[2025].employers)
            assert len(people) - max(by_employer.values()) >= 5
            assert sum(flows) - flows[0] - flows[1] >= flows[0] / 10
            assert abs(amount - sum(flows)) <= AMOUNT_BASE // 2
            assert amount % AMOUNT_BASE == 0


@given(cards)
def test_what_is_published_would_be_published_again_if_it_were_the_truth(given_cards: list[CardHistory]) -> None:
    """So no reader can exclude that it is the truth, in which all differences are multiples of five."""
    published = publish(cells_of(given_cards))

    as_truth = [
        card(
            row.municipality,
            changes=() if number < row.active else [CardChange("2025-02-01", row.municipality, active=False)],
            exempt={"2025-02": 100} if number < row.used else None,
        )
        for row in published.municipalities
        for number in range(row.issued)
    ]

    assert counts_of(publish(cells_of(as_truth))) == counts_of(published)


@given(cards)
def test_two_publications_and_all_their_differences_count_in_fives(given_cards: list[CardHistory]) -> None:
    first, second = publish(cells_of(given_cards)), publish(cells_of(given_cards, NEXT))
    check(first, [])
    check(second, [first])

    before, now = counts_of(first), counts_of(second)
    assert all((now[cell] - count) % 5 == 0 for cell, count in before.items())
    assert all(count % 5 == 0 for count in before.values())


@given(cards)
def test_the_country_has_no_more_employers_than_its_municipalities_show_together(
    given_cards: list[CardHistory],
) -> None:
    published = publish(cells_of(given_cards))

    assert max(row.employers for row in published.municipalities) <= published.employers
    assert published.employers <= sum(row.employers for row in published.municipalities)


def row_of(published: StatisticsPublished, code: str = "101") -> tuple[int, int, int]:
    (row,) = (row for row in published.municipalities if row.municipality == code)
    return row.issued, row.active, row.used


def test_a_card_counts_where_it_is_at_the_end_of_the_month() -> None:
    moves = [card(changes=[CardChange("2025-04-01", "147", active=True)]) for _ in range(5)]

    assert row_of(publish(cells_of(moves, MONTH))) == (5, 5, 0)
    assert row_of(publish(cells_of(moves, NEXT))) == (0, 0, 0)
    assert row_of(publish(cells_of(moves, NEXT)), "147") == (5, 5, 0)


def test_four_more_people_change_nothing_and_the_fifth_counts_all_five() -> None:
    five = [card() for _ in range(5)]

    assert row_of(publish(cells_of([*five, *(card() for _ in range(4))]))) == (5, 5, 0)
    assert row_of(publish(cells_of([*five, *(card() for _ in range(5))]))) == (10, 10, 0)


def test_one_employer_of_all_cards_hides_the_amount_and_several_show_it() -> None:
    def earned(employers: list[str]) -> StatisticsPublished:
        return publish(
            cells_of([card(exempt={MONTH: 10_000_00}, employers=[employers[i % len(employers)]]) for i in range(12)])
        )

    assert earned([ALICE]).municipalities[0].exempt is None
    assert earned([ALICE, BOB]).municipalities[0].exempt == 120_000_00


def test_an_amount_that_one_person_dominates_is_not_shown() -> None:
    small = [card(exempt={MONTH: 100_00}, employers=[(ALICE, BOB, CARL)[i % 3]]) for i in range(20)]
    large = [card(exempt={MONTH: 40_000_00})]

    published = publish(cells_of([*small, *large]))

    assert published.municipalities[0].exempt is None
    assert published.other_exempt is None


def test_municipalities_without_an_amount_are_shown_together() -> None:
    codes = ["147", "849", "101", "151"]
    few = [card(codes[i % 4], exempt={MONTH: 10_000_00}, employers=[(ALICE, BOB, CARL)[i % 3]]) for i in range(4 * 9)]

    published = publish(cells_of(few))

    assert all(row.exempt is None for row in published.municipalities)
    assert published.other_exempt == 36 * 10_000_00


def test_a_published_month_does_not_change_and_no_earlier_one_is_added() -> None:
    first = publish(cells_of([], NEXT))

    for month in (MONTH, NEXT):
        with pytest.raises(CannotBePublished):
            check(publish(cells_of([], month)), [first])


def test_figures_of_another_method_do_not_join_a_series() -> None:
    first = publish(cells_of([])).model_copy(update={"method": 2})

    with pytest.raises(CannotBePublished):
        check(publish(cells_of([], NEXT)), [first])


def test_every_month_from_the_first_card_to_the_last_complete_one_is_published_once() -> None:
    assert list(months_to_publish("2024-11", [], "2025-01")) == ["2024-11", "2024-12", "2025-01"]
    assert list(months_to_publish("2024-11", ["2024-11", "2024-12"], "2025-01")) == ["2025-01"]
    assert list(months_to_publish("2024-11", ["2025-01"], "2025-01")) == []
    assert list(months_to_publish(None, [], "2025-01")) == []
