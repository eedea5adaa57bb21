"""What issuance knows of a card, and the rules that are arithmetic."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from hashlib import sha256
from uuid import UUID

from frikort_contracts.values import CardNumber, MunicipalityCode, Revision, SealedPerson, Year
from pydantic import BaseModel, Field

from services.issuance.mandates import Mandate

CONTROL_EVERY_YEARS = 2
NUMBERS_ASKED = 64
_NUMBERS = 99_999


class Card(BaseModel):
    """A citizen's card, and its mandates by id.

    ``numbers`` are all it ever had, the current one last: a number is never used again.
    """

    card_id: str
    revision: Revision
    numbers: tuple[CardNumber, ...]
    municipality: MunicipalityCode
    person: SealedPerson
    active: bool
    issued: Year
    mandates: dict[str, Mandate] = Field(default_factory=dict)


def aliases(card: Card) -> tuple[str, ...]:
    """One card for each person, and one person for each number: the store lets no two cards hold the same."""
    return (person_alias(card.person.cpr_hash), *(number_alias(number) for number in card.numbers))


def person_alias(cpr_hash: str) -> str:
    return f"cpr:{cpr_hash}"


def number_alias(number: str) -> str:
    return f"number:{number}"


def number_candidates(seed: UUID) -> tuple[CardNumber, ...]:
    """Numbers to draw from, all different, evenly spread over 00001-99999 and fixed by ``seed``."""
    drawn: dict[str, None] = {}
    for digits in _digests(seed):
        drawn[f"{int.from_bytes(digits, 'big') % _NUMBERS + 1:05d}"] = None
        if len(drawn) == NUMBERS_ASKED:
            return tuple(drawn)
    raise AssertionError("the digests never end")


def _digests(seed: UUID) -> Iterator[bytes]:
    counter = 0
    while True:
        yield sha256(seed.bytes + counter.to_bytes(4, "big")).digest()
        counter += 1


def draw_number(seed: UUID, taken: Collection[str]) -> CardNumber | None:
    """The first candidate whose alias is not taken; None when all are (the numbers are nearly used up)."""
    return next((number for number in number_candidates(seed) if number_alias(number) not in taken), None)


def control_due(since: int) -> Year:
    """The year by whose end the next control is due, after an issue or a control in the year ``since``.

    Every second calendar year, and never in the year of issue (law).
    """
    return since + CONTROL_EVERY_YEARS
