"""Dates and money as people write them, in Danish and English."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final


class Language(StrEnum):
    """The two languages of every text that a person may read."""

    DANISH = "da"
    ENGLISH = "en"


_MONTHS: Final = {
    Language.DANISH: (
        *("januar", "februar", "marts", "april", "maj", "juni"),
        *("juli", "august", "september", "oktober", "november", "december"),
    ),
    Language.ENGLISH: (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}
_DANISH_MARKS: Final = str.maketrans(",.", ".,")


def kroner(ore: int, language: Language) -> str:
    """``16.500,00 kr.`` in Danish, ``16,500.00 kr.`` in English."""
    sign, ore = ("-" if ore < 0 else ""), abs(ore)
    text = f"{sign}{ore // 100:,}.{ore % 100:02d} kr"
    return (text.translate(_DANISH_MARKS) if language is Language.DANISH else text) + "."


def day(moment: date, language: Language) -> str:
    """``21. november 2026`` in Danish, ``21 November 2026`` in English."""
    dot = "." if language is Language.DANISH else ""
    return f"{moment.day}{dot} {_MONTHS[language][moment.month - 1]} {moment.year}"


def preferred_language(accept_language: str) -> Language:
    """The better of the two for an Accept-Language header (RFC 9110, 12.5.4); Danish unless English is preferred."""
    wishes = {Language.DANISH: 0.0, Language.ENGLISH: 0.0}
    for part in accept_language.split(","):
        tag, _, parameters = part.strip().lower().partition(";")
        name, _, value = parameters.strip().partition("=")
        try:
            quality = float(value) if name == "q" else 1.0
        except ValueError:
            continue
        primary = tag.split("-")[0]
        if primary in wishes:
            wishes[Language(primary)] = max(wishes[Language(primary)], quality)
    return Language.ENGLISH if wishes[Language.ENGLISH] > wishes[Language.DANISH] else Language.DANISH
