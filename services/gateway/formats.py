"""Dates, times and money as people write them, in Danish and English (by Babel)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from babel.dates import format_date
from babel.numbers import format_decimal


class Language(StrEnum):
    """The two languages of every text that a person may read."""

    DANISH = "da"
    ENGLISH = "en"


# The day before the month in English too: 21 November 2026.
_DAY: Final = {Language.DANISH: "d. MMMM y", Language.ENGLISH: "d MMMM y"}


def kroner(ore: int, language: Language) -> str:
    """``16.500,00 kr.`` in Danish, ``16,500.00 kr.`` in English."""
    return f"{format_decimal(Decimal(ore).scaleb(-2), format='#,##0.00', locale=language)} kr."


def day(moment: date, language: Language) -> str:
    """``21. november 2026`` in Danish, ``21 November 2026`` in English."""
    return format_date(moment, format=_DAY[language], locale=language)


def month(first: date, language: Language) -> str:
    """``november 2026`` in Danish, ``November 2026`` in English."""
    return format_date(first, format="MMMM y", locale=language)


def preferred_language(accept_language: str) -> Language:
    """The better of the two for an Accept-Language header (RFC 9110, 12.5.4); Danish unless English is preferred."""
    qualities = {Language.DANISH: 0.0, Language.ENGLISH: 0.0}
    for part in accept_language.split(","):
        tag, _, parameters = part.strip().lower().partition(";")
        name, _, value = parameters.strip().partition("=")
        try:
            quality = float(value) if name == "q" else 1.0
        except ValueError:
            continue
        primary = tag.split("-")[0]
        if primary in qualities:
            qualities[Language(primary)] = max(qualities[Language(primary)], quality)
    return Language.ENGLISH if qualities[Language.ENGLISH] > qualities[Language.DANISH] else Language.DANISH
