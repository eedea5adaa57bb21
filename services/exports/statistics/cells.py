"""The true figures of a month by municipality, before anything is suppressed. They never leave this process. Pure.

Memory grows with the municipalities and their employers, not with the cards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.exports.statistics.card_history import CardHistory

_LARGEST: int = 2


@dataclass
class Contributions:
    """The amounts in øre that cards contribute to a sum, as far as the rules of suppression need them.

    ``largest`` are the largest amounts of single cards, ``by_employer`` the number of cards by each of their employers.
    """

    total: int = 0
    cards: int = 0
    absolute: int = 0
    largest: list[int] = field(default_factory=list)
    by_employer: Counter[str] = field(default_factory=Counter)

    def add(self, amount: int, employers: Iterable[str]) -> None:
        """A card with an amount other than zero contributes it."""
        if amount == 0:
            return
        self.total += amount
        self.cards += 1
        self._add_sizes(abs(amount), [abs(amount)])
        self.by_employer.update(employers)

    def merge(self, other: Contributions) -> None:
        """Add those of other cards."""
        self.total += other.total
        self.cards += other.cards
        self._add_sizes(other.absolute, other.largest)
        self.by_employer.update(other.by_employer)

    def _add_sizes(self, absolute: int, largest: list[int]) -> None:
        self.absolute += absolute
        self.largest = sorted([*self.largest, *largest], reverse=True)[:_LARGEST]


@dataclass
class Cell:
    """The true figures of a municipality."""

    issued: int = 0
    active: int = 0
    used: int = 0
    employers: set[str] = field(default_factory=set)
    exempt: Contributions = field(default_factory=Contributions)
    excess: Contributions = field(default_factory=Contributions)


@dataclass
class MonthCells:
    """The true figures of a month (``YYYY-MM``) by municipality."""

    month: str
    cells: dict[str, Cell] = field(default_factory=dict)

    def add(self, card: CardHistory) -> None:
        """Count a card."""
        place = card.at_end_of(self.month)
        if place is None:
            return
        cell = self.cells.setdefault(place.municipality, Cell())
        cell.issued += 1
        cell.active += place.active
        year = card.years.get(int(self.month[:4]))
        if year is not None and year.totals(self.month).reported > 0:
            cell.used += 1
            cell.employers |= year.employers_until(self.month)
        self._add_amounts(cell, card)

    def _add_amounts(self, cell: Cell, card: CardHistory) -> None:
        exempt = excess = 0
        employers = set[str]()
        before = _month_before(self.month)
        for year in card.years.values():
            now, earlier = year.totals(self.month), year.totals(before)
            exempt += now.exempt - earlier.exempt
            excess += now.excess - earlier.excess
            employers |= year.employers_until(self.month)
        cell.exempt.add(exempt, employers)
        cell.excess.add(excess, employers)


def _month_before(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1:04}-12" if number == 1 else f"{year:04}-{number - 1:02}"


def next_month(month: str) -> str:
    """The month after ``month``."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + 1:04}-01" if number == 12 else f"{year:04}-{number + 1:02}"
