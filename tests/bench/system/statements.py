"""Statements of a year as exports stores them."""

from __future__ import annotations

from typing import Any

DISTINCT = 10_000
"""The number of different statements; a larger extract repeats them, in both cases."""
CPR = "eyJ" + "a" * 327
"""The length of a JWE of a CPR number."""


def card_id(number: int) -> str:
    """A card's id."""
    return f"6f1f0c2e-5a0b-5f7c-9b0e-{number:012d}"


def figures(number: int) -> dict[str, Any]:
    """A card's year in exports: two employers for every fifth card, else one. Amounts in øre."""
    cvrs = ("99000007", "99000015") if number % 5 == 0 else ("99000007",)
    lines = [
        {"cvr": cvr, "reports": 6, "reported": 900_000 + number, "exempt": 900_000, "excess": number} for cvr in cvrs
    ]
    return {
        "revision": 6 * len(cvrs),
        "year": 2025,
        "municipality": "101",
        "provisional": False,
        "allowance": 4_276_600,
        "reported": sum(line["reported"] for line in lines),
        "exempt": sum(line["exempt"] for line in lines),
        "excess": sum(line["excess"] for line in lines),
        "reports": 6 * len(cvrs),
        "employers": lines,
        "disputed_employers": [],
    }


def facts() -> list[dict[str, Any]]:
    """The different statements in a form without exports' models."""
    return [
        {"card_id": card_id(number), **figures(number), "disputed": False, "cpr": CPR} for number in range(DISTINCT)
    ]
