"""Tries to find few people in the published counts, with all that a reader can know: the figures and the method.

The attack: a reader lists every table of true counts that would have been published in the same way, and compares all
sums and differences of cells over all of them. If a group has one to four people in each of these tables, the reader
has found it. The same attack finds people in tables that were made safe by weaker methods, so it can succeed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Final

import pytest

from services.exports.statistics.disclosure_control import rounded_down

Table = tuple[int, ...]
Published = tuple[int | None, ...]
Group = tuple[int, ...]
"""A sum and difference of cells: how often each is added, or with -1 subtracted."""

FEW: Final = range(1, 5)
MOST: Final = 10
# Two municipalities in two months that follow each other.
CELLS: Final = ("A, January", "B, January", "A, February", "B, February")


def victims(publish: Callable[[Table], Published], possible: Callable[[Table], bool]) -> list[tuple[Published, Group]]:
    """What a reader of the publication can be certain of: the groups that have one to four people in every table."""
    tables: dict[Published, list[Table]] = defaultdict(list)
    for table in product(range(MOST), repeat=len(CELLS)):
        if possible(table):
            tables[publish(table)].append(table)
    return [(seen, group) for seen, candidates in tables.items() for group in certain_groups(candidates)]


def certain_groups(candidates: Sequence[Table]) -> Iterator[Group]:
    for group in product((-1, 0, 1), repeat=len(CELLS)):
        sizes = (sum(times * count for times, count in zip(group, table, strict=True)) for table in candidates)
        if all(size in FEW for size in sizes):
            yield group


def cell_by_cell(table: Table) -> Published:
    """The method: what is published, and therefore every total, follows from the rounded cells."""
    return tuple(map(rounded_down, table))


def any_table(_: Table) -> bool:
    return True


def only_new_cards(table: Table) -> bool:
    """A reader who knows that no card was handed over or removed."""
    return table[2] >= table[0] and table[3] >= table[1]


def used_are_issued(table: Table) -> bool:
    """The last two cells are the used cards of the first two: no more than there are."""
    return table[2] <= table[0] and table[3] <= table[1]


KNOWLEDGE: Final[Mapping[str, Callable[[Table], bool]]] = {
    "nothing": any_table,
    "no card left": only_new_cards,
    "used cards are issued": used_are_issued,
}


@pytest.mark.parametrize("known", KNOWLEDGE)
def test_no_cell_difference_or_total_of_two_publications_reveals_one_to_four_people(known: str) -> None:
    assert victims(cell_by_cell, KNOWLEDGE[known]) == []


def without_small_cells(table: Table) -> Published:
    return tuple(None if count in FEW else count for count in table)


def rounded_with_true_totals(table: Table) -> Published:
    return (*cell_by_cell(table), table[0] + table[1], table[2] + table[3])


def rounded_with_rounded_true_totals(table: Table) -> Published:
    return (*cell_by_cell(table), rounded_down(table[0] + table[1]), rounded_down(table[2] + table[3]))


@pytest.mark.parametrize(
    "publish", [tuple, without_small_cells, rounded_with_true_totals], ids=["exact", "small cells hidden", "totals"]
)
def test_the_attack_finds_people_in_tables_of_weaker_methods(publish: Callable[[Table], Published]) -> None:
    assert victims(publish, any_table) != []


def test_rounding_a_true_total_reveals_people_where_rounding_cells_does_not() -> None:
    """Why totals are sums of published cells: two cells below five whose total is five or more."""
    assert victims(rounded_with_rounded_true_totals, any_table) != []
