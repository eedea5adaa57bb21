"""Mandates: who else may see a citizen's card. No source answers these rules: they are decided here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from frikort_contracts.values import KeyedHash
from pydantic import BaseModel

MOST_IN_FORCE = 20
LONGEST_YEARS = 5


class Mandate(BaseModel):
    """A mandate as issuance knows it; it is in force through the day ``until`` unless it was withdrawn."""

    holder: KeyedHash
    until: date
    withdrawn: bool = False

    def in_force(self, today: date) -> bool:
        return not self.withdrawn and today <= self.until


def last_day_allowed(today: date) -> date:
    """The same day in five years; 28 February for a leap day."""
    year = today.year + LONGEST_YEARS
    return date(year, 2, 28) if (today.month, today.day) == (2, 29) else today.replace(year=year)


def is_full(mandates: Iterable[Mandate], today: date) -> bool:
    """Whether as many mandates are in force as a card can have."""
    return sum(mandate.in_force(today) for mandate in mandates) >= MOST_IN_FORCE
