"""The order of the years in a rebuilt document. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def years_in_order(in_place: Iterable[int], rebuilt: Collection[int]) -> list[int]:
    """The rebuilt years: those in place in the order in which they are stored, then the others.

    So a document that is equal is also equal to the byte.
    """
    kept = [number for number in in_place if number in rebuilt]
    return [*kept, *(number for number in rebuilt if number not in kept)]
