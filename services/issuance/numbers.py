"""Draws card numbers: 00001-99999, unique, and never used again."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterator, Sequence
from typing import Final
from uuid import UUID

from frikort_contracts.values import CardNumber

CANDIDATES: Final = 64
"""How many numbers are tried before the numbers count as exhausted."""

HIGHEST_NUMBER: Final = 99_999


def number_alias(number: str) -> str:
    """The alias of the card that has or had ``number``."""
    return f"number:{number}"


def number_candidates(secret: bytes, command: UUID) -> tuple[CardNumber, ...]:
    """Distinct candidates, evenly distributed. Without the ``secret`` they cannot be computed from the command's id."""
    candidates: dict[str, None] = {}
    for digest in _digests(secret, command):
        candidates[f"{int.from_bytes(digest, 'big') % HIGHEST_NUMBER + 1:05d}"] = None
        if len(candidates) == CANDIDATES:
            return tuple(candidates)
    raise AssertionError("the digests never end")


def draw_number(candidates: Sequence[CardNumber], taken_aliases: Collection[str]) -> CardNumber | None:
    """The first candidate whose alias is not taken; None if all are, which means nearly all numbers are used."""
    return next((number for number in candidates if number_alias(number) not in taken_aliases), None)


def _digests(secret: bytes, command: UUID) -> Iterator[bytes]:
    counter = 0
    while True:
        yield hmac.digest(secret, command.bytes + counter.to_bytes(4, "big"), "sha256")
        counter += 1
