"""What an attacker with employer tokens can find out by guessing, computed from the limits. Pure.

All figures are upper bounds: an attacker who uses every window to its limit, and never stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.gateway.attempts.rules import Limit, Limits

ACTIVE_CARDS: Final = 10_500
"""Active cards (the ministry, May 2024)."""
NUMBERS: Final = 99_999
BIRTH_DATES: Final = 47 * 365
"""Birth dates of people from 18 to 64."""

DAY: Final = timedelta(days=1)
YEAR: Final = timedelta(days=365)

_WINDOWS: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=30))


@dataclass(frozen=True)
class Exposure:
    """What ``tokens`` independent companies can do in a time.

    ``attempts``: checks of a number with a birth date. ``at_one_target``: those at one number or one birth date. The
    chances are between 0 and 1.
    """

    tokens: int
    time: timedelta
    attempts: int
    at_one_target: int

    @property
    def cards_found(self) -> float:
        """Expected cards that random numbers with random birth dates find."""
        return self.attempts * ACTIVE_CARDS / NUMBERS / BIRTH_DATES

    @property
    def known_person(self) -> float:
        """The chance to find the number of a card holder whose birth date is known."""
        return min(1.0, self.at_one_target / NUMBERS)

    @property
    def known_number(self) -> float:
        """The chance to find the birth date that belongs to a known number."""
        return min(1.0, self.at_one_target / BIRTH_DATES)

    @property
    def known_number_and_year(self) -> float:
        """The same chance if the year of birth is known."""
        return min(1.0, self.at_one_target / 365)


def exposure(limits: Limits, tokens: int, time: timedelta) -> Exposure:
    """What ``tokens`` companies without a common owner can do in ``time``."""
    # Once the target is suspected, a company goes on only if it has made fewer attempts than it may make at such a one.
    together = Limit(*(before + tokens * own for before, own in zip(limits.suspicion, limits.suspected, strict=True)))
    alone = tokens * most_attempts(limits.target, time)
    at_one_target = min(alone, most_attempts(together, time))
    return Exposure(tokens, time, tokens * most_attempts(limits.caller, time), at_one_target)


def most_attempts(limit: Limit, time: timedelta) -> int:
    """The most attempts in ``time``, which may begin and end inside a window."""
    return min(most * (-(-time // window) + 1) for most, window in zip(limit, _WINDOWS, strict=True))


def row_of(found: Exposure) -> str:
    """A row of the tables in the security page."""
    time = "day" if found.time == DAY else "year"
    return (
        f"| {found.tokens} | a {time} | {found.attempts:,} | {found.cards_found:.4f} | {found.at_one_target:,} "
        f"| {found.known_person:.2%} | {found.known_number:.2%} | {found.known_number_and_year:.1%} |"
    )
